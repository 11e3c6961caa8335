package boltqueue

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/queue"
)

// Queue is the event queue in a file. Create it with [Open] or [New]. Safe for
// concurrent use; it starts no goroutine.
type Queue struct {
	opts  Options
	file  *boltfile.File
	began time.Time                 // with the monotonic clock
	first time.Time                 // by Options.Now, when the queue was opened
	last  atomic.Pointer[time.Time] // by Options.Now, at the last change

	bell   chan struct{} // rung for the receiver that waits longest
	once   sync.Once
	closed chan struct{} // closed by Close
}

var (
	_ queue.EventQueue = (*Queue)(nil)
	_ queue.Admin      = (*Queue)(nil)
	_ queue.Driver     = (*Queue)(nil)
)

// start makes a queue of a file that is open.
func start(file *boltfile.File, opts Options) (*Queue, error) {
	q := &Queue{
		opts: opts, file: file, began: time.Now(), bell: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	q.first = opts.Now().UTC().Round(0)
	ctx := context.Background()
	if err := q.file.Update(ctx, q.boundWaits); err != nil {
		return nil, fmt.Errorf("boltqueue: open %s: leases and retries: %w", file.Path(), stored(err))
	}
	for more := true; more; {
		err := q.update(ctx, func(w *work) (err error) {
			more, err = w.trim(1000)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("boltqueue: open %s: trim: %w", file.Path(), err)
		}
	}
	return q, nil
}

// Publish stores the event, see [queue.EventQueue]. Options.NewID may be asked for
// more IDs than are used.
func (q *Queue) Publish(ctx context.Context, event queue.Event) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("boltqueue: publish: %w", err)
	}
	if err := event.Check(); err != nil {
		return queue.Receipt{}, fmt.Errorf("boltqueue: publish: %w", err)
	}
	if q.isClosed() {
		return queue.Receipt{}, fmt.Errorf("boltqueue: publish for account %s: %w", event.Account, queue.ErrClosed)
	}
	event.Payload = bytes.Clone(event.Payload)
	same := sameness(&event)
	var receipt queue.Receipt
	err := q.update(ctx, func(w *work) error {
		first, err := w.known(&event)
		switch {
		case err != nil:
			return err
		case first != nil:
			receipt, err = duplicate(&event, first)
			return err
		}
		receipt, err = w.accept(event, same)
		return err
	})
	if err != nil {
		return queue.Receipt{}, err
	}
	return receipt, nil
}

// known returns the event that was accepted with this Key or ID, if any.
func (w *work) known(event *queue.Event) (*item, error) {
	if event.Key != "" {
		if id := w.tx.Bucket(bKeys).Get([]byte(event.Key)); id != nil {
			return w.listed(string(id))
		}
	}
	if event.ID != "" {
		return w.item(event.ID)
	}
	return nil, nil
}

// duplicate is the receipt for an event that was accepted before.
func duplicate(event *queue.Event, first *item) (queue.Receipt, error) {
	if f := &first.Event; f.Account != event.Account || f.Command != event.Command {
		return queue.Receipt{}, refuse(
			"boltqueue: publish: %w for account %q: key %q or id %q is that of event %s, %s for account %s: give each event its own",
			queue.ErrInvalidEvent, event.Account, event.Key, event.ID, f.ID, f.Command, f.Account)
	}
	return queue.Receipt{ID: first.Event.ID, Duplicate: true}, nil
}

// sameness is the hash of what an event asks for.
func sameness(event *queue.Event) []byte {
	b := append([]byte(event.Command), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(cmp.Or(event.Schema, queue.Schema)))
	sum := sha256.Sum256(append(b, event.Payload...))
	return sum[:]
}

