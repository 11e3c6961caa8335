package main

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
)

// ordersOnce: each order ID arrives once at the exchange.
func (c *checker) ordersOnce() {
	seen := map[broker.OrderID]bool{}
	for i := range c.ledger.Orders {
		o := &c.ledger.Orders[i]
		if o.Duplicates > 0 && c.w.looks.mayLack(o.Received) {
			c.w.count("after a lost tail: reference used again")
			continue // the exchange takes no ID twice, as it promises
		}
		if seen[o.Sent.ID] || o.Duplicates > 0 {
			c.w.violate("zero double orders: order %s arrived %d times", o.Sent.ID, o.Duplicates+1)
		}
		seen[o.Sent.ID] = true
	}
}

// together reports whether two orders, a received first, worked at one time.
func together(a, b *fake.LedgerOrder) bool {
	return !a.Status.Terminal() || a.Updated.After(b.Received)
}

// neverTwoAtOnce: no two orders work for one account, instrument and side.
func (c *checker) neverTwoAtOnce() {
	for i := range c.ledger.Orders {
		a := &c.ledger.Orders[i]
		if !a.Status.Terminal() {
			c.w.violate("zero double orders: order %s still works in the end: %s", a.Sent.ID, a.Status)
		}
		for k := range c.ledger.Orders[i+1:] {
			b := &c.ledger.Orders[i+1+k]
			same := a.Sent.Account == b.Sent.Account && a.Sent.Instrument == b.Sent.Instrument && a.Sent.Side == b.Sent.Side
			if same && together(a, b) {
				c.w.violate("zero double orders: orders %s and %s worked at one time for %s %s", a.Sent.ID, b.Sent.ID, a.Sent.Side, a.Sent.Instrument)
			}
		}
	}
}

// runOf is what the orders of one run have in common.
func runOf(id broker.OrderID) string {
	parts := strings.Split(string(id), ".")
	return strings.Join(parts[:min(3, len(parts))], ".")
}

// runsApart: the orders of two runs of an account are neither mixed nor at work
// at one time. A run whose end was lost with the tail is done again, in its turn.
func (c *checker) runsApart() {
	for _, account := range c.w.scenario.accounts {
		over := map[string]bool{}
		var last *fake.LedgerOrder
		var open []*fake.LedgerOrder
		for i := range c.ledger.Orders {
			o := &c.ledger.Orders[i]
			if o.Sent.Account != account {
				continue
			}
			run := runOf(o.Sent.ID)
			if last != nil && runOf(last.Sent.ID) != run && !c.w.looks.mayLack(last.Received) {
				over[runOf(last.Sent.ID)] = true
			}
			if over[run] {
				c.w.violate("zero overlapping runs: order %s came after orders of a later run (%s)", o.Sent.ID, last.Sent.ID)
			}
			for _, other := range open {
				if runOf(other.Sent.ID) != run && together(other, o) {
					c.w.violate("zero overlapping runs: order %s came while %s of another run worked", o.Sent.ID, other.Sent.ID)
				}
			}
			last, open = o, append(open, o)
		}
	}
}

// journalIsTrue: every order of the ledger was journaled, and what the journal
// says of it is what happened.
func (c *checker) journalIsTrue() {
	intents := map[broker.OrderID]*journal.Intent{}
	for _, run := range c.runs {
		for i := range run.Intents {
			intents[run.Intents[i].Order.ID] = &run.Intents[i]
		}
	}
	for i := range c.ledger.Orders {
		o := &c.ledger.Orders[i]
		in := intents[o.Sent.ID]
		switch {
		case in == nil && c.w.looks.mayLack(o.Received):
			c.w.count("after a lost tail: order not in the journal")
		case in == nil:
			c.w.violate("journal first: order %s is not in the journal", o.Sent.ID)
		case in.Settlement == nil:
			c.w.violate("journal first: order %s has no outcome", o.Sent.ID)
		case in.Settlement.Outcome == journal.Unknown && c.w.plan.manned:
		case in.Settlement.Outcome == journal.Inferred && in.Settlement.Filled.IsZero() && o.Duplicates > 0 && c.w.looks.mayLack(o.Received):
			// The run that used the reference again saw its fills in the positions
			// from the beginning on, and traded nothing by it.
			c.w.count("after a lost tail: fills of before the look")
		case !in.Settlement.Filled.Equal(o.Filled()):
			c.w.violate("journal first: order %s is settled as %s with %s filled, the ledger has %s", o.Sent.ID, in.Settlement.Outcome, in.Settlement.Filled, o.Filled())
		}
		delete(intents, o.Sent.ID)
	}
	for id, in := range intents {
		if in.Settlement != nil && in.Settlement.Outcome == journal.Unknown && c.w.plan.manned {
			continue
		}
		if in.Settlement == nil || in.Settlement.Outcome != journal.NotSent {
			c.w.violate("journal first: order %s is not in the ledger, but not settled as not sent: %+v", id, in.Settlement)
		}
	}
}

