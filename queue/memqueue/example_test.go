package memqueue_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// Three workers share the work on six accounts, and stop when the queue closes.
func Example() {
	ctx := context.Background()
	q := memqueue.New(memqueue.Options{})

	var mu sync.Mutex
	handled := 0
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for {
				d, err := q.Receive(ctx)
				if err != nil {
					return // closed
				}
				err = d.Ack(ctx, queue.Note{Class: "completed"})
				mu.Lock()
				handled++
				if err != nil || handled == 6 {
					_ = q.Close()
				}
				mu.Unlock()
			}
		})
	}
	for i := range 6 {
		_, err := q.Publish(ctx, queue.Event{Account: fmt.Sprintf("DU%d", i), Command: "rebalance"})
		if err != nil {
			fmt.Println(err)
		}
	}
	workers.Wait()

	stats, err := q.Stats(ctx)
	fmt.Println(handled, stats.Counts[queue.Done], err)
	// Output: 6 6 <nil>
}