// accept puts a new event into its account's line.
func (w *work) accept(event queue.Event, same []byte) (queue.Receipt, error) {
	old, err := w.replaceable(&event, same)
	if err != nil {
		return queue.Receipt{}, err
	}
	if old == nil {
		if err := w.room(event.Account); err != nil {
			return queue.Receipt{}, err
		}
	}
	if event.ID == "" {
		event.ID = w.opts.NewID()
		if w.tx.Bucket(bEvents).Has([]byte(event.ID)) {
			return queue.Receipt{}, refuse("boltqueue: publish: Options.NewID returned %q again", event.ID)
		}
	}
	event.Schema = max(event.Schema, queue.Schema)
	event.NotBefore, event.Created = event.NotBefore.UTC(), w.now
	if err := event.Check(); err != nil { // an ID of Options.NewID, a time of Options.Now
		return queue.Receipt{}, refuse("boltqueue: publish: %w", err)
	}
	seq, err := w.tx.Bucket(bEvents).Next()
	if err != nil {
		return queue.Receipt{}, err
	}
	it := &item{Entry: queue.Entry{Event: event, Attempt: 1, Due: w.now}, seq: seq, place: seq, same: same}
	receipt := queue.Receipt{ID: event.ID}
	if old != nil {
		receipt.Superseded = old.Event.ID
		if err := w.supersede(old, it); err != nil {
			return queue.Receipt{}, err
		}
	}
	if event.NotBefore.After(it.Due) {
		it.Due = event.NotBefore
	}
	w.note(it, queue.HistoryItem{What: queue.WhatPublished})
	err = errors.Join(w.wait(it), w.put(it))
	if event.Key != "" {
		err = errors.Join(err, w.tx.Bucket(bKeys).Put([]byte(event.Key), []byte(event.ID)))
	}
	return receipt, errors.Join(err, w.refresh(event.Account))
}

// replaceable returns the last event of the command in the line if it asks for
// the same and was never delivered. One further up stays: what was asked for
// after it must not come last.
func (w *work) replaceable(event *queue.Event, same []byte) (*item, error) {
	account := event.Account
	for _, v := range w.tx.Bucket(bLine).Before(accountPrefix(account), append([]byte(account), 1)) {
		s, err := decodeSpot(v)
		if err != nil {
			return nil, w.damaged(fmt.Errorf("account %s: %w", account, err))
		}
		if s.command != event.Command {
			continue
		}
		if s.delivered {
			return nil, nil
		}
		it, err := w.listed(s.id)
		if err != nil || !bytes.Equal(it.same, same) {
			return nil, err
		}
		return it, nil
	}
	return nil, nil
}

// room refuses if there is no place for one more event of an account.
func (w *work) room(name string) error {
	a, err := w.account(name)
	if err != nil {
		return err
	}
	var kept uint64
	for i, s := range states {
		if s != queue.Done && s != queue.Superseded {
			kept += w.counts[i]
		}
	}
	kept -= w.counts[countAgain]
	switch {
	case kept >= uint64(w.opts.MaxEvents):
		return refuse("boltqueue: publish for account %s: %w: %d events are kept, the dead ones included, at most %d are allowed: try later",
			name, queue.ErrFull, kept, w.opts.MaxEvents)
	case int(a.length) >= w.opts.MaxPerAccount:
		return refuse("boltqueue: publish for account %s: %w: %d of its events wait, at most %d are allowed: try later",
			name, queue.ErrFull, a.length, w.opts.MaxPerAccount)
	}
	return nil
}

// supersede gives the place of an event in the line to a newer one.
func (w *work) supersede(old, it *item) error {
	it.place = old.place
	if old.Due.Before(it.Due) {
		it.Due = old.Due
	}
	if err := w.leave(old); err != nil {
		return err
	}
	old.Successor = it.Event.ID
	w.note(old, queue.HistoryItem{What: queue.WhatSuperseded, Detail: "by " + it.Event.ID})
	return errors.Join(w.end(old, queue.Superseded), w.put(old))
}

// Close ends the queue: waiting receivers return [queue.ErrClosed], what is under
// way is waited for, and the file is closed if [Open] opened it. Leases stay, see
// the package. Further calls return nil.
func (q *Queue) Close() error {
	var err error
	q.once.Do(func() {
		close(q.closed)
		err = q.file.Close()
	})
	return err
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}
