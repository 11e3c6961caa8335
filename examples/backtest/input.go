package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// bundled are real prices; testdata/DATA.md says where they come from.
//
//go:embed testdata/factors.csv.gz testdata/stocks.csv.gz
var bundled embed.FS

// samples are the values of -sample.
var samples = map[string]string{"factors": "testdata/factors.csv.gz", "stocks": "testdata/stocks.csv.gz"}

// longestGap is how many calendar days may lie between two trading days. The
// longest that US markets were closed since 1933 were 7.
const longestGap = 10

// strategies are the values of -strategy.
var strategies = map[string]func(*options) (replay.Strategy, error){
	"fixed":              fixed,
	"inverse-volatility": func(o *options) (replay.Strategy, error) { return replay.InverseVolatility(o.days), nil },
	"momentum":           func(o *options) (replay.Strategy, error) { return replay.Momentum(o.days, o.top), nil },
	"custom":             func(o *options) (replay.Strategy, error) { return custom(o.days), nil },
}

// fixed is a strategy of fixed weights.
func fixed(o *options) (replay.Strategy, error) {
	if o.weights != nil {
		return replay.Fixed(o.weights...), nil
	}
	targets, err := replay.Equal(o.symbols...)
	return replay.Fixed(targets...), err
}

// config reads the prices and makes the backtest that the flags describe.
func (o *options) config() (replay.Config, error) {
	var c replay.Config
	history, err := o.history()
	if err != nil {
		return c, err
	}
	if err := o.choose(history); err != nil {
		return c, err
	}
	if c.Strategy, err = strategies[o.strategy](o); err != nil {
		return c, err
	}
	policy := replay.DefaultPolicy()
	policy.Band = rebalance.Band{Absolute: o.band, Relative: o.bandRelative}
	policy.Reserve.Fraction = o.reserve
	c.Prices, c.Symbols, c.Cash, c.Policy, c.Costs, c.Lot = history, o.symbols, o.cash, &policy, o.costs, o.lot
	c.From, c.To, c.HoldDeposits, c.SameClose = o.from, o.to, o.holdDeposits, o.sameClose
	c.Trigger = o.trigger()
	c.Flows, c.Monthly = o.flows, o.monthly
	return c, nil
}

// trigger is when a rebalance is due; nil is each day.
func (o *options) trigger() *rebalance.Trigger {
	if o.every == "daily" && o.cooldown == 0 {
		return nil
	}
	t := &rebalance.Trigger{Calendar: periods[o.every], CooldownDays: o.cooldown, Zone: "UTC"}
	if o.every != "daily" { // else each day is due, whatever the drift
		t.DriftAbsolute, t.DriftRelative = o.drift, o.driftRelative
	}
	return t
}

// file is the name of the price file in errors.
func (o *options) file() string {
	if o.prices != "" {
		return o.prices
	}
	return samples[o.sample]
}

// inFile adds the file to an error that is about a place in it.
func (o *options) inFile(err error) error {
	var gap *replay.GapError
	if errors.As(err, &gap) {
		return fmt.Errorf("%s: %w", o.file(), gap)
	}
	return err
}

// history reads the prices.
func (o *options) history() (*marketdata.History, error) {
	in, err := o.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := unpacked(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.file(), err)
	}
	h, err := marketdata.ReadHistory(text, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.file(), err)
	}
	if err := complete(h); err != nil {
		return nil, fmt.Errorf("%s: %w", o.file(), err)
	}
	return h, nil
}

func (o *options) open() (io.ReadCloser, error) {
	if o.prices != "" {
		return os.Open(o.prices)
	}
	return bundled.Open(samples[o.sample])
}

// unpacked is the text of a file that may be gzipped.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	return gzip.NewReader(b)
}

// complete looks for trading days that are missing.
func complete(h *marketdata.History) error {
	line, before := 1, time.Time{}
	for day := range h.Days() {
		line++
		at, err := time.Parse(time.DateOnly, string(day))
		if err != nil {
			return err
		}
		if days := int(at.Sub(before).Hours() / 24); !before.IsZero() && days > longestGap {
			return fmt.Errorf("line %d: column 1: %s comes %d days after the line before, at most %d are no gap: add the missing days (the prices must be daily)",
				line, day, days, longestGap)
		}
		before = at
	}
	if line == 2 {
		return errors.New("line 2: it is the only trading day: there must be 2 or more")
	}
	return nil
}

// choose decides which columns are traded.
func (o *options) choose(h *marketdata.History) error {
	columns := h.Symbols()
	if o.symbols == nil && o.weights == nil {
		o.symbols = columns
	}
	if o.symbols == nil {
		for _, t := range o.weights {
			o.symbols = append(o.symbols, t.Symbol)
		}
	}
	for _, id := range o.symbols {
		if !slices.Contains(columns, id) {
			return fmt.Errorf("%s: line 1: there is no column %s: there are %v", o.file(), id, columns)
		}
	}
	for _, t := range o.weights {
		if !slices.Contains(o.symbols, t.Symbol) {
			return fmt.Errorf("-weights has %s, which is not in -symbols", t.Symbol)
		}
	}
	return nil
}
