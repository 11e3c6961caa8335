package redisqueue_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// A producer and a worker, on two machines, share a queue by its URL.
func Example() {
	ctx := context.Background()
	server, err := miniredis.Run() // in real life: redis-server, with appendonly yes
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	producer, err := redisqueue.Dial(ctx, "redis://"+server.Addr()+"/0", redisqueue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = producer.Close() }()
	event := queue.Event{Account: "DU1", Command: "rebalance", Key: "daily:2026-01-05"}
	for range 2 { // the second one is the same
		receipt, err := producer.Publish(ctx, event)
		fmt.Println(receipt.Duplicate, err)
	}

	worker, err := redisqueue.Dial(ctx, "redis://"+server.Addr()+"/0", redisqueue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = worker.Close() }()
	d, err := worker.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Event.Account, d.Event.Command, d.Fence)
	fmt.Println(d.Ack(ctx, queue.Note{Class: "completed"}))
	// Output:
	// false <nil>
	// true <nil>
	// DU1 rebalance 1
	// <nil>
}
