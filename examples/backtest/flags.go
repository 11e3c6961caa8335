package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// options are the flags.
type options struct {
	prices, sample string
	symbols        []broker.InstrumentID
	strategy       string
	weights        []allocation.Target
	days, top      int

	every                string
	drift, driftRelative decimal.NullDecimal
	band, bandRelative   decimal.NullDecimal
	cooldown             int
	reserve, lot         decimal.Decimal

	from, to     marketdata.Day
	cash         decimal.Decimal
	flows        []replay.Flow
	monthly      decimal.Decimal
	holdDeposits bool
	sameClose    bool
	costs        replay.Costs

	out   string
	steps bool
}

// newFlags says which flags there are, and their defaults.
func newFlags() (*options, *flag.FlagSet) {
	o := &options{cash: decimal.New(100_000, 0), lot: decimal.New(1, 0)}
	f := flag.NewFlagSet("backtest", flag.ContinueOnError)
	f.SetOutput(io.Discard) // its error comes back, once
	f.StringVar(&o.prices, "prices", "", "`file` of closing prices, CSV or gzipped: Date, then a column a symbol")
	f.StringVar(&o.sample, "sample", "factors", "the bundled prices: "+words(samples))
	f.Func("symbols", "the columns to trade, such as A,B (default all, or those of -weights)", o.setSymbols)
	f.StringVar(&o.strategy, "strategy", "fixed", "who decides the weights: "+words(strategies))
	f.Func("weights", "for fixed: such as MTUM=0.6,USMV=0.4 (default all equal)", o.setWeights)
	f.IntVar(&o.days, "days", 60, "how many daily returns a strategy looks at")
	f.IntVar(&o.top, "top", 2, "how many symbols momentum holds")

	f.StringVar(&o.every, "rebalance", "monthly", "when it is due: "+words(periods))
	f.Func("drift", "rebalance too once a weight is this far from its target, such as 0.05", optional(&o.drift))
	f.Func("drift-relative", "the same as a part of the target, such as 0.25", optional(&o.driftRelative))
	f.Func("band", "trade nothing while each weight is this close to its target, such as 0.02", optional(&o.band))
	f.Func("band-relative", "the same as a part of the target", optional(&o.bandRelative))
	f.IntVar(&o.cooldown, "cooldown", 0, "the least `days` between two rebalances")
	f.Func("reserve", "the part of the account that stays in cash, such as 0.02 (default 0)", amount(&o.reserve))
	f.Func("lot", "the smallest quantity: 1 is whole shares, 0.0001 fractions (default 1)", amount(&o.lot))

	f.Func("from", "first `day` to trade, such as 2015-01-02 (default as early as possible)", day(&o.from))
	f.Func("to", "last `day` (default the last of the prices)", day(&o.to))
	f.Func("cash", "the cash to begin with (default 100000)", amount(&o.cash))
	f.Func("flow", "a deposit or withdrawal, such as 2016-03-01=5000 or 2018-01-02=-20000; may be repeated", o.addFlow)
	f.Func("monthly-flow", "the same on the first trading day of each month but the first", amount(&o.monthly))
	f.BoolVar(&o.holdDeposits, "hold-deposits", false, "leave deposits in cash until a rebalance is due")
	f.BoolVar(&o.sameClose, "same-close", false, "let the strategy see the close that it trades at: optimistic")
	f.Func("fee-order", "fee of an order, at least (default 0)", amount(&o.costs.PerOrder))
	f.Func("fee-share", "fee a share (default 0)", amount(&o.costs.PerUnit))
	f.Func("fee-rate", "fee as a part of the value, such as 0.001; the greatest of the three counts (default 0)", amount(&o.costs.Fraction))
	f.Func("slippage", "how much worse than the close orders fill, such as 0.0005 (default 0)", amount(&o.costs.Slippage))

	f.StringVar(&o.out, "out", "backtest-out", "`folder` for the files; empty for none")
	f.BoolVar(&o.steps, "steps", false, "show what share of the time each step of the runs took")
	return o, f
}

// parse reads the flags.
func parse(args []string) (*options, error) {
	o, f := newFlags()
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w: see -h", err)
	}
	_, strategyKnown := strategies[o.strategy]
	_, sampleKnown := samples[o.sample]
	_, periodKnown := periods[o.every]
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q: it takes flags only, see -h", f.Arg(0))
	case !strategyKnown:
		return nil, fmt.Errorf("-strategy %q is none of %s", o.strategy, words(strategies))
	case !sampleKnown:
		return nil, fmt.Errorf("-sample %q is none of %s", o.sample, words(samples))
	case !periodKnown:
		return nil, fmt.Errorf("-rebalance %q is none of %s", o.every, words(periods))
	case o.weights != nil && o.strategy != "fixed":
		return nil, fmt.Errorf("-weights are for -strategy fixed, not for %s", o.strategy)
	case o.every == "never" && !o.drift.Valid && !o.driftRelative.Valid:
		return nil, fmt.Errorf("-rebalance never needs -drift or -drift-relative: else nothing would ever be bought")
	case o.lot.Sign() <= 0:
		return nil, fmt.Errorf("-lot is %s: want more than 0, such as 0.0001", o.lot)
	case o.days < 2:
		return nil, fmt.Errorf("-days is %d: want 2 or more", o.days)
	case o.from != "" && o.to != "" && o.from > o.to:
		return nil, fmt.Errorf("-from %s is after -to %s", o.from, o.to)
	}
	return o, nil
}

// usage prints what flags there are.
func usage(w io.Writer) error {
	_, f := newFlags()
	if _, err := fmt.Fprintln(w, "Plays a strategy over a history of prices. Flags:"); err != nil {
		return err
	}
	f.SetOutput(w)
	f.PrintDefaults()
	return nil
}

func (o *options) setSymbols(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		id, err := broker.ParseInstrumentID(name)
		if err != nil {
			return err
		}
		o.symbols = append(o.symbols, id)
	}
	return nil
}

func (o *options) setWeights(text string) error {
	for pair := range strings.SplitSeq(text, ",") {
		symbol, weight, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is not of the form SYMBOL=0.5", pair)
		}
		t, err := allocation.NewTarget(symbol, strings.TrimSpace(weight))
		if err != nil {
			return err
		}
		o.weights = append(o.weights, t)
	}
	return allocation.Rules{}.Check(allocation.Allocation{Targets: o.weights}, time.Time{})
}

func (o *options) addFlow(text string) error {
	when, much, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("want a day and an amount such as 2016-03-01=5000")
	}
	var f replay.Flow
	if err := cmp.Or(day(&f.Day)(when), amount(&f.Amount)(much)); err != nil {
		return err
	}
	o.flows = append(o.flows, f)
	return nil
}

// amount, optional and day read a flag.
func amount(into *decimal.Decimal) func(string) error {
	return func(text string) (err error) {
		*into, err = broker.ParseDecimal(text)
		return err
	}
}

func optional(into *decimal.NullDecimal) func(string) error {
	return func(text string) (err error) {
		into.Valid = true
		into.Decimal, err = broker.ParseDecimal(text)
		return err
	}
}

func day(into *marketdata.Day) func(string) error {
	return func(text string) (err error) {
		*into, err = marketdata.ParseDay(text)
		return err
	}
}

// periods are the values of -rebalance.
var periods = map[string]rebalance.Period{
	"daily": "", "never": "", "weekly": rebalance.Weekly, "monthly": rebalance.Monthly,
	"quarterly": rebalance.Quarterly, "annually": rebalance.Annually,
}

// words lists the keys of a map.
func words[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
