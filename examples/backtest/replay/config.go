package replay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Config describes a backtest. Prices, Strategy and Cash are required. [Run]
// reports every fault at once.
type Config struct {
	// Prices are the closes to trade at.
	Prices *marketdata.History
	// Strategy decides the targets.
	Strategy Strategy
	// Cash is what the account begins with, more than 0.
	Cash decimal.Decimal

	// Symbols are what may be traded. Each must have a price on each day from the
	// first that the strategy sees to the last. Default: all of Prices.
	Symbols []broker.InstrumentID
	// From and To are the first and the last day, both included, within Prices.
	// Default: the first day on which the strategy has seen enough, and the last of
	// Prices.
	From, To marketdata.Day
	// Trigger says which days rebalance. Default: all of them.
	Trigger *rebalance.Trigger
	// Hold rebalances on the first day only, at the targets of that day: buy and
	// hold. Default: false.
	Hold bool
	// Policy says how the account is rebalanced; Fee and Slippage in it are those
	// of Costs. Default: [DefaultPolicy].
	Policy *rebalance.Policy
	// Rules say which targets are accepted. Default: as [allocation.Rules].
	Rules allocation.Rules
	// Costs is what trading costs. Default: nothing.
	Costs Costs
	// Lot is the smallest quantity that trades: 1 is whole shares, 0.0001 a broker
	// of fractions. Default: 1.
	Lot decimal.Decimal
	// Flows are deposits and withdrawals. Default: none.
	Flows []Flow
	// Monthly is a deposit, or a withdrawal if negative, on the first trading day of
	// each month but the first. Default: 0.
	Monthly decimal.Decimal
	// HoldDeposits leaves deposits in cash until a rebalance is due. Default: false,
	// they are invested on their day.
	HoldDeposits bool
	// SameClose lets the strategy see the close that it trades at. Default: false,
	// it sees the closes up to the day before.
	SameClose bool
	// Tracker observes the engine's runs. Default: none.
	Tracker rebalance.Tracker
}

// Costs is what trading costs. The fee of an order is the greatest of its three
// parts, as in [rebalance.Fee].
type Costs struct {
	// PerOrder, PerUnit and Fraction (of the value, 0.001 is 0.1 %) are the fee.
	PerOrder, PerUnit, Fraction decimal.Decimal
	// Slippage is how much worse than the close an order fills, as a fraction,
	// rounded to the tick in the account's favour.
	Slippage decimal.Decimal
}

// Flow is money that goes into the account at the close of a day, or out of it
// if negative. On a day without trading it moves on the next one that has.
type Flow struct {
	Day    marketdata.Day
	Amount decimal.Decimal
}

// DefaultPolicy is that of the engine, but for what makes no sense without an
// operator and on adjusted prices: no guard holds a plan, and a price that halves
// is not taken for a split.
func DefaultPolicy() rebalance.Policy {
	p := rebalance.DefaultPolicy()
	p.CorporateAction = rebalance.CorporateActionOff
	p.Guards = rebalance.Guards{}
	return p
}

// withDefaults returns the configuration with every optional field filled in
// that needs no look at the prices.
func (c Config) withDefaults() Config {
	if c.Lot.IsZero() {
		c.Lot = decimal.New(1, 0)
	}
	policy := DefaultPolicy()
	if c.Policy != nil {
		policy = *c.Policy
	}
	policy.Fee = rebalance.Fee{Minimum: c.Costs.PerOrder, PerUnit: c.Costs.PerUnit, Fraction: c.Costs.Fraction}
	policy.Slippage = c.Costs.Slippage
	c.Policy = &policy
	if c.Prices != nil {
		_, last := c.Prices.Span()
		c.To = cmp.Or(c.To, last)
		if len(c.Symbols) == 0 {
			c.Symbols = c.Prices.Symbols()
		}
	}
	return c
}

// validate returns every fault of the configuration.
func (c *Config) validate() error {
	if c.Prices == nil {
		return errors.New("replay: Prices is nil: read some with marketdata.ReadHistory")
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Strategy.Decide == nil {
		fault("Strategy.Decide is nil: it is required")
	}
	if c.Strategy.Warmup < 0 {
		fault("Strategy.Warmup is %d: want 0 or more", c.Strategy.Warmup)
	}
	if c.Cash.Sign() <= 0 {
		fault("Cash is %s: want more than 0", c.Cash)
	}
	if c.Lot.Sign() < 0 {
		fault("Lot is %s: want more than 0", c.Lot)
	}
	one := decimal.New(1, 0)
	for _, f := range [...]struct {
		name  string
		value decimal.Decimal
		most  decimal.NullDecimal
	}{
		{"Costs.PerOrder", c.Costs.PerOrder, decimal.NullDecimal{}},
		{"Costs.PerUnit", c.Costs.PerUnit, decimal.NullDecimal{}},
		{"Costs.Fraction", c.Costs.Fraction, decimal.NewNullDecimal(one)},
		{"Costs.Slippage", c.Costs.Slippage, decimal.NewNullDecimal(one)},
	} {
		if f.value.Sign() < 0 || f.most.Valid && f.value.GreaterThan(f.most.Decimal) {
			fault("%s is %s: want an amount from 0 up, or a fraction from 0 to 1", f.name, f.value)
		}
	}
	known := c.Prices.Symbols()
	for i, id := range c.Symbols {
		if !slices.Contains(known, id) {
			fault("Symbols[%d] is %s, which has no column in Prices", i, id)
		}
		if slices.Contains(c.Symbols[:i], id) {
			fault("Symbols[%d] is %s, which is there twice", i, id)
		}
	}
	first, last := c.Prices.Span()
	for _, f := range [...]struct {
		name string
		day  marketdata.Day
	}{{"From", c.From}, {"To", c.To}} {
		if f.day != "" && (f.day < first || f.day > last) {
			fault("%s is %s: the prices go from %s to %s", f.name, f.day, first, last)
		}
	}
	if c.From > c.To {
		fault("From is %s, after To, which is %s", c.From, c.To)
	}
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("replay: configuration: %w", faults[0])
	}
	return fmt.Errorf("replay: configuration has %d faults:\n%w", len(faults), errors.Join(faults...))
}
