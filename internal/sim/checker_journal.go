package sim

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// checkpointed checks a step that the journal accepted.
//
// I-12: a plan that is to be traded rests on the positions of the snapshot that
// its worker saw last.
// I-13: once an order of a run was journaled, its plan does not change.
// I-13: no run takes targets that are older than those that were carried out.
// I-9: the reserve of a plan is that of the policy.
// I-14: a plan that is to be traded is within the guards, or was approved.
func (c *checker) checkpointed(wk *worker, g *journal.Grant, s *journal.Step) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.fenced("checkpoint "+s.Name, g)
	r := c.run(g.Run)
	switch {
	case s.Name == string(rebalance.StepPlan) && len(s.Data) > 0:
		var frozen struct {
			Plan        rebalance.Plan
			Held        map[broker.InstrumentID]decimal.Decimal
			Differences []rebalance.Difference
		}
		if err := json.Unmarshal(s.Data, &frozen); err != nil {
			c.w.violate("I-13", g.Account, "the plan of run %s cannot be read: %v", g.Run, err)
			return
		}
		if r.sent() {
			if r.hash != frozen.Plan.Hash {
				c.w.violate("I-13", g.Account, "run %s has sent orders of plan %s, and now has plan %s", g.Run, r.hash, frozen.Plan.Hash)
			}
			return
		}
		r.hash, r.orders, r.reserve, r.equity, r.began = frozen.Plan.Hash, frozen.Plan.Orders, frozen.Plan.Reserve, frozen.Plan.Equity, s.Time
		c.samePositions(wk, g, frozen.Held)
		for _, d := range frozen.Differences { // the result will tell, whenever the run ends
			c.account(g.Account).told[d.Symbol] = time.Now()
		}
		if frozen.Plan.Outcome == rebalance.PlanTrade {
			c.guarded(g, &frozen.Plan)
		}
	case s.Name == string(rebalance.StepAllocation) && len(s.Data) > 0 && !r.sent():
		targets, err := allocation.Decode(s.Data)
		if err == nil && r.asOf.IsZero() && targets.AsOf.Before(c.account(g.Account).executed) {
			c.w.violate("I-13", g.Account, "run %s takes the targets of %s, those of %s were carried out before",
				g.Run, targets.AsOf, c.account(g.Account).executed)
		}
		r.asOf = targets.AsOf
	case s.Name == "fund":
		var funded rebalance.Plan
		if err := json.Unmarshal(s.Data, &funded); err == nil {
			r.reserve = funded.Reserve
		}
	}
}

// sent reports whether an order of the run may have left its process.
func (r *runBooks) sent() bool {
	return slices.ContainsFunc(r.intents, func(in *intended) bool { return in.settled == nil || in.settled.Outcome != journal.NotSent })
}

// samePositions compares what a plan was made for with what its worker saw. The
// caller holds mu.
func (c *checker) samePositions(wk *worker, g *journal.Grant, held map[broker.InstrumentID]decimal.Decimal) {
	for id, quantity := range held {
		if seen := wk.positions[id]; !quantity.IsZero() && seen != quantity.String() {
			c.w.violate("I-12", g.Account, "run %s is planned with %s of %s, the newest snapshot has %q", g.Run, quantity, id, seen)
		}
	}
	for id, seen := range wk.positions {
		if _, ok := held[id]; !ok {
			c.w.violate("I-12", g.Account, "run %s is planned without %s, of which the newest snapshot has %s", g.Run, id, seen)
		}
	}
}

// guarded checks the reserve of a plan, and its turnover if nobody approved it. The
// caller holds mu.
func (c *checker) guarded(g *journal.Grant, plan *rebalance.Plan) {
	policy := c.w.accountOf(g.Account).Policy
	if least := policy.Reserve.Fraction.Mul(plan.Equity).Sub(decimal.New(1, -2)); plan.Reserve.LessThan(least) {
		c.w.violate("I-9", g.Account, "run %s reserves %s of an equity of %s, the policy wants %s of it", g.Run, plan.Reserve, plan.Equity, policy.Reserve.Fraction)
	}
	limit := policy.Guards.MaxTurnover
	if !limit.Valid || c.run(g.Run).approved {
		return
	}
	var turnover decimal.Decimal
	for i := range plan.Orders {
		o := &plan.Orders[i]
		turnover = turnover.Add(c.w.worth(o.Symbol, o.Quantity, o.Limit))
	}
	most := limit.Decimal.Mul(plan.Equity).Mul(decimal.New(102, -2)) // limits are a little off the quotes
	if turnover.GreaterThan(most) {
		c.w.violate("I-14", g.Account, "run %s turns over %s of an equity of %s, the guard is %s", g.Run, turnover, plan.Equity, limit.Decimal)
	}
}

// accountOf is how an account is configured.
func (w *world) accountOf(id broker.AccountID) *rebalance.Account {
	for i := range w.accounts {
		if w.accounts[i].ID == id {
			return &w.accounts[i]
		}
	}
	return &rebalance.Account{Policy: &rebalance.Policy{}}
}

