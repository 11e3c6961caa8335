package allocation

import (
	"errors"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrUnknownStrategy: the source has no targets under this name.
	ErrUnknownStrategy = errors.New("unknown strategy")
	// ErrInvalid: the answer is not a valid allocation.
	ErrInvalid = errors.New("invalid allocation")
	// ErrStale: the allocation is older than allowed.
	ErrStale = errors.New("stale allocation")
)

// Kind is the class of an error: what a caller may do about it.
type Kind uint8

// The kinds. The zero value is KindTransient.
const (
	KindTransient Kind = iota // try again with backoff
	KindWait                  // try again at Error.Until
	KindPermanent             // the same question will get the same answer
)

// String returns the class name that package retry understands.
func (k Kind) String() string {
	switch k {
	case KindTransient:
		return "transient"
	case KindWait:
		return "wait"
	case KindPermanent:
		return "permanent"
	}
	return "invalid"
}

// Error is how sources report a failure.
type Error struct {
	Kind     Kind
	Account  broker.AccountID
	Strategy string
	Code     string    // of the source: an HTTP status
	Until    time.Time // for KindWait, or when the source said how long to wait
	Err      error
}

// Error returns "allocation: strategy …: detail (code …)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("allocation")
	if e.Strategy != "" {
		b.WriteString(": strategy " + e.Strategy)
	}
	if e.Account != "" {
		b.WriteString(": account " + string(e.Account))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Code != "" {
		b.WriteString(" (code " + e.Code + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorClass returns the class for package retry.
func (e *Error) ErrorClass() string { return e.Kind.String() }

// RetryAt returns when to try again, zero if the source did not say.
func (e *Error) RetryAt() time.Time { return e.Until }
