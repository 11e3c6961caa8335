package rebalance

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// sell is step 10: all sells of the plan, to their end.
func (r *run) sell(ctx context.Context) error {
	var legs []*leg
	for i := range r.frozen.Plan.Orders {
		if o := &r.frozen.Plan.Orders[i]; o.Side == broker.Sell {
			legs = append(legs, r.newLeg(i, o))
		}
	}
	return r.execute(ctx, legs)
}

// settleSells is step 11: the account must show what the fills say, and nothing
// else.
func (r *run) settleSells(ctx context.Context) error {
	if len(r.legs) == 0 {
		return nil
	}
	return r.agree(ctx)
}

// buy is step 12: covers first, then the buys as far as the cash goes.
func (r *run) buy(ctx context.Context) error {
	var covers, buys []*leg
	for i := range r.frozen.Plan.Orders {
		o := &r.frozen.Plan.Orders[i]
		switch {
		case o.Side == broker.Sell:
		case o.Reason == ReasonCover:
			covers = append(covers, r.newLeg(i, o))
		default:
			buys = append(buys, r.newLeg(i, o))
		}
	}
	if len(covers) > 0 {
		if err := r.execute(ctx, covers); err != nil {
			return err
		}
		if err := r.agree(ctx); err != nil {
			return err
		}
	}
	if len(buys) > 0 && len(buys) < len(r.frozen.Plan.Orders) {
		if err := r.fund(ctx, buys); err != nil {
			return err
		}
	}
	if why := r.lost(); why != "" {
		for _, l := range buys {
			l.quantity, l.refused = decimal.Decimal{}, why
		}
	}
	if err := r.execute(ctx, buys); err != nil {
		return err
	}
	if err := r.buySmaller(ctx, buys); err != nil {
		return err
	}
	return r.compensate(ctx)
}
