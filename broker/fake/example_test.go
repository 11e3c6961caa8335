package fake_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// A market order waits for the opening. Time is virtual, so nothing sleeps.
func Example() {
	ctx := context.Background()
	clock := fake.NewClock(time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC))
	price := decimal.NewNullDecimal(decimal.New(50, 0))
	b, err := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "SIM1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(1000, 0)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"VTI": {Bid: price, Ask: price}},
		Hours:       fake.NYSE(),
		Fees:        fake.Commission{Minimum: decimal.New(1, 0)},
		Clock:       clock,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := b.Place(ctx, broker.Order{
		ID: "first", Account: "SIM1", Instrument: "VTI", Side: broker.Buy, Quantity: decimal.New(10, 0),
		Type: broker.Market, TIF: broker.Day,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(state.Status+":", state.Reason)

	snapshot, err := b.Snapshot(ctx, "SIM1")
	if err != nil {
		fmt.Println(err)
		return
	}
	news, _, err := b.Await(ctx, "SIM1", snapshot.Cursor)
	if err != nil {
		fmt.Println(err)
		return
	}
	fill := news[0].Fills[0]
	fmt.Println(clock.Now().Format(time.TimeOnly), news[0].Status, fill.Quantity, "at", fill.Price, "fee", fill.Fee.Decimal)
	// Output:
	// held: held until the market opens
	// 14:30:00 filled 10 at 50 fee 1
}

// The broker loses the answer to an order. The caller does not know what became
// of it; the ledger does.
func ExampleBroker_Inject() {
	ctx := context.Background()
	price := decimal.NewNullDecimal(decimal.New(50, 0))
	b, err := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "SIM1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(1000, 0)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"VTI": {Bid: price, Ask: price}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b.Inject(fake.LoseAck{N: 1})
	_, err = b.Place(ctx, broker.Order{
		ID: "first", Account: "SIM1", Instrument: "VTI", Side: broker.Buy, Quantity: decimal.New(10, 0),
		Type: broker.Market, TIF: broker.Day,
	})
	fmt.Println("outcome unknown:", errors.Is(err, broker.ErrIndeterminate))
	for _, order := range b.Ledger().Orders {
		fmt.Println(order.Sent.ID, order.Status, order.Filled())
	}
	fmt.Println(b.Faults())
	// Output:
	// outcome unknown: true
	// first filled 10
	// map[lose_ack:1]
}

// A broker is written down, and another process goes on with it. The order that
// rested fills there.
func ExampleBroker_Books() {
	ctx := context.Background()
	config := fake.Config{
		Accounts:    []fake.Account{{ID: "SIM1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(1000, 0)}}},
		Instruments: []broker.Instrument{{ID: "VTI"}},
		Now:         func() time.Time { return time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC) },
	}
	first, err := fake.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	order := broker.Order{
		ID: "first", Account: "SIM1", Instrument: "VTI", Side: broker.Buy, Quantity: decimal.New(10, 0),
		Type: broker.Limit, Limit: decimal.New(50, 0), TIF: broker.Day,
	}
	if _, err := first.Place(ctx, order); err != nil {
		fmt.Println(err)
		return
	}
	books := first.Books()
	data, err := fake.EncodeBooks(&books)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The process ends here, data stays.
	read, err := fake.DecodeBooks(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	config.Books = &read
	next, err := fake.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := next.Place(ctx, order)
	fmt.Println(again.Status, again.BrokerID, err) // it is the same order
	if err := next.SetQuote("VTI", decimal.New(49, 0), decimal.New(49, 0)); err != nil {
		fmt.Println(err)
		return
	}
	again, err = next.Place(ctx, order)
	fmt.Println(again.Status, again.Fills[0].ID, again.Fills[0].Price, err)
	// Output:
	// working 1000 <nil>
	// filled x1 49 <nil>
}
