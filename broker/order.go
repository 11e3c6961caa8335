package broker

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// OrderID is the caller's own reference of an order: 1 to 32 printable ASCII
// characters without spaces and colons, never used twice. Orders that were
// placed without one (by hand, by other programs) have an empty ID.
type OrderID string

// maxOrderID is the longest reference that brokers are known to carry back.
const maxOrderID = 32

// Check returns an error that says what is wrong with the ID.
func (id OrderID) Check() error {
	if id == "" || len(id) > maxOrderID {
		return fmt.Errorf("broker: order id %.40q has %d characters, want 1 to %d", string(id), len(id), maxOrderID)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == ':' {
			return fmt.Errorf("broker: order id %q contains %q: only printable ASCII without spaces and colons", string(id), c)
		}
	}
	return nil
}

// Side is the direction of an order or a fill.
type Side string

// The sides.
const (
	Buy  Side = "BUY"
	Sell Side = "SELL"
)

// Sign returns 1 for a buy and -1 for a sell.
func (s Side) Sign() int64 {
	if s == Sell {
		return -1
	}
	return 1
}

// OrderType says how an order is priced.
type OrderType string

// The order types.
const (
	Market OrderType = "MKT"
	Limit  OrderType = "LMT"
)

// TimeInForce says how long an order works.
type TimeInForce string

// Day is the only time in force that the engine uses: the current trading day.
const Day TimeInForce = "DAY"

// Order is what a caller wants to happen. It is a value; brokers keep copies.
type Order struct {
	ID         OrderID         `json:"id"`
	Account    AccountID       `json:"account"`
	Instrument InstrumentID    `json:"instrument"`
	Ref        string          `json:"ref,omitempty"` // Instrument.Ref, pinned when the plan was made
	Side       Side            `json:"side"`
	Quantity   decimal.Decimal `json:"quantity"`
	Type       OrderType       `json:"type"`
	Limit      decimal.Decimal `json:"limit"` // zero for a market order
	TIF        TimeInForce     `json:"tif"`

	// Epoch is the session in which the order was decided. If it is not zero
	// and not the current one, Place refuses with [KindSession], unsent.
	Epoch Epoch `json:"-"`
	// SendBefore is the last instant, on the process's clock, at which the
	// first byte may be written (the lease's margin). Later, Place refuses with
	// [KindWait], unsent. Zero is no limit.
	SendBefore time.Time `json:"-"`
}

// Check returns an error that names the first field which no broker can accept.
func (o *Order) Check() error {
	switch {
	case o.ID.Check() != nil:
		return o.ID.Check()
	case o.Account == "":
		return fmt.Errorf("broker: order %s: account is empty", o.ID)
	case o.Instrument == "":
		return fmt.Errorf("broker: order %s: instrument is empty", o.ID)
	case o.Side != Buy && o.Side != Sell:
		return fmt.Errorf("broker: order %s: side %q is neither BUY nor SELL", o.ID, o.Side)
	case o.Quantity.Sign() <= 0:
		return fmt.Errorf("broker: order %s: quantity %s of %s is not positive", o.ID, o.Quantity, o.Instrument)
	case o.Type != Market && o.Type != Limit:
		return fmt.Errorf("broker: order %s: type %q is neither MKT nor LMT", o.ID, o.Type)
	case o.Type == Limit && o.Limit.Sign() <= 0:
		return fmt.Errorf("broker: order %s: limit %s of %s is not positive", o.ID, o.Limit, o.Instrument)
	case o.Type == Market && !o.Limit.IsZero():
		return fmt.Errorf("broker: order %s: market order of %s has a limit of %s: set the type LMT or no limit", o.ID, o.Instrument, o.Limit)
	case o.TIF != Day:
		return fmt.Errorf("broker: order %s: time in force %q is not DAY", o.ID, o.TIF)
	}
	return nil
}

