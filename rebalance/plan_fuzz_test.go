package rebalance_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// FuzzPlan makes inputs of bytes, sensible ones and wild ones. Planning never
// panics, never breaks its own rules, and says the same thing twice.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{"", "\x01\x02", "evenkeel keeps accounts at their targets, and the money safe", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, wild bool) {
		g := &generator{dice: &byteDice{data: data}}
		in := g.input()
		if wild {
			g.confuse(&in)
		}
		p, err := rebalance.NewPlanner().Plan(in)
		require.NoError(t, err)
		require.Equal(t, string(encoded(t, p)), string(encoded(t, planOf(t, in))))
		if !wild {
			require.Empty(t, brokenPromise(&in, g.prices, &p))
		}
		_, _ = p.Explain(), p.Table()
		in.PlannedEquity = decimal.NewNullDecimal(p.Equity)
		for _, o := range p.Orders {
			in.Planned = append(in.Planned, rebalance.PlannedBuy{Symbol: o.Symbol, Quantity: o.Quantity})
		}
		_, err = rebalance.NewPlanner().FundBuys(in)
		require.NoError(t, err)
	})
}

// confuse replaces numbers, words and symbols by such as nobody means.
func (g *generator) confuse(in *rebalance.Input) {
	number := func(d *decimal.Decimal) {
		switch g.IntN(6) {
		case 0:
			*d = decimal.New(int64(g.IntN(1<<16))<<20-1<<30, int32(g.IntN(90)-65))
		case 1:
			*d = d.Neg()
		case 2:
			*d = decimal.Decimal{}
		}
	}
	maybe := func(n *decimal.NullDecimal) {
		n.Valid = g.IntN(5) > 0
		number(&n.Decimal)
	}
	number(&in.Policy.Slippage)
	number(&in.Policy.FXHaircut)
	number(&in.Policy.Fee.PerUnit)
	number(&in.Policy.Reserve.Amount)
	maybe(&in.Policy.Band.Relative)
	maybe(&in.Account.NetLiquidation)
	maybe(&in.Account.AvailableFunds)
	for i := range in.Account.Positions {
		p := &in.Account.Positions[i]
		number(&p.Quantity)
		p.Symbol = pick(g, p.Symbol, p.Symbol, p.Symbol, " a", "Z", "")
	}
	for i := range in.Targets {
		number(&in.Targets[i].Weight)
	}
	for _, s := range slices.Sorted(maps.Keys(in.Quotes)) {
		q := in.Quotes[s]
		maybe(&q.Bid)
		maybe(&q.Ask)
		maybe(&q.Last)
		in.Quotes[s] = q
	}
	for _, s := range slices.Sorted(maps.Keys(in.Instruments)) {
		terms := in.Instruments[s]
		number(&terms.Lot)
		number(&terms.Tick)
		terms.Currency = pick(g, terms.Currency, terms.Currency, "CHF", "")
		in.Instruments[s] = terms
	}
	for _, c := range slices.Sorted(maps.Keys(in.Account.Cash)) {
		amount := in.Account.Cash[c]
		number(&amount)
		in.Account.Cash[c] = amount
	}
	in.Account.Base = pick(g, in.Account.Base, "", broker.Currency("EUR"))
	in.Account.Type = pick(g, in.Account.Type, "", "ira")
}

// TestWildInputs is the fuzz target's wild side on random inputs.
func TestWildInputs(t *testing.T) {
	outcomes := map[rebalance.PlanOutcome]int{}
	for seed := range uint64(portfolios) {
		g := newGenerator(seed + 1<<32)
		in := g.input()
		g.confuse(&in)
		outcomes[planOf(t, in).Outcome]++
	}
	t.Log(outcomes)
}
