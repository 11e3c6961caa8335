package queuetest_test

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

var orderMutants = []mutant{
	{"holds up nothing while an event waits", nil, holdsUpNothing, "a deferral holds up later events of its command"},
	{"lets later events overtake a retry", nil, holdsUpNothing, "order holds under retries of several accounts"},
	{"holds up the whole account for a deferral", nil, holdsUpAccount, "a deferral does not hold up other commands of its account"},
	{"holds up the whole account for a retry", nil, holdsUpAccount, "a retry does not hold up other commands of its account"},
	{"lets other commands overtake each other while an event waits", nil, func(b *broken) {
		stepsBack(b, func(d *queue.Delivery) bool { return len(blockers(b, d)) > 0 })
	}, "other commands keep the order in which they were accepted"},
	{"moves an event that waited to the end of the line", nil, func(b *broken) {
		stepsBack(b, func(d *queue.Delivery) bool { return d.Crashes == 0 && d.First.Before(time.Now()) })
	}, "an event keeps its place while it waits"},
	{"moves a crashed event to the end of the line", nil, func(b *broken) {
		stepsBack(b, func(d *queue.Delivery) bool { return d.Crashes > 0 })
	}, "a crash holds its place"},
	{"lets an event for later keep the last place", nil, func(b *broken) {
		stepsBack(b, func(d *queue.Delivery) bool { return !d.Event.NotBefore.Before(d.Event.Created) })
	}, "an event for later takes its place when it is due"},
}

// holdsUpNothing takes an event that waits for a retry or a deferral out of the
// line until it is due.
func holdsUpNothing(b *broken) {
	b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
		if v.Verb != queue.VerbRetry && v.Verb != queue.VerbDefer {
			return b.Queue.Settle(ctx, l, v)
		}
		at := max(v.After, time.Until(v.Until), time.Nanosecond)
		if err := b.Queue.Settle(ctx, l, queue.Verdict{Verb: queue.VerbHold}); err != nil {
			return err
		}
		time.AfterFunc(at, func() { release(b, l.Event) })
		return nil
	}
}

// holdsUpAccount puts off every event of an account in which an earlier one
// waits for a retry or a deferral.
func holdsUpAccount(b *broken) {
	b.receive = func(ctx context.Context) (*queue.Delivery, error) {
		for {
			d, err := b.Queue.Receive(ctx)
			if err != nil {
				return nil, err
			}
			before := blockers(b, d)
			if len(before) == 0 {
				return d, nil
			}
			_ = d.Defer(ctx, before[0].Due, queue.Note{})
		}
	}
}

// blockers are the events of the delivery's account that were accepted before
// its own, were delivered and wait.
func blockers(b *broken, d *queue.Delivery) []queue.Entry {
	var found []queue.Entry
	for e := range b.Queue.Entries(b.life, queue.Delayed) {
		if e.Event.Account == d.Event.Account && e.Fence > 0 && !e.Event.Created.After(d.Event.Created) {
			found = append(found, e)
		}
	}
	return found
}

// stepsBack lets the next event go before the first one of a kind.
func stepsBack(b *broken, kind func(*queue.Delivery) bool) {
	b.receive = func(ctx context.Context) (*queue.Delivery, error) {
		d, err := b.Queue.Receive(ctx)
		if err != nil || !kind(d) || b.count() > 1 {
			return d, err
		}
		_ = d.Hold(ctx, queue.Note{})
		next, err := b.Queue.Receive(ctx)
		release(b, d.Event.ID)
		return next, err
	}
}

func release(b *broken, id string) {
	_, _ = b.Queue.Operator(b.life, queue.Action{Verb: queue.Release, ID: id, Operator: "x", Reason: "x"})
}
