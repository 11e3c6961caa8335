package retry

import (
	"fmt"
	"time"
)

// Breaker is a policy that stops calling a dependency that keeps failing.
//
// It gates only work that adds risk. Nothing may put one around the cancelling
// of orders, the reading of fills or the resolving of an unknown outcome.
type Breaker interface {
	Policy
	// State returns whether calls pass now.
	State() State
}

// State is the state of a [Breaker].
type State uint8

// The states.
const (
	Closed   State = iota // calls pass
	HalfOpen              // one call passes, to try
	Open                  // no call passes
)

// String returns "closed", "half_open" or "open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half_open"
	case Open:
		return "open"
	}
	return "invalid"
}

// OpenError is the error of a call that a breaker refused. Its class is [Wait].
type OpenError struct {
	// Name is the dependency.
	Name string
	// Until is when to try again.
	Until time.Time
	// Forced: an operator opened it, and there is no known end.
	Forced bool
	// Last is the failure that opened it, maybe of another caller's call. The
	// error does not match it.
	Last error
}

// Error returns "retry: breaker … is open until …: last failure: detail".
func (e *OpenError) Error() string {
	text := fmt.Sprintf("retry: breaker %s is open until %s", e.Name, e.Until.UTC().Format(time.RFC3339))
	if e.Forced {
		text = fmt.Sprintf("retry: breaker %s was opened by an operator", e.Name)
	}
	if e.Last != nil {
		text += ": last failure: " + e.Last.Error()
	}
	return text
}

// Left is how long until then, on the process's clock.
func (e *OpenError) Left() time.Duration { return max(time.Until(e.Until), 0) }

// ErrorClass returns the class for package retry.
func (e *OpenError) ErrorClass() string { return Wait.String() }

// RetryAt returns when to try again.
func (e *OpenError) RetryAt() time.Time { return e.Until }
