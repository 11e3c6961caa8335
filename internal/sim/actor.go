package sim

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// quantum is the unit of all waits, spacing the distance of two classes in it.
// The rest of a lease's third, leaseRest, moves the ticks of a keeper off the
// instants of its worker; it is small against the spacing.
const (
	quantum   = time.Millisecond
	spacing   = 5 * time.Microsecond
	leaseRest = 7 * time.Nanosecond
)

// actor is one thread of the simulation.
type actor struct {
	name  string
	class time.Duration // its remainder modulo quantum
	rng   *rand.Rand
}

// newActor makes an actor of a slot, of which each is one class.
func newActor(seed uint64, slot int, name string) *actor {
	return &actor{name: name, class: time.Duration(slot+1) * spacing, rng: stream(seed, name)}
}

// stream is the random numbers of one purpose.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) //nolint:errcheck // a hash never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// aligned is the shortest wait of at least d that ends at an instant of the class.
func (a *actor) aligned(d time.Duration) time.Duration {
	d = max(d, 0)
	off := time.Duration(time.Now().Add(d).UnixNano() % int64(quantum))
	return d + (a.class-off+quantum)%quantum
}

// sleep waits at least d.
func (a *actor) sleep(d time.Duration) { time.Sleep(a.aligned(d)) }

// sleepUntil waits until t or later.
func (a *actor) sleepUntil(t time.Time) { a.sleep(time.Until(t)) }

// wait waits at least d, until ctx ends, or until the bell rings.
func (a *actor) wait(ctx context.Context, d time.Duration, bell <-chan struct{}) {
	timer := time.NewTimer(a.aligned(d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-bell:
	}
	a.sleep(0)
	a.beyond(ctx)
}

// beyond leaves the very instant at which ctx ends: at that instant it is left to
// chance whether it has ended.
func (a *actor) beyond(ctx context.Context) {
	if end, ok := ctx.Deadline(); ok && time.Now().Equal(end) {
		a.sleep(quantum)
	}
}

// between draws a whole number of milliseconds.
func (a *actor) between(from, to time.Duration) time.Duration {
	span := int64((to - from) / quantum)
	if span <= 0 {
		return from
	}
	return from + time.Duration(a.rng.Int64N(span+1))*quantum
}

// odds reports whether something of so many in a thousand happens.
func (a *actor) odds(perMille int) bool { return a.rng.IntN(1000) < perMille }

// pick draws one of a list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
