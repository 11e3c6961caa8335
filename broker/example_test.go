package broker_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Example reads an account, places an order in the session that was read, and
// waits for what becomes of it.
func Example() {
	ctx := context.Background()
	b, err := exampleBroker()
	if err != nil {
		fmt.Println(err)
		return
	}
	before, err := b.Snapshot(ctx, "SIM1")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := b.Resolve(ctx, "VTI")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = b.Place(ctx, broker.Order{
		ID: "example.1", Account: "SIM1", Instrument: "VTI", Ref: found["VTI"].Ref, Side: broker.Buy,
		Quantity: decimal.New(4, 0), Type: broker.Limit, Limit: decimal.New(25050, -2), TIF: broker.Day,
		Epoch: before.Epoch, // not sent if the session is another one by now
	})
	switch {
	case errors.Is(err, broker.ErrIndeterminate):
		fmt.Println("it may be at the broker: resolve it, never repeat it")
	case err != nil:
		fmt.Println("it is not at the broker:", err)
	}
	news, _, err := b.Await(ctx, "SIM1", before.Cursor)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, order := range news {
		fmt.Println(order.Order.ID, order.Status, order.Filled(), "at", order.Fills[0].Price)
	}
	after, err := b.Snapshot(ctx, "SIM1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(before.NetLiquidation, after.Cash["USD"], after.Position("VTI"))
	// Output:
	// example.1 filled 4 at 250.2
	// 5000 3999.2 4
}

// ExampleAs uses an optional role if the broker has it.
func ExampleAs() {
	b, err := exampleBroker()
	if err != nil {
		fmt.Println(err)
		return
	}
	if prober, ok := broker.As[broker.Prober](b); ok {
		probe, err := prober.Probe(context.Background())
		fmt.Println("session", probe.Epoch, err)
	}
	// Output: session 1 <nil>
}

// ExampleQuo rounds halves to the even neighbour.
func ExampleQuo() {
	for _, n := range []int64{1, 3, 5} {
		q, err := broker.Quo(decimal.New(n, 0), decimal.New(2, 0), 0)
		fmt.Println(q, err)
	}
	// Output:
	// 0 <nil>
	// 2 <nil>
	// 2 <nil>
}

// exampleBroker is a broker with one account and one instrument.
func exampleBroker() (broker.Broker, error) {
	return fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "SIM1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(5000, 0)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}},
		Quotes: map[broker.InstrumentID]marketdata.Quote{"VTI": {
			Bid: decimal.NewNullDecimal(decimal.New(24980, -2)), Ask: decimal.NewNullDecimal(decimal.New(25020, -2)),
		}},
	})
}
