package boltqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// Settle ends a lease, see [queue.Driver].
func (q *Queue) Settle(ctx context.Context, lease queue.Lease, verdict queue.Verdict) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := verdict.Check(); err != nil {
		return err
	}
	verdict.Note = verdict.Note.Cut()
	sum, err := sumOf(verdict)
	if err != nil {
		return err
	}
	return q.update(ctx, func(w *work) error {
		it, err := w.item(lease.Event)
		if err != nil {
			return err
		}
		if it == nil {
			return lost(lease, it)
		}
		if it.State == queue.Leased && it.token == lease.Token {
			return w.settle(it, verdict)
		}
		switch was := it.settledBy(lease.Token); {
		case was == nil:
			return lost(lease, it)
		case was.Sum != sum:
			return refuse("boltqueue: event %s, fence %d: %w, with %s", lease.Event, lease.Fence, queue.ErrSettled, was.Verb)
		}
		return nil // it took effect, the reply was lost
	})
}

// settle gives an event the state that the verdict asks for.
func (w *work) settle(it *item, v queue.Verdict) error {
	a, err := w.account(it.Event.Account)
	if err != nil {
		return err
	}
	if err := w.leave(it); err != nil {
		return err
	}
	w.note(it, queue.HistoryItem{What: string(v.Verb), Run: v.Note.Run, Class: v.Note.Class, Detail: v.Note.Cause})
	s, err := settlementOf(it.token, v)
	if err != nil {
		return err
	}
	it.remember(s)
	it.token, it.expires = "", time.Time{}
	a.leased = false
	a.fence = max(a.fence, v.MinFence)
	switch v.Verb {
	case queue.VerbRetry:
		it.Attempt++
		it.Due = w.now.Add(max(v.After, 0))
		err = w.wait(it)
	case queue.VerbDefer:
		it.Due = w.now
		if until := v.Until.UTC(); until.After(it.Due) {
			it.Due = until
		}
		err = w.wait(it)
	case queue.VerbHold:
		err = errors.Join(w.depart(it), w.enter(it, queue.Held))
	case queue.VerbDead:
		err = errors.Join(w.depart(it), w.enter(it, queue.Dead))
	case queue.VerbAck:
		err = errors.Join(w.depart(it), w.end(it, queue.Done))
	}
	return errors.Join(err, w.put(it), w.refresh(it.Event.Account))
}

// Extend renews a lease, see [queue.Driver].
func (q *Queue) Extend(ctx context.Context, lease queue.Lease) (queue.Lease, error) {
	if err := ctx.Err(); err != nil {
		return lease, err
	}
	asked := time.Now()
	err := q.update(ctx, func(w *work) error {
		it, err := w.item(lease.Event)
		if err != nil {
			return err
		}
		if it == nil || it.State != queue.Leased || it.token != lease.Token {
			return lost(lease, it)
		}
		return w.expire(it, w.clock.Add(w.opts.Lease))
	})
	if err != nil {
		return lease, err
	}
	lease.Duration, lease.Expires = q.opts.Lease, asked.Add(q.opts.Lease)
	return lease, nil
}

// lost explains why a lease does not count.
func lost(lease queue.Lease, it *item) error {
	detail := "no such event is kept"
	switch {
	case it == nil:
	case it.State == queue.Leased:
		detail = fmt.Sprintf("it was delivered again with fence %d", it.Fence)
	default:
		detail = fmt.Sprintf("the event is %s", it.State)
	}
	return refuse("boltqueue: event %s, fence %d: %w: %s", lease.Event, lease.Fence, queue.ErrLeaseLost, detail)
}
