package journal

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Intent is an order that is about to be sent. Intent.Order.ID is its
// reference. The guards of the send (Epoch, SendBefore) are not recorded.
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
	// Answered is set by the journal once an operator unblocked the account
	// after the intent was settled as unknown.
	Answered bool `json:"answered,omitempty"`
}

// Open reports whether the intent still stands open: not settled, or unknown
// and not answered for by an operator.
func (i *Intent) Open() bool {
	return i.Settlement == nil || i.Settlement.Outcome == Unknown && !i.Answered
}

// Same reports whether two intents are the very same, apart from how they
// were settled. A journal compares by it whether an intent is a repetition.
func (i *Intent) Same(j *Intent) bool {
	return i.Run == j.Run && i.Leg == j.Leg && i.Number == j.Number && i.Time.Equal(j.Time) &&
		i.Held.Equal(j.Held) && i.Order.Ref == j.Order.Ref && i.Order.Same(&j.Order)
}

// SettledBy decides what a settlement does to the intent. It reports whether
// there is something to record: not for a repetition, and not for an unknown
// one that is unknown once more. The error is [ErrSettledOtherwise], or
// [ErrInvalid] if the quantity cannot be that of the order.
func (i *Intent) SettledBy(s *Settlement) (changes bool, err error) {
	have := i.Settlement
	switch {
	case have == nil, have.Outcome == Unknown && s.Outcome != Unknown:
		if why := s.misfit(&i.Order); why != "" {
			return false, fmt.Errorf("journal: %w: settle: %s", ErrInvalid, why)
		}
		return true, nil
	case have.Outcome == Unknown, have.Same(s):
		return false, nil
	}
	return false, fmt.Errorf("journal: %w: order %s is %s with %s filled, not %s with %s: a settled intent stays settled",
		ErrSettledOtherwise, s.Ref, have.Outcome, have.Filled, s.Outcome, s.Filled)
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
	Unknown         OrderOutcome = "unknown"  // stops the account
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

// Same reports whether two settlements say that the order ended in the same
// way, whenever and by whatever words that was found out.
func (s *Settlement) Same(t *Settlement) bool {
	return s.Ref == t.Ref && s.Outcome == t.Outcome && s.Filled.Equal(t.Filled) &&
		s.AveragePrice.Equal(t.AveragePrice) && s.Fees.Equal(t.Fees) && s.FeeCurrency == t.FeeCurrency
}

// CheckIntents returns one error that names every fault of intents that are to
// be recorded under a grant, or nil.
func CheckIntents(grant *Grant, intents []Intent) error {
	if err := grant.Check(); err != nil {
		return err
	}
	var f faults
	for n := range intents {
		i := &intents[n]
		before := len(f)
		i.check(&f)
		if i.Run != grant.Run {
			f.add("run is %q, the grant's is %q", i.Run, grant.Run)
		}
		if i.Order.Account != grant.Account {
			f.add("account is %q, the grant's is %q", i.Order.Account, grant.Account)
		}
		if i.Settlement != nil || i.Answered {
			f.add("it is settled already")
		}
		for m := range n {
			if intents[m].Order.ID == i.Order.ID {
				f.add("intent %d has the same reference", m)
			}
		}
		f.label(before, "intent", n, i.Order.ID)
	}
	return f.err("intend")
}

// check notes what is wrong with the intent by itself.
func (i *Intent) check(f *faults) {
	f.required("run", string(i.Run))
	if err := i.Order.Check(); err != nil {
		f.add("%v", err)
	}
	f.number("quantity", i.Order.Quantity)
	f.number("limit", i.Order.Limit)
	f.number("held", i.Held)
	f.text("order.ref", i.Order.Ref)
	if i.Leg < 0 {
		f.add("leg %d is negative", i.Leg)
	}
	if i.Number < 1 {
		f.add("number is %d, the tries count from 1", i.Number)
	}
	f.instant("time", i.Time)
}

// CheckSettlements returns one error that names every fault of settlements
// that are to be recorded under a grant, or nil.
func CheckSettlements(grant *Grant, settlements []Settlement) error {
	if err := grant.Check(); err != nil {
		return err
	}
	var f faults
	for n := range settlements {
		s := &settlements[n]
		before := len(f)
		s.check(&f)
		for m := range n {
			if settlements[m].Ref == s.Ref {
				f.add("settlement %d has the same reference", m)
			}
		}
		f.label(before, "settlement", n, s.Ref)
	}
	return f.err("settle")
}

// label says which item of a call the faults from the given one on belong to.
func (f faults) label(from int, what string, n int, ref broker.OrderID) {
	for k := from; k < len(f); k++ {
		f[k] = fmt.Sprintf("%s %d (%.40s): %s", what, n, ref, f[k])
	}
}

// check notes what is wrong with the settlement by itself.
func (s *Settlement) check(f *faults) {
	if err := s.Ref.Check(); err != nil {
		f.add("%v", err)
	}
	filled := s.Filled.Sign()
	switch s.Outcome {
	case Filled, PartiallyFilled:
		if filled <= 0 {
			f.add("filled is %s for the outcome %s", s.Filled, s.Outcome)
		}
	case Cancelled, Rejected, NotSent:
		if filled != 0 {
			f.add("filled is %s for the outcome %s", s.Filled, s.Outcome)
		}
	case Inferred, Unknown:
		if filled < 0 {
			f.add("filled is %s", s.Filled)
		}
	default:
		f.add("outcome %q is none that an order can have", s.Outcome)
	}
	if price := s.AveragePrice.Sign(); price < 0 || price > 0 && filled == 0 {
		f.add("average price is %s with %s filled", s.AveragePrice, s.Filled)
	}
	f.number("filled", s.Filled)
	f.number("average price", s.AveragePrice)
	f.number("fees", s.Fees)
	f.text("fee currency", string(s.FeeCurrency))
	f.text("code", s.Code)
	f.text("reason", s.Reason)
	f.instant("time", s.Time)
}

// misfit says why the quantity of the settlement cannot be that of its order,
// or nothing.
func (s *Settlement) misfit(o *broker.Order) string {
	switch c := s.Filled.Cmp(o.Quantity); {
	case c > 0, s.Outcome == Filled && c != 0, s.Outcome == PartiallyFilled && c == 0:
		return fmt.Sprintf("order %s for %s cannot be %s with %s filled", s.Ref, o.Quantity, s.Outcome, s.Filled)
	}
	return ""
}
