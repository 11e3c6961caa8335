package rebalance_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// portfolios is how many random accounts each property is tried on.
const portfolios = 12_000

// TestPlanInvariants checks what every plan promises, with decimals and apart
// from the planner's own check.
func TestPlanInvariants(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(portfolios) {
		g := newGenerator(seed)
		in := g.input()
		p, err := rebalance.NewPlanner().Plan(in)
		require.NoError(t, err, "seed %d", seed)
		if fault := brokenPromise(&in, g.prices, &p); fault != "" {
			require.Fail(t, fault, "seed %d\n%s%s", seed, p.Explain(), p.Table())
		}
		outcomes[string(p.Outcome)+" "+string(p.Reason)]++
	}
	t.Log(outcomes)
	require.Greater(t, outcomes["trade "], portfolios/4, "the generator makes too little that can be traded")
}

// brokenPromise says which invariant a plan breaks, or nothing.
func brokenPromise(in *rebalance.Input, prices map[broker.InstrumentID]decimal.Decimal, p *rebalance.Plan) string {
	if len(p.Orders) > 0 && p.Outcome != rebalance.PlanTrade && p.Outcome != rebalance.PlanHeld {
		return fmt.Sprintf("%s with orders", p.Outcome)
	}
	if p.Outcome == rebalance.PlanTrade && len(p.Orders)+len(p.Conversions) == 0 {
		return "trade without an order"
	}
	if (p.Reason == "") != (p.Outcome == rebalance.PlanTrade) {
		return fmt.Sprintf("%s with the reason %q", p.Outcome, p.Reason)
	}
	var cash decimal.Decimal
	for c, amount := range in.Account.Cash {
		cash = cash.Add(amount.Mul(rateOf(in, c)))
	}
	minimum := decimal.Max(in.Policy.MinTrade.Value, in.Policy.MinTrade.Fraction.Mul(p.Equity))
	seen := map[broker.InstrumentID]bool{}
	stage, last, buys := 0, broker.InstrumentID(""), false
	for _, o := range p.Orders {
		terms := in.Instruments[o.Symbol]
		if seen[o.Symbol] {
			return "two orders of " + string(o.Symbol)
		}
		seen[o.Symbol] = true
		if o.Quantity.Sign() <= 0 || !o.Quantity.Mod(terms.Lot).IsZero() {
			return fmt.Sprintf("%s of %s are no lots of %s", o.Quantity, o.Symbol, terms.Lot)
		}
		if o.Limit.Sign() <= 0 || !o.Limit.Mod(terms.Tick).IsZero() {
			return fmt.Sprintf("limit %s of %s is off the tick %s", o.Limit, o.Symbol, terms.Tick)
		}
		held := position(in, o.Symbol)
		rate := rateOf(in, terms.Currency)
		fee := decimal.Max(in.Policy.Fee.Minimum, in.Policy.Fee.PerUnit.Mul(o.Quantity), in.Policy.Fee.Fraction.Mul(o.Quantity).Mul(o.Limit))
		now := 1
		exempt := o.Reason == rebalance.ReasonCover
		if o.Side == broker.Sell {
			if o.Quantity.GreaterThan(held.Sub(openSells(in, o.Symbol))) {
				return fmt.Sprintf("sells %s of %s, of which %s are held", o.Quantity, o.Symbol, held)
			}
			if in.Account.Type != broker.Cash {
				cash = cash.Add(o.Quantity.Mul(o.Limit).Sub(fee).Mul(rate))
			}
			exempt = exempt || soldOut(o, held.Sub(openSells(in, o.Symbol)), terms.Lot)
		} else {
			buys = true
			cash = cash.Sub(o.Quantity.Mul(o.Limit).Add(fee).Mul(rate))
			now = 2
			if o.Reason == rebalance.ReasonCover {
				now = 0
				if o.Quantity.GreaterThan(held.Neg()) {
					return "covers " + string(o.Symbol) + " beyond zero"
				}
			} else if held.Sign() < 0 {
				return "buys the short " + string(o.Symbol)
			}
		}
		if !exempt && o.Quantity.Mul(prices[o.Symbol]).Mul(rate).LessThan(minimum) {
			return fmt.Sprintf("%s %s of %s is below the smallest trade of %s", o.Side, o.Quantity, o.Symbol, minimum)
		}
		if now < stage || now == stage && o.Symbol <= last {
			return "orders are not sorted"
		}
		stage, last = now, o.Symbol
		if fault := forbidden(in, o); fault != "" {
			return fault
		}
	}
	floor := p.Reserve.Add(in.Policy.PendingWithdrawals)
	if in.Policy.Mode == rebalance.RaiseCash {
		floor = floor.Add(in.Policy.RaiseAmount)
	}
	if buys && cash.LessThan(floor) {
		return fmt.Sprintf("cash of %s after the buys, less than the floor of %s", cash, floor)
	}
	return ""
}

