package fake

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Deposit adds cash to an account, or takes it out if negative.
func (b *Broker) Deposit(id broker.AccountID, money broker.Money) error {
	return b.byHand("deposit", id, func(a *account) error {
		if money.Currency == "" {
			return errors.New("the currency is empty")
		}
		a.addCash(b.currencyIndex(money.Currency), money.Amount)
		b.external = append(b.external, External{Time: b.now, Account: id, What: "deposit", Money: money})
		return nil
	})
}

// Transfer moves a position into an account, or out of it if negative, without
// a trade.
func (b *Broker) Transfer(id broker.AccountID, instrument broker.InstrumentID, quantity decimal.Decimal) error {
	return b.byHand("transfer", id, func(a *account) error {
		i := b.byID[instrument]
		if i == nil {
			return fmt.Errorf("%s: %w", instrument, broker.ErrUnknownInstrument)
		}
		a.addPosition(i.index, quantity)
		b.external = append(b.external, External{
			Time: b.now, Account: id, What: "transfer", Instrument: instrument, Quantity: quantity,
		})
		return nil
	})
}

// TradeByHand makes a trade of somebody else's at the quote, at once, without
// the checks of an order. It is in the orders of the account without an ID.
func (b *Broker) TradeByHand(id broker.AccountID, instrument broker.InstrumentID, side broker.Side, quantity decimal.Decimal) error {
	return b.byHand("trade by hand", id, func(a *account) error {
		order := broker.Order{
			Account: id, Instrument: instrument, Side: side, Quantity: quantity, Type: broker.Market, TIF: broker.Day,
		}
		if err := checkByHand(&order); err != nil {
			return err
		}
		i := b.byID[instrument]
		if i == nil {
			return fmt.Errorf("%s: %w", instrument, broker.ErrUnknownInstrument)
		}
		price, ok := i.price(side)
		if !ok {
			return fmt.Errorf("%s: %w", instrument, errNoPrice)
		}
		o := b.newOrder(a, &order, nil)
		o.status = broker.StatusWorking
		b.fill(o, quantity, price)
		return nil
	})
}

// PlaceByHand places an order of somebody else's, as [Broker.Place] does but
// without an ID. It returns the broker's ID of the order.
func (b *Broker) PlaceByHand(order broker.Order) (brokerID string, err error) {
	err = b.byHand("place by hand", order.Account, func(a *account) error {
		if err := checkByHand(&order); err != nil {
			return err
		}
		o := b.receive(a, &order, nil)
		brokerID = o.brokerID
		return nil
	})
	return brokerID, err
}

// checkByHand checks an order that must have no ID.
func checkByHand(order *broker.Order) error {
	if order.ID != "" {
		return fmt.Errorf("an order by hand has no ID, this one has %s", order.ID)
	}
	checked := *order
	checked.ID = "by-hand"
	return checked.Check()
}

// CancelByHand cancels an open order as somebody else would, by the broker's ID.
func (b *Broker) CancelByHand(id broker.AccountID, brokerID string) error {
	return b.byHand("cancel by hand", id, func(a *account) error {
		for _, o := range a.open {
			if o.brokerID == brokerID {
				b.end(o, broker.StatusCancelled, "202", "cancelled by hand")
				return nil
			}
		}
		return fmt.Errorf("no open order %s: %w", brokerID, broker.ErrUnknownOrder)
	})
}

// FillByHand executes a part of an open order at its limit, or at the quote if
// it has none, wherever the market is and whatever the fill model says.
func (b *Broker) FillByHand(id broker.OrderID, quantity decimal.Decimal) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	o := b.orders[id]
	if o == nil || o.instrument == nil || o.hidden || o.status.Terminal() {
		return fmt.Errorf("fake: fill by hand: no open order %s: %w", id, broker.ErrUnknownOrder)
	}
	if quantity.Sign() <= 0 || quantity.GreaterThan(o.left) {
		return fmt.Errorf("fake: fill by hand: order %s: quantity %s, want more than 0 and at most %s", id, quantity, o.left)
	}
	price := o.order.Limit
	if o.order.Type == broker.Market {
		if price, _ = o.touch(); price.IsZero() {
			return fmt.Errorf("fake: fill by hand: order %s: %w", id, errNoPrice)
		}
	}
	b.fill(o, quantity, price)
	return nil
}

// byHand runs f with the lock held and everything that was due done.
func (b *Broker) byHand(what string, id broker.AccountID, f func(*account) error) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	a := b.byAccount[id]
	if a == nil {
		return fmt.Errorf("fake: %s: account %q: %w", what, id, broker.ErrUnknownAccount)
	}
	if err := f(a); err != nil {
		return fmt.Errorf("fake: %s: account %s: %w", what, id, err)
	}
	return nil
}

// Split splits an instrument: each unit becomes ratio units, at a price that
// many times lower. Its open orders are cancelled, as most brokers do.
func (b *Broker) Split(id broker.InstrumentID, ratio decimal.Decimal) error {
	if ratio.Sign() <= 0 {
		return fmt.Errorf("fake: split of %s by %s: want a positive ratio", id, ratio)
	}
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	i := b.byID[id]
	if i == nil {
		return fmt.Errorf("fake: split of %s: %w", id, broker.ErrUnknownInstrument)
	}
	for _, a := range b.accounts {
		for n := len(a.open) - 1; n >= 0; n-- {
			if o := a.open[n]; o.instrument == i {
				b.end(o, broker.StatusCancelled, "202", "cancelled because of a split")
			}
		}
		if held := a.position(i.index); !held.IsZero() {
			more := held.Mul(ratio).Sub(held)
			a.addPosition(i.index, more)
			b.external = append(b.external, External{Time: b.now, Account: a.id, What: "split", Instrument: id, Quantity: more})
		}
	}
	return i.divide(ratio)
}

// divide makes the quotes lower by a factor.
func (i *instrument) divide(by decimal.Decimal) error {
	q := i.quote
	for _, p := range [...]*decimal.NullDecimal{&q.Bid, &q.Ask, &q.Last, &q.Close} {
		if !p.Valid {
			continue
		}
		var err error
		if p.Decimal, err = broker.Quo(p.Decimal, by, 8); err != nil {
			return err
		}
	}
	i.set(q)
	return nil
}
