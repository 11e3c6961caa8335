package boltqueue

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// Stats counts the events by state, see [queue.Admin].
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	stats := queue.Stats{}
	err := q.view(ctx, func(w *work) error {
		stats.Counts = make(map[queue.State]int, len(states))
		for i, s := range states {
			stats.Counts[s] = int(w.counts[i])
		}
		k, _ := w.tx.Bucket(bQueued).First()
		if k == nil {
			return nil
		}
		var err error
		stats.OldestDue, err = readInstant(k)
		return err
	})
	if err != nil {
		return queue.Stats{}, fmt.Errorf("boltqueue: stats: %w", err)
	}
	return stats, nil
}

// Entry returns one event with its history, see [queue.Admin].
func (q *Queue) Entry(ctx context.Context, id string) (queue.Entry, error) {
	var it *item
	err := q.view(ctx, func(w *work) (err error) {
		it, err = w.item(id)
		return err
	})
	switch {
	case err != nil:
		return queue.Entry{}, fmt.Errorf("boltqueue: entry %s: %w", id, err)
	case it == nil:
		return queue.Entry{}, fmt.Errorf("boltqueue: entry: %w %q", queue.ErrUnknownEvent, id)
	}
	return it.Entry, nil
}

// entriesAtOnce is how many events are read in one transaction.
const entriesAtOnce = 64

// Entries lists the events in a state, see [queue.Admin]. The list is that of
// the moment at which it is begun, without those that have left the state since.
// The queue may be used meanwhile, also by the loop over it.
func (q *Queue) Entries(ctx context.Context, of queue.State) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		if !slices.Contains(states, of) {
			yield(queue.Entry{}, fmt.Errorf("boltqueue: entries: state %.40q is none of %v", of, states))
			return
		}
		var after, last uint64
		err := q.view(ctx, func(w *work) error {
			for k := range w.tx.Bucket(bStates).Before(statePrefix(of), append([]byte(of), 1)) {
				last = binary.BigEndian.Uint64(k[len(of)+1:])
				break
			}
			return nil
		})
		for err == nil && after < last {
			var page []queue.Entry
			if page, after, err = q.page(ctx, of, after, last); err != nil {
				break
			}
			for _, entry := range page {
				if err = ctx.Err(); err != nil {
					break
				}
				if !yield(entry, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(queue.Entry{}, fmt.Errorf("boltqueue: entries: %w", err))
		}
	}
}

// page reads the events in a state whose numbers are above after, up to last.
func (q *Queue) page(ctx context.Context, of queue.State, after, last uint64) (page []queue.Entry, next uint64, err error) {
	err = q.view(ctx, func(w *work) error {
		page, next = nil, last
		for k, id := range w.tx.Bucket(bStates).From(statePrefix(of), stateKey(of, after+1)) {
			seq := binary.BigEndian.Uint64(k[len(of)+1:])
			if seq > last {
				return nil
			}
			it, err := w.listed(string(id))
			if err != nil {
				return err
			}
			if it.State != of {
				return w.damaged(fmt.Errorf("event %s is not %s", id, of))
			}
			if page = append(page, it.Entry); len(page) == entriesAtOnce {
				next = seq
				return nil
			}
		}
		return nil
	})
	return page, next, err
}

// Operator changes the state of an event, see [queue.Admin].
func (q *Queue) Operator(ctx context.Context, a queue.Action) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("boltqueue: operator: %w", err)
	}
	if err := a.Check(); err != nil {
		return queue.Receipt{}, fmt.Errorf("boltqueue: operator: %w", err)
	}
	var receipt queue.Receipt
	err := q.update(ctx, func(w *work) error {
		first, err := w.done(&a)
		if err != nil {
			return err
		}
		if first != nil {
			receipt = first.Receipt
			return nil
		}
		if receipt, err = w.act(&a); err != nil {
			return err
		}
		return w.remember(&a, receipt)
	})
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("boltqueue: %s event %s: %w", a.Verb, a.ID, err)
	}
	return receipt, nil
}

