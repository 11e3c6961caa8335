package broker

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
)

// Broker is all that the engine needs of a brokerage connection.
type Broker interface {
	AccountReader
	InstrumentResolver
	OrderPlacer
	OrderReader
}

// AccountReader reads accounts.
type AccountReader interface {
	// Accounts returns the accounts that this session may act for. It never
	// returns an empty list without an error.
	Accounts(ctx context.Context) ([]Account, error)

	// Snapshot returns one complete and consistent picture of an account, all
	// of it read in one session. An account that the session does not manage is
	// an error that matches [ErrUnknownAccount].
	Snapshot(ctx context.Context, account AccountID) (Snapshot, error)
}

// InstrumentResolver finds the one contract that a symbol means.
type InstrumentResolver interface {
	// Resolve returns an entry for each of ids or an error; there is no partial
	// answer. No match is [ErrUnknownInstrument], several are
	// [ErrAmbiguousInstrument] with the candidates in the message.
	Resolve(ctx context.Context, ids ...InstrumentID) (map[InstrumentID]Instrument, error)
}

// OrderPlacer changes orders.
type OrderPlacer interface {
	// Place writes the order to the broker once and returns its state as known
	// then: [StatusPending] if the broker has not acknowledged it yet, else what
	// it acknowledged, which may already be terminal. It need not wait for the
	// acknowledgement, which is news for [OrderReader.Await]. Placing a known ID
	// sends nothing and returns that order's state; if the stored order differs
	// from the given one the error matches [ErrOrderConflict].
	//
	// An error of [KindIndeterminate] (see [ErrIndeterminate]) says that the
	// outcome is not known: it must be resolved, never retried. After any other
	// error the order is provably not at the broker.
	Place(ctx context.Context, order Order) (OrderState, error)

	// Cancel asks the broker to cancel. A nil error says that the request was
	// delivered, not that the order is cancelled: only a terminal state tells.
	// Cancelling a terminal order is not an error. An ID that the broker does
	// not know is [ErrUnknownOrder].
	Cancel(ctx context.Context, account AccountID, id OrderID) error
}

// OrderReader reads orders and fills.
type OrderReader interface {
	// Orders returns every matching order that the broker remembers: the open
	// ones and those of the current trading day, whoever placed them, with
	// their fills. The list is complete or an error; its order is not defined.
	Orders(ctx context.Context, account AccountID, query OrderQuery) ([]OrderState, error)

	// Await blocks until an order of the account has news after the cursor,
	// then returns the changed orders, each once with its whole state, and the
	// cursor behind them. The zero cursor is the beginning of what the broker
	// remembers. A cursor of an earlier session is an error of [KindSession].
	// Await returns ctx.Err() when ctx ends first; it then consumed nothing.
	Await(ctx context.Context, account AccountID, after Cursor) ([]OrderState, Cursor, error)
}

// Calendar is an optional role: it knows when instruments trade.
type Calendar interface {
	// Sessions returns, for each of ids, the trading sessions that end after
	// from and begin before to, in order. An instrument that does not trade in
	// that span has an empty list; one that is not known is an error.
	Sessions(ctx context.Context, from, to time.Time, ids ...InstrumentID) (map[InstrumentID][]Session, error)
}

// WhatIfer is an optional role: it previews an order without sending it.
type WhatIfer interface {
	// WhatIf returns what the broker says the order would do. It can never
	// cause a live order.
	WhatIf(ctx context.Context, order Order) (WhatIf, error)
}

// Prober is an optional role: it checks the whole path to the broker.
type Prober interface {
	// Probe makes one harmless round trip to the broker.
	Probe(ctx context.Context) (Probe, error)
}

// AbsenceProver is an optional role: it can prove that an order never reached
// the broker. Without it an order that cannot be found stays unknown, because
// "not found" alone proves nothing.
type AbsenceProver interface {
	// ProveAbsent reports whether it is certain that the broker never received
	// and never will receive an order with this ID. False means: not certain.
	ProveAbsent(ctx context.Context, account AccountID, id OrderID) (bool, error)
}

// Wrapper is implemented by a Broker that decorates another one.
type Wrapper interface{ Unwrap() Broker }

// As finds the first broker in the chain of wrappers that begins with b which
// implements T, an optional role such as [Calendar].
func As[T any](b Broker) (T, bool) {
	for b != nil {
		if t, ok := b.(T); ok {
			return t, true
		}
		w, ok := b.(Wrapper)
		if !ok {
			break
		}
		b = w.Unwrap()
	}
	var none T
	return none, false
}

// Session is one span of continuous trading.
type Session struct {
	Open, Close time.Time
}

// Contains reports whether t is in the session: not before Open, before Close.
func (s Session) Contains(t time.Time) bool {
	return !t.Before(s.Open) && t.Before(s.Close)
}

// WhatIf is the broker's preview of an order, in the account's base currency.
// A figure that the broker did not give is invalid, never zero.
type WhatIf struct {
	InitialMarginAfter decimal.NullDecimal
	EquityAfter        decimal.NullDecimal
	Commission         decimal.NullDecimal
	// Refusal is why the broker would refuse the order, empty if it would not.
	Refusal string
}

// Probe is the answer to a round trip.
type Probe struct {
	Epoch Epoch
	// Time is the broker's clock.
	Time time.Time
}