// Same reports whether two orders ask for the same thing: all but the guards
// of the send (Epoch, SendBefore) and, where either lacks it, the Ref.
func (o *Order) Same(p *Order) bool {
	return o.ID == p.ID && o.Account == p.Account && o.Instrument == p.Instrument &&
		(o.Ref == p.Ref || o.Ref == "" || p.Ref == "") &&
		o.Side == p.Side && o.Type == p.Type && o.TIF == p.TIF &&
		o.Quantity.Equal(p.Quantity) && o.Limit.Equal(p.Limit)
}

// Status is the broker's hint about where an order stands.
type Status string

// The statuses, in the order in which they can follow each other. The last
// three are terminal.
const (
	StatusPending       Status = "pending"        // sent, not yet acknowledged
	StatusHeld          Status = "held"           // accepted, kept by the broker until the market opens or shares are found
	StatusWorking       Status = "working"        // at an exchange
	StatusPendingCancel Status = "pending_cancel" // a cancel was asked for; it can still fill
	StatusFilled        Status = "filled"
	StatusCancelled     Status = "cancelled" // by us, the exchange or the end of the day; may have fills
	StatusRejected      Status = "rejected"  // refused; Code and Reason say why
)

// Terminal reports whether the order can no longer work. A late fill may still
// be reported.
func (s Status) Terminal() bool {
	return s == StatusFilled || s == StatusCancelled || s == StatusRejected
}

// Refusal is why an order was rejected, as far as a caller can act on it.
type Refusal string

// The refusals.
const (
	RefusedMargin     Refusal = "margin"     // more than the account can pay for
	RefusedPermission Refusal = "permission" // not allowed for this account or instrument
	RefusedPrice      Refusal = "price"      // the limit is not acceptable
	RefusedDayTrade   Refusal = "day_trade"  // one day trade too many
)

// OrderState is all that a broker knows of an order.
type OrderState struct {
	// Order is the order as the broker echoes it. A field that differs from
	// what was placed was changed by the broker.
	Order Order
	// BrokerID is the broker's permanent identity of the order.
	BrokerID string
	Status   Status
	// Fills holds each execution once, with its newest correction.
	Fills []Fill
	// Refusal is the kind of a rejection, if the broker told.
	Refusal Refusal
	// Code and Reason are the broker's last word on the order, if any.
	Code   string
	Reason string
	// Updated is when the broker last changed the order.
	Updated time.Time
}

// Filled returns the quantity of the fills.
func (s *OrderState) Filled() decimal.Decimal {
	if len(s.Fills) == 0 {
		return decimal.Decimal{}
	}
	sum := s.Fills[0].Quantity
	for i := range s.Fills[1:] {
		sum = sum.Add(s.Fills[i+1].Quantity)
	}
	return sum
}

// Remaining returns what the order can still fill: nothing when terminal, and
// never less than nothing.
func (s *OrderState) Remaining() decimal.Decimal {
	if s.Status.Terminal() {
		return decimal.Decimal{}
	}
	return decimal.Max(s.Order.Quantity.Sub(s.Filled()), decimal.Decimal{})
}

// Fill is one execution.
type Fill struct {
	// ID is the broker's identity of the execution, the same for each report
	// and each correction of it.
	ID         string          `json:"id"`
	Order      OrderID         `json:"order"`
	Instrument InstrumentID    `json:"instrument"`
	Side       Side            `json:"side"`
	Quantity   decimal.Decimal `json:"quantity"`
	Price      decimal.Decimal `json:"price"`
	// Fee is what the execution cost, in FeeCurrency; invalid until known.
	Fee         decimal.NullDecimal `json:"fee"`
	FeeCurrency Currency            `json:"fee_currency,omitempty"`
	Time        time.Time           `json:"time"`
}

// OrderQuery selects orders. Its zero value selects all.
type OrderQuery struct {
	// ID selects the one order with this reference.
	ID OrderID
	// OpenOnly leaves out terminal orders.
	OpenOnly bool
}

// Cursor is a place in the news of an account's orders.
type Cursor struct {
	Epoch Epoch
	Seq   uint64
}
