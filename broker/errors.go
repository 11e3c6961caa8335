package broker

import (
	"errors"
	"strings"
	"time"
)

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrIndeterminate: the outcome of a Place is not known. Never retry it;
	// resolve it by reading orders, fills and positions.
	ErrIndeterminate = errors.New("outcome unknown")
	// ErrSession: the session ended, changed or is frozen. Nothing may be sent
	// until the account was read again.
	ErrSession = errors.New("session changed")
	// ErrUnknownAccount: the session does not manage this account.
	ErrUnknownAccount = errors.New("unknown account")
	// ErrUnknownInstrument: no contract matches the symbol.
	ErrUnknownInstrument = errors.New("unknown instrument")
	// ErrAmbiguousInstrument: more than one contract matches the symbol.
	ErrAmbiguousInstrument = errors.New("ambiguous instrument")
	// ErrUnknownOrder: the broker knows no order with this ID. Not a proof that
	// it never had one.
	ErrUnknownOrder = errors.New("unknown order")
	// ErrOrderConflict: the ID is taken by a different order.
	ErrOrderConflict = errors.New("order id taken by a different order")
	// ErrClosed: the Broker value was closed.
	ErrClosed = errors.New("broker closed")
)

// Kind is the class of an error: what a caller may do about it.
type Kind uint8

// The kinds. The zero value is KindTransient.
const (
	KindTransient     Kind = iota // try again with backoff
	KindWait                      // try again at Error.Until; costs no attempt
	KindPermanent                 // will never work as asked
	KindIndeterminate             // outcome unknown: resolve
	KindSession                   // session lost or changed: read everything again
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
	case KindIndeterminate:
		return "indeterminate"
	case KindSession:
		return "session"
	}
	return "invalid"
}

// Error is how implementations report a failure. Only Op and Err are required.
type Error struct {
	Op         string // the method, in lower case: "place", "snapshot"
	Kind       Kind
	Account    AccountID
	Instrument InstrumentID
	Order      OrderID
	Code       string    // the broker's own code
	Until      time.Time // for KindWait: when to try again
	Err        error     // what happened, and what the user can do
}

// Error returns "broker: op: account …: detail (code …)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("broker: " + e.Op)
	for _, f := range [...]struct{ name, value string }{
		{"account", string(e.Account)}, {"instrument", string(e.Instrument)}, {"order", string(e.Order)},
	} {
		if f.value != "" {
			b.WriteString(": " + f.name + " " + f.value)
		}
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Code != "" {
		b.WriteString(" (code " + e.Code + ")")
	}
	if !e.Until.IsZero() {
		b.WriteString(" (until " + e.Until.UTC().Format(time.RFC3339) + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the kind match its sentinel.
func (e *Error) Is(target error) bool {
	return target == ErrIndeterminate && e.Kind == KindIndeterminate ||
		target == ErrSession && e.Kind == KindSession
}

// ErrorClass returns the class for package retry.
func (e *Error) ErrorClass() string { return e.Kind.String() }

// RetryAt returns when to try again, zero if the broker did not say.
func (e *Error) RetryAt() time.Time { return e.Until }
