package fake

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Ledger is what really happened, whatever callers were told.
type Ledger struct {
	// Orders are the orders that were received, in the order of their arrival,
	// those that were refused included.
	Orders []LedgerOrder
	// Cancels are the requests to cancel, in order.
	Cancels []LedgerCancel
	// Refused are the calls of Place that received nothing, in order.
	Refused []Refusal
	// External are the changes that no order made, in order.
	External []External
}

// LedgerOrder is an order that was received.
type LedgerOrder struct {
	// Received is when the order was accepted into the books.
	Received time.Time
	// Sent is the order as its sender wrote it, Works as it works. Orders placed
	// by hand have no ID.
	Sent, Works  broker.Order
	BrokerID     string
	Status       broker.Status
	Code, Reason string
	Updated      time.Time
	Fills        []broker.Fill
	// Duplicates counts the further sends with the same ID.
	Duplicates int
}

// Filled returns the quantity of the fills.
func (o *LedgerOrder) Filled() decimal.Decimal {
	s := broker.OrderState{Fills: o.Fills}
	return s.Filled()
}

// LedgerCancel is a request to cancel.
type LedgerCancel struct {
	Time    time.Time
	Account broker.AccountID
	Order   broker.OrderID
	// Status is that of the order when the request came.
	Status broker.Status
}

// Refusal is a call of Place after which the exchange has no order.
type Refusal struct {
	Time  time.Time
	Order broker.Order
	// Why is the error of the call, or the name of the fault that lost the order.
	Why string
}

// External is a change that no order made.
type External struct {
	Time    time.Time
	Account broker.AccountID
	// What is "deposit", "transfer" or "split".
	What string
	// Money was deposited, or withdrawn if negative.
	Money broker.Money
	// Instrument and Quantity are what was transferred, or added by a split.
	Instrument broker.InstrumentID
	Quantity   decimal.Decimal
}

// Ledger returns a copy of all that happened up to now.
func (b *Broker) Ledger() Ledger {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	l := Ledger{
		Orders:   make([]LedgerOrder, len(b.received)),
		Cancels:  append([]LedgerCancel(nil), b.cancels...),
		Refused:  append([]Refusal(nil), b.refused...),
		External: append([]External(nil), b.external...),
	}
	for i, o := range b.received {
		e := LedgerOrder{
			Received: o.received, Sent: o.sent(), Works: o.order, BrokerID: o.brokerID, Status: o.status,
			Code: o.code, Reason: o.reason, Updated: o.updated, Duplicates: o.duplicates,
		}
		for i := range o.fills {
			f := o.fill(&o.fills[i])
			f.Fee.Valid = true
			e.Fills = append(e.Fills, f)
		}
		l.Orders[i] = e
	}
	return l
}

// Order returns the order with an ID, nil if none was received.
func (l *Ledger) Order(id broker.OrderID) *LedgerOrder {
	for i := range l.Orders {
		if l.Orders[i].Sent.ID == id {
			return &l.Orders[i]
		}
	}
	return nil
}

// Holdings returns what an account really holds now, whatever snapshots show:
// its positions that are not zero, and its cash.
func (b *Broker) Holdings(id broker.AccountID) (map[broker.InstrumentID]decimal.Decimal, map[broker.Currency]decimal.Decimal, error) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	a := b.byAccount[id]
	if a == nil {
		return nil, nil, fmt.Errorf("fake: holdings of %s: %w", id, broker.ErrUnknownAccount)
	}
	positions := map[broker.InstrumentID]decimal.Decimal{}
	for i := range a.held {
		if q := a.held[i].quantity; !q.IsZero() {
			positions[b.instruments[i].ID] = q
		}
	}
	cash := map[broker.Currency]decimal.Decimal{}
	for i := range a.cash {
		if a.cash[i].used {
			cash[b.currencies[i]] = a.cash[i].amount
		}
	}
	return positions, cash, nil
}

// forget takes the orders that ended before today off what the broker tells.
// The ledger keeps them, and their IDs stay taken.
func (b *Broker) forget() {
	for _, a := range b.accounts {
		for o := a.orders.first; o != nil; {
			next := o.next
			if o.status.Terminal() && o.updated.Before(b.midnight) {
				a.orders.remove(o)
			}
			o = next
		}
	}
	b.midnight = nextMidnight(b.now)
}

// forgotten reports whether an order with this ID was received and is not kept.
func (b *Broker) forgotten(id broker.OrderID) bool { return b.gone.Has(id) }

// forgetAllBut forgets the oldest orders that ended, but keeps that many.
func (b *Broker) forgetAllBut(keep int) {
	kept := b.received[:0]
	for i, o := range b.received {
		if i >= len(b.received)-keep || !o.status.Terminal() || o.hidden {
			kept = append(kept, o)
			continue
		}
		o.account.orders.remove(o)
		if o.order.ID != "" {
			delete(b.orders, o.order.ID)
			b.gone.Add(o.order.ID)
		}
	}
	clear(b.received[len(kept):])
	b.received = kept
	b.cancels = append([]LedgerCancel(nil), b.cancels[max(0, len(b.cancels)-keep):]...)
	b.refused = append([]Refusal(nil), b.refused[max(0, len(b.refused)-keep):]...)
}
