package ibkr

import (
	"context"
	"errors"

	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// WhatIf has the gateway preview an order. The message differs from a live order
// by one flag, which is checked in the encoded message before it leaves.
func (b *Broker) WhatIf(ctx context.Context, order broker.Order) (broker.WhatIf, error) {
	const op = "what if"
	if err := order.Check(); err != nil {
		return broker.WhatIf{}, &broker.Error{Op: op, Account: order.Account, Order: order.ID, Kind: broker.KindPermanent, Err: err}
	}
	s, err := b.begin(ctx, op, order.Account)
	if err != nil {
		return broker.WhatIf{}, err
	}
	all, err := b.resolve(ctx, s.session, op, []broker.InstrumentID{order.Instrument})
	if err != nil {
		return broker.WhatIf{}, err
	}
	wire, err := wireOrder(&order, all[order.Instrument])
	if err != nil {
		return broker.WhatIf{}, &broker.Error{Op: op, Account: order.Account, Order: order.ID, Kind: broker.KindPermanent, Err: err}
	}
	wire.WhatIf, wire.OrderRef = true, previewRef
	c := &call{question: question{name: "preview", prio: prioOther}, done: make(chan struct{}), beat: make(chan struct{}, 1)}
	err = s.session.write(ctx, &job{
		prio: prioSend, // order ids must go up on the wire
		encode: func(cl *ibapi.EClient) {
			b.mu.Lock()
			c.id = b.nextID
			b.nextID++
			s.session.calls[c.id], s.session.previews[c.id] = c, true
			b.mu.Unlock()
			cl.PlaceOrder(c.id, all[order.Instrument].orderContract(), wire)
		},
		permit: func(frame []byte) error {
			if !wire.WhatIf {
				return errors.New("ibkr: a preview without its flag")
			}
			return checkOrderFrame(s.session.door.version, frame, c.id, previewRef, true)
		},
	})
	if err == nil {
		err = s.session.await(ctx, c)
	} else if c.id != 0 {
		s.session.finish(c.id, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.over && c.err == nil && len(c.rows) > 0 {
		if w, ok := c.rows[0].(broker.WhatIf); ok {
			return w, nil
		}
	}
	if gone := b.stillLocked(s, op, order.Account); gone != nil && ctx.Err() == nil {
		return broker.WhatIf{}, gone
	}
	e := fault(op, order.Account, errors.Join(err, c.err))
	e.Order = order.ID
	return broker.WhatIf{}, e
}

// previewRef is the reference that previews carry: none of an order.
const previewRef = "preview"

// answerPreview takes the answer to a preview. The lock is held.
func (s *session) answerPreview(r *orderReport) {
	c := s.calls[r.order]
	if c == nil || !s.previews[r.order] {
		return
	}
	w := broker.WhatIf{InitialMarginAfter: r.initial, EquityAfter: r.equity, Commission: known(r.fees)}
	if w.InitialMarginAfter.Valid && w.EquityAfter.Valid && w.InitialMarginAfter.Decimal.GreaterThan(w.EquityAfter.Decimal) {
		w.Refusal = "the initial margin would be " + w.InitialMarginAfter.Decimal.String() + ", the equity " + w.EquityAfter.Decimal.String()
	}
	c.rows = append(c.rows, w)
	s.finishLocked(r.order, nil)
}

// known is an amount that the gateway means: it writes -1 for "not yet".
func known(d decimal.NullDecimal) decimal.NullDecimal {
	if d.Valid && d.Decimal.Equal(minusOne) {
		return decimal.NullDecimal{}
	}
	return d
}

// refusePreview takes a code that names a preview. The lock is held.
func (s *session) refusePreview(id int64, code int, text string) {
	c := s.calls[id]
	if c == nil {
		return
	}
	switch asOrder(code).meaning {
	case orderRefused:
		c.rows = append(c.rows, broker.WhatIf{Refusal: explain(code, text) + " (" + codeText(code) + ")"})
		s.finishLocked(id, nil)
	case orderNote, info, orderEnded:
	default:
		s.finishLocked(id, &gatewayError{code, text})
	}
}