// done returns what was done with the action's token, if anything.
func (w *work) done(a *queue.Action) (*act, error) {
	if a.Token == "" {
		return nil, nil
	}
	b := w.tx.Bucket(bActions).Get([]byte(a.Token))
	if b == nil {
		return nil, nil
	}
	first, err := decodeAct(b)
	if err != nil {
		return nil, w.damaged(fmt.Errorf("token %.40q: %w", a.Token, err))
	}
	if first.Verb != a.Verb || first.ID != a.ID {
		return nil, refuse("%w: token %.40q was used to %s event %s: give each action its own",
			queue.ErrInvalidAction, a.Token, first.Verb, first.ID)
	}
	return &first, nil
}

// remember keeps the token of an action, and forgets old ones.
func (w *work) remember(a *queue.Action, receipt queue.Receipt) error {
	if a.Token == "" {
		return nil
	}
	b, err := json.Marshal(act{Verb: a.Verb, ID: a.ID, Receipt: receipt})
	if err != nil {
		return err
	}
	actions, tokens := w.tx.Bucket(bActions), w.tx.Bucket(bTokens)
	n, err := tokens.Next()
	if err != nil {
		return err
	}
	if err := errors.Join(actions.Put([]byte(a.Token), b), tokens.Put(rankKey(w.now, n), []byte(a.Token))); err != nil {
		return err
	}
	for range trimAtOnce {
		k, token := tokens.First()
		at, err := readInstant(k)
		if err != nil {
			return w.damaged(err)
		}
		if w.aged.Sub(at) < w.opts.Retain {
			break
		}
		token = slices.Clone(token)
		if err := errors.Join(tokens.Delete(slices.Clone(k)), actions.Delete(token)); err != nil {
			return err
		}
	}
	return nil
}

// act does what the operator asks for.
func (w *work) act(a *queue.Action) (queue.Receipt, error) {
	it, err := w.item(a.ID)
	if err != nil {
		return queue.Receipt{}, err
	}
	if it == nil {
		return queue.Receipt{}, refuse("%w", queue.ErrUnknownEvent)
	}
	receipt := queue.Receipt{ID: a.ID}
	switch {
	case a.Verb == queue.Release && it.State == queue.Held:
		if err = w.leave(it); err == nil {
			it.Due = w.now
			err = w.wait(it)
		}
	case a.Verb == queue.Drop && slices.Contains([]queue.State{queue.Queued, queue.Delayed, queue.Held, queue.Dead}, it.State):
		if it.State == queue.Dead && it.Successor != "" {
			w.counts[countAgain]--
		}
		err = errors.Join(w.leave(it), w.depart(it), w.end(it, queue.Done))
	case a.Verb == queue.Requeue && it.State == queue.Dead && it.Successor != "":
		return receipt, refuse("%w: it was asked for again as event %s", queue.ErrWrongState, it.Successor)
	case a.Verb == queue.Requeue && it.State == queue.Dead:
		receipt, err = w.requeue(it)
	default:
		return receipt, refuse("%w: it is %s", queue.ErrWrongState, it.State)
	}
	if err != nil {
		return receipt, err
	}
	w.note(it, queue.HistoryItem{What: string(a.Verb), Operator: queue.Cut(a.Operator), Detail: queue.Cut(a.Reason)})
	return receipt, errors.Join(w.put(it), w.refresh(it.Event.Account))
}

// requeue publishes a dead event again.
func (w *work) requeue(it *item) (queue.Receipt, error) {
	event := it.Event
	event.ID, event.Key, event.Origin, event.NotBefore = "", "", event.ID, time.Time{}
	receipt, err := w.accept(event, it.same)
	if err != nil {
		return queue.Receipt{}, err
	}
	// It stays dead, but counts as one that ended.
	it.Successor = receipt.ID
	w.counts[countAgain]++
	return receipt, errors.Join(w.tx.Bucket(bDead).Delete(rankKey(it.ended, it.seq)), w.keep(it))
}
