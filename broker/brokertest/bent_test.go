package brokertest

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// bent is a broker whose methods are replaced by those that are set.
type bent struct {
	broker.Broker
	accounts func(ctx context.Context) ([]broker.Account, error)
	snapshot func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error)
	resolve  func(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error)
	place    func(ctx context.Context, o broker.Order) (broker.OrderState, error)
	cancel   func(ctx context.Context, a broker.AccountID, id broker.OrderID) error
	orders   func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error)
	await    func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error)
}

func (b *bent) Unwrap() broker.Broker { return b.Broker }

func (b *bent) Accounts(ctx context.Context) ([]broker.Account, error) {
	if b.accounts != nil {
		return b.accounts(ctx)
	}
	return b.Broker.Accounts(ctx)
}

func (b *bent) Snapshot(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
	if b.snapshot != nil {
		return b.snapshot(ctx, id)
	}
	return b.Broker.Snapshot(ctx, id)
}

func (b *bent) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	if b.resolve != nil {
		return b.resolve(ctx, ids...)
	}
	return b.Broker.Resolve(ctx, ids...)
}

func (b *bent) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	if b.place != nil {
		return b.place(ctx, o)
	}
	return b.Broker.Place(ctx, o)
}

func (b *bent) Cancel(ctx context.Context, a broker.AccountID, id broker.OrderID) error {
	if b.cancel != nil {
		return b.cancel(ctx, a, id)
	}
	return b.Broker.Cancel(ctx, a, id)
}

func (b *bent) Orders(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
	if b.orders != nil {
		return b.orders(ctx, a, q)
	}
	return b.Broker.Orders(ctx, a, q)
}

func (b *bent) Await(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	if b.await != nil {
		return b.await(ctx, a, c)
	}
	return b.Broker.Await(ctx, a, c)
}

// bend makes a wrapper that replaces methods.
func bend(set func(*bent)) func(broker.Broker) broker.Broker {
	return func(b broker.Broker) broker.Broker {
		w := &bent{Broker: b}
		set(w)
		return w
	}
}

// bendSnapshot makes a wrapper that spoils snapshots.
func bendSnapshot(spoil func(*broker.Snapshot)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.snapshot = func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
			s, err := b.Broker.Snapshot(ctx, id)
			if err == nil {
				spoil(&s)
			}
			return s, err
		}
	})
}

// bendStates makes a wrapper that spoils the states that Orders and Await tell.
func bendStates(spoil func(*broker.OrderState)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.orders = func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
			states, err := b.Broker.Orders(ctx, a, q)
			for i := range states {
				spoil(&states[i])
			}
			return states, err
		}
		b.await = func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
			states, next, err := b.Broker.Await(ctx, a, c)
			for i := range states {
				spoil(&states[i])
			}
			return states, next, err
		}
	})
}

// bendPlace makes a wrapper that changes what is placed.
func bendPlace(change func(*broker.Order)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
			change(&o)
			return b.Broker.Place(ctx, o)
		}
	})
}

// unsent is an error of the given kind.
func unsent(kind broker.Kind) error {
	return &broker.Error{Op: "place", Kind: kind, Err: errors.New("refused")}
}

// liar replaces optional roles.
type liar struct {
	broker.Broker
	broker.WhatIfer
	broker.AbsenceProver
	broker.Prober
	broker.Calendar
}

// lie makes a wrapper that replaces optional roles.
func lie(set func(b broker.Broker, l *liar)) func(broker.Broker) broker.Broker {
	return func(b broker.Broker) broker.Broker {
		l := &liar{Broker: b}
		l.WhatIfer, _ = broker.As[broker.WhatIfer](b)
		l.AbsenceProver, _ = broker.As[broker.AbsenceProver](b)
		l.Prober, _ = broker.As[broker.Prober](b)
		l.Calendar, _ = broker.As[broker.Calendar](b)
		set(b, l)
		return l
	}
}

type whatIf func(context.Context, broker.Order) (broker.WhatIf, error)

func (f whatIf) WhatIf(ctx context.Context, o broker.Order) (broker.WhatIf, error) { return f(ctx, o) }

type prove func(context.Context, broker.AccountID, broker.OrderID) (bool, error)

func (f prove) ProveAbsent(ctx context.Context, a broker.AccountID, id broker.OrderID) (bool, error) {
	return f(ctx, a, id)
}

type probe func(context.Context) (broker.Probe, error)

func (f probe) Probe(ctx context.Context) (broker.Probe, error) { return f(ctx) }

type calendar func(context.Context, time.Time, time.Time, ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error)

func (f calendar) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	return f(ctx, from, to, ids...)
}
