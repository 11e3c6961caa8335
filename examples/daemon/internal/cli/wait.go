package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// soon is how far off an event may be that is still waited for.
const soon = 5 * time.Second

// waits reports whether an event will not go on for a while.
func waits(e *ops.Event) bool { return e.State == queue.Delayed && time.Until(e.Due) > soon }

// ahead returns the event that holds up another one of its account for a while,
// nil if none does.
func ahead(ctx context.Context, conn *connection, e *ops.Event) (*ops.Event, error) {
	s, err := conn.Status(ctx)
	if err != nil {
		return nil, err
	}
	for i := range s.Waiting {
		if w := &s.Waiting[i]; w.ID != e.ID && w.Account == e.Account && waits(w) {
			return w, nil
		}
	}
	return nil, nil //nolint:nilnil // none does
}

// await waits until an event has ended, or will not go on for a while, and shows
// its run.
func (c *call) await(ctx context.Context, conn *connection, id string) error {
	ended := c.progress("event " + clean(id))
	var e ops.Event
	for began := time.Now(); ; {
		var err error
		if e, err = conn.Event(ctx, id); err != nil {
			ended()
			return err
		}
		if e.State == queue.Done || e.State == queue.Dead || e.State == queue.Held || e.State == queue.Superseded || waits(&e) {
			break
		}
		if e.State == queue.Queued && time.Since(began) > soon/2 {
			first, err := ahead(ctx, conn, &e)
			if first != nil {
				err = fmt.Errorf("%w: event %s is in the queue, behind event %s of its account, which waits until %s UTC: %s",
					errBadNews, clean(id), clean(first.ID), when(first.Due), clean(first.Why()))
			}
			if err != nil {
				ended()
				return err
			}
		}
		select {
		case <-ctx.Done():
			ended()
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	ended()
	if waits(&e) {
		if err := c.show(e, func() error { return c.eventTable(&e) }); err != nil {
			return err
		}
		return fmt.Errorf("%w: the event waits until %s UTC, and goes on by itself then: %s", errBadNews, when(e.Due), clean(e.Why()))
	}
	if id := e.LastRun(); id != "" {
		r, err := conn.Run(ctx, journal.RunID(id))
		if err != nil {
			return err
		}
		if err := c.show(r, func() error { return c.runTable(&r) }); err != nil {
			return err
		}
		if r.Outcome == ops.Unfinished {
			return fmt.Errorf("%w: the event is %s: %s", errBadNews, e.State, clean(e.Why()))
		}
		if !r.Outcome.Ended() || r.Outcome == rebalance.Rejected {
			return fmt.Errorf("%w: the run is %s", errBadNews, r.Outcome)
		}
		return nil
	}
	if err := c.show(e, func() error { return c.eventTable(&e) }); err != nil {
		return err
	}
	if e.State != queue.Done {
		return fmt.Errorf("%w: the event is %s", errBadNews, e.State)
	}
	return nil
}
