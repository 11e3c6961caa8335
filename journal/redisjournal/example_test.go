package redisjournal_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// Two workers share a journal: the second takes the account over, and the first
// can record nothing more. With a server, write
//
//	j, err := redisjournal.Open(ctx, "redis://localhost:6379", redisjournal.Options{})
func Example() {
	server, err := miniredis.Run() // in the place of a real one
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	j, err := redisjournal.New(client, redisjournal.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()

	ctx, now := context.Background(), time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	claim := journal.Claim{Account: "U1", Event: "e1", Command: "rebalance", Time: now}
	first, err := j.Begin(ctx, claim)
	fmt.Println("first fence:", first.Grant.Fence, err)
	intent := journal.Intent{
		Run: first.Grant.Run, Number: 1, Time: now,
		Order: broker.Order{
			ID: "r1", Account: "U1", Instrument: "AAA", Side: broker.Buy,
			Quantity: decimal.New(10, 0), Type: broker.Market, TIF: broker.Day,
		},
	}
	fmt.Println("recorded:", j.Intend(ctx, first.Grant, intent) == nil)

	second, err := j.Begin(ctx, claim)
	fmt.Println("second fence:", second.Grant.Fence, err)
	fmt.Println("may be at the broker:", second.Standing.Open[0].Order.ID)
	intent.Order.ID = "r2"
	fmt.Println("first is fenced:", errors.Is(j.Intend(ctx, first.Grant, intent), journal.ErrFenced))
	// Output:
	// first fence: 1 <nil>
	// recorded: true
	// second fence: 2 <nil>
	// may be at the broker: r1
	// first is fenced: true
}
