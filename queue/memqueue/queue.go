package memqueue

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// Options tunes a [Queue]. The zero value has the defaults.
type Options struct {
	// Lease is how long a delivery may go without an extension. Default: 30 s.
	Lease time.Duration
	// MaxCrashes is how many deliveries of an event may end by their lease
	// running out; then the event is dead. Default: 3.
	MaxCrashes int
	// MaxEvents bounds the events that did not end, the dead ones included.
	// Default: 1,000,000.
	MaxEvents int
	// MaxPerAccount bounds the line of an account: its queued, delayed and leased
	// events. Default: 100.
	MaxPerAccount int
	// History is how many items of history an event keeps, at least 50.
	// Default: 50.
	History int
	// KeepDone is how many events that ended are kept, and how many tokens of
	// operators' actions. Default: 10,000.
	KeepDone int
	// Now says what time it is. It must not use the queue. Default: time.Now.
	Now func() time.Time
	// NewID makes the ID of an event: printable ASCII, never the same twice. It
	// must not use the queue. Default: 26 random letters and digits.
	NewID func() string
}

// Queue is the event queue in memory. Create it with [New].
type Queue struct {
	opts   Options
	prefix string        // of lease tokens: unlike that of any other queue
	closed chan struct{} // closed by Close

	mu       sync.Mutex
	now      time.Time // by opts.Now, at the beginning of the current call
	clock    time.Time // the process's, likewise
	items    map[string]*item
	keys     map[string]*item
	accounts map[string]*account
	lanes    [leased + 1]heap[*item] // queued and delayed by due time, leased by expiry
	ready    heap[*account]
	counts   [states]int
	again    int    // dead ones that were asked for again
	accepted uint64 // events so far
	leases   uint64 // deliveries so far
	ended    fifo[*item]
	actions  map[string]action // by token
	tokens   fifo[string]
	waiters
}

var (
	_ queue.EventQueue = (*Queue)(nil)
	_ queue.Admin      = (*Queue)(nil)
	_ queue.Driver     = (*Queue)(nil)
)

// New returns an empty queue. It panics if an option is negative.
func New(o Options) *Queue {
	for _, f := range [...]struct {
		name  string
		value int
	}{
		{"MaxCrashes", o.MaxCrashes},
		{"MaxEvents", o.MaxEvents},
		{"MaxPerAccount", o.MaxPerAccount},
		{"History", o.History},
		{"KeepDone", o.KeepDone},
	} {
		if f.value < 0 {
			panic(fmt.Sprintf("memqueue: new: Options.%s is %d", f.name, f.value))
		}
	}
	if o.Lease < 0 {
		panic(fmt.Sprintf("memqueue: new: Options.Lease is %v", o.Lease))
	}
	o.Lease = cmp.Or(o.Lease, 30*time.Second)
	o.MaxCrashes = cmp.Or(o.MaxCrashes, 3)
	o.MaxEvents = cmp.Or(o.MaxEvents, 1_000_000)
	o.MaxPerAccount = cmp.Or(o.MaxPerAccount, 100)
	o.History = max(o.History, 50)
	o.KeepDone = cmp.Or(o.KeepDone, 10_000)
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	return &Queue{
		opts: o, prefix: rand.Text()[:12] + "-", closed: make(chan struct{}),
		items: map[string]*item{}, keys: map[string]*item{},
		accounts: map[string]*account{}, actions: map[string]action{},
	}
}

// Publish stores the event, see [queue.EventQueue].
func (q *Queue) Publish(ctx context.Context, event queue.Event) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("memqueue: publish: %w", err)
	}
	if err := event.Check(); err != nil {
		return queue.Receipt{}, fmt.Errorf("memqueue: publish: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed() {
		return queue.Receipt{}, fmt.Errorf("memqueue: publish for account %s: %w", event.Account, queue.ErrClosed)
	}
	q.advance()
	defer q.dispatch()
	if first := q.known(&event); first != nil {
		return duplicate(&event, first)
	}
	return q.accept(event)
}

