package memqueue

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// action is what an operator did.
type action struct {
	verb    queue.ActionVerb
	id      string
	receipt queue.Receipt
}

// Stats counts the events by state, see [queue.Admin].
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	if err := ctx.Err(); err != nil {
		return queue.Stats{}, fmt.Errorf("memqueue: stats: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	stats := queue.Stats{Counts: make(map[queue.State]int, states)}
	for s, n := range q.counts {
		stats.Counts[names[s]] = n
	}
	if it := q.lanes[queued].first(); it != nil {
		stats.OldestDue = it.due
	}
	return stats, nil
}

// Entry returns one event with its history, see [queue.Admin].
func (q *Queue) Entry(ctx context.Context, id string) (queue.Entry, error) {
	if err := ctx.Err(); err != nil {
		return queue.Entry{}, fmt.Errorf("memqueue: entry %s: %w", id, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	it := q.items[id]
	if it == nil {
		return queue.Entry{}, fmt.Errorf("memqueue: entry: %w %q", queue.ErrUnknownEvent, id)
	}
	return it.entry(), nil
}

// Entries lists the events in a state, see [queue.Admin]. The list is that of
// the moment at which it is begun, without those that have left the state since.
func (q *Queue) Entries(ctx context.Context, of queue.State) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		s := slices.Index(names[:], of)
		if s < 0 {
			yield(queue.Entry{}, fmt.Errorf("memqueue: entries: state %.40q is none of %v", of, names))
			return
		}
		found := q.in(state(s))
		slices.SortFunc(found, func(a, b *item) int { return cmp.Compare(a.seq, b.seq) })
		for _, it := range found {
			if err := ctx.Err(); err != nil {
				yield(queue.Entry{}, fmt.Errorf("memqueue: entries: %w", err))
				return
			}
			if entry := q.look(it); entry.State == of && !yield(entry, nil) {
				return
			}
		}
	}
}

// in returns the events in a state.
func (q *Queue) in(s state) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	found := make([]*item, 0, q.counts[s])
	for _, it := range q.items {
		if it.state == s {
			found = append(found, it)
		}
	}
	return found
}

func (q *Queue) look(it *item) queue.Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	return it.entry()
}

// Operator changes the state of an event, see [queue.Admin].
func (q *Queue) Operator(ctx context.Context, a queue.Action) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("memqueue: operator: %w", err)
	}
	if err := a.Check(); err != nil {
		return queue.Receipt{}, fmt.Errorf("memqueue: operator: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	defer q.dispatch()
	if first, ok := q.actions[a.Token]; ok && a.Token != "" {
		if first.verb != a.Verb || first.id != a.ID {
			return queue.Receipt{}, fmt.Errorf("memqueue: operator: %w: token %.40q was used to %s event %s: give each action its own",
				queue.ErrInvalidAction, a.Token, first.verb, first.id)
		}
		return first.receipt, nil
	}
	receipt, err := q.act(&a)
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("memqueue: %s event %s: %w", a.Verb, a.ID, err)
	}
	if a.Token != "" {
		q.actions[a.Token] = action{a.Verb, a.ID, receipt}
		if q.tokens.push(a.Token); q.tokens.len() > q.opts.KeepDone {
			delete(q.actions, q.tokens.pop())
		}
	}
	return receipt, nil
}

// act does what the operator asks for.
func (q *Queue) act(a *queue.Action) (queue.Receipt, error) {
	it := q.items[a.ID]
	if it == nil {
		return queue.Receipt{}, queue.ErrUnknownEvent
	}
	receipt := queue.Receipt{ID: a.ID}
	switch {
	case a.Verb == queue.Release && it.state == held:
		it.account.enter(it)
		it.due = q.now
		q.wait(it)
	case a.Verb == queue.Drop && (it.state == queued || it.state == delayed || it.state == held || it.state == dead):
		if it.state == dead && it.successor != "" {
			q.again--
		}
		it.account.leave(it)
		q.end(it, done)
	case a.Verb == queue.Requeue && it.state == dead && it.successor != "":
		return queue.Receipt{}, fmt.Errorf("%w: it was asked for again as event %s", queue.ErrWrongState, it.successor)
	case a.Verb == queue.Requeue && it.state == dead:
		var err error
		if receipt, err = q.requeue(it); err != nil {
			return queue.Receipt{}, err
		}
	default:
		return queue.Receipt{}, fmt.Errorf("%w: it is %s", queue.ErrWrongState, names[it.state])
	}
	q.note(it, queue.HistoryItem{What: string(a.Verb), Operator: queue.Cut(a.Operator), Detail: queue.Cut(a.Reason)})
	q.refresh(it.account)
	return receipt, nil
}

// requeue publishes a dead event again.
func (q *Queue) requeue(it *item) (queue.Receipt, error) {
	event := it.event
	event.ID, event.Key, event.Origin, event.NotBefore = "", "", event.ID, time.Time{}
	receipt, err := q.accept(event)
	if err == nil {
		it.successor = receipt.ID
		q.again++
		q.keep(it)
	}
	return receipt, err
}
