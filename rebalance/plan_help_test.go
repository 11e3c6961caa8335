package rebalance_test

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// lists compares two lists, item by item.
func lists(what string, want, got []string, line func(what, want, got string)) {
	for i := range max(len(want), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) && got[i] != "" {
			g = got[i]
		}
		line(fmt.Sprintf("%s %d", what, i+1), w, g)
	}
}

// plain is a number without trailing zeros.
func plain(d decimal.Decimal) string {
	return d.String()
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func sortedSkips(skips []rebalance.Skip) []string {
	list := make([]string, len(skips))
	for i, s := range skips {
		list[i] = string(s.Symbol) + " " + string(s.Reason)
	}
	return sorted(list)
}

// dec is a number in a test.
func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// twoStocks is an account of 100000 with two stocks: 700 A at 100 and 400 B at 50,
// 10000 in cash, targets 0.6 and 0.4, no slippage.
func twoStocks() rebalance.Input {
	price := func(s string) rebalance.PlanQuote {
		p := decimal.NewNullDecimal(dec(s))
		return rebalance.PlanQuote{Bid: p, Ask: p, Last: p, Tier: marketdata.TierLive, Age: decimal.NewNullDecimal(dec("1"))}
	}
	terms := rebalance.InstrumentTerms{Currency: "USD", Lot: dec("1"), Tick: dec("0.01")}
	policy := rebalance.DefaultPolicy()
	policy.Slippage = decimal.Decimal{}
	return rebalance.Input{
		Account: rebalance.AccountState{
			Base: "USD", Type: broker.Margin, NetLiquidation: decimal.NewNullDecimal(dec("100000")),
			Cash:      map[broker.Currency]decimal.Decimal{"USD": dec("10000")},
			Positions: []rebalance.PositionState{{Symbol: "A", Quantity: dec("700")}, {Symbol: "B", Quantity: dec("400")}},
		},
		Instruments: map[broker.InstrumentID]rebalance.InstrumentTerms{"A": terms, "B": terms},
		Quotes:      map[broker.InstrumentID]rebalance.PlanQuote{"A": price("100"), "B": price("50")},
		Targets:     []rebalance.TargetWeight{{Symbol: "A", Weight: dec("0.6")}, {Symbol: "B", Weight: dec("0.4")}},
		Policy:      policy,
	}
}
