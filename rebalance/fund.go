package rebalance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// fund sizes the buys by the cash that the sells really brought. What was sized
// once stays so when the run is resumed.
func (r *run) fund(ctx context.Context, buys []*leg) error {
	var funded Plan
	if kept := r.record.Step(stepFund); kept != nil && r.resumed {
		if err := json.Unmarshal(kept.Data, &funded); err != nil {
			return fmt.Errorf("rebalance: run %s: frozen buys: %w", r.record.ID, err)
		}
	} else {
		var err error
		if funded, err = r.fundNow(ctx, buys, stepFund); err != nil {
			return err
		}
	}
	r.reserve = funded.Reserve
	r.mustFollowUp(&funded)
	for _, b := range buys {
		b.fundedBy(&funded)
	}
	return nil
}

// mustFollowUp warns, once, if the funded buys say that the plan must be made again.
func (r *run) mustFollowUp(funded *Plan) {
	if why := string(funded.Reason); funded.Outcome == PlanReplan && !slices.Contains(r.result.Warnings, why) {
		r.result.Warnings = append(r.result.Warnings, why)
	}
}

// fundNow asks the planner with fresh prices and the cash that is certain.
func (r *run) fundNow(ctx context.Context, buys []*leg, step string) (Plan, error) {
	if err := r.prices(ctx); err != nil {
		return Plan{}, err
	}
	in := r.planInput()
	certain, worth := r.certainCash(), numOf(r.snap.NetLiquidation)
	// Cash that is not counted is not part of what the account is worth here.
	for c, reported := range r.snap.Cash {
		worth = worth.sub(r.based(numOf(reported).sub(certain[c]), c))
	}
	in.Account.NetLiquidation = decimal.NewNullDecimal(worth.decimal())
	in.Account.Cash = make(map[broker.Currency]decimal.Decimal, len(certain))
	for c, amount := range certain {
		in.Account.Cash[c] = amount.decimal()
	}
	in.Sold = make([]broker.InstrumentID, 0, len(r.frozen.Plan.Orders)-len(buys))
	in.Planned = make([]PlannedBuy, 0, len(buys))
	in.PlannedEquity = decimal.NewNullDecimal(r.frozen.Plan.Equity)
	for i := range r.frozen.Plan.Orders {
		if o := &r.frozen.Plan.Orders[i]; o.Side == broker.Sell {
			in.Sold = append(in.Sold, o.Symbol)
		}
	}
	for _, b := range buys {
		in.Planned = append(in.Planned, PlannedBuy{Symbol: b.plan.Symbol, Quantity: b.plan.Quantity})
	}
	funded, err := r.e.cfg.Planner.FundBuys(in)
	if err != nil {
		return Plan{}, &Error{Outcome: Held, Reason: ReasonPlannerBug, Err: err}
	}
	if funded.Outcome == PlanNotReady || funded.Outcome == PlanRejected || funded.Outcome == PlanHeld {
		return Plan{}, planStop(&funded)
	}
	funded.Lines = nil // a resume does not need them
	room := newObject()
	defer room.free()
	data, err := appendPlan(room.object, &funded)
	if err != nil {
		return Plan{}, err
	}
	return funded, r.checkpoint(ctx, step, room.copied(data))
}

// certainCash is the smaller, by currency, of what the broker reports and what
// the cash before the plan and the fills add up to. It is good until it is asked
// again.
func (r *run) certainCash() map[broker.Currency]num {
	certain := r.room.certain
	clear(certain)
	for c, amount := range r.frozen.Cash {
		certain[c] = numOf(amount)
	}
	for _, l := range r.legs {
		done := l.settlement
		if done == nil || done.Filled.IsZero() {
			continue
		}
		c := r.currency(l.plan.Symbol)
		notional := numOf(done.Filled).mul(numOf(done.AveragePrice))
		if l.plan.Side == broker.Buy {
			notional = notional.negate()
		}
		certain[c] = certain[c].add(notional)
		certain[done.FeeCurrency] = certain[done.FeeCurrency].sub(numOf(done.Fees))
	}
	for c, computed := range certain {
		certain[c] = computed.atMost(numOf(r.snap.Cash[c]))
	}
	for c, reported := range r.snap.Cash {
		if _, known := certain[c]; !known {
			certain[c] = numOf(reported).atMost(num{}) // a debt counts, a gift does not
		}
	}
	return certain
}

