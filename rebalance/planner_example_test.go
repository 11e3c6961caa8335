package rebalance_test

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// The planner needs no broker: a picture of the account goes in, a trade list
// with its reasons comes out.
func ExampleNewPlanner() {
	number := func(s string) decimal.Decimal {
		d, err := broker.ParseDecimal(s)
		if err != nil {
			panic(err)
		}
		return d
	}
	quote := func(bid, ask string) rebalance.PlanQuote {
		return rebalance.PlanQuote{
			Bid: decimal.NewNullDecimal(number(bid)), Ask: decimal.NewNullDecimal(number(ask)), Tier: marketdata.TierLive,
		}
	}
	terms := rebalance.InstrumentTerms{Currency: "USD", Lot: number("1"), Tick: number("0.01")}
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = number("0.02")

	plan, err := rebalance.NewPlanner().Plan(rebalance.Input{
		Account: rebalance.AccountState{
			Base: "USD", Type: broker.Margin,
			NetLiquidation: decimal.NewNullDecimal(number("50000")),
			Cash:           map[broker.Currency]decimal.Decimal{"USD": number("10000")},
			Positions:      []rebalance.PositionState{{Symbol: "VTI", Quantity: number("160")}},
		},
		Instruments: map[broker.InstrumentID]rebalance.InstrumentTerms{"VTI": terms, "BND": terms},
		Quotes:      map[broker.InstrumentID]rebalance.PlanQuote{"VTI": quote("249.98", "250.02"), "BND": quote("79.99", "80.01")},
		Targets:     []rebalance.TargetWeight{{Symbol: "VTI", Weight: number("0.6")}, {Symbol: "BND", Weight: number("0.4")}},
		Policy:      policy,
	})
	if err != nil {
		fmt.Println(err) // a bug of the planner: nothing may be traded
		return
	}
	fmt.Print(plan.Explain())
	// Output:
	// trade.
	// Equity is 50000, of which 0 are excluded and 1000 reserved; 49000 are investable. Cash after all orders: 1068.27.
	// BND is worth 0 and should be worth 19600: buy 241 of 245 wanted at 80.41 or less (entry), which costs 19378.81 of 19447.08 that could be spent.
	// VTI is worth 40000 and should be worth 29400: sell 42 at 248.74 or more (drift), which brings 10447.08; 160 could be sold.
}
