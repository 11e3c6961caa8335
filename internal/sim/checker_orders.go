package sim

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// sending checks an order right before it leaves.
//
// I-2: the journal has it.
func (c *checker) sending(o *broker.Order) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	in := c.intents[o.ID]
	if in == nil {
		c.w.violate("I-2", o.Account, "order %s is sent, but was never journaled", o.ID)
		return
	}
	if !in.Order.Same(o) {
		c.w.violate("I-2", o.Account, "order %s is sent as %v, but was journaled as %v", o.ID, *o, in.Order)
	}
}

// placed checks an order that was sent.
//
// I-1: it is in the ledger once, and no other order of ours works for the same
// account, instrument and side.
// I-6: no higher fence was granted before it was received.
// I-15: it was received while the exchange was open.
func (c *checker) placed(o *broker.Order, _ *broker.OrderState, _ error) {
	ledger := c.w.broker.Ledger()
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	got := ledger.Order(o.ID)
	in := c.intents[o.ID]
	if got == nil || in == nil {
		return
	}
	if got.Duplicates > 0 {
		c.w.violate("I-1", o.Account, "order %s was sent %d times", o.ID, got.Duplicates+1)
	}
	if in.received {
		return
	}
	in.received = true
	c.w.tally["orders"]++
	if !c.w.sessionAt(got.Received) {
		c.w.violate("I-15", o.Account, "order %s was received at %s, outside of the session", o.ID, got.Received.UTC().Format(time.RFC3339))
	}
	if a := c.account(o.Account); in.fence < a.fence {
		c.w.violate("I-6", o.Account, "order %s of fence %d was received after fence %d was granted", o.ID, in.fence, a.fence)
	}
	if in.settled != nil {
		c.w.violate("I-7", o.Account, "order %s was received after it was settled as %s", o.ID, in.settled.Outcome)
	}
	c.alone(o, &ledger)
	if o.Side == broker.Sell {
		c.long(o, in, &ledger)
	} else {
		c.afterSells(o, in, &ledger)
		c.reserved(o, in, &ledger)
	}
}

// ours reports whether an order was sent by an engine.
func ours(o *fake.LedgerOrder) bool { return strings.HasPrefix(string(o.Sent.ID), "ek1.") }

// ended reports whether an order can fill no more. It is not [broker.Status.Terminal],
// which is under test.
func ended(s broker.Status) bool {
	return s == broker.StatusFilled || s == broker.StatusCancelled || s == broker.StatusRejected
}

// alone is I-1: at most one of our orders works per account, instrument and side.
func (c *checker) alone(o *broker.Order, ledger *fake.Ledger) {
	for i := range ledger.Orders {
		other := &ledger.Orders[i]
		if ours(other) && other.Sent.ID != o.ID && !ended(other.Status) &&
			other.Sent.Account == o.Account && other.Sent.Instrument == o.Instrument && other.Sent.Side == o.Side {
			c.w.violate("I-1", o.Account, "order %s was received while %s (%s) works for the same side of %s", o.ID, other.Sent.ID, other.Status, o.Instrument)
		}
	}
}

// long is I-10: what is held covers all of our working sales, unless somebody
// else sold meanwhile.
func (c *checker) long(o *broker.Order, in *intended, ledger *fake.Ledger) {
	if c.disturbed(o.Account, c.run(in.Run), ledger) {
		return
	}
	held, _, err := c.w.broker.Holdings(o.Account)
	if err != nil {
		c.w.violate("I-10", o.Account, "holdings: %v", err)
		return
	}
	left := held[o.Instrument]
	for i := range ledger.Orders {
		if w := &ledger.Orders[i]; ours(w) && !ended(w.Status) && w.Works.Account == o.Account && w.Works.Instrument == o.Instrument && w.Works.Side == broker.Sell {
			left = left.Sub(w.Works.Quantity.Sub(w.Filled()))
		}
	}
	if left.IsNegative() {
		c.w.violate("I-10", o.Account, "after order %s the position in %s can become %s", o.ID, o.Instrument, left)
	}
}

// afterSells is I-11: every sale of the run is over before its first buy.
func (c *checker) afterSells(o *broker.Order, in *intended, ledger *fake.Ledger) {
	for _, s := range c.run(in.Run).intents {
		if s.Order.Side != broker.Sell {
			continue
		}
		if l := ledger.Order(s.Order.ID); l != nil && !ended(l.Status) {
			c.w.violate("I-11", o.Account, "buy %s was received while sell %s is %s", o.ID, s.Order.ID, l.Status)
		}
	}
}

// feesAbroad is what fees may take from cash in another currency that was spent to
// its last cent.
var feesAbroad = decimal.New(-50, 0)

// reserved is I-9: the cash, less what all of our working buys can cost at their
// limits, stays above the reserve of the plan, unless somebody else changed the
// account. Buys in another currency are paid from cash in that currency (I-10).
func (c *checker) reserved(o *broker.Order, in *intended, ledger *fake.Ledger) {
	r := c.run(in.Run)
	if c.disturbed(o.Account, r, ledger) {
		return
	}
	_, cash, err := c.w.broker.Holdings(o.Account)
	if err != nil {
		c.w.violate("I-9", o.Account, "holdings: %v", err)
		return
	}
	abroad := cash["EUR"]
	left := cash["USD"].Add(abroad.Mul(c.w.fx))
	for i := range ledger.Orders {
		if w := &ledger.Orders[i]; ours(w) && !ended(w.Status) && w.Sent.Account == o.Account && w.Sent.Side == broker.Buy {
			cost := w.Sent.Quantity.Sub(w.Filled()).Mul(w.Sent.Limit)
			left = left.Sub(cost.Mul(c.w.rate(w.Sent.Instrument)))
			if c.w.foreign[w.Sent.Instrument] {
				abroad = abroad.Sub(cost)
			}
		}
	}
	if c.w.foreign[o.Instrument] && abroad.LessThan(feesAbroad) {
		c.w.violate("I-10", o.Account, "after order %s the cash in EUR can become %s, and nothing is converted", o.ID, abroad)
	}
	if left.LessThan(r.reserve.Sub(decimal.New(1, -2))) {
		c.w.violate("I-9", o.Account, "after order %s the cash can become %s, the reserve is %s", o.ID, left, r.reserve)
	}
}
