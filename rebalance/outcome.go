package rebalance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/retry"
)

// Outcome is how a run ended. What it does to the event, [settlement] says.
type Outcome string

// The outcomes.
const (
	// NoTrade: inside the bands, or nothing to do.
	NoTrade Outcome = "no_trade"
	// Completed: every planned order filled.
	Completed Outcome = "completed"
	// CompletedAdjusted: ended, but something was resized, skipped, rejected or
	// left over; Result.Residual says what.
	CompletedAdjusted Outcome = "completed_adjusted"
	// Deferred: not now, but at Result.Until: market closed, restart window, a
	// dependency that asked to wait. Uses no attempt.
	Deferred Outcome = "deferred"
	// Held: needs a human.
	Held Outcome = "held"
	// Rejected: bad input or configuration; will never work.
	Rejected Outcome = "rejected"
	// Failed: a transient fault, and nothing unknown at the broker.
	Failed Outcome = "failed"
	// Blocked: an outcome is unknown, or somebody else traded. The account stays
	// blocked until an operator unblocks it.
	Blocked Outcome = "blocked"
	// Cancelled: stopped by the kill switch.
	Cancelled Outcome = "cancelled"
)

// Ended reports whether the run is over for good with this outcome; the others
// leave it unfinished, to be continued by the same event.
func (o Outcome) Ended() bool {
	return o == NoTrade || o == Completed || o == CompletedAdjusted || o == Rejected
}

// The reasons that the engine adds to those of the planner.
const (
	ReasonUnknownAccount      Reason = "unknown_account"
	ReasonUnknownStrategy     Reason = "unknown_strategy"
	ReasonUnknownCommand      Reason = "unknown_command"
	ReasonBadArguments        Reason = "bad_arguments"
	ReasonNewerSchema         Reason = "newer_schema"
	ReasonWrongMode           Reason = "wrong_mode"
	ReasonInvalidAllocation   Reason = "invalid_allocation"
	ReasonAmbiguousInstrument Reason = "ambiguous_instrument"
	ReasonNotAStock           Reason = "not_a_stock"
	ReasonMarketClosed        Reason = "market_closed"
	ReasonForeignTrade        Reason = "foreign_trade"
	ReasonUnknownOutcome      Reason = "unknown_outcome"
	ReasonAccountBlocked      Reason = "account_blocked"
	ReasonKilled              Reason = "killed"
	ReasonDependency          Reason = "dependency_failed"
	ReasonSessionLost         Reason = "session_lost"
	ReasonJournal             Reason = "journal_failed"
	ReasonPlannerBug          Reason = "planner_bug"
	ReasonPanic               Reason = "panic"
	ReasonOrders              Reason = "orders_incomplete"
	ReasonConversion          Reason = "conversion_needed"
	ReasonAge                 Reason = "event_too_old"
	ReasonNotDue              Reason = "not_due"
	ReasonUnknownPlan         Reason = "unknown_plan"
	ReasonNotBlocked          Reason = "not_blocked"
	ReasonUnblocked           Reason = "unblocked"
	ReasonSuperseded          Reason = "superseded"
	ReasonNeverOpen           Reason = "markets_never_open_together"
	ReasonNoOpening           Reason = "no_opening_known"
	ReasonCompensate          Reason = "compensate"
	ReasonRefused             Reason = "refused_by_journal"
	ReasonPositionsLag        Reason = "positions_lag"
	ReasonDayLimit            Reason = "day_limit"
	ReasonUnreadable          Reason = "unreadable_result"
	ReasonCorrected           Reason = "corrected_after_settlement"
)

// Error ends a run, or a preview, early: it is an outcome with the cause.
type Error struct {
	Outcome Outcome
	Reason  Reason
	Until   time.Time // for Deferred
	Err     error     // the reason in words, and the cause
}

// Error returns the outcome, the reason and the cause.
func (e *Error) Error() string {
	return "rebalance: " + string(e.Outcome) + ": " + string(e.Reason) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// stopf makes an [Error] with a message.
func stopf(outcome Outcome, reason Reason, format string, args ...any) *Error {
	return stopAs(outcome, reason, fmt.Errorf(format, args...))
}

// stopAs makes an [Error] of a cause.
func stopAs(outcome Outcome, reason Reason, err error) *Error {
	return &Error{Outcome: outcome, Reason: reason, Err: err}
}

// postponef makes an [Error] that has the event wait, as long as for something that
// is down.
func (e *Engine) postponef(reason Reason, format string, args ...any) *Error {
	s := stopf(Deferred, reason, format, args...)
	s.Until = e.recheck()
	return s
}

// stopFor turns the error of a dependency into the end of the run. Fencing and
// cancellation are not ends of a run (someone else, or a later delivery,
// continues it) and stay what they are.
func (e *Engine) stopFor(err error) error {
	var s *Error
	switch {
	case errors.As(err, &s):
		return s
	case errors.Is(err, journal.ErrFenced):
		return err
	case errors.Is(err, journal.ErrKilled):
		return &Error{Outcome: Cancelled, Reason: ReasonKilled, Err: err}
	case errors.Is(err, journal.ErrBlocked):
		return &Error{Outcome: Blocked, Reason: ReasonAccountBlocked, Err: err}
	case errors.Is(err, errDraining), errors.Is(err, errLeaseLost):
		return err
	}
	switch retry.ClassOf(err) {
	case retry.Wait:
		until := retry.At(err)
		var open *retry.OpenError
		if errors.As(err, &open) { // its clock is the process's, ours may be a market's
			until = e.cfg.Now().Add(open.Left())
		}
		if soonest := e.cfg.Now().Add(time.Second); until.Before(soonest) {
			until = soonest
		}
		return &Error{Outcome: Deferred, Reason: ReasonDependency, Until: until, Err: err}
	case retry.Permanent:
		return &Error{Outcome: Rejected, Reason: ReasonDependency, Err: err}
	case retry.Session:
		return &Error{Outcome: Deferred, Reason: ReasonSessionLost, Until: e.recheck(), Err: err}
	case retry.Cancelled:
		return err
	case retry.Transient, retry.Indeterminate:
	}
	return &Error{Outcome: Failed, Reason: ReasonDependency, Err: err}
}

// journalFault marks an error of the journal: nothing can be promised while it
// does not answer, so the event waits without using an attempt. What the journal
// refuses for good is rejected.
func (e *Engine) journalFault(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled),
		errors.Is(err, journal.ErrFenced), errors.Is(err, journal.ErrKilled), errors.Is(err, journal.ErrBlocked):
		return err
	case errors.Is(err, journal.ErrForgotten), errors.Is(err, journal.ErrInvalid), errors.Is(err, journal.ErrOtherBlock):
		return stopAs(Rejected, ReasonRefused, err)
	}
	return &Error{Outcome: Deferred, Reason: ReasonJournal, Until: e.recheck(), Err: err}
}

// recheck returns when something that is down is looked at again.
func (e *Engine) recheck() time.Time { return e.cfg.Now().Add(e.cfg.Events.Recheck) }
