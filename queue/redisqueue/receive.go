package redisqueue

import (
	"context"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/queue"
)

// waiter is a receiver that waits.
type waiter struct {
	got chan served // holds one
}

// served is what a receiver gets.
type served struct {
	delivery *queue.Delivery
	err      error
}

// Receive waits for the next delivery, see [queue.EventQueue]. A delivery that
// was made in the instant in which ctx ends is returned. An error of the server
// is returned to all that wait.
func (q *Queue) Receive(ctx context.Context) (*queue.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{got: make(chan served, 1)}
	if err := q.join(w); err != nil {
		return nil, err
	}
	select {
	case s := <-w.got:
		return s.delivery, s.err
	case <-ctx.Done():
		return q.leave(w, ctx.Err())
	case <-q.closed:
		return q.leave(w, fmt.Errorf("redisqueue: receive: %w", queue.ErrClosed))
	}
}

// join puts a receiver into the line.
func (q *Queue) join(w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shut {
		return fmt.Errorf("redisqueue: receive: %w", queue.ErrClosed)
	}
	q.line = append(q.line, w)
	if q.hot {
		q.poke()
	}
	return nil
}

// leave takes a receiver out of the line; if it was served meanwhile, it gets
// its delivery.
func (q *Queue) leave(w *waiter, err error) (*queue.Delivery, error) {
	q.mu.Lock()
	at := slices.Index(q.line, w)
	if at >= 0 {
		q.line = slices.Delete(q.line, at, at+1)
	}
	q.mu.Unlock()
	if at >= 0 {
		return nil, err
	}
	s := <-w.got // it was served, or is being served
	if s.delivery == nil {
		return nil, err
	}
	return s.delivery, nil
}

// serve gives deliveries to the receivers that have waited longest, all at once,
// so that what they ask for next travels together. It returns those for which
// nobody waits.
func (q *Queue) serve(all []*queue.Delivery) []*queue.Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shut {
		return all
	}
	n := min(len(all), len(q.line))
	for i, w := range q.line[:n] {
		w.got <- served{delivery: all[i]}
	}
	q.line = slices.Delete(q.line, 0, n)
	return all[n:]
}

// fail gives an error to all receivers that wait.
func (q *Queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.line {
		w.got <- served{err: err}
	}
	q.line = nil
}

// stir says that something may be ready.
func (q *Queue) stir() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hot = true
	if len(q.line) > 0 {
		q.poke()
	}
}

func (q *Queue) poke() {
	select {
	case q.poked <- struct{}{}:
	default: // it has one to come
	}
}
