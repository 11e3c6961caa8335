package boltqueue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/queue"
)

// The buckets, and what stands in them (see keys.go and item.go).
const (
	bEvents   = "events"   // ID → item
	bKeys     = "keys"     // Key → ID
	bAccounts = "accounts" // account → account
	bLine     = "line"     // account, place → spot, of what is queued, delayed or leased
	bDelayed  = "delayed"  // due, place → lane
	bQueued   = "queued"   // due, place → lane
	bLeased   = "leased"   // end of the lease, place → lane
	bReady    = "ready"    // due, place → lane, of the event that is next in each account
	bStates   = "states"   // state, number → ID
	bEnded    = "ended"    // end, number → ID
	bDead     = "dead"     // end, number → ID, of dead ones that nobody asked for again
	bActions  = "actions"  // token → act
	bTokens   = "tokens"   // time, number → token
	bCounts   = "counts"   // "counts" → counts
)

var keyCounts = []byte("counts")

// work is one transaction on the queue.
type work struct {
	tx         *boltfile.Tx
	opts       *Options
	now        time.Time // by opts.Now
	aged       time.Time // by which ages are measured
	setBack    bool      // the time of day went back since the last change
	clock      time.Time // the process's
	counts     counts
	wasCounts  counts
	accounts   map[string]*account // as far as read
	wasAccount map[string][]byte
}

// refusal is an error of the caller's; nothing was written because of it.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// update brings the queue up to the present and then does what is asked for, in
// one transaction. Its function may run more than once.
func (q *Queue) update(ctx context.Context, do func(w *work) error) error {
	var refused error
	var now time.Time
	err := q.file.Update(ctx, func(tx *boltfile.Tx) error {
		refused = nil
		w, err := q.work(tx)
		if err != nil {
			return err
		}
		now = w.now
		if err := w.advance(); err != nil {
			return err
		}
		if _, err := w.trim(trimAtOnce); err != nil {
			return err
		}
		if err := do(w); err != nil {
			var r *refusal
			if !errors.As(err, &r) {
				return err
			}
			refused = r.error
		}
		return w.save()
	})
	q.wake()
	if err != nil {
		return stored(err)
	}
	q.last.Store(&now)
	return refused
}

// view looks at the queue as of the present.
func (q *Queue) view(ctx context.Context, look func(w *work) error) error {
	for {
		behind := false
		err := q.file.View(ctx, func(tx *boltfile.Tx) error {
			w, err := q.work(tx)
			if err != nil {
				return err
			}
			if behind = w.behind(); behind {
				return nil
			}
			return look(w)
		})
		if err != nil {
			return stored(err)
		}
		if !behind {
			return nil
		}
		if err := q.update(ctx, func(*work) error { return nil }); err != nil {
			return err
		}
	}
}

// work begins the work in a transaction.
func (q *Queue) work(tx *boltfile.Tx) (*work, error) {
	w := &work{
		tx: tx, opts: &q.opts, now: q.opts.Now().UTC().Round(0), clock: q.clock(),
		accounts: map[string]*account{}, wasAccount: map[string][]byte{},
	}
	w.aged, w.setBack = q.aged(w.now), q.setBack(w.now)
	var err error
	if w.counts, err = decodeCounts(tx.Bucket(bCounts).Get(keyCounts)); err != nil {
		return nil, w.damaged(err)
	}
	w.wasCounts = w.counts
	return w, nil
}

// save stores what was changed of the accounts and the counts.
func (w *work) save() error {
	for name, a := range w.accounts {
		b := a.encode()
		if bytes.Equal(b, w.wasAccount[name]) {
			continue
		}
		if err := w.tx.Bucket(bAccounts).Put([]byte(name), b); err != nil {
			return err
		}
	}
	if w.counts == w.wasCounts {
		return nil
	}
	return w.tx.Bucket(bCounts).Put(keyCounts, w.counts.encode())
}

// damaged is the error of what cannot be read.
func (w *work) damaged(err error) error {
	return fmt.Errorf("boltqueue: %w: %w", ErrDamaged, err)
}

// behind reports whether time alone has changed something.
func (w *work) behind() bool {
	if w.setBack {
		return true
	}
	if k, _ := w.tx.Bucket(bDelayed).First(); k != nil && !later(k, w.now) {
		return true
	}
	k, _ := w.tx.Bucket(bLeased).First()
	return k != nil && !later(k, w.clock)
}

// later reports whether a rank is of a later instant.
func later(rank []byte, t time.Time) bool {
	return bytes.Compare(rank[:min(len(rank), instantSize)], appendInstant(nil, t)) > 0
}

