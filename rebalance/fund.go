package rebalance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
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
	for _, b := range buys {
		b.fundedBy(&funded)
	}
	return nil
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
	if funded.Outcome == PlanReplan {
		r.result.Warnings = append(r.result.Warnings, string(funded.Reason))
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
// the cash before the plan and the fills add up to.
func (r *run) certainCash() map[broker.Currency]num {
	certain := make(map[broker.Currency]num, len(r.frozen.Cash))
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
	var refused []*leg
	for _, b := range buys {
		if b.rejected() && b.state.Refusal == broker.RefusedMargin {
			refused = append(refused, b)
		}
	}
	if len(refused) == 0 || r.record.Step(stepSmaller) != nil {
		return nil
	}
	if err := r.agree(ctx); err != nil {
		return err
	}
	funded, err := r.fundNow(ctx, refused, stepSmaller)
	if err != nil {
		return err
	}
	for _, b := range refused {
		most := floorTo(b.quantity.Mul(decimal.New(9, -1)), r.terms[b.plan.Symbol].Lot)
		b.fundedBy(&funded)
		b.quantity = decimal.Min(b.quantity, most)
		b.again()
	}
	return r.execute(ctx, refused)
}
