package otel_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

func Example() {
	// Your exporter goes here, in a batch processor; a meter provider beside it.
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	tracker, err := otel.New(otel.Options{TracerProvider: provider})
	if err != nil {
		panic(err)
	}
	defer tracker.Close() // before the provider is shut down

	sim, _ := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "U1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.NewFromInt(50_000)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"VTI": {Last: decimal.NewNullDecimal(decimal.NewFromInt(200))}},
	})
	vti, _ := allocation.NewTarget("VTI", "1")
	models, _ := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{
		Schema: allocation.Schema, Strategy: "all-in", Targets: []allocation.Target{vti},
	})
	engine, err := rebalance.New(rebalance.Config{
		Broker: sim, Prices: sim, Allocations: models, Journal: new(journal.Memory), Tracker: tracker,
		Accounts: []rebalance.Account{{ID: "U1", Mode: broker.Simulated, Strategy: "all-in"}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Rebalance(context.Background(), rebalance.Request{Account: "U1", Event: "monthly"}); err != nil {
		panic(err)
	}

	spans := exporter.GetSpans()
	run := spans[len(spans)-1] // it ends last
	fmt.Println(run.Name)
	for _, a := range run.Attributes {
		fmt.Println(" ", a.Key, "=", a.Value.String())
	}
	for _, span := range spans[:len(spans)-1] {
		fmt.Print(strings.TrimPrefix(span.Name, "evenkeel."), " ")
		for _, event := range span.Events {
			fmt.Print("(", event.Name, ") ")
		}
	}
	fmt.Println()
	// Output:
	// evenkeel.run
	//   evenkeel.run.id = monthly/1
	//   evenkeel.event.id = monthly
	//   evenkeel.command = rebalance
	//   evenkeel.outcome = completed
	//   evenkeel.order.count = 1
	//   evenkeel.strategy = all-in
	// ready resolve allocation instruments snapshot cancel prices plan sell settle buy (evenkeel.order.sent) (evenkeel.order.ended) verify finish
}
