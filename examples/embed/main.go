// Embed is what another Go service needs to rebalance an account of its own
// accord: no queue, no service loop, one call.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

func main() {
	usd := func(n int64) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.NewFromInt(n)) }
	sim, err := fake.New(fake.Config{ // your broker goes here
		Accounts:    []fake.Account{{ID: "U1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.NewFromInt(50_000)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}, {ID: "BND"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"VTI": {Last: usd(200)}, "BND": {Last: usd(80)}},
	})
	check(err)
	targets, err := allocation.ParseTargets(func(yield func(string, string) bool) { _ = yield("VTI", "0.6") && yield("BND", "0.4") })
	check(err)
	models, err := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{Schema: allocation.Schema, Strategy: "60-40", Targets: targets})
	check(err)

	engine, err := rebalance.New(rebalance.Config{
		Broker: sim, Prices: sim, Allocations: models, Journal: journal.NewMemory(journal.MemoryOptions{}),
		Accounts: []rebalance.Account{{ID: "U1", Mode: broker.Simulated, Strategy: "60-40"}},
	})
	check(err)
	result, err := engine.Rebalance(context.Background(), rebalance.Request{Account: "U1", Event: "monthly-2026-11"})
	check(err)
	for _, o := range result.Orders {
		fmt.Println(o.Side, o.Filled, o.Symbol, "at", o.AveragePrice, o.Outcome)
	}
	fmt.Println(result.Outcome)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
