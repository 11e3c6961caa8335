package rebalance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// agree waits until the positions are those before the plan plus the fills of
// this run, and nothing else. If they never are, somebody else traded, or a
// fill is missing: the account is blocked with the difference.
func (r *run) agree(ctx context.Context) error {
	deadline := r.e.tick().Add(r.e.cfg.Timing.Settle)
	for {
		if err := r.lookAgain(ctx); err != nil {
			return err
		}
		diff := r.difference(r.expected())
		if len(diff) == 0 {
			r.agreed = true
			return nil
		}
		left := deadline.Sub(r.e.tick())
		if left <= 0 {
			return r.block(ctx, ReasonForeignTrade, diff, fmt.Sprintf(
				"account %s: positions differ from what our fills make for %s, the first is %s: expected %s, found %s",
				r.req.Account, r.e.cfg.Timing.Settle, diff[0].Symbol, diff[0].Expected, diff[0].Found))
		}
		if err := r.pauseUpTo(ctx, left); err != nil {
			return err
		}
	}
}

// expected is what the positions must be: those before the plan and our fills. It
// is good until it is asked again.
func (r *run) expected() map[broker.InstrumentID]num {
	expected := r.room.expect
	clear(expected)
	for id, held := range r.frozen.Held {
		expected[id] = numOf(held)
	}
	for _, l := range r.legs {
		if moved := l.moved(); !moved.isZero() {
			expected[l.plan.Symbol] = expected[l.plan.Symbol].add(moved)
		}
	}
	return expected
}

// Difference is a position that is not what the fills make it.
type Difference struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Expected decimal.Decimal     `json:"expected"`
	Found    decimal.Decimal     `json:"found"`
}

// difference lists the positions that are not as expected, by symbol. It uses up
// what is expected. Positions that are left alone are nobody's business, and what our
// orders still trade is not known yet.
func (r *run) difference(expected map[broker.InstrumentID]num) []Difference {
	var diff []Difference
	for i := range r.snap.Positions {
		p := &r.snap.Positions[i]
		want := expected[p.Instrument]
		delete(expected, p.Instrument)
		if !r.ignored(p) && want.cmp(numOf(p.Quantity)) != 0 {
			diff = append(diff, Difference{Symbol: p.Instrument, Expected: want.decimal(), Found: p.Quantity})
		}
	}
	for id, want := range expected { // what is not there at all
		if !want.isZero() {
			diff = append(diff, Difference{Symbol: id, Expected: want.decimal()})
		}
	}
	diff = slices.DeleteFunc(diff, func(d Difference) bool { return r.trades(d.Symbol) })
	slices.SortFunc(diff, func(a, b Difference) int { return compare(a.Symbol, b.Symbol) })
	return diff
}

// ignored reports whether a position is left alone whatever becomes of it.
func (r *run) ignored(p *broker.Position) bool {
	return r.account.IgnoreOther && p.Kind != broker.Stock
}

// trades reports whether an order of this run for a symbol is at work.
func (r *run) trades(id broker.InstrumentID) bool {
	return slices.ContainsFunc(r.legs, func(l *leg) bool {
		return l.order.ID != "" && l.settlement == nil && l.order.Instrument == id
	})
}

// block stops the account until an operator has looked, and ends the run.
func (r *run) block(ctx context.Context, reason Reason, evidence any, why string) error {
	data, err := json.Marshal(evidence)
	if err != nil {
		return err
	}
	// A block takes no fence: who lost the account must not stop it.
	if err := r.checkpoint(context.WithoutCancel(ctx), stepBlocked, nil); errors.Is(err, journal.ErrFenced) {
		return err
	}
	err = r.e.cfg.Journal.Block(context.WithoutCancel(ctx), journal.Block{
		Account: r.req.Account, Reason: why, Evidence: data, Run: r.result.Run, Time: r.e.cfg.Now(),
	})
	if err != nil {
		return r.e.journalFault(err)
	}
	return stopf(Blocked, reason, "%s", why)
}

// holdings is what the snapshot shows, by symbol, without what is left alone.
func (r *run) holdings() map[broker.InstrumentID]decimal.Decimal {
	return r.holdingsIn(make(map[broker.InstrumentID]decimal.Decimal, len(r.snap.Positions)))
}

