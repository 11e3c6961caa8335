package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// happen does what is due.
func (b *Broker) happen(h *happening) {
	o := h.order
	switch h.kind {
	case arrival:
		b.arrive(o)
	case opening:
		b.open(o)
	case closing:
		b.end(o, broker.StatusCancelled, "202", "the session closed")
	case execute:
		b.executeSlice(o, h)
	case lateFill:
		b.fill(o, decimal.Min(h.quantity, o.left), h.price)
	case cancelling:
		b.end(o, broker.StatusCancelled, "202", "cancelled on request")
	case reveal:
		o.fills[h.fill].hidden = false
		b.changed(o)
	case correction:
		b.correct(o, h)
	case feeKnown:
		o.fills[h.fill].fee.Valid = true
		b.changed(o)
	case reconnect: // it only ends waits
	}
}

// arrive is what happens when an order reaches the exchange.
func (b *Broker) arrive(o *order) {
	o.hidden = false
	code, reason := b.refusal(o)
	if q := o.quirk; q != nil && q.reject != nil {
		code, reason, o.refusal = q.reject.Code, q.reject.Reason, q.reject.Refusal
	}
	if code != "" {
		b.end(o, broker.StatusRejected, code, reason)
		return
	}
	if q := o.quirk; q != nil && q.hold != 0 {
		b.hold(o, q.hold)
		return
	}
	b.open(o)
}

// hold keeps an order from the market for a time, or up to the close.
func (b *Broker) hold(o *order, by time.Duration) {
	o.status, o.code, o.reason = broker.StatusHeld, "404", "held while shares are looked for"
	if by > 0 {
		b.due.add(happening{at: b.now.Add(by), kind: opening, order: o})
	}
	if s := b.session(o.instrument); s.Contains(b.now) && s.Close.Before(dusk) {
		b.due.add(happening{at: s.Close, kind: closing, order: o})
	}
	b.changed(o)
}

// open lets an order work, in the session that is open or in the next one.
func (b *Broker) open(o *order) {
	s := b.session(o.instrument)
	if !s.Contains(b.now) {
		o.status, o.code, o.reason = broker.StatusHeld, "399", "held until the market opens"
		if !s.Open.IsZero() {
			b.due.add(happening{at: s.Open, kind: opening, order: o})
		}
		b.changed(o)
		return
	}
	if o.status != broker.StatusPendingCancel {
		o.status, o.code, o.reason = broker.StatusWorking, "", ""
	}
	b.match(o)
	if !o.status.Terminal() {
		if s.Close.Before(dusk) {
			b.due.add(happening{at: s.Close, kind: closing, order: o})
		}
		b.changed(o)
	}
}

// session returns the session of an instrument that is open, or else the next
// one within two weeks.
func (b *Broker) session(i *instrument) broker.Session {
	if i.session.Close.After(b.now) && !b.now.Before(i.seen) {
		return i.session
	}
	i.session, i.seen = broker.Session{}, b.now
	for _, s := range b.cfg.Hours.Sessions(&i.Instrument, b.now, b.now.Add(14*24*time.Hour)) {
		if s.Close.After(b.now) {
			i.session = s
			break
		}
	}
	return i.session
}

// match fills what the market takes of an order.
func (b *Broker) match(o *order) {
	working := o.status == broker.StatusWorking || o.status == broker.StatusPendingCancel
	if !working || o.stopped || !o.left.GreaterThan(o.planned) {
		return
	}
	price, ok := o.touch()
	if !ok {
		return
	}
	price = b.slip(o, price)
	if q := o.quirk; q != nil && q.partial != nil {
		b.matchPart(o, q.partial, price)
		return
	}
	if _, whole := b.cfg.Fill.(Immediate); whole {
		b.fill(o, o.left, price)
		return
	}
	b.plan(o, price)
}

// matchPart fills a part of an order and nothing after it.
func (b *Broker) matchPart(o *order, p *partial, price decimal.Decimal) {
	o.stopped = true
	if part := decimal.Min(p.quantity, o.left); part.Sign() > 0 {
		b.fill(o, part, price)
	}
	if p.cancel {
		b.end(o, broker.StatusCancelled, "202", "cancelled by the exchange")
	}
}

// plan asks the model how the rest of an order is filled.
func (b *Broker) plan(o *order, price decimal.Decimal) {
	rest := o.left.Sub(o.planned)
	cuts := b.cfg.Fill.Slices(FillRequest{
		Order: &o.order, Instrument: &o.instrument.Instrument, Quote: o.instrument.quote,
		Quantity: rest, Price: price, Time: b.now,
	})
	for _, s := range cuts {
		quantity := decimal.Min(s.Quantity, rest)
		if quantity.Sign() <= 0 {
			continue
		}
		rest = rest.Sub(quantity)
		if s.Delay > 0 {
			o.planned = o.planned.Add(quantity)
			b.due.add(happening{at: b.now.Add(s.Delay), kind: execute, order: o, quantity: quantity, price: s.Price})
			continue
		}
		at := price
		if s.Price.Sign() > 0 {
			at = o.within(s.Price)
		}
		b.fill(o, quantity, at)
	}
}

