package rebalance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/retry"
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
	why := fmt.Sprintf("%d of %d orders are in closed markets", len(ids)-open, len(ids))
	if open == 0 || next.IsZero() {
		return r.closed(next, why)
	}
	together, err := r.openTogether(ctx, ids)
	if err == nil && together.IsZero() {
		return stopf(Held, ReasonNeverOpen, "account %s: %s, and in the next %d days all of them are never open together: trade them in accounts of their own",
			r.req.Account, why, calendarDays)
	}
	if err != nil {
		return err
	}
	return r.closed(together, why)
}

// calendarDays is how far ahead the sessions of markets are asked for.
const calendarDays = 10

// openTogether is when all of some instruments can next be traded at once, zero
// if that is not in sight.
func (r *run) openTogether(ctx context.Context, ids []broker.InstrumentID) (time.Time, error) {
	calendar, ok := broker.As[broker.Calendar](r.e.cfg.Broker)
	if !ok {
		return time.Time{}, nil
	}
	now, margin := r.e.cfg.Now(), r.e.cfg.Timing.CloseMargin
	sessions, err := r.sessionsAhead(ctx, calendar, now, ids)
	if err != nil {
		return time.Time{}, err
	}
	var openings []time.Time
	for _, id := range ids {
		for _, s := range sessions[id] {
			openings = append(openings, s.Open)
		}
	}
	slices.SortFunc(openings, time.Time.Compare)
	for _, at := range openings {
		closed := func(id broker.InstrumentID) bool { return !nextSession(sessions[id], at, margin).Contains(at) }
		if at.After(now) && !slices.ContainsFunc(ids, closed) {
			return at, nil
		}
	}
	return time.Time{}, nil
}

// hours counts which instruments can be traded now with time to finish, and
// says when the last of the others opens next (zero if that is not known).
func (r *run) hours(ctx context.Context, ids []broker.InstrumentID) (open int, next time.Time, err error) {
	calendar, ok := broker.As[broker.Calendar](r.e.cfg.Broker)
	if !ok {
		return len(ids), next, nil
	}
	now, margin := r.e.cfg.Now(), r.e.cfg.Timing.CloseMargin
	var unknown []broker.InstrumentID
	for i, id := range ids {
		if r.knownOpen(id, now) {
			open++
			continue
		}
		if unknown == nil {
			unknown = make([]broker.InstrumentID, 0, len(ids)-i)
		}
		unknown = append(unknown, id)
	}
	if len(unknown) == 0 {
		return open, next, nil
	}
	sessions, err := r.sessionsAhead(ctx, calendar, now, unknown)
	if err != nil {
		return 0, next, err
	}
	for _, id := range unknown {
		s := nextSession(sessions[id], now, margin)
		if s.Contains(now) {
			open++
			r.isOpen(id, s)
		} else if s.Open.After(next) {
			next = s.Open
		}
	}
	return open, next, nil
}

// inSession reports whether the session in which an instrument trades has time left,
// as far as its sessions are known.
func (r *run) inSession(id broker.InstrumentID) bool {
	if len(r.sessions) == 0 {
		return true // the broker has no calendar
	}
	return r.knownOpen(id, r.e.cfg.Now())
}

// knownOpen reports whether an instrument is known to be in a session that has time
// left.
func (r *run) knownOpen(id broker.InstrumentID, now time.Time) bool {
	at, known := r.room.sessionOf[id]
	return known && hasTime(r.sessions[at], now, r.e.cfg.Timing.CloseMargin)
}

// hasTime reports whether a session is under way and has the margin left to its close.
func hasTime(s broker.Session, now time.Time, margin time.Duration) bool {
	return s.Contains(now) && s.Close.Sub(now) > margin
}

// sessionsAhead asks the broker's calendar for the sessions of the next days.
func (r *run) sessionsAhead(ctx context.Context, calendar broker.Calendar, now time.Time, ids []broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	return retry.Value(ctx, r.e.cfg.Policies.Broker, func(ctx context.Context) (map[broker.InstrumentID][]broker.Session, error) {
		return calendar.Sessions(ctx, now, now.Add(calendarDays*24*time.Hour), ids...)
	})
}

// isOpen remembers the session of an instrument, which most often is that of the
// one before.
func (r *run) isOpen(id broker.InstrumentID, s broker.Session) {
	at := len(r.sessions) - 1
	if at < 0 || r.sessions[at] != s {
		at = len(r.sessions)
		r.sessions = append(r.sessions, s)
	}
	r.room.sessionOf[id] = at
}

// nextSession is the first session that has the margin left to its close, zero
// if there is none.
func nextSession(sessions []broker.Session, now time.Time, margin time.Duration) broker.Session {
	for _, s := range sessions {
		if s.Open.After(now) || hasTime(s, now, margin) {
			return s
		}
	}
	return broker.Session{}
}

// closed defers the run to the next opening. Where the calendar knows of none it is
// looked at again, until the event is too old: then a person must look.
func (r *run) closed(next time.Time, why string) error {
	if next.IsZero() {
		s := stopf(Deferred, ReasonNoOpening, "%s, and the broker's calendar has no opening within %d days", why, calendarDays)
		s.Until = r.e.cfg.Now().Add(12 * time.Hour)
		return s
	}
	s := stopf(Deferred, ReasonMarketClosed, "%s: next opening %s", why, next.UTC().Format(time.RFC3339))
	s.Until = next
	return s
}