// holdingsIn is the same in the memory of an old map.
func (r *run) holdingsIn(held map[broker.InstrumentID]decimal.Decimal) map[broker.InstrumentID]decimal.Decimal {
	clear(held)
	for i := range r.snap.Positions {
		if p := &r.snap.Positions[i]; !r.ignored(p) {
			held[p.Instrument] = p.Quantity
		}
	}
	return held
}

// verify is step 13: what was planned against what is.
func (r *run) verify(ctx context.Context) error {
	if err := r.agree(ctx); err != nil {
		return err
	}
	r.report()
	r.result.After = r.picture()
	r.result.Outcome = Completed
	if len(r.result.Residual) > 0 {
		r.result.Outcome, r.result.Reason = CompletedAdjusted, ReasonOrders
		r.result.Detail = fmt.Sprintf("%d of %d orders did not fill as planned", len(r.result.Residual), len(r.frozen.Plan.Orders))
	} else if s := wanting(r.frozen.Plan.Skipped); s != nil {
		r.result.Outcome, r.result.Reason = CompletedAdjusted, s.Reason
		r.result.Detail = fmt.Sprintf("every order filled, but %s could not be bought or sold as its target asks: %s", s.Symbol, s.Reason)
	}
	return r.halted(ctx)
}

// wanting is the first symbol that the plan could not bring to its target for want
// of cash, or in one step.
func wanting(skipped []Skip) *Skip {
	for i := range skipped {
		switch skipped[i].Reason {
		case ReasonUnfunded, ReasonCurrencyCash, ReasonCrossingZero:
			return &skipped[i]
		}
	}
	return nil
}

// report writes what became of each planned order into the result.
func (r *run) report() {
	planned := len(r.frozen.Plan.Orders)
	orders := append(slices.Clip(r.frozen.Plan.Orders), r.extra...)
	if planned == 0 || r.frozen.Plan.Outcome != PlanTrade && len(r.legs) == 0 {
		return
	}
	r.result.Orders = make([]OrderResult, len(orders))
	r.result.Residual = nil
	for i := range orders {
		o := &orders[i]
		out := &r.result.Orders[i]
		*out = OrderResult{
			Symbol: o.Symbol, Side: o.Side, Planned: o.Quantity, Limit: o.Limit, Why: o.Reason, Outcome: journal.NotSent,
		}
		for _, l := range r.legs {
			if l.index == i {
				l.report(out)
			}
		}
		if i < planned && out.Filled.LessThan(o.Quantity) {
			r.result.Residual = append(r.result.Residual, Residual{Symbol: o.Symbol, Side: o.Side, Quantity: o.Quantity.Sub(out.Filled)})
		}
	}
	r.result.Costs = r.costs()
}

// report fills in what is known of the leg.
func (l *leg) report(out *OrderResult) {
	if l.order.ID == "" {
		out.Reason = l.refused
		if l.quantity.IsZero() {
			out.Reason = cmp.Or(l.refused, "not funded by the cash that was there")
		}
		return
	}
	out.Ref, out.Sent, out.Limit = l.order.ID, l.order.Quantity, l.order.Limit
	s := l.settlement
	if s == nil {
		out.Outcome, out.Filled, out.Reason = journal.Unknown, l.state.Filled(), "not settled yet: "+string(l.state.Status)
		return
	}
	out.Outcome, out.Filled, out.AveragePrice = s.Outcome, s.Filled, s.AveragePrice
	out.Fees, out.FeeCurrency, out.Code, out.Reason = s.Fees, s.FeeCurrency, s.Code, s.Reason
}

// trackOrder tells the tracker about an order.
func (r *run) trackOrder(ctx context.Context, l *leg) {
	if _, none := r.e.cfg.Tracker.(noTracker); none {
		return
	}
	out := OrderResult{Symbol: l.plan.Symbol, Side: l.plan.Side, Planned: l.plan.Quantity, Limit: l.plan.Limit, Why: l.plan.Reason}
	l.report(&out)
	if l.settlement == nil {
		out.Outcome, out.Reason = "", ""
	}
	p := r.progress("")
	p.Order = &out
	r.e.track(ctx, p)
}
