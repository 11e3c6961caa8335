package journal

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Intent is an order that is about to be sent. Intent.Order.ID is its reference.
type Intent struct {
	Run   RunID        `json:"run"`
	Order broker.Order `json:"order"`
	// Leg is the order's place in the plan, from 0; Number counts the tries of
	// the leg, from 1.
	Leg    int       `json:"leg"`
	Number int       `json:"number"`
	Time   time.Time `json:"time"`
	// Held is the position in the instrument when the order was decided: with
	// the fills it is what a later look at the positions must show.
	Held decimal.Decimal `json:"held"`
	// Settlement is nil while the order may be at the broker unsettled.
	Settlement *Settlement `json:"settlement,omitempty"`
}

// Open reports whether the intent still stands open: not settled, or unknown.
func (i *Intent) Open() bool {
	return i.Settlement == nil || i.Settlement.Outcome == Unknown
}

// OrderOutcome is how an order ended.
type OrderOutcome string

// The outcomes. Each sent order ends in exactly one.
const (
	Filled          OrderOutcome = "filled"
	PartiallyFilled OrderOutcome = "partially_filled" // ended with less than asked for
	Cancelled       OrderOutcome = "cancelled"        // ended without a fill
	Rejected        OrderOutcome = "rejected"
	NotSent         OrderOutcome = "not_sent" // proven
	Inferred        OrderOutcome = "inferred" // by positions, after the broker forgot the order
	Unknown         OrderOutcome = "unknown"  // blocks the account
)

// Settlement is how an intent ended.
type Settlement struct {
	Ref     broker.OrderID  `json:"ref"`
	Outcome OrderOutcome    `json:"outcome"`
	Filled  decimal.Decimal `json:"filled"`
	// AveragePrice is zero without a fill.
	AveragePrice decimal.Decimal `json:"average_price"`
	// Fees is the sum that is known, in FeeCurrency.
	Fees        decimal.Decimal `json:"fees"`
	FeeCurrency broker.Currency `json:"fee_currency,omitempty"`
	Code        string          `json:"code,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Time        time.Time       `json:"time"`
}
