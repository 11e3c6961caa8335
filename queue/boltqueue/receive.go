package boltqueue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/queue"
)

// A waiting receiver looks at the clocks again at least this often, so that one
// that was set is noticed, and at most this often, should they disagree.
const (
	longestNap  = time.Minute
	shortestNap = time.Millisecond
)

// Receive waits for the next delivery, see [queue.EventQueue]. A delivery that
// was made in the instant in which ctx ends is returned. The receivers that wait
// longest are served first.
func (q *Queue) Receive(ctx context.Context) (*queue.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer q.wake() // another receiver has to watch the clock now
	var nap *time.Timer
	defer func() {
		if nap != nil {
			nap.Stop()
		}
	}()
	for {
		if q.isClosed() {
			return nil, fmt.Errorf("boltqueue: receive: %w", queue.ErrClosed)
		}
		d, wait, err := q.take(ctx)
		if d != nil || err != nil {
			return d, err
		}
		if nap == nil {
			nap = time.NewTimer(wait)
		} else {
			nap.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.closed:
		case <-q.bell:
		case <-nap.C:
		}
	}
}

// wake has the receiver that waits longest look at the queue. Whoever changes
// something calls it, and whoever stops waiting.
func (q *Queue) wake() {
	select {
	case q.bell <- struct{}{}:
	default: // it has one to come
	}
}

// take leases what is ready, or returns how long to wait for a change.
func (q *Queue) take(ctx context.Context) (d *queue.Delivery, wait time.Duration, err error) {
	ready := false
	err = q.file.View(ctx, func(tx *boltfile.Tx) error {
		w, err := q.work(tx)
		if err != nil {
			return err
		}
		first, _ := tx.Bucket(bReady).First()
		ready, wait = first != nil || w.behind(), longestNap
		if next, ok := w.next(); ok {
			wait = min(wait, max(next, shortestNap))
		}
		return nil
	})
	if err != nil || !ready {
		return nil, wait, q.received(ctx, err)
	}
	asked := time.Now()
	err = q.update(ctx, func(w *work) error {
		d = nil
		_, v := w.tx.Bucket(bReady).First()
		if v == nil {
			return nil
		}
		it, err := w.laned(v)
		if err != nil {
			return err
		}
		d, err = w.lease(q, it, asked)
		return err
	})
	if err != nil {
		return nil, 0, q.received(ctx, err)
	}
	return d, shortestNap, nil
}

// received is the error of a receiver.
func (q *Queue) received(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return ctx.Err()
	}
	return fmt.Errorf("boltqueue: receive: %w", stored(err))
}

// lease delivers an event.
func (w *work) lease(q *Queue, it *item, asked time.Time) (*queue.Delivery, error) {
	a, err := w.account(it.Event.Account)
	if err != nil {
		return nil, err
	}
	if err := w.leave(it); err != nil {
		return nil, err
	}
	a.fence++
	a.leased, it.Fence = true, a.fence
	if it.First.IsZero() {
		it.First = w.now
	}
	it.token, it.expires = rand.Text(), w.clock.Add(w.opts.Lease)
	w.note(it, queue.HistoryItem{What: queue.WhatDelivered})
	if err := errors.Join(w.enter(it, queue.Leased), w.stand(it), w.put(it), w.refresh(it.Event.Account)); err != nil {
		return nil, err
	}
	event := it.Event
	event.Payload = slices.Clone(event.Payload)
	d := queue.NewDelivery(event, queue.Lease{
		Event: event.ID, Account: event.Account, Fence: it.Fence, Token: it.token,
		Duration: w.opts.Lease, Expires: asked.Add(w.opts.Lease),
	}, q)
	d.Attempt, d.Crashes, d.First = it.Attempt, it.Crashes, it.First
	return d, nil
}
