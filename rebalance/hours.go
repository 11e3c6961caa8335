package rebalance

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// tradable defers the run unless every leg can be finished in the session that
// is open now.
func (r *run) tradable(ctx context.Context, legs []*leg) error {
	ids := make([]broker.InstrumentID, len(legs))
	for i, l := range legs {
		ids[i] = l.plan.Symbol
	}
	open, next, err := r.hours(ctx, ids)
	if err != nil || open == len(ids) {
		return err
	}
	return r.closed(next, fmt.Sprintf("%d of %d orders are in closed markets", len(ids)-open, len(ids)))
}

// hours counts which instruments can be traded now with time to finish, and
// says when the last of the others opens next (zero if that is not known).
func (r *run) hours(ctx context.Context, ids []broker.InstrumentID) (open int, next time.Time, err error) {
	calendar, ok := broker.As[broker.Calendar](r.e.cfg.Broker)
	if !ok {
		return len(ids), next, nil
	}
	now, margin := r.e.cfg.Now(), r.e.cfg.Timing.CloseMargin
	unknown := ids[:0:0]
	for _, id := range ids {
		if s, ok := r.sessions[id]; ok && s.Contains(now) && s.Close.Sub(now) > margin {
			open++
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return open, next, nil
	}
	sessions, err := calendar.Sessions(ctx, now, now.Add(10*24*time.Hour), unknown...)
	if err != nil {
		return 0, next, err
	}
	for _, id := range unknown {
		s := nextSession(sessions[id], now, margin)
		if s.Contains(now) {
			open++
			r.sessions[id] = s
		} else if s.Open.After(next) {
			next = s.Open
		}
	}
	return open, next, nil
}

// nextSession is the first session that has the margin left to its close, zero
// if there is none.
func nextSession(sessions []broker.Session, now time.Time, margin time.Duration) broker.Session {
	for _, s := range sessions {
		if s.Open.After(now) || s.Contains(now) && s.Close.Sub(now) > margin {
			return s
		}
	}
	return broker.Session{}
}

// closed defers the run to the next opening, or by a recheck if none is known.
func (r *run) closed(next time.Time, why string) error {
	if next.IsZero() {
		next = r.e.cfg.Now().Add(12 * time.Hour)
	}
	s := stopf(Deferred, ReasonMarketClosed, "%s: next opening %s", why, next.UTC().Format(time.RFC3339))
	s.Until = next
	return s
}
