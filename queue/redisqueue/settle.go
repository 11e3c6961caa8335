package redisqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// item is what a history keeps of a note or an action, besides what the scripts
// write themselves.
type item struct {
	Run      string `json:"run,omitempty"`
	Class    string `json:"class,omitempty"`
	Operator string `json:"operator,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// Settle ends a lease, see [queue.Driver].
func (q *Queue) Settle(ctx context.Context, lease queue.Lease, verdict queue.Verdict) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := verdict.Check(); err != nil {
		return err
	}
	verdict.Note = verdict.Note.Cut() // kept as long as the event
	note := []byte("{}")
	if verdict.Note != (queue.Note{}) {
		var err error
		if note, err = json.Marshal(item{Run: verdict.Note.Run, Class: verdict.Note.Class, Detail: verdict.Note.Cause}); err != nil {
			return fmt.Errorf("redisqueue: note: %w", err)
		}
	}
	r, err := q.run(ctx, q.scripts.settle, lease.Account, lease.Event, lease.Token, string(verdict.Verb),
		strconv.FormatInt(ceilMicros(verdict.After), 10), micros(verdict.Until), strconv.FormatUint(verdict.MinFence, 10), note, digest(&verdict, note))
	if err != nil {
		return fmt.Errorf("redisqueue: %w", err)
	}
	if r.text(len(r)-1) == "1" {
		q.stir()
	}
	switch r.text(0) {
	case "ok":
		return nil
	case "moved":
		return fmt.Errorf("redisqueue: event %s, fence %d: %w: it was leased by the server with run_id %s, and %s answers, which may lack the result: it is delivered again",
			lease.Event, lease.Fence, queue.ErrLeaseLost, r.text(1), r.text(2))
	case "settled":
		return fmt.Errorf("redisqueue: event %s, fence %d: %w, with %s", lease.Event, lease.Fence, queue.ErrSettled, r.text(1))
	}
	return lost(lease, r)
}

// ceilMicros rounds up: a retry does not come before its time.
func ceilMicros(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d-1)/time.Microsecond) + 1
}

// Extend renews a lease, see [queue.Driver].
func (q *Queue) Extend(ctx context.Context, lease queue.Lease) (queue.Lease, error) {
	if err := ctx.Err(); err != nil {
		return lease, err
	}
	before := time.Now()
	r, err := q.run(ctx, q.scripts.extend, lease.Account, lease.Event, lease.Token)
	if err != nil {
		return lease, fmt.Errorf("redisqueue: %w", err)
	}
	if r.text(len(r)-1) == "1" {
		q.stir()
	}
	if r.text(0) != "ok" {
		return lease, lost(lease, r)
	}
	lease.Duration, lease.Expires = q.opts.Lease, before.Add(q.opts.Lease)
	return lease, nil
}

// lost explains why a lease does not count.
func lost(lease queue.Lease, r reply) error {
	switch state := queue.State(r.text(1)); state {
	case "":
		return fmt.Errorf("redisqueue: event %s, fence %d: %w: no such event is kept", lease.Event, lease.Fence, queue.ErrLeaseLost)
	case queue.Leased:
		return fmt.Errorf("redisqueue: event %s, fence %d: %w: it was delivered again with fence %s", lease.Event, lease.Fence, queue.ErrLeaseLost, r.text(2))
	default:
		return fmt.Errorf("redisqueue: event %s, fence %d: %w: the event is %s", lease.Event, lease.Fence, queue.ErrLeaseLost, state)
	}
}
