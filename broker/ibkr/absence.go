package ibkr

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// ProveAbsent reports whether it is certain that the gateway never had the order.
// All of this must hold: this very broker wrote it, so that its numeric id is
// known; today, on New York's clocks and the gateway's, so that the gateway would
// remember it; the gateway never said a word of it; the link has been up for
// [Timing.Stable]; a complete look at all orders and executions shows nothing under
// its reference or its id; and the gateway's next id is not above its id, so it
// counts as unused. Anything less is false.
func (b *Broker) ProveAbsent(ctx context.Context, account broker.AccountID, id broker.OrderID) (bool, error) {
	const op = "prove absent"
	s, err := b.begin(ctx, op, account)
	if err != nil {
		return false, err
	}
	b.mu.Lock()
	sent := b.sends[refKey{account, id}]
	possible := sent != nil && sent.finished() && sent.written && !sent.acked && b.sameDay(s.session.door, sent.at) && b.stableFor(s.session) >= b.cfg.Timing.Stable
	b.mu.Unlock()
	if !possible {
		return false, nil
	}
	next, err := b.nextValidID(ctx, s.session)
	if err == nil {
		_, err = b.sweep(ctx, s.session)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failureLocked(ctx, s, op, account, err); err != nil {
		return false, err
	}
	bk := s.session.book
	if e := bk.find(account, id); e != nil && (e.acked || e.doubted) {
		return false, nil
	}
	if e := bk.byLocal[localKey{bk.client, sent.id}]; e != nil && e.acked {
		return false, nil
	}
	return !sent.acked && next <= sent.id, nil
}

// sameDay reports whether the gateway still remembers what happened at t.
func (b *Broker) sameDay(d *door, t time.Time) bool {
	loc, err := time.LoadLocation(newYork)
	if err != nil || !d.tells {
		return false
	}
	now := b.cfg.Now()
	same := func(zone *time.Location) bool {
		return now.In(zone).Format(time.DateOnly) == t.In(zone).Format(time.DateOnly)
	}
	return now.Sub(t) < 12*time.Hour && same(loc) && same(time.FixedZone("", int(d.ahead/time.Second)))
}

// stableFor is how long the link has been up. The lock is held.
func (b *Broker) stableFor(s *session) time.Duration {
	since := b.synced
	if s.since.After(since) {
		since = s.since
	}
	return b.cfg.Now().Sub(since)
}