// known returns the event that was accepted with this Key or ID, if any.
func (q *Queue) known(event *queue.Event) *item {
	if event.Key != "" {
		if it := q.keys[event.Key]; it != nil {
			return it
		}
	}
	if event.ID != "" {
		return q.items[event.ID]
	}
	return nil
}

// duplicate is the receipt for an event that was accepted before.
func duplicate(event *queue.Event, first *item) (queue.Receipt, error) {
	if f := &first.event; f.Account != event.Account || f.Command != event.Command {
		return queue.Receipt{}, fmt.Errorf(
			"memqueue: publish: %w for account %q: key %q or id %q is that of event %s, %s for account %s: give each event its own",
			queue.ErrInvalidEvent, event.Account, event.Key, event.ID, f.ID, f.Command, f.Account)
	}
	return queue.Receipt{ID: first.event.ID, Duplicate: true}, nil
}

// accept puts a new event into its account's line.
func (q *Queue) accept(event queue.Event) (queue.Receipt, error) {
	a := q.account(event.Account)
	old := a.replaceable(&event)
	if old == nil {
		if err := q.room(a); err != nil {
			return queue.Receipt{}, err
		}
	}
	if event.ID == "" {
		event.ID = q.opts.NewID()
		if q.items[event.ID] != nil {
			return queue.Receipt{}, fmt.Errorf("memqueue: publish: Options.NewID returned %q again", event.ID)
		}
	}
	event.Schema = max(event.Schema, queue.Schema)
	event.Payload = bytes.Clone(event.Payload)
	event.NotBefore, event.Created = event.NotBefore.UTC(), q.now

	q.accepted++
	it := &item{event: event, account: a, seq: q.accepted, place: q.accepted, attempt: 1, due: q.now}
	receipt := queue.Receipt{ID: event.ID}
	if old == nil {
		a.line = append(a.line, it)
	} else {
		receipt.Superseded = old.event.ID
		q.supersede(old, it)
	}
	it.due = later(it.due, event.NotBefore)
	it.history = append(it.history, queue.HistoryItem{Time: q.now, What: queue.WhatPublished})
	q.items[event.ID] = it
	if event.Key != "" {
		q.keys[event.Key] = it
	}
	q.wait(it)
	q.refresh(a)
	return receipt, nil
}

// room returns ErrFull if there is no place for one more event of an account.
func (q *Queue) room(a *account) error {
	kept := q.counts[queued] + q.counts[delayed] + q.counts[leased] + q.counts[held] + q.counts[dead] - q.again
	switch {
	case kept >= q.opts.MaxEvents:
		return fmt.Errorf("memqueue: publish for account %s: %w: %d events are kept, %d of them dead, at most %d are allowed: try later",
			a.name, queue.ErrFull, kept, q.counts[dead], q.opts.MaxEvents)
	case len(a.line) >= q.opts.MaxPerAccount:
		return fmt.Errorf("memqueue: publish for account %s: %w: %d of its events wait, at most %d are allowed: try later",
			a.name, queue.ErrFull, len(a.line), q.opts.MaxPerAccount)
	}
	return nil
}

// supersede gives the place of an event in the line to a newer one.
func (q *Queue) supersede(old, it *item) {
	for i := range it.account.line {
		if it.account.line[i] == old {
			it.account.line[i] = it
		}
	}
	it.place = old.place
	if old.due.Before(it.due) {
		it.due = old.due
	}
	old.successor = it.event.ID
	q.note(old, queue.HistoryItem{What: queue.WhatSuperseded, Detail: "by " + it.event.ID})
	q.end(old, superseded)
}

// Close ends receiving and publishing: waiting receivers return
// [queue.ErrClosed]. Deliveries already made can still be settled, and the
// events be looked at. It returns nil, also when repeated.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.isClosed() {
		close(q.closed)
	}
	return nil
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}
