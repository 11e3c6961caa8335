package fake

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Resolve returns the instruments.
func (b *Broker) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	c := Call{Method: MethodResolve}
	found := make(map[broker.InstrumentID]broker.Instrument, len(ids))
	err := b.do(ctx, c, nil, func() error {
		for _, id := range ids {
			i, err := b.instrument(c, id)
			if err != nil {
				return err
			}
			found[id] = i.Instrument
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// instrument finds the one instrument that a symbol means.
func (b *Broker) instrument(c Call, id broker.InstrumentID) (*instrument, error) {
	if i := b.byID[id]; i != nil {
		return i, nil
	}
	cause := broker.ErrUnknownInstrument
	if candidates := b.cfg.Ambiguous[id]; candidates != nil {
		cause = fmt.Errorf("%w: it may be %q", broker.ErrAmbiguousInstrument, candidates)
	}
	return nil, &broker.Error{Op: c.Method, Kind: broker.KindPermanent, Instrument: id, Code: "200", Err: cause}
}

// Sessions returns when instruments trade, as [Config.Hours] says.
func (b *Broker) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	c := Call{Method: MethodSessions}
	sessions := make(map[broker.InstrumentID][]broker.Session, len(ids))
	err := b.do(ctx, c, nil, func() error {
		for _, id := range ids {
			i, err := b.instrument(c, id)
			if err != nil {
				return err
			}
			sessions[id] = b.cfg.Hours.Sessions(&i.Instrument, from, to)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sessions, nil
}

// Probe makes a round trip.
func (b *Broker) Probe(ctx context.Context) (broker.Probe, error) {
	var p broker.Probe
	err := b.do(ctx, Call{Method: MethodProbe}, nil, func() error {
		p = broker.Probe{Epoch: b.epoch, Time: b.now}
		return nil
	})
	return p, err
}

// ProveAbsent reports whether no order with this ID was received or is under
// way. A fake knows that for certain.
func (b *Broker) ProveAbsent(ctx context.Context, account broker.AccountID, id broker.OrderID) (bool, error) {
	c := Call{Method: MethodProveAbsent, Account: account, Order: id}
	var absent bool
	err := b.do(ctx, c, nil, func() error {
		if _, err := b.account(c); err != nil {
			return err
		}
		_, known := b.orders[id]
		absent = !known && !b.forgotten(id) && b.strike(MethodProveAbsent, nil, FaultDoubtAbsence) == nil
		return nil
	})
	return absent, err
}

// WhatIf previews an order by the rules of Place. It leaves no trace.
func (b *Broker) WhatIf(ctx context.Context, order broker.Order) (broker.WhatIf, error) {
	c := Call{Method: MethodWhatIf, Account: order.Account, Order: order.ID}
	var w broker.WhatIf
	wanted := append(b.holdings(order.Account), order.Instrument)
	err := b.do(ctx, c, wanted, func() error {
		if err := order.Check(); err != nil {
			return b.fault(c, broker.KindPermanent, err)
		}
		a, err := b.account(c)
		if err != nil {
			return err
		}
		if w, err = b.preview(a, &order); err != nil {
			return b.fault(c, broker.KindTransient, err)
		}
		return nil
	})
	if err != nil {
		return broker.WhatIf{}, err
	}
	return w, nil
}

// preview says what an order would do if it filled as far as it can be told now.
func (b *Broker) preview(a *account, sent *broker.Order) (broker.WhatIf, error) {
	var w broker.WhatIf
	o := &order{order: *sent, account: a, instrument: b.byID[sent.Instrument], left: sent.Quantity}
	if code, reason := b.refusal(o); code != "" {
		w.Refusal = reason
		return w, nil
	}
	v, err := b.value(a)
	if err != nil {
		return w, err
	}
	var fee decimal.Decimal
	cost := o.left.Mul(o.estimate())
	if b.cfg.Fees != nil {
		fee = b.cfg.Fees.Fee(FeeRequest{Order: &o.order, Instrument: &o.instrument.Instrument, Quantity: o.left, Notional: cost})
	}
	moved := b.toBase(a, cost, o.instrument.currency)
	if o.order.Side == broker.Sell {
		moved = moved.Neg()
	}
	w.Commission = decimal.NewNullDecimal(b.toBase(a, fee, o.instrument.currency))
	w.EquityAfter = decimal.NewNullDecimal(v.net.Sub(w.Commission.Decimal))
	w.InitialMarginAfter = decimal.NewNullDecimal(v.gross.Add(moved).Mul(half))
	return w, nil
}

// Epoch returns the number of the present session.
func (b *Broker) Epoch() broker.Epoch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.epoch
}

// FX returns the exchange rates.
func (b *Broker) FX() map[Pair]decimal.Decimal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.cfg.FX)
}
