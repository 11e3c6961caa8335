package boltqueue_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

// An event that was accepted is there after a restart.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "queue.db")

	q, err := boltqueue.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	event := queue.Event{Account: "U1234567", Command: "rebalance", Key: "2026-03-02"}
	_, err = q.Publish(ctx, event)
	fmt.Println("published:", err)
	fmt.Println("closed:", q.Close())

	q, err = boltqueue.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	again, err := q.Publish(ctx, event)
	fmt.Println("duplicate:", again.Duplicate, err)
	d, err := q.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Event.Command, d.Event.Account, "fence", d.Fence)
	fmt.Println("settled:", d.Ack(ctx, queue.Note{Class: "completed"}))
	// Output:
	// published: <nil>
	// closed: <nil>
	// duplicate: true <nil>
	// rebalance U1234567 fence 1
	// settled: <nil>
}
