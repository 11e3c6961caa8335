package retry

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at an instant, as that of context.WithDeadline.
// But it takes a timer, and a place in the tree of contexts, only once somebody
// wants to be told of its end: a call that is answered at once, or only looks
// whether its time is over, needs neither.
type deadline struct {
	parent context.Context //nolint:containedctx // it is a context itself
	at     time.Time

	mu      sync.Mutex
	whole   context.Context //nolint:containedctx // once it is needed
	cancel  context.CancelFunc
	stopped bool
}

var _ context.Context = (*deadline)(nil)

// withDeadline returns a context that ends at an instant, and how to end it before.
func withDeadline(parent context.Context, at time.Time) (context.Context, context.CancelFunc) {
	d := &deadline{parent: parent, at: at}
	return d, d.stop
}

// need returns the context as context.WithDeadline makes it.
func (d *deadline) need() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.whole == nil {
		d.whole, d.cancel = context.WithDeadline(d.parent, d.at)
		if d.stopped {
			d.cancel()
		}
	}
	return d.whole
}

// stop ends it.
func (d *deadline) stop() {
	d.mu.Lock()
	d.stopped = true
	cancel := d.cancel
	d.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// runs reports whether it surely has not ended, without any need for the whole.
func (d *deadline) runs() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whole == nil && !d.stopped && d.parent.Err() == nil && time.Now().Before(d.at)
}

// Err implements [context.Context].
func (d *deadline) Err() error {
	if d.runs() {
		return nil
	}
	return d.need().Err()
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.parent.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} { return d.need().Done() }

// Value implements [context.Context]. Package context finds a context's cause, and
// its place in the tree, by a value.
func (d *deadline) Value(key any) any { return d.need().Value(key) }
