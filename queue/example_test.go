package queue_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// Publishing with a Key may be repeated; a newer event takes the place of an
// older one that nobody has begun.
func Example_publish() {
	ctx := context.Background()
	q := memqueue.New(memqueue.Options{NewID: ids()})

	event := queue.Event{Key: "daily-2026-01-05", Account: "DU123", Command: "rebalance"}
	first, _ := q.Publish(ctx, event)
	again, _ := q.Publish(ctx, event)
	event.Key = "drift-2026-01-05"
	newer, _ := q.Publish(ctx, event)
	fmt.Printf("%+v\n%+v\n%+v\n", first, again, newer)

	_, err := q.Publish(ctx, queue.Event{Account: "DU 123"})
	fmt.Println(errors.Is(err, queue.ErrInvalidEvent))
	fmt.Println(err)
	// Output:
	// {ID:event1 Duplicate:false Superseded:}
	// {ID:event1 Duplicate:true Superseded:}
	// {ID:event2 Duplicate:false Superseded:event1}
	// true
	// memqueue: publish: queue: invalid event for account "DU 123": account "DU 123" has characters other than printable ASCII
	// command is empty
}

// A delivery is settled once, and its event's history tells what happened.
func Example_settle() {
	ctx := context.Background()
	q := memqueue.New(memqueue.Options{NewID: ids()})
	receipt, err := q.Publish(ctx, queue.Event{Account: "DU123", Command: "rebalance"})
	if err != nil {
		fmt.Println(err)
		return
	}

	d, _ := q.Receive(ctx)
	fmt.Println(d.Event.ID, "attempt", d.Attempt, "fence", d.Fence)
	_ = d.Retry(ctx, 10*time.Millisecond, queue.Note{Class: "failed", Cause: "gateway does not answer"})
	fmt.Println(d.Ack(ctx, queue.Note{}))

	d, _ = q.Receive(ctx)
	fmt.Println(d.Event.ID, "attempt", d.Attempt, "fence", d.Fence)
	_ = d.Hold(ctx, queue.Note{Class: "held", Cause: "turnover above its limit"})

	_, _ = q.Operator(ctx, queue.Action{Verb: queue.Release, ID: receipt.ID, Operator: "ana", Reason: "the new model is meant"})
	d, _ = q.Receive(ctx)
	_ = d.Ack(ctx, queue.Note{Class: "completed"})

	entry, _ := q.Entry(ctx, receipt.ID)
	for _, h := range entry.History {
		fmt.Printf("%s %d %q\n", h.What, h.Attempt, h.Detail)
	}
	// Output:
	// event1 attempt 1 fence 1
	// queue: ack event event1: delivery already settled
	// event1 attempt 2 fence 2
	// published 0 ""
	// delivered 1 ""
	// retry 1 "gateway does not answer"
	// delivered 2 ""
	// hold 2 "turnover above its limit"
	// release 2 "the new model is meant"
	// delivered 2 ""
	// ack 2 ""
}

// What an old worker cannot read it keeps for a newer one.
func ExampleDecodeEvent() {
	event, err := queue.DecodeEvent([]byte(`{"schema":2,"account":"DU123","command":"rebalance","urgency":"high"}`))
	fmt.Println(errors.Is(err, queue.ErrNewerSchema), event.Account)
	event.ID = "event1"
	data, err := queue.EncodeEvent(event)
	fmt.Println(string(data), err)
	// Output:
	// true DU123
	// {"account":"DU123","command":"rebalance","id":"event1","schema":2,"urgency":"high"} <nil>
}

// ids gives readable IDs, one after the other.
func ids() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("event%d", n)
	}
}
