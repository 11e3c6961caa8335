package memqueue

import (
	"context"
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
	verdict.Note = verdict.Note.Cut() // kept as long as the event
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	it := q.items[lease.Event]
	var was *settlement
	if it != nil {
		was = it.settledBy(lease.Token)
	}
	switch {
	case it == nil:
		return q.lost(lease)
	case it.state == leased && it.token == lease.Token:
		q.settle(it, verdict)
		return nil
	case was == nil:
		return q.lost(lease)
	case !was.verdict.Equal(verdict):
		return fmt.Errorf("memqueue: event %s, fence %d: %w, with %s",
			lease.Event, lease.Fence, queue.ErrSettled, was.verdict.Verb)
	}
	return nil // it took effect, the reply was lost
}

// settle gives an event the state that the verdict asks for.
func (q *Queue) settle(it *item, v queue.Verdict) {
	a := it.account
	q.note(it, queue.HistoryItem{What: string(v.Verb), Run: v.Note.Run, Class: v.Note.Class, Detail: v.Note.Cause})
	it.remember(settlement{token: it.token, verdict: v})
	it.token = ""
	a.leased = nil
	a.fence = max(a.fence, v.MinFence)
	switch v.Verb {
	case queue.VerbRetry:
		it.attempt++
		it.due = q.now.Add(max(v.After, 0))
		q.wait(it)
	case queue.VerbDefer:
		it.due = later(q.now, v.Until.UTC())
		q.wait(it)
	case queue.VerbHold:
		a.leave(it)
		q.move(it, held, time.Time{})
	case queue.VerbDead:
		a.leave(it)
		q.move(it, dead, time.Time{})
	case queue.VerbAck:
		a.leave(it)
		q.end(it, done)
	}
	q.refresh(a)
}

// Extend renews a lease, see [queue.Driver].
func (q *Queue) Extend(ctx context.Context, lease queue.Lease) (queue.Lease, error) {
	if err := ctx.Err(); err != nil {
		return lease, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	it := q.items[lease.Event]
	if it == nil || it.state != leased || it.token != lease.Token {
		return lease, q.lost(lease)
	}
	q.move(it, leased, q.clock.Add(q.opts.Lease))
	lease.Duration, lease.Expires = q.opts.Lease, it.rank
	return lease, nil
}

// lost explains why a lease does not count.
func (q *Queue) lost(lease queue.Lease) error {
	it := q.items[lease.Event]
	switch {
	case it == nil:
		return fmt.Errorf("memqueue: event %s, fence %d: %w: no such event is kept", lease.Event, lease.Fence, queue.ErrLeaseLost)
	case it.state == leased:
		return fmt.Errorf("memqueue: event %s, fence %d: %w: it was delivered again with fence %d",
			lease.Event, lease.Fence, queue.ErrLeaseLost, it.fence)
	}
	return fmt.Errorf("memqueue: event %s, fence %d: %w: the event is %s", lease.Event, lease.Fence, queue.ErrLeaseLost, names[it.state])
}