// asPlanned: of no instrument was more traded than in the undisturbed run. A
// target that is left out in between can only make it less. When acknowledged
// writes were lost or an account was unblocked, targets may be gone back to, so only
// the end counts then.
func (c *checker) asPlanned() {
	if c.w.plan.manned {
		return
	}
	have := traded{}
	for i := range c.ledger.Orders {
		o := &c.ledger.Orders[i]
		have.add(o.Sent.Account, o.Sent.Instrument, o.Filled())
	}
	for account, list := range have {
		for id, quantity := range list {
			if quantity.GreaterThan(c.want.volume[account][id]) {
				c.w.violate("zero double orders: %s traded %s of %s, undisturbed it is %s", account, quantity, id, c.want.volume[account][id])
			}
		}
	}
}

// reserveKept: after each execution the cash is not less than the reserve.
func (c *checker) reserveKept() {
	type execution struct {
		account broker.AccountID
		broker.Fill
	}
	var all []execution
	for i := range c.ledger.Orders {
		for _, f := range c.ledger.Orders[i].Fills {
			all = append(all, execution{c.ledger.Orders[i].Sent.Account, f})
		}
	}
	slices.SortStableFunc(all, func(a, b execution) int { return a.Time.Compare(b.Time) })
	cash := map[broker.AccountID]decimal.Decimal{}
	for _, id := range c.w.scenario.accounts {
		cash[id] = c.w.scenario.cash[id]
	}
	for _, f := range all {
		before := cash[f.account]
		cash[f.account] = before.Sub(f.Quantity.Mul(f.Price).Mul(decimal.New(f.Side.Sign(), 0)))
		reserve := c.w.scenario.equity(f.account).Mul(c.w.scenario.reserve[f.account])
		if f.Side == broker.Buy && cash[f.account].LessThan(reserve.Sub(decimal.New(1, -2))) {
			c.w.violate("reserve: order %s left %s of cash in %s, the reserve is %s", f.Order, cash[f.account], f.account, reserve)
		}
	}
}

// onTarget: in the end each account is where the undisturbed run leaves it, to the
// lot, or give or take one if it may have gone other ways.
func (c *checker) onTarget() {
	for _, account := range c.w.scenario.accounts {
		held, _, err := c.w.exchange.Holdings(account)
		if err != nil {
			c.w.violate("target: %v", err)
			continue
		}
		for _, id := range c.w.scenario.instruments {
			off := decimal.Decimal{}
			if c.w.plan.manned {
				off = c.detour(account, id)
			}
			if want := c.want.positions[account][id]; held[id].Sub(want).Abs().GreaterThan(off) {
				c.w.violate("target: %s holds %s of %s in the end, undisturbed it is %s", account, held[id], id, want)
			}
		}
	}
}

// detour is how many units an account may be off its target that went another way
// there: one for the rounding, and a hundredth of its worth for what the limits of
// orders keep free.
func (c *checker) detour(account broker.AccountID, id broker.InstrumentID) decimal.Decimal {
	hundredth := c.w.scenario.equity(account).Mul(decimal.New(1, -2))
	units, err := broker.Quo(hundredth, c.w.scenario.prices[id], 0)
	if err != nil {
		c.w.violate("target: %v", err)
	}
	return units.Add(decimal.New(1, 0))
}
