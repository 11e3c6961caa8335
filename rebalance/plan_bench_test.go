package rebalance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// manyStocks is an account of n stocks that is off its targets nearly everywhere,
// with a reserve, fees and slippage.
func manyStocks(n, seed int) rebalance.Input {
	g := newGenerator(uint64(seed))
	in := twoStocks()
	in.Instruments = map[broker.InstrumentID]rebalance.InstrumentTerms{}
	in.Quotes = map[broker.InstrumentID]rebalance.PlanQuote{}
	in.Targets, in.Account.Positions = nil, nil
	in.Policy = rebalance.DefaultPolicy()
	in.Policy.Reserve.Fraction = dec("0.02")
	in.Policy.Fee = rebalance.Fee{Minimum: dec("1"), PerUnit: dec("0.005")}
	sum := in.Account.Cash["USD"]
	for i := range n {
		s := broker.InstrumentID(fmt.Sprintf("S%03d", i))
		p := g.between(500, 40_000, 2)
		some := func(d decimal.Decimal) decimal.NullDecimal { return decimal.NewNullDecimal(d) }
		in.Instruments[s] = rebalance.InstrumentTerms{Currency: "USD", Lot: decimal.New(1, 0), Tick: decimal.New(1, -2)}
		in.Quotes[s] = rebalance.PlanQuote{
			Bid: some(p), Ask: some(p.Add(decimal.New(2, -2))), Last: some(p), Close: some(p),
			Tier: marketdata.TierLive, Age: some(decimal.New(1, 0)),
		}
		in.Targets = append(in.Targets, rebalance.TargetWeight{Symbol: s, Weight: decimal.New(int64(1_000_000/n), -6)})
		q := g.between(0, 400, 0)
		in.Account.Positions = append(in.Account.Positions, rebalance.PositionState{Symbol: s, Quantity: q, Previous: some(q)})
		sum = sum.Add(q.Mul(p.Add(decimal.New(1, -2))))
	}
	in.Account.NetLiquidation = decimal.NewNullDecimal(sum)
	return in
}

// BenchmarkPlan is one plan; float64 is the same arithmetic, without rules and
// exactness, as the floor below which nothing can get.
func BenchmarkPlan(b *testing.B) {
	planner := rebalance.NewPlanner()
	for _, n := range []int{20, 100, 500} {
		in := manyStocks(n, 1)
		b.Run(fmt.Sprintf("symbols=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := planner.Plan(in)
				if err != nil || len(p.Orders) < n/2 {
					b.Fatal(err, p.Explain())
				}
			}
		})
		b.Run(fmt.Sprintf("float64/symbols=%d", n), func(b *testing.B) {
			f := newFloatAccount(&in)
			b.ReportAllocs()
			for b.Loop() {
				if f.plan() < n/2 {
					b.Fatal("too few orders")
				}
			}
		})
	}
}

// BenchmarkPlan10kAccounts is 10,000 accounts of 20 symbols, one after another.
func BenchmarkPlan10kAccounts(b *testing.B) {
	accounts := make([]rebalance.Input, 100)
	for i := range accounts {
		accounts[i] = manyStocks(20, i)
	}
	planner := rebalance.NewPlanner()
	b.ReportAllocs()
	for b.Loop() {
		for i := range 10_000 {
			if _, err := planner.Plan(accounts[i%len(accounts)]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkFundBuys is the second step of a run of 500 symbols.
func BenchmarkFundBuys(b *testing.B) {
	in := manyStocks(500, 1)
	planner := rebalance.NewPlanner()
	p, err := planner.Plan(in)
	if err != nil {
		b.Fatal(err)
	}
	in, _ = sellsFilled(rand.New(rand.NewPCG(1, 1)), in, &p)
	b.ReportAllocs()
	for b.Loop() {
		if p, err := planner.FundBuys(in); err != nil || len(p.Orders) == 0 {
			b.Fatal(err, p.Explain())
		}
	}
}
