package rebalance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
)

// Trigger says when an automatic rebalance ([Arguments.Automatic]) is due: when
// a new period of the calendar has begun, or when a symbol has drifted too far.
// Without either, every automatic event is due. Whatever it says, an account
// trades at most once a trading day on automatic events.
//
// A trigger decides whether a run looks at trading at all; the bands of the
// [Policy] then decide what is traded.
type Trigger struct {
	// DriftAbsolute is the drift of a symbol, as a fraction of equity, beyond
	// which a rebalance is due. Default: not set.
	DriftAbsolute decimal.NullDecimal
	// DriftRelative is the same as a fraction of the symbol's own target. A
	// symbol that is held without a target, or has one and is not held, is
	// beyond it. Default: not set.
	DriftRelative decimal.NullDecimal
	// Calendar makes a rebalance due once in each of its periods. Default: none.
	Calendar Period
	// CooldownDays is how many calendar days must lie between two runs that
	// trade. Default: 0.
	CooldownDays int
	// Zone is the IANA time zone in which days and periods begin. Default: the
	// zone of the exchange of the first target, by symbol.
	Zone string
}

// Period is a span of the calendar.
type Period string

// The periods. A week begins on Monday, as in ISO 8601.
const (
	Weekly    Period = "weekly"
	Monthly   Period = "monthly"
	Quarterly Period = "quarterly"
	Annually  Period = "annually"
)

// Check returns every fault of the trigger, joined, or nil.
func (t *Trigger) Check() error {
	var faults []error
	for _, f := range [...]struct {
		name  string
		value decimal.NullDecimal
	}{{"DriftAbsolute", t.DriftAbsolute}, {"DriftRelative", t.DriftRelative}} {
		if f.value.Valid && f.value.Decimal.Sign() < 0 {
			faults = append(faults, fmt.Errorf("%s is %s: want 0 or more", f.name, f.value.Decimal))
		}
	}
	switch t.Calendar {
	case "", Weekly, Monthly, Quarterly, Annually:
	default:
		faults = append(faults, fmt.Errorf("Calendar is %q: want weekly, monthly, quarterly or annually", t.Calendar))
	}
	if t.CooldownDays < 0 {
		faults = append(faults, fmt.Errorf("CooldownDays is %d: want 0 or more", t.CooldownDays))
	}
	if t.Zone != "" {
		if _, err := time.LoadLocation(t.Zone); err != nil {
			faults = append(faults, fmt.Errorf("Zone is %q: %w", t.Zone, err))
		}
	}
	return errors.Join(faults...)
}

// number tells the periods apart: equal for two instants in the same one.
func (p Period) number(t time.Time) int {
	switch p {
	case Weekly:
		year, week := t.ISOWeek()
		return year*100 + week
	case Monthly:
		return t.Year()*100 + int(t.Month())
	case Quarterly:
		return t.Year()*100 + (int(t.Month())+2)/3
	case Annually:
		return t.Year()
	}
	return 0
}

// due ends an automatic run that the day, the cooldown or the calendar does not
// ask for. What only the drift can tell is left to [run.drifted].
func (r *run) due() error {
	t := r.account.Trigger
	if !r.req.Automatic {
		return nil
	}
	zone, err := r.zone()
	if err != nil {
		return err
	}
	var past memory
	if r.memory != nil {
		past = *r.memory
	}
	now := r.e.cfg.Now().In(zone)
	if !past.Automatic.IsZero() && daysBetween(past.Automatic.In(zone), now) == 0 {
		return stopf(NoTrade, ReasonNotDue, "account %s: an automatic run traded today already, at %s",
			r.req.Account, past.Automatic.In(zone).Format(time.RFC3339))
	}
	if t == nil {
		return nil
	}
	if days := daysBetween(past.Traded.In(zone), now); !past.Traded.IsZero() && days < t.CooldownDays {
		return stopf(NoTrade, ReasonNotDue, "account %s: traded %d days ago, the cooldown is %d days", r.req.Account, days, t.CooldownDays)
	}
	r.calendarDue = t.Calendar != "" &&
		(past.Calendar.IsZero() || t.Calendar.number(past.Calendar.In(zone)) != t.Calendar.number(now))
	if t.Calendar != "" && !r.calendarDue && !t.DriftAbsolute.Valid && !t.DriftRelative.Valid {
		return stopf(NoTrade, ReasonNotDue, "account %s: the %s run was on %s",
			r.req.Account, t.Calendar, past.Calendar.In(zone).Format(time.DateOnly))
	}
	return nil
}

// drifted ends an automatic run if no symbol has drifted beyond the trigger and
// the calendar does not ask for it either.
func (r *run) drifted(plan *Plan) error {
	t := r.account.Trigger
	if !r.req.Automatic || t == nil || r.calendarDue || !t.DriftAbsolute.Valid && !t.DriftRelative.Valid {
		return nil
	}
	var furthest PlanLine
	for _, l := range plan.Lines {
		if t.beyond(&l) {
			return nil
		}
		if l.Drift.Abs().GreaterThan(furthest.Drift.Abs()) {
			furthest = l
		}
	}
	return stopf(NoTrade, ReasonNotDue, "account %s: no symbol drifted beyond the trigger, %s is furthest off with %s of equity",
		r.req.Account, furthest.Symbol, furthest.Drift)
}

// beyond reports whether a symbol has drifted further than allowed.
func (t *Trigger) beyond(l *PlanLine) bool {
	if t.DriftAbsolute.Valid && l.Drift.Abs().GreaterThan(t.DriftAbsolute.Decimal) {
		return true
	}
	if !t.DriftRelative.Valid {
		return false
	}
	if l.Desired.IsZero() != l.Value.IsZero() {
		return true
	}
	return l.Value.Sub(l.Desired).Abs().GreaterThan(t.DriftRelative.Decimal.Mul(l.Desired))
}

// zone is where the days of this account begin.
func (r *run) zone() (*time.Location, error) {
	name := "UTC"
	if t := r.account.Trigger; t != nil && t.Zone != "" {
		name = t.Zone
	} else if len(r.targets.Targets) > 0 {
		first := slices.MinFunc(r.targets.Targets, func(a, b allocation.Target) int { return compare(a.Symbol, b.Symbol) })
		name = r.terms[first.Symbol].Zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, stopf(Held, ReasonBadArguments,
			"account %s: time zone %q: %v: set Trigger.Zone, or embed the zones by importing time/tzdata", r.req.Account, name, err)
	}
	return zone, nil
}

// daysBetween counts the midnights from one local time to another.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(to).Sub(day(from)).Hours() / 24)
}
