package fake

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// account is what the broker knows of an account.
type account struct {
	id          broker.AccountID
	mode        broker.Mode
	kind        broker.AccountType
	base        broker.Currency
	settleDays  int
	reportFunds bool

	held      []holding // by instrument index
	cash      []balance // by currency index
	unsettled []unsettled
	lagged    []lagged // what snapshots do not show yet

	seq    uint64 // of the newest news
	orders orderList
	open   []*order // in the order of arrival
}

// holding is a position with its value as of a version of the mark.
type holding struct {
	quantity decimal.Decimal
	value    decimal.Decimal
	version  uint64 // 0: the value is not known
}

// balance is the cash of one currency.
type balance struct {
	amount decimal.Decimal
	used   bool
}

// unsettled is cash that is not settled before an instant.
type unsettled struct {
	currency int
	amount   decimal.Decimal
	until    time.Time
}

// lagged is a change that snapshots do not show before an instant.
type lagged struct {
	instrument, currency int
	quantity, amount     decimal.Decimal
	until                time.Time
}

// cashIn returns the balance of a currency.
func (a *account) cashIn(currency int) *balance {
	for len(a.cash) <= currency {
		a.cash = append(a.cash, balance{})
	}
	a.cash[currency].used = true
	return &a.cash[currency]
}

func (a *account) addCash(currency int, amount decimal.Decimal) {
	c := a.cashIn(currency)
	c.amount = c.amount.Add(amount)
}

// position returns what is held of an instrument.
func (a *account) position(instrument int) decimal.Decimal {
	if instrument >= len(a.held) {
		return decimal.Decimal{}
	}
	return a.held[instrument].quantity
}

// holdingOf returns the holding of an instrument.
func (a *account) holdingOf(instrument int) *holding {
	for len(a.held) <= instrument {
		a.held = append(a.held, holding{})
	}
	return &a.held[instrument]
}

func (a *account) addPosition(instrument int, quantity decimal.Decimal) {
	h := a.holdingOf(instrument)
	h.quantity, h.version = h.quantity.Add(quantity), 0
}

// settled returns the settled cash of a currency.
func (a *account) settled(currency int, now time.Time) decimal.Decimal {
	if currency >= len(a.cash) {
		return decimal.Decimal{}
	}
	sum := a.cash[currency].amount
	kept := a.unsettled[:0]
	for _, u := range a.unsettled {
		if !u.until.After(now) {
			continue
		}
		kept = append(kept, u)
		if u.currency == currency {
			sum = sum.Sub(u.amount)
		}
	}
	a.unsettled = kept
	return sum
}

// settlement returns when cash that comes in now is settled.
func (a *account) settlement(now time.Time) time.Time {
	y, m, d := now.UTC().Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for left := a.settleDays; left > 0; {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			left--
		}
	}
	return day
}

// busy returns what the other working orders of an instrument on one side may
// still fill.
func (a *account) busy(except *order) decimal.Decimal {
	var sum decimal.Decimal
	for _, o := range a.open {
		if o != except && o.instrument == except.instrument && o.order.Side == except.order.Side {
			sum = sum.Add(o.left)
		}
	}
	return sum
}

// reserved returns the cash of an instrument's currency that the other working
// buys may need.
func (a *account) reserved(except *order) decimal.Decimal {
	var sum decimal.Decimal
	for _, o := range a.open {
		if o != except && o.order.Side == broker.Buy && o.instrument != nil && o.instrument.currency == except.instrument.currency {
			sum = sum.Add(o.left.Mul(o.estimate()))
		}
	}
	return sum
}
