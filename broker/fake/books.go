package fake

import (
	"slices"
	"sort"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Books are what a broker knows of its accounts and their orders at one instant:
// all that it needs to go on in another process as if nothing had been. Get them
// from [Broker.Books], write them down with [EncodeBooks], read them with
// [DecodeBooks] and begin from them with [Config.Books].
//
// A broker that began from books is in the next session, as after a lost
// connection: it refuses cursors and orders of the one before. What fell due
// since then happens at its first call, dated when it was due; quotes of the time
// between are not made up for.
//
// Not in the books, and so as the new [Config] says: what the accounts are, the
// instruments, quotes, exchange rates, fees and hours. Not in them at all: the
// faults, armed or at work on an order (what they had already scheduled happens),
// and the ledger's cancels, refusals, external changes and duplicates.
type Books struct {
	// Schema is the version of the form, [BooksSchema].
	Schema int `json:"schema"`
	// Time is when the books are of.
	Time time.Time `json:"time"`
	// Epoch is the session then.
	Epoch broker.Epoch `json:"epoch"`
	// NextOrder and NextFill are the numbers of the next order and the next
	// execution, from 1000 and from 1. They never come again.
	NextOrder int64         `json:"next_order"`
	NextFill  int64         `json:"next_fill"`
	Accounts  []KeptAccount `json:"accounts"`
	// Orders are those that are kept, in the order of their arrival.
	Orders []KeptOrder `json:"orders,omitempty"`
	// Due is what happens by itself, in order.
	Due []KeptEvent `json:"due,omitempty"`
	// Forgotten are the IDs of orders that were received and are not kept, see
	// [Config.KeepOrders]: 8 bytes each, for ever.
	Forgotten IDSet `json:"forgotten,omitzero"`
}

// BooksSchema is the version of [Books] that this release writes and reads.
const BooksSchema = 1

// KeptAccount is what an account holds.
type KeptAccount struct {
	ID        broker.AccountID                        `json:"id"`
	Cash      map[broker.Currency]decimal.Decimal     `json:"cash"`
	Positions map[broker.InstrumentID]decimal.Decimal `json:"positions,omitempty"`
	// Unsettled is the part of the cash that is not settled yet.
	Unsettled []KeptCash `json:"unsettled,omitempty"`
	// News is the place of the newest news of its orders.
	News uint64 `json:"news"`
}

// KeptCash is cash that is settled at an instant.
type KeptCash struct {
	Currency broker.Currency `json:"currency"`
	Amount   decimal.Decimal `json:"amount"`
	Until    time.Time       `json:"until"`
}

// KeptOrder is an order as it truly is.
type KeptOrder struct {
	// Order is the order as it works. Sent is as it was received, if that is
	// different.
	Order    broker.Order   `json:"order"`
	Sent     *broker.Order  `json:"sent,omitempty"`
	BrokerID string         `json:"broker_id"`
	Received time.Time      `json:"received"`
	Status   broker.Status  `json:"status"`
	Refusal  broker.Refusal `json:"refusal,omitempty"`
	Code     string         `json:"code,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Updated  time.Time      `json:"updated"`
	// Left is what is not filled.
	Left  decimal.Decimal `json:"left"`
	Fills []KeptFill      `json:"fills,omitempty"`
	// News is the place of its newest news. 0: the broker tells nothing of it, as
	// it is on its way or ended before today.
	News uint64 `json:"news"`
	// Hidden orders are on their way, and nobody sees them.
	Hidden bool `json:"hidden,omitempty"`
	// Stopped orders fill no more, though they work.
	Stopped bool `json:"stopped,omitempty"`
}

// KeptFill is an execution as it truly is.
type KeptFill struct {
	ID       string          `json:"id"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	Fee      decimal.Decimal `json:"fee"`
	Time     time.Time       `json:"time"`
	// Hidden executions are not told yet, FeeHidden says that of the fee.
	Hidden    bool `json:"hidden,omitempty"`
	FeeHidden bool `json:"fee_hidden,omitempty"`
}

// KeptEvent is something that happens by itself.
type KeptEvent struct {
	At time.Time `json:"at"`
	// Kind is what happens: arrival, opening, closing, execute, late_fill,
	// cancelling, reveal, correction or fee_known.
	Kind string `json:"kind"`
	// Order is the broker's ID of the order to which it happens.
	Order string `json:"order"`
	// Quantity and Price are what is executed, or corrected if not zero.
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	// Fill is the index of the execution.
	Fill int `json:"fill,omitempty"`
}

// eventKinds are the names of the kinds that are kept.
var eventKinds = map[kind]string{
	arrival: "arrival", opening: "opening", closing: "closing", execute: "execute", lateFill: "late_fill",
	cancelling: "cancelling", reveal: "reveal", correction: "correction", feeKnown: "fee_known",
}

// Books returns the books as they are now. They share nothing with the broker.
// A closed broker returns them too.
func (b *Broker) Books() Books {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	k := Books{
		Schema: BooksSchema, Time: keptTime(b.now), Epoch: b.epoch,
		NextOrder: int64(b.orderIDs.number), NextFill: int64(b.fillIDs.number), Forgotten: b.gone.clone(),
	}
	for _, a := range b.accounts {
		k.Accounts = append(k.Accounts, b.keepAccount(a))
	}
	kept := make(map[*order]bool, len(b.received))
	for _, o := range b.received {
		kept[o] = true
		k.Orders = append(k.Orders, o.keep())
	}
	queue := slices.Clone(b.due.queue)
	sort.Sort(queue)
	for _, h := range queue {
		if name, ok := eventKinds[h.kind]; ok && kept[h.order] && !h.moot() {
			k.Due = append(k.Due, KeptEvent{
				At: keptTime(h.at), Kind: name, Order: h.order.brokerID, Quantity: h.quantity, Price: h.price, Fill: h.fill,
			})
		}
	}
	return k
}

// Changes counts what happened to the books of this broker up to now. As long as
// the count is the same, [Broker.Books] says the same but for the time and what
// time alone changes. It costs next to nothing.
func (b *Broker) Changes() uint64 {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	count := uint64(b.epoch) + uint64(b.orderIDs.number) + uint64(b.fillIDs.number) + uint64(len(b.external))
	for _, a := range b.accounts {
		count += a.seq
	}
	return count
}

func (b *Broker) keepAccount(a *account) KeptAccount {
	k := KeptAccount{ID: a.id, Cash: map[broker.Currency]decimal.Decimal{}, News: a.seq}
	for i := range a.cash {
		if a.cash[i].used {
			k.Cash[b.currencies[i]] = a.cash[i].amount
		}
	}
	for i := range a.held {
		if q := a.held[i].quantity; !q.IsZero() {
			if k.Positions == nil {
				k.Positions = map[broker.InstrumentID]decimal.Decimal{}
			}
			k.Positions[b.instruments[i].ID] = q
		}
	}
	for _, u := range a.unsettled {
		if u.until.After(b.now) {
			k.Unsettled = append(k.Unsettled, KeptCash{Currency: b.currencies[u.currency], Amount: u.amount, Until: keptTime(u.until)})
		}
	}
	return k
}

func (o *order) keep() KeptOrder {
	k := KeptOrder{
		Order: o.order, BrokerID: o.brokerID, Received: keptTime(o.received), Status: o.status, Refusal: o.refusal,
		Code: o.code, Reason: o.reason, Updated: keptTime(o.updated), Left: o.left, Hidden: o.hidden, Stopped: o.stopped,
	}
	if o.account.orders.has(o) {
		k.News = o.seq
	}
	if o.altered != nil {
		sent := *o.altered
		k.Sent = &sent
	}
	for i := range o.fills {
		f := &o.fills[i]
		k.Fills = append(k.Fills, KeptFill{
			ID: f.id, Quantity: f.quantity, Price: f.price, Fee: f.fee.Decimal, Time: keptTime(f.time),
			Hidden: f.hidden, FeeHidden: !f.fee.Valid,
		})
	}
	return k
}

// has reports whether an order is on the list.
func (l *orderList) has(o *order) bool { return o.prev != nil || o.next != nil || l.first == o }

// keptTime is an instant as it is written down.
func keptTime(t time.Time) time.Time { return t.Round(0).UTC() }
