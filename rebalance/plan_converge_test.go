package rebalance_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// applied is the account after every order of a plan filled at its limit.
func applied(in rebalance.Input, p *rebalance.Plan) rebalance.Input {
	a := in.Account
	a.Cash = maps.Clone(a.Cash)
	a.SettledCash = nil // it has settled by now
	a.AvailableFunds = decimal.NullDecimal{}
	a.Positions = slices.Clone(a.Positions)
	var nlv decimal.Decimal
	for _, o := range p.Orders {
		c := in.Instruments[o.Symbol].Currency
		signed := o.Quantity.Mul(decimal.New(o.Side.Sign(), 0))
		fee := decimal.Max(in.Policy.Fee.Minimum, in.Policy.Fee.PerUnit.Mul(o.Quantity), in.Policy.Fee.Fraction.Mul(o.Quantity).Mul(o.Limit))
		a.Cash[c] = a.Cash[c].Sub(signed.Mul(o.Limit)).Sub(fee)
		nlv = nlv.Sub(fee.Mul(rateOf(&in, c)))
		at := slices.IndexFunc(a.Positions, func(p rebalance.PositionState) bool { return p.Symbol == o.Symbol })
		if at < 0 {
			a.Positions = append(a.Positions, rebalance.PositionState{Symbol: o.Symbol})
			at = len(a.Positions) - 1
		}
		a.Positions[at].Quantity = a.Positions[at].Quantity.Add(signed)
		a.Positions[at].Previous = decimal.NullDecimal{}
	}
	for _, c := range p.Conversions {
		a.Cash[c.To] = a.Cash[c.To].Add(c.Amount)
		paid, _ := broker.Quo(c.Amount.Mul(rateOf(&in, c.To)), rateOf(&in, c.From), 12)
		a.Cash[c.From] = a.Cash[c.From].Sub(paid)
	}
	a.NetLiquidation.Decimal = a.NetLiquidation.Decimal.Add(nlv)
	in.Account = a
	return in
}

// TestPlanConverges: what a plan did, the next one does not undo, and without a
// cause it finds nothing more to do than a lot here and there.
func TestPlanConverges(t *testing.T) {
	again, planned := 0, 0
	for seed := range uint64(portfolios) {
		g := newGenerator(seed)
		g.plain = true
		in := g.input()
		if known := limits(&in); known {
			continue
		}
		first := planOf(t, in)
		if first.Outcome != rebalance.PlanTrade {
			continue
		}
		planned++
		next := applied(in, &first)
		if next.Policy.Mode == rebalance.RaiseCash {
			next.Policy.RaiseAmount = decimal.Decimal{}
			next.Policy.PendingWithdrawals = in.Policy.PendingWithdrawals.Add(in.Policy.RaiseAmount)
		}
		second := planOf(t, next)
		sides := map[broker.InstrumentID]broker.Side{}
		for _, o := range first.Orders {
			sides[o.Symbol] = o.Side
		}
		for _, o := range second.Orders {
			if was, traded := sides[o.Symbol]; traded && was != o.Side {
				require.Fail(t, "the second plan undoes the first", "seed %d\n%s%s\n%s%s", seed, first.Explain(), first.Table(), second.Explain(), second.Table())
			}
		}
		if len(second.Orders) > 0 {
			again++
			// What stays at the edge of its band is not sold for the floor in the same run.
			unreached := slices.Contains(first.Warnings, rebalance.WarningReserveUnreachable)
			if fault := unexplained(&in, &second); fault != "" && !unreached {
				require.Fail(t, fault, "seed %d\n%s%s\n%s%s", seed, first.Explain(), first.Table(), second.Explain(), second.Table())
			}
		}
	}
	t.Logf("%d plans carried out, %d left a residual", planned, again)
}

// limits reports whether an input is one of the known limits, or has open orders,
// which stay open here.
func limits(in *rebalance.Input) bool {
	p := &in.Policy
	return p.DoNotBuyShortfall == rebalance.ShortfallProRata && len(p.Restrictions) > 0 ||
		p.DeployResidual && len(p.Restrictions) > 0 ||
		p.Destination == rebalance.DestinationFraction || len(in.Account.OpenOrders) > 0 ||
		shortsOf(in) > 1 || // one may be covered while another is left alone and binds cash
		shortsOf(in) > 0 && len(p.Equivalents) > 0 // the short member hides what is held in its group
}

func shortsOf(in *rebalance.Input) int {
	n := 0
	for _, p := range in.Account.Positions {
		if p.Quantity.Sign() < 0 {
			n++
		}
	}
	return n
}

// unexplained says why a second plan should not have its orders, or nothing.
func unexplained(in *rebalance.Input, second *rebalance.Plan) string {
	p := &in.Policy
	if p.MinTrade.Value.Sign() > 0 || p.MinTrade.Fraction.Sign() > 0 || len(in.FX) > 0 ||
		in.Account.Type == broker.Cash || in.Account.AvailableFunds.Valid || p.Shorts != rebalance.ShortsBlock ||
		// What was sold to the edge of its band may be asked for more money next.
		p.Scope == rebalance.ScopeDriftedOnly && p.Destination == rebalance.DestinationNearestEdge {
		return ""
	}
	var lot decimal.Decimal // the most valuable one
	for _, terms := range in.Instruments {
		lot = decimal.Max(lot, terms.Lot)
	}
	for _, o := range second.Orders {
		lot = decimal.Max(lot, in.Instruments[o.Symbol].Lot.Mul(o.Limit))
	}
	for s, q := range in.Quotes {
		lot = decimal.Max(lot, in.Instruments[s].Lot.Mul(q.Last.Decimal))
	}
	for _, o := range second.Orders {
		if o.Quantity.Mul(o.Limit).GreaterThan(lot) {
			return fmt.Sprintf("%s %s of %s in the second plan", o.Side, o.Quantity, o.Symbol)
		}
	}
	return ""
}
