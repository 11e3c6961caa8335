package redisqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
)

// ready executes a script that first ends leases that ran out, until it has
// ended them all.
func (q *Queue) ready(ctx context.Context, s *redisconn.Script, args ...any) (reply, error) {
	for {
		r, err := q.run(ctx, s, args...)
		if err != nil || r.text(0) != "more" {
			return r, err
		}
	}
}

// Stats counts the events by state, see [queue.Admin].
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	r, err := q.ready(ctx, q.scripts.stats)
	if err != nil {
		return queue.Stats{}, fmt.Errorf("redisqueue: stats: %w", err)
	}
	stats := queue.Stats{Counts: map[queue.State]int{}}
	var faults []error
	for i, state := range [...]queue.State{
		queue.Queued, queue.Delayed, queue.Leased, queue.Held, queue.Dead, queue.Done, queue.Superseded,
	} {
		n, err := strconv.Atoi(r.text(i + 1))
		stats.Counts[state] = n
		faults = append(faults, err)
	}
	oldest, err := instant(r.text(8))
	stats.OldestDue = oldest
	if err := errors.Join(append(faults, err)...); err != nil {
		return queue.Stats{}, fmt.Errorf("redisqueue: stats: %w", err)
	}
	return stats, nil
}

// Operator changes the state of an event, see [queue.Admin].
func (q *Queue) Operator(ctx context.Context, a queue.Action) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: operator: %w", err)
	}
	if err := a.Check(); err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: operator: %w", err)
	}
	token := "operator " + a.Token
	if a.Token == "" {
		token = q.token()
	}
	note, err := json.Marshal(item{Operator: queue.Cut(a.Operator), Detail: queue.Cut(a.Reason)})
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: operator: note: %w", err)
	}
	newID, event := "", []byte(nil)
	if a.Verb == queue.Requeue {
		if newID, event, err = q.successor(ctx, a.ID); err != nil {
			return queue.Receipt{}, fmt.Errorf("redisqueue: %s event %s: %w", a.Verb, a.ID, err)
		}
	}
	r, err := q.runBehind(ctx, q.opts.Barrier, q.scripts.operator, token, string(a.Verb), a.ID, note, newID, event)
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: %s event %s: %w", a.Verb, a.ID, full(err))
	}
	return q.acted(r, &a)
}

// acted reads the answer to an action.
func (q *Queue) acted(r reply, a *queue.Action) (queue.Receipt, error) {
	var err error
	switch r.text(0) {
	case "ok":
		if r.text(3) == "1" {
			q.stir()
		}
		return queue.Receipt{ID: r.text(1), Superseded: r.text(2)}, nil
	case "used":
		return queue.Receipt{}, fmt.Errorf("redisqueue: operator: %w: token %.40q was used to %s event %s: give each action its own",
			queue.ErrInvalidAction, a.Token, r.text(1), r.text(2))
	case "unknown":
		err = queue.ErrUnknownEvent
	case "full":
		err = q.tooMany(r)
	case "wrong":
		if err = fmt.Errorf("%w: it is %s", queue.ErrWrongState, r.text(1)); r.text(2) != "" {
			err = fmt.Errorf("%w: it was asked for again as event %s", queue.ErrWrongState, r.text(2))
		}
	default:
		err = fmt.Errorf("the server answered %.40q", r.text(0))
	}
	return queue.Receipt{}, fmt.Errorf("redisqueue: %s event %s: %w", a.Verb, a.ID, err)
}

// successor is the new event with which a dead one is asked for again. Of an
// unknown event there is none.
func (q *Queue) successor(ctx context.Context, id string) (string, []byte, error) {
	entry, err := q.Entry(ctx, id)
	if errors.Is(err, queue.ErrUnknownEvent) {
		return "", nil, nil // the script says so, unless it knows the token
	}
	if err != nil {
		return "", nil, err
	}
	event := entry.Event
	event.ID, event.Key, event.Origin = q.opts.NewID(), "", id
	event.NotBefore, event.Created = time.Time{}, time.Time{}
	data, err := queue.EncodeEvent(event)
	return event.ID, data, err
}
