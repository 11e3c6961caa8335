package fake

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Clock is virtual time: it moves when it is told to, never by itself and never
// back. Make one with [NewClock]. Safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	moved   chan struct{} // closed at the next move; nil if nobody waits
	waiting []*timeout
}

// NewClock returns a clock that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward. A negative span is ignored.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(c.now.Add(d))
}

// Set moves the clock forward to t. A time in the past is ignored.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(t)
}

// move is called with the lock held.
func (c *Clock) move(t time.Time) {
	if !t.After(c.now) {
		return
	}
	c.now = t
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
	for i := len(c.waiting) - 1; i >= 0; i-- {
		if w := c.waiting[i]; !t.Before(w.deadline) {
			c.forget(w)
			w.cancel(context.DeadlineExceeded)
		}
	}
}

// next returns a channel that is closed when the clock moves.
func (c *Clock) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved
}

// WithTimeout is context.WithTimeout in this clock's time: the context ends when
// the clock has moved by d. Its Deadline method says nothing of that, because
// everything else in a program reads deadlines in real time. Give it to the
// engine as its WithTimeout, with [Clock.Now] as its Now.
func (c *Clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(parent)
	t := &timeout{Context: inner, clock: c, cancel: cancel}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.deadline = c.now.Add(d)
	if outer, ok := c.deadline(parent); ok && outer.Before(t.deadline) {
		t.deadline = outer
	}
	if !t.deadline.After(c.now) {
		cancel(context.DeadlineExceeded)
		return t, func() {}
	}
	t.index = len(c.waiting)
	c.waiting = append(c.waiting, t)
	return t, t.stop
}

// deadline returns the end of a context in this clock's time, if it has one.
func (c *Clock) deadline(ctx context.Context) (time.Time, bool) {
	t, ok := ctx.Value(timeoutKey{}).(*timeout)
	if !ok || t.clock != c {
		return time.Time{}, false
	}
	return t.deadline, true
}

// forget takes a timeout off the list, if it is on it.
func (c *Clock) forget(t *timeout) {
	if t.index < 0 {
		return
	}
	last := c.waiting[len(c.waiting)-1]
	c.waiting[t.index], last.index = last, t.index
	c.waiting = c.waiting[:len(c.waiting)-1]
	t.index = -1
}

// timeout is a context that ends by a clock.
type timeout struct {
	context.Context //nolint:containedctx // it is a context itself
	clock           *Clock
	cancel          context.CancelCauseFunc
	deadline        time.Time
	index           int // in clock.waiting, -1 when not there
}

type timeoutKey struct{}

// Value finds the timeout itself, so that it is known through other contexts.
func (t *timeout) Value(key any) any {
	if _, ok := key.(timeoutKey); ok {
		return t
	}
	return t.Context.Value(key)
}

// Err says that the deadline passed, if that is why the context ended.
func (t *timeout) Err() error {
	err := t.Context.Err()
	if err != nil && errors.Is(context.Cause(t.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// stop ends the context and lets the clock forget it.
func (t *timeout) stop() {
	t.clock.mu.Lock()
	t.clock.forget(t)
	t.clock.mu.Unlock()
	t.cancel(context.Canceled)
}