// soldOut reports whether nothing sellable stays behind.
func soldOut(o rebalance.PlannedOrder, held, lot decimal.Decimal) bool {
	return o.Reason == rebalance.ReasonExit || o.Reason == rebalance.ReasonLiquidate || held.Sub(o.Quantity).LessThan(lot)
}

// forbidden says which rule of the policy an order breaks.
func forbidden(in *rebalance.Input, o rebalance.PlannedOrder) string {
	r := in.Policy.Restrictions[o.Symbol]
	if slices.Contains(in.Policy.Exclude, o.Symbol) {
		return "trades the excluded " + string(o.Symbol)
	}
	if r == rebalance.DoNotTrade || r == rebalance.DoNotBuy && o.Side == broker.Buy || r == rebalance.DoNotSell && o.Side == broker.Sell {
		return "trades the restricted " + string(o.Symbol)
	}
	if _, priced := in.Quotes[o.Symbol]; !priced {
		return "trades " + string(o.Symbol) + ", which has no quote"
	}
	for _, open := range in.Account.OpenOrders {
		if open.Symbol == o.Symbol && open.Side != o.Side {
			return "trades " + string(o.Symbol) + " against an open order"
		}
	}
	return ""
}

func rateOf(in *rebalance.Input, c broker.Currency) decimal.Decimal {
	if c == in.Account.Base {
		return decimal.New(1, 0)
	}
	return in.FX[c]
}

func position(in *rebalance.Input, s broker.InstrumentID) decimal.Decimal {
	for _, p := range in.Account.Positions {
		if p.Symbol == s {
			return p.Quantity
		}
	}
	return decimal.Decimal{}
}

func openSells(in *rebalance.Input, s broker.InstrumentID) decimal.Decimal {
	var sum decimal.Decimal
	for _, o := range in.Account.OpenOrders {
		if o.Symbol == s && o.Side == broker.Sell {
			sum = sum.Add(o.Remaining)
		}
	}
	return sum
}

// TestPlanIgnoresOrderOfInput: what has no order must not matter.
func TestPlanIgnoresOrderOfInput(t *testing.T) {
	for seed := range uint64(portfolios) {
		in := newGenerator(seed).input()
		first := planOf(t, in)
		shuffle := rand.New(rand.NewPCG(seed, 7))
		shuffled := in
		shuffled.Targets = shuffledCopy(shuffle, in.Targets)
		shuffled.Previous = shuffledCopy(shuffle, in.Previous)
		shuffled.Account.Positions = shuffledCopy(shuffle, in.Account.Positions)
		shuffled.Account.OpenOrders = shuffledCopy(shuffle, in.Account.OpenOrders)
		shuffled.Policy.Exclude = shuffledCopy(shuffle, in.Policy.Exclude)
		shuffled.Policy.Substitutes = shuffledCopy(shuffle, in.Policy.Substitutes)
		shuffled.Policy.Equivalents = shuffledCopy(shuffle, in.Policy.Equivalents)
		shuffled.Policy.TradableTiers = shuffledCopy(shuffle, in.Policy.TradableTiers)
		for i := range shuffled.Targets {
			shuffled.Targets[i].Symbol = " " + shuffled.Targets[i].Symbol + " "
		}
		second := planOf(t, shuffled)
		require.Equal(t, first.Hash, second.Hash, "seed %d", seed)
		require.True(t, bytes.Equal(encoded(t, first), encoded(t, second)), "seed %d", seed)
	}
}

func shuffledCopy[T any](r *rand.Rand, list []T) []T {
	list = slices.Clone(list)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func planOf(t *testing.T, in rebalance.Input) rebalance.Plan {
	t.Helper()
	p, err := rebalance.NewPlanner().Plan(in)
	require.NoError(t, err)
	return p
}

func encoded(t *testing.T, p rebalance.Plan) []byte {
	t.Helper()
	data, err := rebalance.EncodePlan(p)
	require.NoError(t, err)
	return data
}

// TestPlannerIsSafeForConcurrentUse: one planner, many at once, the same plans.
func TestPlannerIsSafeForConcurrentUse(t *testing.T) {
	const seeds = 300
	want := make([]string, seeds)
	for seed := range want {
		want[seed] = planOf(t, newGenerator(uint64(seed)).input()).Hash
	}
	planner := rebalance.NewPlanner()
	faults := make(chan string, 8)
	var all sync.WaitGroup
	for range cap(faults) {
		all.Go(func() {
			for seed := range want {
				p, err := planner.Plan(newGenerator(uint64(seed)).input())
				if err != nil || p.Hash != want[seed] {
					faults <- fmt.Sprintf("seed %d: %v, %s instead of %s", seed, err, p.Hash, want[seed])
					return
				}
			}
		})
	}
	all.Wait()
	close(faults)
	for fault := range faults {
		require.Fail(t, fault)
	}
}
