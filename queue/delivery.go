package queue

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Delivery is one leased event. Settle it with exactly one of [Delivery.Ack],
// [Delivery.Retry], [Delivery.Defer], [Delivery.Hold] and [Delivery.Dead]; until
// then keep the lease with [Delivery.Extend]. A verb that fails with another
// error than [ErrSettled] and [ErrLeaseLost] may be called again. Safe for
// concurrent use.
type Delivery struct {
	Event Event
	// Attempt counts from 1; a deferral or a crash does not raise it.
	Attempt int
	// Crashes counts earlier deliveries whose lease ran out.
	Crashes int
	// Fence is the account's fence for this delivery.
	Fence uint64
	// First is when the event was first delivered.
	First time.Time

	driver Driver

	mu      sync.Mutex
	lease   Lease
	settled bool
}

// Lease identifies a delivery to the queue that made it.
type Lease struct {
	Event   string
	Account string
	Fence   uint64
	// Token tells this delivery from every other.
	Token string
	// Duration is how long the lease runs from its grant or extension.
	Duration time.Duration
	// Expires is when it ends, on the process's clock, measured from before
	// the request: never later than the queue thinks.
	Expires time.Time
}

// Left is how much of the lease remains on the process's clock.
func (l *Lease) Left() time.Duration { return time.Until(l.Expires) }

// Driver is what an implementation provides behind a [Delivery].
type Driver interface {
	// Extend renews the lease and returns it with its new expiry, or
	// [ErrLeaseLost].
	Extend(ctx context.Context, lease Lease) (Lease, error)
	// Settle ends the lease with a verdict, or [ErrLeaseLost]. Repeating a
	// settlement with the same lease and verdict that already took effect
	// returns nil: a reply may have been lost. Another verdict for a lease that
	// was settled changes nothing and is [ErrSettled]. At least the newest eight
	// settlements of an event are known, also after later deliveries; an older one
	// may be [ErrLeaseLost].
	Settle(ctx context.Context, lease Lease, verdict Verdict) error
}

// NewDelivery is for implementations: it binds a leased event to its driver.
// The fields Attempt, Crashes and First may be set before it is handed out.
func NewDelivery(event Event, lease Lease, driver Driver) *Delivery {
	return &Delivery{Event: event, Attempt: 1, Fence: lease.Fence, driver: driver, lease: lease}
}

// Verb is a way to settle a delivery.
type Verb string

// The verbs.
const (
	VerbAck   Verb = "ack"
	VerbRetry Verb = "retry"
	VerbDefer Verb = "defer"
	VerbHold  Verb = "hold"
	VerbDead  Verb = "dead"
)

// Verdict says how a delivery ended.
type Verdict struct {
	Verb Verb
	// After is the delay of a retry, Until the time of a deferral.
	After time.Duration
	Until time.Time
	// Note goes into the event's history.
	Note Note
	// MinFence makes the account's next fence higher than this, at most
	// [MaxFence]. It heals a queue that forgot a fence which a journal still
	// knows.
	MinFence uint64
}

// Check returns what makes the verdict unusable, or nil.
func (v *Verdict) Check() error {
	switch v.Verb {
	case VerbAck, VerbRetry, VerbDefer, VerbHold, VerbDead:
	default:
		return fmt.Errorf("queue: verdict: verb %.40q is none of %s, %s, %s, %s, %s",
			v.Verb, VerbAck, VerbRetry, VerbDefer, VerbHold, VerbDead)
	}
	if err := checkTime(v.Until); err != nil {
		return fmt.Errorf("queue: verdict: %s until: %w", v.Verb, err)
	}
	if v.MinFence > MaxFence {
		return fmt.Errorf("queue: verdict: min fence %d is higher than %d", v.MinFence, uint64(MaxFence))
	}
	return nil
}

// Equal reports whether two verdicts say the same.
func (v *Verdict) Equal(w Verdict) bool {
	return v.Verb == w.Verb && v.After == w.After && v.Until.Equal(w.Until) && v.Note == w.Note && v.MinFence == w.MinFence
}

// MaxFence is the highest fence that a verdict may ask for: above it there is
// always room to count on, also in stores with signed or floating numbers.
const MaxFence = 1 << 52

// Note is why a delivery ended as it did.
type Note struct {
	Run   string // the run that handled it
	Class string // the class of the cause
	Cause string // what happened; cut at 2 KiB
}

// Cut returns the note with its texts as a history keeps them, see the function
// [Cut].
func (n Note) Cut() Note { return Note{Run: Cut(n.Run), Class: Cut(n.Class), Cause: Cut(n.Cause)} }

// Ack ends the event: its outcome is stored.
func (d *Delivery) Ack(ctx context.Context, note Note) error {
	return d.Settle(ctx, Verdict{Verb: VerbAck, Note: note})
}

// Retry delivers the event again after a delay, as the next attempt.
func (d *Delivery) Retry(ctx context.Context, after time.Duration, note Note) error {
	return d.Settle(ctx, Verdict{Verb: VerbRetry, After: max(after, 0), Note: note})
}

// Defer delivers the event again at a time, as the same attempt.
func (d *Delivery) Defer(ctx context.Context, until time.Time, note Note) error {
	return d.Settle(ctx, Verdict{Verb: VerbDefer, Until: until, Note: note})
}

// Hold parks the event until an operator releases it.
func (d *Delivery) Hold(ctx context.Context, note Note) error {
	return d.Settle(ctx, Verdict{Verb: VerbHold, Note: note})
}

// Dead moves the event to the dead letters.
func (d *Delivery) Dead(ctx context.Context, note Note) error {
	return d.Settle(ctx, Verdict{Verb: VerbDead, Note: note})
}

// Settle ends the delivery with a verdict; the other verbs call it.
func (d *Delivery) Settle(ctx context.Context, verdict Verdict) error {
	d.mu.Lock()
	lease, settled := d.lease, d.settled
	d.mu.Unlock()
	if settled {
		return fmt.Errorf("queue: %s event %s: %w", verdict.Verb, d.Event.ID, ErrSettled)
	}
	if err := d.driver.Settle(ctx, lease, verdict); err != nil {
		return fmt.Errorf("queue: %s event %s of account %s: %w", verdict.Verb, d.Event.ID, d.Event.Account, err)
	}
	d.mu.Lock()
	d.settled = true
	d.mu.Unlock()
	return nil
}

// Extend renews the lease for its whole duration.
func (d *Delivery) Extend(ctx context.Context) error {
	d.mu.Lock()
	lease, settled := d.lease, d.settled
	d.mu.Unlock()
	if settled {
		return fmt.Errorf("queue: extend event %s: %w", d.Event.ID, ErrSettled)
	}
	renewed, err := d.driver.Extend(ctx, lease)
	if err != nil {
		return fmt.Errorf("queue: extend event %s of account %s: %w", d.Event.ID, d.Event.Account, err)
	}
	d.mu.Lock()
	d.lease = renewed
	d.mu.Unlock()
	return nil
}

// Lease returns the lease as last granted or extended.
func (d *Delivery) Lease() Lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lease
}
