package rebalance_test

import (
	"maps"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestPlanScales: ten times the prices and ten times the money are the same
// quantities.
func TestPlanScales(t *testing.T) {
	for seed := range uint64(portfolios) {
		in := newGenerator(seed).input()
		one, ten := planOf(t, in), planOf(t, tenfold(in))
		require.Equal(t, one.Outcome, ten.Outcome, "seed %d", seed)
		require.Equal(t, one.Reason, ten.Reason, "seed %d", seed)
		require.Equal(t, one.Skipped, ten.Skipped, "seed %d", seed)
		require.Len(t, ten.Orders, len(one.Orders), "seed %d", seed)
		for i, o := range one.Orders {
			x := ten.Orders[i]
			require.Equal(t, o.Symbol, x.Symbol, "seed %d", seed)
			require.Equal(t, o.Side, x.Side, "seed %d", seed)
			require.True(t, o.Quantity.Equal(x.Quantity), "seed %d: %s %s and %s", seed, o.Symbol, o.Quantity, x.Quantity)
			require.True(t, o.Limit.Shift(1).Equal(x.Limit), "seed %d: %s at %s and %s", seed, o.Symbol, o.Limit, x.Limit)
		}
	}
}

// tenfold multiplies every price and amount by ten.
func tenfold(in rebalance.Input) rebalance.Input {
	null := func(n *decimal.NullDecimal) { n.Decimal = n.Decimal.Shift(1) }
	amounts := func(m map[broker.Currency]decimal.Decimal) map[broker.Currency]decimal.Decimal {
		m = maps.Clone(m)
		for c := range m {
			m[c] = m[c].Shift(1)
		}
		return m
	}
	a := &in.Account
	a.Cash, a.SettledCash = amounts(a.Cash), amounts(a.SettledCash)
	null(&a.NetLiquidation)
	null(&a.AvailableFunds)
	in.Instruments, in.Quotes = maps.Clone(in.Instruments), maps.Clone(in.Quotes)
	for s, terms := range in.Instruments {
		terms.Tick = terms.Tick.Shift(1)
		in.Instruments[s] = terms
	}
	for s, q := range in.Quotes {
		for _, price := range []*decimal.NullDecimal{&q.Bid, &q.Ask, &q.Last, &q.Close, &q.Previous} {
			null(price)
		}
		in.Quotes[s] = q
	}
	p := &in.Policy
	for _, amount := range []*decimal.Decimal{
		&p.RaiseAmount, &p.Reserve.Amount, &p.PendingWithdrawals, &p.MinTrade.Value, &p.Fee.Minimum, &p.Fee.PerUnit, &p.NLVTolerance.Amount,
	} {
		*amount = amount.Shift(1)
	}
	null(&p.Guards.MaxOrderNotional)
	return in
}
