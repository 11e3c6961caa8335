package rebalance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
)

// agree waits until the positions are those before the plan plus the fills of
// this run, and nothing else. If they never are, somebody else traded, or a
// fill is missing: the account is blocked with the difference.
func (r *run) agree(ctx context.Context) error {
	expected := r.expected()
	deadline := r.e.cfg.Now().Add(r.e.cfg.Timing.Settle)
	for {
		if err := r.lookAgain(ctx); err != nil {
			return err
		}
		diff := difference(expected, &r.snap)
		if len(diff) == 0 {
			return nil
		}
		left := deadline.Sub(r.e.cfg.Now())
		if left <= 0 {
			return r.block(ctx, ReasonForeignTrade, diff, fmt.Sprintf(
				"account %s: positions differ from what our fills make for %s, the first is %s: expected %s, found %s",
				r.req.Account, r.e.cfg.Timing.Settle, diff[0].Symbol, diff[0].Expected, diff[0].Found))
		}
		bounded, cancel := r.e.cfg.WithTimeout(ctx, min(left, time.Second))
		_, _, err := r.e.cfg.Broker.Await(bounded, r.req.Account, r.snap.Cursor)
		cancel()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, broker.ErrSession) {
			return err
		}
	}
}

// expected is what the positions must be: those before the plan and our fills.
func (r *run) expected() map[broker.InstrumentID]decimal.Decimal {
	expected := maps.Clone(r.frozen.Held)
	for _, l := range r.legs {
		if l.settlement != nil && !l.settlement.Filled.IsZero() {
			signed := l.settlement.Filled.Mul(decimal.New(l.plan.Side.Sign(), 0))
			expected[l.plan.Symbol] = expected[l.plan.Symbol].Add(signed)
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

// difference lists the positions that are not as expected, by symbol.
func difference(expected map[broker.InstrumentID]decimal.Decimal, snap *broker.Snapshot) []Difference {
	var diff []Difference
	for i := range snap.Positions {
		p := &snap.Positions[i]
		if want := expected[p.Instrument]; !want.Equal(p.Quantity) {
			diff = append(diff, Difference{Symbol: p.Instrument, Expected: want, Found: p.Quantity})
		}
	}
	for id, want := range expected {
		if !want.IsZero() && snap.Position(id).IsZero() {
			diff = append(diff, Difference{Symbol: id, Expected: want})
		}
	}
	slices.SortFunc(diff, func(a, b Difference) int { return compare(a.Symbol, b.Symbol) })
	return diff
}

// block stops the account until an operator has looked, and ends the run.
func (r *run) block(ctx context.Context, reason Reason, evidence any, why string) error {
	data, err := json.Marshal(evidence)
	if err != nil {
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

// holdings is what the snapshot shows, by symbol.
func (r *run) holdings() map[broker.InstrumentID]decimal.Decimal {
	held := make(map[broker.InstrumentID]decimal.Decimal, len(r.snap.Positions))
	for i := range r.snap.Positions {
		held[r.snap.Positions[i].Instrument] = r.snap.Positions[i].Quantity
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
	}
	return r.halted(ctx)
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
		if left := o.Quantity.Sub(out.Filled); left.Sign() > 0 && i < planned {
			r.result.Residual = append(r.result.Residual, Residual{Symbol: o.Symbol, Side: o.Side, Quantity: left})
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

// picture is the account as the snapshot shows it, at the newest prices.
func (r *run) picture() *Picture {
	p := &Picture{Time: r.snap.Time, Base: r.snap.Base, Reserve: r.frozen.Plan.Reserve}
	for c, amount := range r.snap.Cash {
		p.Cash = p.Cash.Add(r.inBase(amount, c))
	}
	p.Equity = p.Cash
	weights := make(map[broker.InstrumentID]decimal.Decimal, len(r.targets.Targets))
	ids := make([]broker.InstrumentID, 0, len(r.terms))
	for _, t := range r.targets.Targets {
		weights[t.Symbol] = t.Weight
		ids = append(ids, t.Symbol)
	}
	held := r.holdings()
	for id := range held {
		if _, ok := weights[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	p.Holdings = make([]Holding, len(ids))
	for i, id := range ids {
		h := Holding{Symbol: id, Quantity: held[id], Target: weights[id]}
		if q, ok := r.quotes.Found[id]; ok {
			h.Price = price(&q)
			h.Value = r.inBase(h.Quantity.Mul(h.Price), r.terms[id].Currency)
		}
		p.Equity = p.Equity.Add(h.Value)
		p.Holdings[i] = h
	}
	if p.Equity.Sign() <= 0 {
		return p
	}
	var furthest decimal.Decimal
	for i := range p.Holdings {
		h := &p.Holdings[i]
		furthest = decimal.Max(furthest, h.Value.Sub(h.Target.Mul(p.Equity.Sub(p.Reserve))).Abs())
		if !h.Value.IsZero() {
			h.Weight, _ = broker.Quo(h.Value, p.Equity, 6) // equity is not zero
		}
	}
	p.Drift, _ = broker.Quo(furthest, p.Equity, 6)
	return p
}

// inBase converts an amount into base currency.
func (r *run) inBase(amount decimal.Decimal, c broker.Currency) decimal.Decimal {
	if c == r.snap.Base {
		return amount
	}
	return amount.Mul(r.snap.FX[c])
}

// half turns a sum of two prices into their mean without a division.
var half = decimal.New(5, -1)

// price values a quote as the planner does: the middle of bid and ask, else
// last, else close; zero without any.
func price(q *marketdata.Quote) decimal.Decimal {
	good := func(p decimal.NullDecimal) bool { return p.Valid && p.Decimal.Sign() > 0 }
	switch {
	case good(q.Bid) && good(q.Ask) && q.Bid.Decimal.LessThanOrEqual(q.Ask.Decimal):
		if q.Bid.Decimal.Equal(q.Ask.Decimal) {
			return q.Bid.Decimal
		}
		return q.Bid.Decimal.Add(q.Ask.Decimal).Mul(half)
	case good(q.Last):
		return q.Last.Decimal
	case good(q.Close):
		return q.Close.Decimal
	}
	return decimal.Decimal{}
}
