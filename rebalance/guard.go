package rebalance

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Limits stop the sends of a run that goes wrong. What is under way is watched
// to its end; what was not sent is left to a later run.
type Limits struct {
	// Rejects is how many orders of a run may be rejected before the rest is not
	// sent. Default: 3.
	Rejects int
	// Collar is how far a price may have moved since the plan valued it, as a
	// fraction, for an order still to be sent. Default: 0.05.
	Collar decimal.Decimal
	// Loss is how far net liquidation may fall during a run, as a fraction of what
	// it was at its plan, before nothing more is bought. Default: 0.05.
	Loss decimal.Decimal
	// DayTurnover is how much the orders of an account that are sent in one day (of
	// UTC) may be worth together, as a multiple of its equity. To exchange the whole
	// account for another model is 2. A plan beyond it is held before anything of it
	// is sent; a liquidation is not limited. Default: 3.
	DayTurnover decimal.Decimal
	// DayOrders is how many orders an account may send in one day. Default: 500.
	DayOrders int
}

// guard checks each order of a batch against the account as it is now, just
// before it is sent: the plan may be older than the last fill.
type guard struct {
	run     *run
	bound   map[broker.InstrumentID]num // what orders to sell that work may still take
	room    num                         // cash above the reserve, in base
	abroad  map[broker.Currency]num     // cash in each other currency: nothing is converted
	rejects int
	dayRoom num // what may still be sent today, in base
	dayLeft int // and in how many orders
}

// newGuard looks at the account as the last snapshot shows it.
func (r *run) newGuard() *guard {
	g := &guard{run: r, bound: r.room.bound}
	clear(g.bound)
	for c, amount := range r.certainCash() {
		g.room = g.room.add(r.based(amount, c))
		if c != r.snap.Base {
			g.spend(c, amount.negate())
		}
	}
	g.room = g.room.sub(numOf(r.reserve)).sub(numOf(r.policy.PendingWithdrawals))
	for i := range r.snap.Orders {
		o := &r.snap.Orders[i]
		g.commit(&o.Order, o.Remaining())
	}
	for _, l := range r.legs {
		if l.rejected() {
			g.rejects++
		}
	}
	orders, turnover := r.today()
	g.dayRoom, g.dayLeft = r.dayLimit().sub(turnover), r.e.cfg.Limits.DayOrders-orders
	return g
}

// commit takes what a working order may still use up.
func (g *guard) commit(o *broker.Order, remaining decimal.Decimal) {
	if o.Side == broker.Sell {
		g.bound[o.Instrument] = g.bound[o.Instrument].add(numOf(remaining))
		return
	}
	g.room = g.room.sub(g.run.cost(o, remaining))
	if c := g.run.currency(o.Instrument); c != g.run.snap.Base {
		g.spend(c, g.run.fullPrice(o, remaining))
	}
}

// spend takes an amount off the cash in another currency.
func (g *guard) spend(c broker.Currency, amount num) {
	if g.abroad == nil {
		g.abroad = make(map[broker.Currency]num, 1)
	}
	g.abroad[c] = g.abroad[c].sub(amount)
}

// cost is what a buy can cost at its limit, in base, fee included.
func (r *run) cost(o *broker.Order, quantity decimal.Decimal) num {
	return r.based(r.fullPrice(o, quantity), r.currency(o.Instrument))
}

// fullPrice is the same in the instrument's currency.
func (r *run) fullPrice(o *broker.Order, quantity decimal.Decimal) num {
	q, limit := numOf(quantity), numOf(o.Limit)
	return q.mul(limit).add(r.policy.Fee.estimate(q, limit))
}

