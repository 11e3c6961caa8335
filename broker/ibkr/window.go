package ibkr

import (
	"fmt"
	"slices"
	"time"
)

// Window is a span that comes back every day, or on some days of the week.
type Window struct {
	// Days on which it begins. Default: every day.
	Days []time.Weekday
	// From and To are the time of the day at which it begins and ends, such as
	// 23h45m. An end before the beginning is on the next day. Required.
	From, To time.Duration
	// Zone is the IANA time zone of these. Default: America/New_York.
	Zone string
}

// Default windows: the gateway restarts at 23:45 of its own zone, and IBKR wants
// the user to log in anew on Sunday night.
var (
	defaultRestart = Window{From: 23*time.Hour + 35*time.Minute, To: 23*time.Hour + 55*time.Minute}
	defaultLogin   = Window{Days: []time.Weekday{time.Sunday}, From: time.Hour, To: 3 * time.Hour}
)

const newYork = "America/New_York"

// check reports what is wrong with the window.
func (w *Window) check(name string) error {
	day := 24 * time.Hour
	if w.From < 0 || w.From >= day || w.To < 0 || w.To > day || w.From == w.To {
		return fmt.Errorf("ibkr: config: %s is from %s to %s: want two different times of the day", name, w.From, w.To)
	}
	if _, err := w.zone(); err != nil {
		return fmt.Errorf("ibkr: config: %s: zone %q: %w", name, w.Zone, err)
	}
	return nil
}

func (w *Window) zone() (*time.Location, error) {
	if w.Zone == "" {
		return time.LoadLocation(newYork)
	}
	return time.LoadLocation(w.Zone)
}

// contains reports whether t is in the window, and when that one ends.
func (w *Window) contains(t time.Time) (end time.Time, in bool) {
	loc, err := w.zone()
	if err != nil {
		return time.Time{}, false // checked at the start
	}
	local := t.In(loc)
	for _, back := range []int{0, 1} { // it may have begun yesterday
		y, m, d := local.Date()
		midnight := time.Date(y, m, d-back, 0, 0, 0, 0, loc)
		if len(w.Days) > 0 && !slices.Contains(w.Days, midnight.Weekday()) {
			continue
		}
		from, to := clock(midnight, w.From), clock(midnight, w.To)
		if w.To <= w.From {
			to = clock(midnight.AddDate(0, 0, 1), w.To)
		}
		if !t.Before(from) && t.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// clock is a time of the day on the clocks of a day's zone. A time that the clocks
// leap over is the later of the two that it may mean.
func clock(midnight time.Time, of time.Duration) time.Time {
	y, m, d := midnight.Date()
	t := time.Date(y, m, d, 0, 0, int(of/time.Second), 0, midnight.Location())
	hour, minute, second := t.Clock()
	shown := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	if of < 24*time.Hour && shown < of {
		t = t.Add(of - shown)
	}
	return t
}
