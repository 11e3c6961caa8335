package fake

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// wait is what a call of Await waits for.
type wait struct {
	end     time.Time // of the context, in the time of the clock
	bounded bool
	epoch   broker.Epoch // in which the call began
	// As of the last look:
	at      time.Time       // the time then
	due     time.Time       // when something happens by itself; zero if nothing will
	resting bool            // orders of the account may fill at another quote
	news    <-chan struct{} // closed when something happens
}

// newWait notes when a context ends, if time is virtual.
func (b *Broker) newWait(ctx context.Context) wait {
	clock := b.cfg.Clock
	if clock == nil {
		return wait{}
	}
	var w wait
	w.end, w.bounded = clock.deadline(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		end := clock.Now().Add(time.Until(deadline).Round(time.Millisecond))
		if !w.bounded || end.Before(w.end) {
			w.end, w.bounded = end, true
		}
	}
	return w
}

// pause returns when it is worth to look again, or why that is never.
func (b *Broker) pause(ctx context.Context, w *wait) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.cfg.Clock != nil {
		return b.skip(ctx, w)
	}
	left, timed := time.Duration(0), false
	if !w.due.IsZero() {
		left, timed = w.due.Sub(b.cfg.Now()), true
	}
	if w.resting && b.cfg.Prices != nil && (!timed || left > b.cfg.Poll) {
		left, timed = b.cfg.Poll, true
	}
	var over <-chan time.Time
	if timed {
		timer := time.NewTimer(left)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.news:
	case <-over:
	}
	return nil
}

// skip moves the clock to the next thing that is due, or to the end of the wait.
// Without either it waits for news, or for somebody else to move the clock.
func (b *Broker) skip(ctx context.Context, w *wait) error {
	clock := b.cfg.Clock
	if w.bounded && !w.at.Before(w.end) {
		return context.DeadlineExceeded
	}
	switch {
	case !w.due.IsZero() && (!w.bounded || !w.due.After(w.end)):
		clock.Set(w.due)
		return nil
	case w.bounded:
		clock.Set(w.end)
		return nil
	}
	moved := clock.next()
	if clock.Now().After(w.at) {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.news:
	case <-moved:
	}
	return nil
}
