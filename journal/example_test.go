package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// A worker records an order before it sends it, and stops in the middle. The
// next one takes over: it sees what may be at the broker, settles it, and ends
// the run. The first one cannot write any more.
func Example() {
	ctx := context.Background()
	now := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	j := journal.NewMemory(journal.MemoryOptions{})
	claim := journal.Claim{Account: "U1", Event: "monday", Command: "rebalance", Time: now}

	first, err := j.Begin(ctx, claim)
	if err != nil {
		fmt.Println(err)
		return
	}
	order := broker.Order{
		ID: "ek1.monday.1.0.1", Account: "U1", Instrument: "VTI", Side: broker.Buy, Quantity: decimal.New(10, 0),
		Type: broker.Limit, Limit: decimal.New(30125, -2), TIF: broker.Day,
	}
	err = j.Intend(ctx, first.Grant, journal.Intent{Run: first.Run.ID, Order: order, Number: 1, Time: now})
	fmt.Println("intent:", err)

	second, err := j.Begin(ctx, claim)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("resumed:", second.Resumed, "fence:", second.Grant.Fence)
	for _, open := range second.Standing.Open {
		fmt.Println("open:", open.Order.Side, open.Order.Quantity, open.Order.Instrument)
	}
	outcome := journal.Outcome{Name: "completed", Time: now, Result: json.RawMessage(`{"orders":1}`)}
	fmt.Println("finish:", j.Finish(ctx, second.Grant, outcome))
	err = j.Settle(ctx, second.Grant, journal.Settlement{
		Ref: order.ID, Outcome: journal.Filled, Filled: decimal.New(10, 0), AveragePrice: decimal.New(30120, -2), Time: now,
	})
	fmt.Println("settle:", err)
	fmt.Println("finish:", j.Finish(ctx, second.Grant, outcome))

	err = j.Checkpoint(ctx, first.Grant, journal.Step{Name: "buy", Time: now})
	fmt.Println("first worker:", errors.Is(err, journal.ErrFenced))
	// Output:
	// intent: <nil>
	// resumed: true fence: 2
	// open: BUY 10 VTI
	// finish: journal: finish: account U1: run monday/1: run has open intents: settle ek1.monday.1.0.1 first
	// settle: <nil>
	// finish: <nil>
	// first worker: true
}

// Records are stored as JSON with the version of their form.
func ExampleEncodeRecord() {
	now := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	data, err := journal.EncodeRecord(journal.Record{
		Kill: &journal.Kill{Account: "U1", Operator: "ada", Reason: "drill", Time: now},
	})
	fmt.Println(string(data), err)
	// Output:
	// {"schema":1,"kill":{"account":"U1","operator":"ada","reason":"drill","time":"2026-03-02T14:30:00Z"}} <nil>
}
