package rebalance_test

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

func Example() {
	usd := func(n int64) decimal.Decimal { return decimal.NewFromInt(n) }
	last := func(n int64) marketdata.Quote { return marketdata.Quote{Last: decimal.NewNullDecimal(usd(n))} }
	sim, _ := fake.New(fake.Config{ // an exchange and an account in memory
		Accounts:    []fake.Account{{ID: "U1", Cash: map[broker.Currency]decimal.Decimal{"USD": usd(50_000)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}, {ID: "BND"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"VTI": last(200), "BND": last(80)},
	})
	vti, _ := allocation.NewTarget("VTI", "0.6")
	bnd, _ := allocation.NewTarget("BND", "0.4")
	models, _ := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{
		Schema: allocation.Schema, Strategy: "60-40", Targets: []allocation.Target{vti, bnd},
	})
	engine, err := rebalance.New(rebalance.Config{
		Broker: sim, Prices: sim, Allocations: models, Journal: new(journal.Memory),
		Accounts: []rebalance.Account{{ID: "U1", Mode: broker.Simulated, Strategy: "60-40"}},
	})
	if err != nil {
		panic(err) // every fault of the configuration at once
	}
	result, err := engine.Rebalance(context.Background(), rebalance.Request{Account: "U1", Event: "monthly"})
	fmt.Println(result.Outcome, err)
	for _, o := range result.Orders {
		fmt.Println(o.Side, o.Filled, o.Symbol, "at", o.AveragePrice, o.Outcome)
	}
	// Output:
	// completed <nil>
	// BUY 249 BND at 80 filled
	// BUY 149 VTI at 200 filled
}