// intended checks intents that the journal accepted.
//
// I-1: a reference is taken once.
// I-7: the first order of a run comes after what changed in earlier orders was seen.
// I-8: nothing new while the account is blocked or an outcome of it is unknown.
// I-11: a buy is journaled after every sell of its run was settled.
// I-12: nothing is traded on a price that was missing, stale, crossed or delayed.
// I-13: an order is one of its run's plan, and not larger, or compensates.
// I-14: nothing new after a kill, nor beyond the limit of the day.
func (c *checker) intended(wk *worker, g *journal.Grant, intents []journal.Intent) {
	ledger := c.w.broker.Ledger()
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	a, r := c.fenced("intent", g), c.run(g.Run)
	if len(r.intents) == 0 {
		c.noticed(g, r, &ledger)
	}
	for i := range intents {
		in := &intents[i]
		o := &in.Order
		if c.intents[o.ID] != nil {
			continue // the journal took it as a repetition
		}
		switch {
		case c.killAll || a.killed:
			c.w.violate("I-14", g.Account, "order %s was journaled after a kill", o.ID)
		case a.blocked || len(a.unknown) > 0:
			c.w.violate("I-8", g.Account, "order %s was journaled while the account is blocked (%t) or %d outcomes are unknown", o.ID, a.blocked, len(a.unknown))
		case wk.bad[o.Instrument] != "":
			c.w.violate("I-12", g.Account, "order %s of %s was journaled on a price that is %s", o.ID, o.Instrument, wk.bad[o.Instrument])
		}
		c.planned(g, r, in)
		c.dailyLimited(g, r, in)
		c.collared(wk, g, r, in)
		if o.Side == broker.Buy {
			for _, s := range r.intents {
				if s.Order.Side == broker.Sell && s.settled == nil {
					c.w.violate("I-11", g.Account, "buy %s was journaled before sell %s was settled", o.ID, s.Order.ID)
				}
			}
		}
		kept := &intended{Intent: *in, fence: g.Fence}
		c.intents[o.ID] = kept
		r.intents = append(r.intents, kept)
		c.w.tally["intents"]++
	}
}

// collared is I-14: the price that the worker was told last is not far from that of
// the plan. The default collar is 5 %, and a limit may be half a percent off.
func (c *checker) collared(wk *worker, g *journal.Grant, r *runBooks, in *journal.Intent) {
	price, known := wk.prices[in.Order.Instrument]
	if in.Leg >= len(r.orders) || !known {
		return
	}
	planned := r.orders[in.Leg].Limit
	if price.Sub(planned).Abs().GreaterThan(planned.Mul(decimal.New(65, -3))) {
		c.w.violate("I-14", g.Account, "order %s of %s was planned at %s, now it is at %s", in.Order.ID, in.Order.Instrument, planned, price)
	}
}

// planned checks that an intent is a line of its run's plan. The caller holds mu.
func (c *checker) planned(g *journal.Grant, r *runBooks, in *journal.Intent) {
	o := &in.Order
	if in.Leg >= len(r.orders) {
		c.compensates(g, r, in)
		return
	}
	line := &r.orders[in.Leg]
	if line.Symbol != o.Instrument || line.Side != o.Side || o.Quantity.GreaterThan(line.Quantity) {
		c.w.violate("I-13", g.Account, "order %s is %s %s %s, line %d of the plan is %s %s %s",
			o.ID, o.Side, o.Quantity, o.Instrument, in.Leg, line.Side, line.Quantity, line.Symbol)
	}
}

// settled checks outcomes that the journal accepted.
//
// I-7: the outcome is what the ledger said when it was decided, give or take what
// was filled after a cancel, or corrected, in the second before, unless it is
// unknown, or inferred from positions and flagged so. An order that was not sent
// is not in the ledger. What the broker fills or corrects later, nobody can know
// then: an outcome stays what it is, and noticed checks what must come of it.
func (c *checker) settled(g *journal.Grant, settlements []journal.Settlement) {
	ledger := c.w.broker.Ledger()
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	a := c.fenced("settlement", g)
	for i := range settlements {
		s := &settlements[i]
		in := c.intents[s.Ref]
		if in == nil {
			c.w.violate("I-2", g.Account, "order %s was settled, but never journaled", s.Ref)
			continue
		}
		if s.Outcome == journal.Unknown {
			a.unknown[s.Ref] = true
			c.w.tally["unknown"]++
		} else {
			delete(a.unknown, s.Ref)
		}
		in.settled = s
		c.w.tally["outcome "+string(s.Outcome)]++
		c.truth(g.Account, s, ledger.Order(s.Ref))
	}
}

// truth compares a settlement with the ledger. The caller holds mu.
func (c *checker) truth(account broker.AccountID, s *journal.Settlement, o *fake.LedgerOrder) {
	switch s.Outcome {
	case journal.Unknown, journal.Inferred:
		return
	case journal.NotSent:
		if o != nil {
			c.w.violate("I-7", account, "order %s is settled as not sent (%s), but the ledger has it: %s", s.Ref, s.Reason, o.Status)
		}
		return
	}
	if o == nil {
		c.w.violate("I-7", account, "order %s is settled as %s, but the ledger never had it", s.Ref, s.Outcome)
		return
	}
	corrected := c.corrects[s.Ref] && o.Updated.After(s.Time.Add(-time.Second))
	hidden := c.hides[s.Ref] && s.Time.Before(c.lags) // in the reports and in the positions: nobody can know
	if !o.Filled().Equal(s.Filled) && !o.Filled().Sub(late(o, s.Time)).Equal(s.Filled) && !corrected && !hidden {
		c.w.violate("I-7", account, "order %s is settled as %s with %s filled, the ledger has %s (%s)", s.Ref, s.Outcome, s.Filled, o.Filled(), o.Status)
	}
	if !ended(o.Status) {
		c.w.violate("I-7", account, "order %s is settled as %s, but it still works: %s", s.Ref, s.Outcome, o.Status)
	}
}

// late is what an order filled after an instant, or in the second before: nobody
// may have looked since.
func late(o *fake.LedgerOrder, at time.Time) decimal.Decimal {
	var sum decimal.Decimal
	for i := range o.Fills {
		if o.Fills[i].Time.After(at.Add(-time.Second)) {
			sum = sum.Add(o.Fills[i].Quantity)
		}
	}
	return sum
}

// sessionAt reports whether an instant is in a session.
func (w *world) sessionAt(t time.Time) bool { return w.session(t).Contains(t) }
