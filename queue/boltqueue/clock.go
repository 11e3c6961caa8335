package boltqueue

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
)

// setBackBy is by how much the time of day may go back unnoticed: what waits
// waits so much longer.
const setBackBy = time.Second

// clock is the time of day when the queue was opened, and since then what the
// process's monotonic clock adds: setting the clock does not move it.
func (q *Queue) clock() time.Time { return q.began.Round(0).Add(time.Since(q.began)).UTC() }

// aged is the time by which ages are measured: what has passed by Options.Now
// since the queue was opened, but no more than has passed indeed. A clock that is
// set forward makes nothing old.
func (q *Queue) aged(now time.Time) time.Time {
	if most := q.first.Add(time.Since(q.began)); now.After(most) {
		return most
	}
	return now
}

// setBack reports whether the time of day went back since the last change.
func (q *Queue) setBack(now time.Time) bool {
	last := q.last.Load()
	return last != nil && now.Before(last.Add(-setBackBy))
}

// boundWaits ends stored leases no later than if they were granted now, and
// retries no later than if they were asked for now: the clock may have been set
// back since.
func (q *Queue) boundWaits(tx *boltfile.Tx) error {
	w, err := q.work(tx)
	if err != nil {
		return err
	}
	latest := w.clock.Add(q.opts.Lease)
	var late []*item
	for k, v := range tx.Bucket(bLeased).Prefix(nil) {
		if !later(k, latest) {
			continue
		}
		it, err := w.laned(v)
		if err != nil {
			return err
		}
		late = append(late, it)
	}
	for _, it := range late {
		if err := w.expire(it, latest); err != nil {
			return err
		}
	}
	if err := w.boundRetries(); err != nil {
		return err
	}
	return w.save()
}

// boundRetries has no retry wait longer from now on than its own delay.
func (w *work) boundRetries() error {
	var late []*item
	for k, v := range w.tx.Bucket(bDelayed).Prefix(nil) {
		it, err := w.retried(k, v)
		if err != nil {
			return err
		}
		if it == nil {
			continue
		}
		if after, ok := it.retriedAfter(); ok && it.Due.After(w.now.Add(after)) {
			late = append(late, it)
		}
	}
	for _, it := range late {
		after, _ := it.retriedAfter()
		if err := w.leave(it); err != nil {
			return err
		}
		it.Due = w.now.Add(after)
		if err := w.wait(it); err != nil {
			return err
		}
		if err := w.put(it); err != nil {
			return err
		}
		if err := w.refresh(it.Event.Account); err != nil {
			return err
		}
	}
	return nil
}

// retried returns the delayed event of a lane if it was delivered before: others
// wait for no retry, and need not be read.
func (w *work) retried(rank, value []byte) (*item, error) {
	l, err := decodeLane(value)
	if err != nil {
		return nil, w.damaged(err)
	}
	if len(rank) != rankSize {
		return nil, w.damaged(errRank(l.id, rank))
	}
	s, err := decodeSpot(w.tx.Bucket(bLine).Get(append(accountPrefix(l.account), rank[instantSize:]...)))
	if err != nil {
		return nil, w.damaged(err)
	}
	if !s.delivered {
		return nil, nil
	}
	return w.listed(l.id)
}

func errRank(id string, rank []byte) error {
	return fmt.Errorf("event %s has a rank of %d bytes", id, len(rank))
}
