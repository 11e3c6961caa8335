package rebalance_test

import (
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestFundBuysKeepsToThePlan: whatever the sells brought, the buys are never more
// than planned, nothing new, and never go below the floor.
func TestFundBuysKeepsToThePlan(t *testing.T) {
	funded, smaller := 0, 0
	for seed := range uint64(portfolios) {
		g := newGenerator(seed)
		in := g.input()
		plan := planOf(t, in)
		if plan.Outcome != rebalance.PlanTrade {
			continue
		}
		after, planned := sellsFilled(rand.New(rand.NewPCG(seed, 11)), in, &plan)
		p, err := rebalance.NewPlanner().FundBuys(after)
		require.NoError(t, err, "seed %d", seed)
		if fault := brokenPromise(&after, g.prices, &p); fault != "" {
			require.Fail(t, fault, "seed %d\n%s%s", seed, p.Explain(), p.Table())
		}
		for _, o := range p.Orders {
			require.Equal(t, broker.Buy, o.Side, "seed %d", seed)
			want, ok := planned[o.Symbol]
			require.True(t, ok, "seed %d: %s was not planned", seed, o.Symbol)
			require.True(t, o.Quantity.LessThanOrEqual(want), "seed %d: %s of %s, planned %s", seed, o.Quantity, o.Symbol, want)
			if o.Quantity.LessThan(want) {
				smaller++
			}
			funded++
		}
	}
	t.Logf("%d buys funded, %d of them smaller than planned", funded, smaller)
	require.Positive(t, smaller)
}

// sellsFilled is the account after the sells and covers of a plan filled, some of
// them partially, and what the plan wanted to buy.
func sellsFilled(r *rand.Rand, in rebalance.Input, plan *rebalance.Plan) (rebalance.Input, map[broker.InstrumentID]decimal.Decimal) {
	fills := *plan
	fills.Orders, fills.Conversions = nil, nil
	planned := map[broker.InstrumentID]decimal.Decimal{}
	for _, o := range plan.Orders {
		if o.Side == broker.Buy && o.Reason != rebalance.ReasonCover {
			planned[o.Symbol] = o.Quantity
			in.Planned = append(in.Planned, rebalance.PlannedBuy{Symbol: o.Symbol, Quantity: o.Quantity})
			continue
		}
		if o.Side == broker.Sell {
			in.Sold = append(in.Sold, o.Symbol)
			if lot := in.Instruments[o.Symbol].Lot; r.IntN(3) == 0 {
				lots, _ := o.Quantity.QuoRem(lot, 0)
				o.Quantity = lot.Mul(decimal.NewFromInt(r.Int64N(lots.IntPart() + 1)))
			}
		}
		fills.Orders = append(fills.Orders, o)
	}
	funds, settled := in.Account.AvailableFunds, in.Account.SettledCash
	in = applied(in, &fills)
	in.Account.AvailableFunds = funds
	if in.Account.Type == broker.Cash {
		in.Account.SettledCash = settled
	}
	in.PlannedEquity = decimal.NewNullDecimal(plan.Equity)
	return in, planned
}

// TestFundBuysStories are the outcomes that only the second step has.
func TestFundBuysStories(t *testing.T) {
	story := func(change func(*rebalance.Input)) rebalance.Plan {
		in := twoStocks()
		in.Account.Cash["USD"] = dec("16000")
		in.Account.Positions[0].Quantity = dec("640")
		in.Planned = []rebalance.PlannedBuy{{Symbol: "B", Quantity: dec("384")}}
		in.Sold = []broker.InstrumentID{"A"}
		in.PlannedEquity = decimal.NewNullDecimal(dec("100000"))
		change(&in)
		p, err := rebalance.NewPlanner().FundBuys(in)
		require.NoError(t, err)
		return p
	}
	quantity := func(p rebalance.Plan) string {
		require.Len(t, p.Orders, 1, p.Explain())
		return p.Orders[0].Quantity.String()
	}
	p := story(func(*rebalance.Input) {})
	require.Equal(t, "320", quantity(p), "all cash")

	p = story(func(in *rebalance.Input) { in.Planned[0].Quantity = dec("100.9") })
	require.Equal(t, "100", quantity(p), "no more than planned, in whole lots")

	p = story(func(in *rebalance.Input) { in.PlannedEquity.Decimal = dec("97087.38") })
	require.Equal(t, rebalance.PlanTrade, p.Outcome, "equity moved by 3 percent at most")
	p = story(func(in *rebalance.Input) { in.PlannedEquity.Decimal = dec("97087.37") })
	require.Equal(t, rebalance.PlanReplan, p.Outcome)
	require.Equal(t, rebalance.ReasonEquityMoved, p.Reason)
	require.Empty(t, p.Orders)

	p = story(func(in *rebalance.Input) { in.PlannedEquity = decimal.NullDecimal{} })
	require.Equal(t, rebalance.ReasonInvalidNumber, p.Reason, "nothing is planned from an absent number")

	p = story(func(in *rebalance.Input) { in.Sold = []broker.InstrumentID{"A", "B"} })
	require.Equal(t, rebalance.PlanNoTrade, p.Outcome, "nothing that was sold is bought")

	for _, mode := range []rebalance.Mode{rebalance.RaiseCash, rebalance.LiquidateAll} {
		p = story(func(in *rebalance.Input) { in.Policy.Mode = mode })
		require.Equal(t, rebalance.PlanNoTrade, p.Outcome)
		require.Equal(t, rebalance.ReasonAtTarget, p.Reason)
	}
	p = story(func(in *rebalance.Input) {
		in.Policy.Guards.MaxOrders = decimal.NewNullDecimal(decimal.Decimal{})
		in.Previous = []rebalance.TargetWeight{}
	})
	require.Equal(t, rebalance.PlanTrade, p.Outcome, "guards are for the plan, not for its buys")

	p = story(func(in *rebalance.Input) { in.Planned = append(in.Planned, in.Planned[0]) })
	require.Equal(t, rebalance.ReasonDuplicateSymbol, p.Reason)
}
