package ibkr_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// Ten shares are bought at a gateway, which is a simulated one here.
func Example() {
	hundred := decimal.NewFromInt(100)
	gateway, err := gatewaysim.Start(gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: "DU1234567", Cash: map[string]decimal.Decimal{"USD": decimal.NewFromInt(10_000)}}},
		Quotes:   map[string]gatewaysim.Quote{"AAPL": {Bid: hundred, Ask: hundred, Last: hundred, Close: hundred}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gateway.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, err := ibkr.Open(ctx, ibkr.Config{
		Address: gateway.Addr(), ClientID: 17,
		Accounts: []ibkr.Account{{ID: "DU1234567", Mode: broker.Paper}},
		Restart:  never(), // so that the example runs at any hour
		Timing:   ibkr.Timing{Settle: -1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	_, err = b.Place(ctx, broker.Order{
		ID: "my-first-order", Account: "DU1234567", Instrument: "AAPL", Side: broker.Buy, Quantity: decimal.NewFromInt(10),
		Type: broker.Limit, Limit: decimal.NewFromInt(101), TIF: broker.Day,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var state broker.OrderState
	for cursor := (broker.Cursor{}); !state.Status.Terminal(); {
		var news []broker.OrderState
		if news, cursor, err = b.Await(ctx, "DU1234567", cursor); err != nil {
			fmt.Println(err)
			return
		}
		state = news[len(news)-1]
	}
	snapshot, err := b.Snapshot(ctx, "DU1234567")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(state.Order.ID, state.Status, state.Filled())
	fmt.Println("AAPL", snapshot.Position("AAPL"), "cash", snapshot.Cash["USD"], "USD")
	// Output:
	// my-first-order filled 10
	// AAPL 10 cash 8999 USD
}
