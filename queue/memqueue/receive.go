package memqueue

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// A waiting receiver looks at the clocks again at least this often, so that one
// that was set is noticed, and at most this often, should they disagree.
const (
	longestNap  = time.Minute
	shortestNap = 100 * time.Microsecond
)

// setBackBy is by how much the time of day may go back unnoticed: what waits
// waits so much longer.
const setBackBy = time.Second

// waiters are the receivers that wait, in the order in which they came. One of
// them is the watcher: it alone sleeps until the next event is due or the next
// lease runs out, and then hands out what there is.
type waiters struct {
	line    []*waiter
	watcher *waiter
	alarm   time.Time // when the watcher wakes up, on the process's clock
}

type waiter struct {
	got   chan *queue.Delivery // holds the delivery it was served
	nudge chan struct{}        // tells the watcher to look at the clock
}

// Receive waits for the next delivery, see [queue.EventQueue]. A delivery that
// was made in the instant in which ctx ends is returned.
func (q *Queue) Receive(ctx context.Context) (*queue.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, w, err := q.take()
	if w == nil {
		return d, err
	}
	var nap *time.Timer
	defer func() {
		if nap != nil {
			nap.Stop()
		}
	}()
	for {
		var over <-chan time.Time
		if d, ok := q.watch(w); ok {
			if nap == nil {
				nap = time.NewTimer(d)
			} else {
				nap.Reset(d)
			}
			over = nap.C
		}
		select {
		case d := <-w.got:
			return d, nil
		case <-ctx.Done():
			return q.leave(w, ctx.Err())
		case <-q.closed:
			return q.leave(w, fmt.Errorf("memqueue: receive: %w", queue.ErrClosed))
		case <-w.nudge:
		case <-over:
		}
	}
}

// take leases what is ready, or joins the waiting receivers.
func (q *Queue) take() (*queue.Delivery, *waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed() {
		return nil, nil, fmt.Errorf("memqueue: receive: %w", queue.ErrClosed)
	}
	q.advance()
	q.dispatch() // who waited longer comes first
	if a := q.ready.first(); a != nil {
		return q.lease(a.head), nil, nil
	}
	w := &waiter{got: make(chan *queue.Delivery, 1), nudge: make(chan struct{}, 1)}
	q.line = append(q.line, w)
	if q.watcher == nil {
		q.watcher = w
	}
	return nil, w, nil
}

// watch hands out what is ready. For the watcher it returns how long to sleep,
// if there is anything to wait for.
func (q *Queue) watch(w *waiter) (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.watcher != w {
		return 0, false
	}
	q.advance()
	q.alarm = time.Time{}
	at, ok := q.nextChange()
	if ok {
		q.alarm = at
	}
	q.dispatch()
	return q.alarm.Sub(q.clock), ok && q.watcher == w
}

// leave takes a receiver out of the line; if it was served meanwhile, it gets
// its delivery.
func (q *Queue) leave(w *waiter, err error) (*queue.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.line, w)
	if at < 0 {
		return <-w.got, nil
	}
	q.line = slices.Delete(q.line, at, at+1)
	q.relieve(w)
	return nil, err
}

// dispatch serves the waiting receivers with what is ready, and sees to it that
// the watcher wakes up in time.
func (q *Queue) dispatch() {
	for len(q.line) > 0 && !q.isClosed() {
		a := q.ready.first()
		if a == nil {
			break
		}
		w := q.line[0]
		q.line = slices.Delete(q.line, 0, 1)
		w.got <- q.lease(a.head)
		q.relieve(w)
	}
	if q.watcher == nil {
		return
	}
	if at, ok := q.nextChange(); ok && (q.alarm.IsZero() || at.Before(q.alarm)) {
		q.alarm = at
		nudge(q.watcher)
	}
}

// relieve makes the youngest waiting receiver the watcher when w was it: it
// will wait longest.
func (q *Queue) relieve(w *waiter) {
	if q.watcher != w {
		return
	}
	q.watcher, q.alarm = nil, time.Time{}
	if n := len(q.line); n > 0 {
		q.watcher = q.line[n-1]
		nudge(q.watcher)
	}
}

func nudge(w *waiter) {
	select {
	case w.nudge <- struct{}{}:
	default: // it has one to come
	}
}

// nextChange is when time alone may change something, on the process's clock.
func (q *Queue) nextChange() (time.Time, bool) {
	nap, ok := longestNap, false
	if it := q.lanes[delayed].first(); it != nil {
		nap, ok = min(nap, it.rank.Sub(q.now)), true
	}
	if it := q.lanes[leased].first(); it != nil {
		nap, ok = min(nap, it.rank.Sub(q.clock)), true
	}
	return q.clock.Add(max(nap, shortestNap)), ok
}

// advance brings the queue up to the present: what became due is queued, and
// leases that ran out are crashes. Every call begins with it.
func (q *Queue) advance() {
	was := q.now
	q.clock = time.Now()
	q.now = q.clock.UTC() // UTC is off the monotonic clock, as are all due times
	if q.opts.Now != nil {
		q.now = q.opts.Now().UTC()
	}
	if q.now.Before(was.Add(-setBackBy)) {
		q.boundRetries()
	}
	for it := q.lanes[delayed].first(); it != nil && !it.rank.After(q.now); it = q.lanes[delayed].first() {
		q.move(it, queued, it.due)
		q.refresh(it.account)
	}
	for it := q.lanes[leased].first(); it != nil && !it.rank.After(q.clock); it = q.lanes[leased].first() {
		q.crash(it)
	}
}

// boundRetries has no retry wait longer from now on than its own delay: the clock
// was set back.
func (q *Queue) boundRetries() {
	for _, it := range slices.Clone(q.lanes[delayed]) {
		n := len(it.settled)
		if n == 0 || it.settled[n-1].verdict.Verb != queue.VerbRetry {
			continue
		}
		due := q.now.Add(max(it.settled[n-1].verdict.After, 0))
		if !it.due.After(due) {
			continue
		}
		it.due = due
		q.wait(it)
		q.refresh(it.account)
	}
}

// crash ends a delivery whose lease ran out.
func (q *Queue) crash(it *item) {
	a := it.account
	a.leased, it.token = nil, ""
	it.crashes++
	q.note(it, queue.HistoryItem{What: queue.WhatCrashed, Detail: "the lease ran out"})
	if it.crashes < q.opts.MaxCrashes {
		it.due = q.now
		q.wait(it)
	} else {
		q.note(it, queue.HistoryItem{
			What: string(queue.VerbDead), Class: queue.ClassCrashes,
			Detail: strconv.Itoa(it.crashes) + " deliveries ended by the running out of their lease",
		})
		a.leave(it)
		q.move(it, dead, time.Time{})
	}
	q.refresh(a)
}

// lease delivers an event.
func (q *Queue) lease(it *item) *queue.Delivery {
	a := it.account
	a.fence++
	a.leased, it.fence = it, a.fence
	if it.first.IsZero() {
		it.first = q.now
	}
	q.leases++
	it.token = q.prefix + strconv.FormatUint(q.leases, 36)
	q.move(it, leased, q.clock.Add(q.opts.Lease))
	q.refresh(a)
	q.note(it, queue.HistoryItem{What: queue.WhatDelivered})

	event := it.event
	event.Payload = bytes.Clone(event.Payload)
	d := queue.NewDelivery(event, queue.Lease{
		Event: event.ID, Account: a.name, Fence: it.fence, Token: it.token, Duration: q.opts.Lease, Expires: it.rank,
	}, q)
	d.Attempt, d.Crashes, d.First = it.attempt, it.crashes, it.first
	return d
}