// executeSlice fills a slice whose time has come, if the limit allows it.
func (b *Broker) executeSlice(o *order, h *happening) {
	o.planned = o.planned.Sub(h.quantity)
	price, ok := h.price, true
	if price.Sign() > 0 {
		price = o.within(price)
	} else if price, ok = o.touch(); ok {
		price = b.slip(o, price)
	}
	if ok {
		b.fill(o, decimal.Min(h.quantity, o.left), price)
	}
}

// slip returns the price of an execution when the quote says price.
func (b *Broker) slip(o *order, price decimal.Decimal) decimal.Decimal {
	if b.cfg.Slippage == nil {
		return price
	}
	return o.within(b.cfg.Slippage.Slip(&o.order, &o.instrument.Instrument, price))
}

// fill executes a quantity of an order at a price.
func (b *Broker) fill(o *order, quantity, price decimal.Decimal) {
	if quantity.Sign() <= 0 {
		return // filled by other means meanwhile
	}
	f := execution{
		id: b.fillIDs.next(), quantity: quantity, price: price, fee: decimal.NullDecimal{Valid: true}, time: b.now,
	}
	notional := b.made.times(quantity, price)
	f.fee.Decimal = b.charge(o, quantity, notional)
	b.book(o, quantity, notional, f.fee.Decimal)
	if whole := compare(quantity, o.left); whole >= 0 {
		o.left = decimal.Decimal{}
	} else {
		o.left = b.made.minus(o.left, quantity)
	}
	o.fills = append(o.fills, f)
	if o.quirk != nil {
		b.quirkFill(o, len(o.fills)-1)
	}
	if o.left.IsZero() && !o.status.Terminal() {
		b.end(o, broker.StatusFilled, "", "")
		return
	}
	b.changed(o)
}

// charge returns what an execution costs.
func (b *Broker) charge(o *order, quantity, notional decimal.Decimal) decimal.Decimal {
	if b.cfg.Fees == nil {
		return decimal.Decimal{}
	}
	o.notional = o.notional.Add(notional)
	fee := b.cfg.Fees.Fee(FeeRequest{
		Order: &o.order, Instrument: &o.instrument.Instrument,
		Quantity: o.order.Quantity.Sub(o.left).Add(quantity), Notional: o.notional, Charged: o.charged,
	})
	o.charged = o.charged.Add(fee)
	return fee
}

// book moves the position and the cash of an execution.
func (b *Broker) book(o *order, quantity, notional, fee decimal.Decimal) {
	a, currency := o.account, o.instrument.currency
	held, cash := a.holdingOf(o.instrument.index), a.cashIn(currency)
	heldBefore, cashBefore := held.quantity, cash.amount
	held.version = 0
	if o.order.Side == broker.Buy {
		held.quantity, cash.amount = b.made.plus(held.quantity, quantity), b.made.minus(cash.amount, notional)
	} else {
		held.quantity, cash.amount = b.made.minus(held.quantity, quantity), b.made.plus(cash.amount, notional)
		if a.settleDays > 0 {
			a.unsettled = append(a.unsettled, unsettled{currency: currency, amount: notional, until: a.settlement(b.now)})
		}
	}
	if !fee.IsZero() {
		cash.amount = b.made.minus(cash.amount, fee)
	}
	if l := b.lag; l != nil && l.take() {
		b.fired[FaultLagPositions]++
		a.lagged = append(a.lagged, lagged{
			instrument: o.instrument.index, currency: currency, until: b.now.Add(l.by),
			quantity: held.quantity.Sub(heldBefore), amount: cash.amount.Sub(cashBefore),
		})
	}
}

// end makes an order terminal.
func (b *Broker) end(o *order, status broker.Status, code, reason string) {
	if o.status.Terminal() {
		return
	}
	o.status, o.code, o.reason = status, code, reason
	if i := slices.Index(o.account.open, o); i >= 0 {
		o.account.open = slices.Delete(o.account.open, i, i+1)
	}
	b.changed(o)
}

// changed makes news of an order.
func (b *Broker) changed(o *order) {
	a := o.account
	a.seq++
	o.seq, o.updated = a.seq, b.now
	a.orders.toEnd(o)
	b.wake()
}

// describe names an order in messages.
func describe(o *broker.Order) string {
	return fmt.Sprintf("%s %s %s %s %s", o.Side, o.Quantity, o.Instrument, o.Type, o.Limit)
}
