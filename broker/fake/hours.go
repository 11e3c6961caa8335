package fake

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Hours says when instruments trade. It is called with the fake's lock held:
// it must be quick and must not call the fake.
type Hours interface {
	// Sessions returns the sessions of an instrument that end after from and
	// begin before to, in order.
	Sessions(instrument *broker.Instrument, from, to time.Time) []broker.Session
}

// HoursFunc is a function that is Hours.
type HoursFunc func(instrument *broker.Instrument, from, to time.Time) []broker.Session

// Sessions calls f.
func (f HoursFunc) Sessions(instrument *broker.Instrument, from, to time.Time) []broker.Session {
	return f(instrument, from, to)
}

// AlwaysOpen is one session without end, so orders never expire. All callers share
// the list of it: it must not be changed.
func AlwaysOpen() Hours { return alwaysOpen{} }

type alwaysOpen struct{}

func (alwaysOpen) Sessions(*broker.Instrument, time.Time, time.Time) []broker.Session {
	return slices.Clip(always)
}

// always is the session that never ends. All callers share it.
var always = []broker.Session{{Open: dawn, Close: dusk}}

// The ends of the session that never ends.
var (
	dawn = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	dusk = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Week is a market with the same hours on each weekday. Its times are clock
// readings "15:04" in its zone, its days are dates "2006-01-02".
type Week struct {
	// Zone is the IANA name of the exchange's time zone. Required.
	Zone string
	// Open and Close are when a day's session begins and ends. Required.
	Open, Close string
	// Holidays are the weekdays without a session. Default: none.
	Holidays []string
	// EarlyCloses gives the days that close at another time. Default: none.
	EarlyCloses map[string]string
}

// NYSE is a regular week in New York: weekdays from 9:30 to 16:00 but for the
// given holidays ("2026-11-26"). A mistake in it is reported by [New].
func NYSE(holidays ...string) Hours {
	return Week{Zone: "America/New_York", Open: "09:30", Close: "16:00", Holidays: holidays}.Hours()
}

// Hours returns the week as [Hours]. A mistake in it is reported by [New].
func (w Week) Hours() Hours {
	h := &week{closed: map[string]bool{}, early: map[string]time.Duration{}}
	var faults error
	var err error
	if h.zone, err = time.LoadLocation(w.Zone); err != nil {
		faults = fmt.Errorf("Zone is %q: %w", w.Zone, err)
		h.zone = time.UTC
	} else if w.Zone == "" {
		faults = errors.New("Zone is empty: want a time zone such as America/New_York")
	}
	clock := func(name, text string) time.Duration {
		t, err := time.Parse("15:04", text)
		if err != nil {
			faults = errors.Join(faults, fmt.Errorf("%s is %q: want a time such as 09:30", name, text))
		}
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	day := func(text string) {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			faults = errors.Join(faults, fmt.Errorf("day %q: want a date such as 2026-11-26", text))
		}
	}
	if h.open, h.close = clock("Open", w.Open), clock("Close", w.Close); faults == nil && h.open >= h.close {
		faults = fmt.Errorf("Open at %s is not before Close at %s", w.Open, w.Close)
	}
	for _, d := range w.Holidays {
		day(d)
		h.closed[d] = true
	}
	for d, text := range w.EarlyCloses {
		day(d)
		if h.early[d] = clock("EarlyCloses["+d+"]", text); faults == nil && h.early[d] <= h.open {
			faults = fmt.Errorf("%s closes at %s, before it opens at %s", d, text, w.Open)
		}
	}
	h.fault = faults
	return h
}

// week is a [Week], ready for use.
type week struct {
	zone        *time.Location
	open, close time.Duration
	closed      map[string]bool
	early       map[string]time.Duration
	fault       error

	// The same question is asked for one instrument after another.
	mu       sync.Mutex // guards the last question and its answer
	from, to time.Time
	last     []broker.Session
}

// check is how New learns of mistakes.
func (w *week) check() error { return w.fault }

// Sessions returns the days' sessions, in UTC. Each day is built from its date,
// so that changes of the clock in spring and autumn are right.
func (w *week) Sessions(_ *broker.Instrument, from, to time.Time) []broker.Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !from.Equal(w.from) || !to.Equal(w.to) {
		w.from, w.to, w.last = from, to, w.between(from, to)
	}
	return slices.Clone(w.last)
}

// between returns the sessions that end after from and begin before to.
func (w *week) between(from, to time.Time) []broker.Session {
	var sessions []broker.Session
	year, month, day := from.In(w.zone).Date()
	for {
		midnight := time.Date(year, month, day, 0, 0, 0, 0, w.zone)
		if !midnight.Before(to) {
			return sessions
		}
		if s, ok := w.on(year, month, day); ok && s.Close.After(from) && s.Open.Before(to) {
			sessions = append(sessions, s)
		}
		year, month, day = time.Date(year, month, day+1, 12, 0, 0, 0, w.zone).Date()
	}
}

// on returns the session of one day.
func (w *week) on(year int, month time.Month, day int) (broker.Session, bool) {
	noon := time.Date(year, month, day, 12, 0, 0, 0, w.zone)
	name := noon.Format(time.DateOnly)
	if d := noon.Weekday(); d == time.Saturday || d == time.Sunday || w.closed[name] {
		return broker.Session{}, false
	}
	shut := w.close
	if early, ok := w.early[name]; ok {
		shut = early
	}
	at := func(d time.Duration) time.Time {
		return time.Date(year, month, day, int(d/time.Hour), int(d%time.Hour/time.Minute), 0, 0, w.zone).UTC()
	}
	return broker.Session{Open: at(w.open), Close: at(shut)}, true
}