// buySmaller tries the buys that were rejected for want of margin once more,
// sized by the cash that is there after the others, and smaller than before.
func (r *run) buySmaller(ctx context.Context, buys []*leg) error {
	if r.record.Step(stepSmaller) != nil {
		return nil // see keptSmaller
	}
	refused, err := r.refusedForMargin(ctx, buys)
	if err != nil || len(refused) == 0 {
		return err
	}
	if err := r.agree(ctx); err != nil {
		return err
	}
	if r.lost() != "" {
		return nil
	}
	funded, err := r.fundNow(ctx, refused, stepSmaller)
	if err != nil {
		return err
	}
	r.mustFollowUp(&funded)
	for _, b := range refused {
		r.smaller(b, &funded, b.quantity)
		b.again()
	}
	return r.execute(ctx, refused)
}

// refusedForMargin are the buys that were rejected for want of margin. Of those
// that an earlier process sent, the broker is asked why.
func (r *run) refusedForMargin(ctx context.Context, buys []*leg) ([]*leg, error) {
	var refused []*leg
	var told []broker.OrderState
	asked := false
	for _, b := range buys {
		if !b.rejected() {
			continue
		}
		if b.state.Status == "" && !asked {
			var err error
			if told, err = r.orders(ctx, broker.OrderQuery{}); err != nil {
				return nil, err
			}
			asked = true
		}
		if s := find(told, b.order.ID); s != nil && b.state.Status == "" {
			b.state = stateOf(s)
		}
		if b.state.Refusal == broker.RefusedMargin {
			refused = append(refused, b)
		}
	}
	return refused, nil
}

// smaller takes the quantity that was funded, and less than was refused.
func (r *run) smaller(b *leg, funded *Plan, refused decimal.Decimal) {
	most := floorTo(refused.Mul(decimal.New(9, -1)), r.terms[b.plan.Symbol].Lot)
	b.fundedBy(funded)
	b.quantity = decimal.Min(b.quantity, most)
}

// keptSmaller takes up, when the run is resumed, the smaller buys that an earlier
// process decided, and makes those ready that it did not come to send.
func (r *run) keptSmaller(buys []*leg) error {
	kept := r.record.Step(stepSmaller)
	if kept == nil || !r.resumed {
		return nil
	}
	var funded Plan
	if err := json.Unmarshal(kept.Data, &funded); err != nil {
		return fmt.Errorf("rebalance: run %s: frozen smaller buys: %w", r.record.ID, err)
	}
	r.mustFollowUp(&funded)
	for _, b := range buys {
		ordered := slices.ContainsFunc(funded.Orders, func(o PlannedOrder) bool { return o.Symbol == b.plan.Symbol && o.Side == b.plan.Side })
		refused, times := r.rejectedBefore(b)
		if !ordered || times == 0 {
			continue
		}
		r.smaller(b, &funded, refused)
		if times == 1 && b.settlement != nil && b.rejected() {
			b.again()
		}
	}
	return nil
}

// rejectedBefore is the quantity of the first order of a leg that was rejected, and
// how many were.
func (r *run) rejectedBefore(b *leg) (quantity decimal.Decimal, times int) {
	for i := range r.record.Intents {
		in := &r.record.Intents[i]
		if in.Leg != b.index || in.Settlement == nil || in.Settlement.Outcome != journal.Rejected {
			continue
		}
		if times++; times == 1 {
			quantity = in.Order.Quantity
		}
	}
	return quantity, times
}
