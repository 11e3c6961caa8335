package remotebroker

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// wireError is an error on its way.
type wireError struct {
	// Broker is set for a [broker.Error]; the fields up to Until are its own.
	Broker     bool
	Op         string
	Kind       broker.Kind
	Account    broker.AccountID
	Instrument broker.InstrumentID
	Order      broker.OrderID
	Code       string
	Until      time.Time
	// Text is that of the cause, or of the whole error.
	Text string
	// Matches are the places, in sentinels, of those that the error matches.
	Matches []int
}

// sentinels are the errors that survive as such. Only ever add at the end.
var sentinels = [...]error{
	broker.ErrIndeterminate, broker.ErrSession, broker.ErrUnknownAccount, broker.ErrUnknownInstrument,
	broker.ErrAmbiguousInstrument, broker.ErrUnknownOrder, broker.ErrOrderConflict, broker.ErrClosed,
	context.Canceled, context.DeadlineExceeded,
}

// toWire takes an error apart.
func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	cause := err
	var e *broker.Error
	if errors.As(err, &e) {
		w.Broker, w.Op, w.Kind, w.Account, w.Instrument = true, e.Op, e.Kind, e.Account, e.Instrument
		w.Order, w.Code, w.Until, w.Text, cause = e.Order, e.Code, e.Until, "", e.Err
		if cause != nil {
			w.Text = cause.Error()
		}
	}
	for i, s := range sentinels {
		if cause != nil && errors.Is(cause, s) {
			w.Matches = append(w.Matches, i)
		}
	}
	return w
}

// fromWire puts an error together again.
func (w *wireError) fromWire() error {
	if w == nil {
		return nil
	}
	far := &remoteError{text: w.Text}
	for _, i := range w.Matches {
		if i >= 0 && i < len(sentinels) {
			far.matches = append(far.matches, sentinels[i])
		}
	}
	if !w.Broker {
		return far.plain()
	}
	e := &broker.Error{
		Op: w.Op, Kind: w.Kind, Account: w.Account, Instrument: w.Instrument, Order: w.Order, Code: w.Code, Until: w.Until,
	}
	if w.Text != "" {
		e.Err = far.plain()
	}
	return e
}

// remoteError is the cause of an error in the other process.
type remoteError struct {
	text    string
	matches []error
}

// Error is what the other process said.
func (e *remoteError) Error() string { return e.text }

// Unwrap returns the sentinels that the error matched there.
func (e *remoteError) Unwrap() []error { return e.matches }

// plain is the sentinel itself, if the error was nothing but that.
func (e *remoteError) plain() error {
	for _, s := range e.matches {
		if s.Error() == e.text {
			return s
		}
	}
	return e
}
