package fake

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// refusal says why the broker does not accept an order: IBKR's code for it and
// the reason. No code is no refusal.
func (b *Broker) refusal(o *order) (code, reason string) {
	i := o.instrument
	switch {
	case i == nil && b.cfg.Ambiguous[o.order.Instrument] != nil:
		return "200", fmt.Sprintf("%s is ambiguous: %q", o.order.Instrument, b.cfg.Ambiguous[o.order.Instrument])
	case i == nil:
		return "200", fmt.Sprintf("no instrument %s", o.order.Instrument)
	case o.order.Ref != "" && o.order.Ref != i.Ref:
		return "200", fmt.Sprintf("%s is %s, not %s", i.ID, i.Ref, o.order.Ref)
	case !i.inLots(o.order.Quantity):
		return "10243", fmt.Sprintf("quantity %s is not a multiple of the lot %s", o.order.Quantity, i.Lot)
	case o.order.Type == broker.Limit && !i.inTicks(o.order.Limit):
		return "110", fmt.Sprintf("limit %s is not a multiple of the tick %s", o.order.Limit, i.Tick)
	case i.Currency != o.account.base && b.cfg.FX[Pair{i.Currency, o.account.base}].IsZero():
		return "201", fmt.Sprintf("no exchange rate from %s to %s", i.Currency, o.account.base)
	case o.order.Side == broker.Sell:
		return b.refuseSell(o)
	default:
		return b.refuseBuy(o)
	}
}

// refuseSell allows no short position unless that is configured.
func (b *Broker) refuseSell(o *order) (code, reason string) {
	if b.cfg.AllowShort {
		return "", ""
	}
	held := o.account.position(o.instrument.index)
	if busy := o.account.busy(o); !busy.IsZero() {
		held = held.Sub(busy)
	}
	if compare(held, o.left) < 0 {
		return "201", fmt.Sprintf("short sales are not allowed: %s of %s to sell, %s are free", o.left, o.order.Instrument, held)
	}
	return "", ""
}

// refuseBuy compares what the order costs with what the account may spend.
func (b *Broker) refuseBuy(o *order) (code, reason string) {
	a, i := o.account, o.instrument
	cost := b.made.times(o.left, o.estimate())
	if b.cfg.Fees != nil {
		cost = cost.Add(b.cfg.Fees.Fee(FeeRequest{Order: &o.order, Instrument: &i.Instrument, Quantity: o.left, Notional: cost}))
	}
	free := b.spendable(a, i.currency)
	if reserved := a.reserved(o); !reserved.IsZero() {
		free = free.Sub(reserved)
	}
	if compare(free, cost) >= 0 {
		return "", ""
	}
	if b.cfg.AllowMargin && a.kind == broker.Margin {
		return b.refuseMargin(o, cost)
	}
	o.refusal = broker.RefusedMargin
	return "201", fmt.Sprintf("insufficient cash: %s costs %s, %s %s are free", describe(&o.order), cost, free, i.Currency)
}

// spendable is the cash of a currency that may buy.
func (b *Broker) spendable(a *account, currency int) decimal.Decimal {
	if a.kind == broker.Cash && a.settleDays > 0 {
		return a.settled(currency, b.now)
	}
	if currency >= len(a.cash) {
		return decimal.Decimal{}
	}
	return a.cash[currency].amount
}

// refuseMargin asks for an equity of half of what would be held.
func (b *Broker) refuseMargin(o *order, cost decimal.Decimal) (code, reason string) {
	v, err := b.value(o.account)
	if err != nil {
		return "201", err.Error()
	}
	gross := v.gross.Add(b.toBase(o.account, cost, o.instrument.currency))
	if v.net.Add(v.net).LessThan(gross) {
		o.refusal = broker.RefusedMargin
		return "201", fmt.Sprintf("insufficient equity: %s would make %s out of an equity of %s", describe(&o.order), gross, v.net)
	}
	return "", ""
}

// inLots reports whether a quantity is a multiple of the lot.
func (i *instrument) inLots(quantity decimal.Decimal) bool {
	if i.wholeLots {
		return quantity.IsInteger()
	}
	return quantity.Mod(i.Lot).IsZero()
}

// inTicks reports whether a price is a multiple of the tick.
func (i *instrument) inTicks(price decimal.Decimal) bool {
	if i.evenTicks && price.Exponent() >= i.tickExp {
		return true
	}
	return price.Mod(i.Tick).IsZero()
}
