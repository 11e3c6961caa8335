package fake

import (
	"cmp"
	"maps"
	"slices"

	"github.com/shopspring/decimal"
)

// goOn continues from books that were checked, with the accounts made already.
func (b *Broker) goOn(k *Books) {
	if k == nil {
		return
	}
	b.epoch, b.now, b.midnight = k.Epoch+1, k.Time, nextMidnight(k.Time)
	b.orderIDs.number, b.fillIDs.number = int(k.NextOrder), int(k.NextFill)
	b.gone = k.Forgotten.clone()
	for i := range k.Accounts {
		b.takeAccount(&k.Accounts[i])
	}
	byBrokerID := make(map[string]*order, len(k.Orders))
	for i := range k.Orders {
		o := b.takeOrder(&k.Orders[i])
		byBrokerID[o.brokerID] = o
	}
	for _, a := range b.accounts {
		a.listOrders(b.received)
	}
	kinds := make(map[string]kind, len(eventKinds))
	for kind, name := range eventKinds {
		kinds[name] = kind
	}
	for i := range k.Due {
		e := &k.Due[i]
		o := byBrokerID[e.Order]
		h := happening{at: e.At, kind: kinds[e.Kind], order: o, quantity: e.Quantity, price: e.Price, fill: e.Fill}
		if h.kind == execute {
			o.planned = o.planned.Add(h.quantity)
		}
		b.due.add(h)
	}
}

// takeAccount replaces what an account holds.
func (b *Broker) takeAccount(k *KeptAccount) {
	a := b.byAccount[k.ID]
	a.held, a.cash, a.seq = nil, nil, k.News
	a.cashIn(b.currencyIndex(a.base))
	for _, cur := range slices.Sorted(maps.Keys(k.Cash)) {
		a.addCash(b.currencyIndex(cur), k.Cash[cur])
	}
	for id, quantity := range k.Positions {
		a.addPosition(b.byID[id].index, quantity)
	}
	for _, u := range k.Unsettled {
		a.unsettled = append(a.unsettled, unsettled{currency: b.currencyIndex(u.Currency), amount: u.Amount, until: u.Until})
	}
}

func (b *Broker) takeOrder(k *KeptOrder) *order {
	a := b.byAccount[k.Order.Account]
	o := &order{
		order: echo(&k.Order), account: a, instrument: b.byID[k.Order.Instrument], brokerID: k.BrokerID, received: k.Received,
		status: k.Status, refusal: k.Refusal, code: k.Code, reason: k.Reason, updated: k.Updated,
		left: k.Left, seq: k.News, hidden: k.Hidden, stopped: k.Stopped,
	}
	if k.Sent != nil {
		sent := echo(k.Sent)
		o.altered = &sent
	}
	o.fills = o.first[:0]
	for i := range k.Fills {
		f := &k.Fills[i]
		o.fills = append(o.fills, execution{
			id: f.ID, quantity: f.Quantity, price: f.Price, time: f.Time, hidden: f.Hidden,
			fee: decimal.NullDecimal{Decimal: f.Fee, Valid: !f.FeeHidden},
		})
		o.notional, o.charged = o.notional.Add(f.Quantity.Mul(f.Price)), o.charged.Add(f.Fee)
	}
	b.received = append(b.received, o)
	if id := o.order.ID; id != "" {
		b.orders[id] = o
	}
	if !o.status.Terminal() {
		a.open = append(a.open, o)
	}
	return o
}

// listOrders lists the account's orders with news among all, the newest last.
func (a *account) listOrders(all []*order) {
	var told []*order
	for _, o := range all {
		if o.account == a && o.seq > 0 {
			told = append(told, o)
		}
	}
	slices.SortFunc(told, func(x, y *order) int { return cmp.Compare(x.seq, y.seq) })
	for _, o := range told {
		a.orders.toEnd(o)
	}
}
