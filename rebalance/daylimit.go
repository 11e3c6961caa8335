package rebalance

import (
	"context"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// What an account sends in a day is limited. The count is read under the fence of
// the run: nobody else can journal an order of the account until a higher fence is
// granted, and after that this run cannot. So the check before the journal's write
// and the write are as good as one step, and no journal needs to count.

// dayCount is what the finished runs of an account sent in a day.
type dayCount struct {
	Day      string          `json:"day"` // UTC, 2006-01-02
	Orders   int             `json:"orders"`
	Turnover decimal.Decimal `json:"turnover"` // at the limits, in base
}

// midnight is when the day of an instant began.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// readToday reads the account's other unfinished runs, whose orders of today count,
// and learns the currencies of what they traded.
func (r *run) readToday(ctx context.Context) error {
	if err := r.readOthers(ctx); err != nil {
		return err
	}
	since := midnight(r.e.cfg.Now())
	for in := range r.otherIntents() {
		if in.Time.Before(since) {
			continue
		}
		if err := r.learn(ctx, in.Order.Instrument); err != nil {
			return err
		}
	}
	return nil
}

// today is what the account has sent today: what finished runs left, and the
// orders of the unfinished ones and of this run.
func (r *run) today() (orders int, turnover num) {
	since := midnight(r.e.cfg.Now())
	orders, turnover = r.ownSince(since)
	if m := r.memory; m != nil && m.Today != nil && m.Today.Day == since.Format(time.DateOnly) {
		orders, turnover = orders+m.Today.Orders, turnover.add(numOf(m.Today.Turnover))
	}
	for in := range r.otherIntents() {
		if in.Time.Before(since) {
			continue
		}
		n, worth := r.sentWith(&in.Order, in.Settlement)
		orders, turnover = orders+n, turnover.add(worth)
	}
	return orders, turnover
}

// ownSince is what this run sent since an instant.
func (r *run) ownSince(since time.Time) (orders int, turnover num) {
	for _, l := range r.legs {
		if l.order.ID != "" && l.run == r.record.ID && !l.sent.Before(since) {
			n, worth := r.sentWith(&l.order, l.settlement)
			orders, turnover = orders+n, turnover.add(worth)
		}
	}
	for i := range r.record.Intents {
		in := &r.record.Intents[i]
		isLeg := func(l *leg) bool { return l.order.ID == in.Order.ID }
		if in.Time.Before(since) || slices.ContainsFunc(r.legs, isLeg) {
			continue
		}
		n, worth := r.sentWith(&in.Order, in.Settlement)
		orders, turnover = orders+n, turnover.add(worth)
	}
	return orders, turnover
}

// sentWith is an order as the day counts it: with what it filled, or may still
// fill; not at all if it never left.
func (r *run) sentWith(o *broker.Order, s *journal.Settlement) (orders int, worth num) {
	switch {
	case s == nil:
		return 1, r.notional(o.Instrument, o.Quantity, o.Limit)
	case s.Outcome == journal.NotSent:
		return 0, num{}
	}
	return 1, r.notional(o.Instrument, s.Filled, o.Limit)
}

// notional is what a quantity is worth at a price, in base.
func (r *run) notional(id broker.InstrumentID, quantity, limit decimal.Decimal) num {
	c := r.currency(id)
	if c == "" { // sold out, and no target of this run
		c = r.snap.Base
	}
	return r.based(numOf(quantity).mul(numOf(limit)), c)
}

// dayLimit is what the account may turn over in a day, in base.
func (r *run) dayLimit() num {
	return numOf(r.e.cfg.Limits.DayTurnover).mul(numOf(r.frozen.Plan.Equity))
}

// dayLimited holds a plan that would go beyond what an account may send in a day. A
// liquidation is always allowed.
func (r *run) dayLimited(p *Plan) error {
	if r.policy.Mode == LiquidateAll {
		return nil
	}
	orders, turnover := r.today()
	planned := num{}
	for i := range p.Orders {
		o := &p.Orders[i]
		planned = planned.add(r.notional(o.Symbol, o.Quantity, o.Limit))
	}
	if most := r.dayLimit(); most.less(turnover.add(planned)) {
		return stopf(Held, ReasonDayLimit, "account %s has sent orders for %s %s today and the plan has %s more, the limit is %s: wait for tomorrow, or raise Limits.DayTurnover",
			r.req.Account, turnover, r.snap.Base, planned, most)
	}
	if most := r.e.cfg.Limits.DayOrders; most < orders+len(p.Orders) {
		return stopf(Held, ReasonDayLimit, "account %s has sent %d orders today and the plan has %d more, the limit is %d: wait for tomorrow, or raise Limits.DayOrders",
			r.req.Account, orders, len(p.Orders), most)
	}
	return nil
}

// countDay is what this run leaves to the next ones of the day.
func (r *run) countDay(old *dayCount) *dayCount {
	since := midnight(r.e.cfg.Now())
	day := since.Format(time.DateOnly)
	orders, turnover := r.ownSince(since)
	if old != nil && old.Day == day {
		orders, turnover = orders+old.Orders, turnover.add(numOf(old.Turnover))
	}
	if orders == 0 {
		return nil
	}
	return &dayCount{Day: day, Orders: orders, Turnover: turnover.decimal()}
}
