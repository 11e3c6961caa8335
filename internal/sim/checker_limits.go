package sim

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// mostADay is the default of rebalance.Limits.DayTurnover, and a little: the equity
// of a plan is not that of the plans before it on the same day.
var mostADay = decimal.New(33, -1)

// dailyLimited is I-14: what an account sends in a day, at its limits, is not worth
// more than a multiple of the plan's equity. A liquidation is not limited, but
// there is none here. The caller holds mu.
func (c *checker) dailyLimited(g *journal.Grant, r *runBooks, in *journal.Intent) {
	sum := c.w.worth(in.Order.Instrument, in.Order.Quantity, in.Order.Limit)
	for _, other := range c.intents {
		o := &other.Order
		if o.Account != g.Account || day(other.Time) != day(in.Time) {
			continue
		}
		quantity := o.Quantity
		if s := other.settled; s != nil {
			quantity = s.Filled
		}
		sum = sum.Add(c.w.worth(o.Instrument, quantity, o.Limit))
	}
	if most := r.equity.Mul(mostADay); sum.GreaterThan(most) {
		c.w.violate("I-14", g.Account, "with order %s the account sends orders for %s today, the equity of the plan is %s", in.Order.ID, sum, r.equity)
	}
}

// compensates is I-13 for an order that no plan has: it buys back, at most, what a
// pair of the account's policy sold in this run, and all of them cost no more than
// the policy allows. I-8: nothing of the run is unknown. The caller holds mu.
func (c *checker) compensates(g *journal.Grant, r *runBooks, in *journal.Intent) {
	o := &in.Order
	partial := &c.w.accountOf(g.Account).Partial
	paired := false
	for _, p := range partial.Pairs {
		paired = paired || p.Sell == o.Instrument
	}
	if partial.Then != rebalance.Compensate || !paired || o.Side != broker.Buy {
		c.w.violate("I-13", g.Account, "order %s %s %s %s is neither of the plan nor does it compensate", o.ID, o.Side, o.Quantity, o.Instrument)
		return
	}
	sold, cost := decimal.Decimal{}, c.w.worth(o.Instrument, o.Quantity, o.Limit)
	for _, other := range r.intents {
		s := other.settled
		switch {
		case s != nil && s.Outcome == journal.Unknown:
			c.w.violate("I-8", g.Account, "order %s compensates, but what became of %s is unknown", o.ID, other.Order.ID)
		case other.Order.Side == broker.Sell && other.Order.Instrument == o.Instrument && s != nil:
			sold = sold.Add(s.Filled)
		case other.Leg >= len(r.orders) && other.Leg != in.Leg:
			quantity := other.Order.Quantity
			if s != nil {
				quantity = s.Filled
			}
			cost = cost.Add(c.w.worth(other.Order.Instrument, quantity, other.Order.Limit))
		}
	}
	if o.Quantity.GreaterThan(sold) {
		c.w.violate("I-13", g.Account, "order %s buys %s of %s back, the run sold %s", o.ID, o.Quantity, o.Instrument, sold)
	}
	if cost.GreaterThan(partial.MaxNotional.Add(decimal.New(1, -2))) {
		c.w.violate("I-13", g.Account, "with order %s the run compensates for %s, the limit is %s", o.ID, cost, partial.MaxNotional)
	}
	c.w.tally["compensating orders"]++
}

// day is the trading day of an instant in a session.
func day(t time.Time) int { return t.UTC().YearDay() }

// worth is a quantity at a price, in the base.
func (w *world) worth(id broker.InstrumentID, quantity, price decimal.Decimal) decimal.Decimal {
	return quantity.Mul(price).Mul(w.rate(id))
}

// rate is the worth of an instrument's currency in the base.
func (w *world) rate(id broker.InstrumentID) decimal.Decimal {
	if w.foreign[id] {
		return w.fx
	}
	return decimal.New(1, 0)
}