// refuse says why an order must not be sent now, or commits it.
func (g *guard) refuse(o *broker.Order) string {
	r := g.run
	if limit := r.e.cfg.Limits.Rejects; g.rejects >= limit {
		return fmt.Sprintf("not sent: %d orders of this run were rejected, the limit is %d", g.rejects, limit)
	}
	if why := r.moved(o.Instrument); why != "" {
		return why
	}
	if c := r.currency(o.Instrument); c != r.snap.Base && r.snap.FX[c].Sign() <= 0 {
		return fmt.Sprintf("not sent: no exchange rate from %s to %s", c, r.snap.Base)
	}
	worth := r.notional(o.Instrument, o.Quantity, o.Limit)
	if r.policy.Mode != LiquidateAll && (g.dayLeft < 1 || g.dayRoom.less(worth)) {
		return fmt.Sprintf("not sent: it is worth %s %s, today's limit leaves %s in %d orders", worth, r.snap.Base, g.dayRoom, g.dayLeft)
	}
	if other := g.rival(o); other != "" {
		return fmt.Sprintf("not sent: order %s of ours works for the same side of %s", other, o.Instrument)
	}
	if o.Side == broker.Sell {
		if free := numOf(r.snap.Position(o.Instrument)).sub(g.bound[o.Instrument]); free.less(numOf(o.Quantity)) {
			return fmt.Sprintf("not sent: to sell %s of %s would go short, %s are held and not in other orders", o.Quantity, o.Instrument, free)
		}
	} else if cost := r.cost(o, o.Quantity); g.room.less(cost) && !r.covers(o) {
		return fmt.Sprintf("not sent: it may cost %s %s, the cash above the reserve is %s", cost, r.snap.Base, g.room)
	} else if c := r.currency(o.Instrument); c != r.snap.Base && g.abroad[c].less(r.fullPrice(o, o.Quantity)) && !r.covers(o) {
		return fmt.Sprintf("not sent: it may cost %s %s, there are %s, and nothing is converted", r.fullPrice(o, o.Quantity), c, g.abroad[c])
	}
	g.commit(o, o.Quantity)
	g.dayRoom, g.dayLeft = g.dayRoom.sub(worth), g.dayLeft-1
	return ""
}

// rival is an order of ours that works for the same side of the instrument and is
// not of this run: one that came to light since.
func (g *guard) rival(o *broker.Order) broker.OrderID {
	for i := range g.run.snap.Orders {
		other := &g.run.snap.Orders[i].Order
		if other.Instrument != o.Instrument || other.Side != o.Side || !ours(other.ID) {
			continue
		}
		if !slices.ContainsFunc(g.run.legs, func(l *leg) bool { return l.order.ID == other.ID }) {
			return other.ID
		}
	}
	return ""
}

// covers reports whether a buy only closes a short position.
func (r *run) covers(o *broker.Order) bool {
	return r.snap.Position(o.Instrument).Sign() < 0
}

// moved says how far the price is from where the plan saw it, if that is too far.
func (r *run) moved(id broker.InstrumentID) string {
	q, ok := r.quotes.Found[id]
	valued := r.valuedAt(id)
	if !ok || valued.IsZero() {
		return "not sent: no price of " + string(id)
	}
	if !r.policy.sizes(&q, r.e.cfg.Now()) {
		return fmt.Sprintf("not sent: the quote of %s may not size an order: tier %q, made at %s", id, q.Tier, q.Time.UTC().Format(time.RFC3339))
	}
	now := price(&q)
	away := numOf(now).sub(numOf(valued)).abs()
	if numOf(r.e.cfg.Limits.Collar).mul(numOf(valued)).less(away) {
		return fmt.Sprintf("not sent: %s is at %s, the plan saw it at %s, the collar is %s", id, now, valued, r.e.cfg.Limits.Collar)
	}
	return ""
}

// sizes reports whether a quote is of a tier and an age that may size an order,
// as the planner decides it.
func (p *Policy) sizes(q *marketdata.Quote, now time.Time) bool {
	if !slices.Contains(p.TradableTiers, q.Tier) {
		return false
	}
	if q.Time.Sub(now) > maxSkew { // a quote from the future sizes nothing
		return false
	}
	return p.MaxQuoteAge.IsZero() || !q.Time.IsZero() && ageOf(q, now).cmp(numOf(p.MaxQuoteAge)) <= 0
}

// lost says how far net liquidation fell since the plan, if that is too far to
// buy anything more.
func (r *run) lost() string {
	before := r.frozen.Liquidation
	if before.IsZero() && r.frozen.Before != nil { // a plan of an older release
		before = r.frozen.Before.Equity
	}
	fall := numOf(before).sub(numOf(r.snap.NetLiquidation))
	if before.IsZero() || fall.cmp(numOf(r.e.cfg.Limits.Loss).mul(numOf(before))) <= 0 {
		return ""
	}
	return fmt.Sprintf("not sent: net liquidation fell from %s to %s during the run, more than the limit of %s",
		before, r.snap.NetLiquidation, r.e.cfg.Limits.Loss)
}

// rejected reports whether the broker refused the leg's order.
func (l *leg) rejected() bool {
	if l.settlement != nil {
		return l.settlement.Outcome == journal.Rejected
	}
	return l.state.Status == broker.StatusRejected
}