// next is how long from now on time alone changes nothing.
func (w *work) next() (nap time.Duration, ok bool) {
	for _, l := range [...]struct {
		bucket string
		from   time.Time
	}{{bDelayed, w.now}, {bLeased, w.clock}} {
		k, _ := w.tx.Bucket(l.bucket).First()
		if k == nil {
			continue
		}
		at, err := readInstant(k)
		if err != nil {
			continue // whoever uses it will say so
		}
		if d := at.Sub(l.from); !ok || d < nap {
			nap, ok = d, true
		}
	}
	return nap, ok
}

// advance queues what became due, and ends the leases that ran out.
func (w *work) advance() error {
	if w.setBack {
		if err := w.boundRetries(); err != nil {
			return err
		}
	}
	delayed := w.tx.Bucket(bDelayed)
	for k, v := delayed.First(); k != nil && !later(k, w.now); k, v = delayed.First() {
		if err := w.fallDue(slices.Clone(k), slices.Clone(v)); err != nil {
			return err
		}
	}
	leased := w.tx.Bucket(bLeased)
	for k, v := leased.First(); k != nil && !later(k, w.clock); k, v = leased.First() {
		it, err := w.laned(v)
		if err != nil {
			return err
		}
		if err := w.crash(it); err != nil {
			return err
		}
	}
	return nil
}

// fallDue makes a delayed event a queued one.
func (w *work) fallDue(rank, value []byte) error {
	l, err := decodeLane(value)
	if err != nil {
		return w.damaged(err)
	}
	if len(rank) != rankSize {
		return w.damaged(errRank(l.id, rank))
	}
	at := append(accountPrefix(l.account), rank[instantSize:]...)
	line := w.tx.Bucket(bLine)
	s, err := decodeSpot(line.Get(at))
	if err != nil {
		return w.damaged(err)
	}
	s.state = spotQueued
	states := w.tx.Bucket(bStates)
	w.count(queue.Delayed, -1)
	w.count(queue.Queued, 1)
	if err := errors.Join(
		w.tx.Bucket(bDelayed).Delete(rank), w.tx.Bucket(bQueued).Put(rank, value), line.Put(at, s.encode()),
		states.Delete(stateKey(queue.Delayed, l.seq)), states.Put(stateKey(queue.Queued, l.seq), []byte(l.id)),
	); err != nil {
		return err
	}
	return w.refresh(l.account)
}

// count changes the number of events in a state.
func (w *work) count(s queue.State, by int) {
	w.counts[slices.Index(states, s)] += uint64(by)
}

var states = queue.States()

// account returns an account, an empty one if it was never seen.
func (w *work) account(name string) (*account, error) {
	if a := w.accounts[name]; a != nil {
		return a, nil
	}
	b := w.tx.Bucket(bAccounts).Get([]byte(name))
	a, err := decodeAccount(b)
	if err != nil {
		return nil, w.damaged(fmt.Errorf("account %s: %w", name, err))
	}
	w.accounts[name] = &a
	w.wasAccount[name] = (&a).encode()
	if b == nil {
		w.wasAccount[name] = nil
	}
	return &a, nil
}

// refresh finds out anew which event of an account is next.
func (w *work) refresh(name string) error {
	a, err := w.account(name)
	if err != nil {
		return err
	}
	head, value, err := w.head(name, a)
	if err != nil {
		return err
	}
	ready := w.tx.Bucket(bReady)
	same := bytes.Equal(head, a.head)
	if same && (head == nil || bytes.Equal(ready.Get(head), value)) {
		return nil
	}
	if len(a.head) > 0 && !same {
		if err := ready.Delete(a.head); err != nil {
			return err
		}
	}
	if a.head = head; head == nil {
		return nil
	}
	return ready.Put(head, value)
}

// head returns the first event of the line that may be delivered now, if any: one
// that does not follow one of the same command that was delivered and is not due.
func (w *work) head(name string, a *account) (rank, value []byte, err error) {
	if a.leased || a.length == 0 {
		return nil, nil, nil
	}
	var waiting []string // commands
	for k, v := range w.tx.Bucket(bLine).Prefix(accountPrefix(name)) {
		s, err := decodeSpot(v)
		if err != nil {
			return nil, nil, w.damaged(fmt.Errorf("account %s: %w", name, err))
		}
		switch {
		case s.state == spotQueued && !slices.Contains(waiting, s.command):
			rank = append(appendInstant(make([]byte, 0, rankSize), s.due), k[len(name)+1:]...)
			return rank, lane{seq: s.seq, account: name, id: s.id}.encode(), nil
		case s.state == spotDelayed && s.delivered:
			waiting = append(waiting, s.command)
		}
	}
	return nil, nil, nil
}
