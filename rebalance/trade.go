package rebalance

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// sell is step 10: all sells of the plan, to their end.
func (r *run) sell(ctx context.Context) error {
	return r.execute(ctx, r.sells())
}

// sells are the legs that sell.
func (r *run) sells() []*leg {
	sells := make([]*leg, 0, len(r.legs))
	for _, l := range r.legs {
		if l.plan.Side == broker.Sell {
			sells = append(sells, l)
		}
	}
	return sells
}

// settleSells is step 11: the account must show what the fills say, and nothing
// else. A resumed run looks even if it sells nothing: time has passed.
func (r *run) settleSells(ctx context.Context) error {
	if !r.resumed && len(r.sells()) == 0 {
		return nil
	}
	return r.agree(ctx)
}

// buy is step 12: covers first, then the buys as far as the cash goes.
func (r *run) buy(ctx context.Context) error {
	var covers []*leg
	buys := make([]*leg, 0, len(r.legs))
	for _, l := range r.legs {
		switch {
		case l.plan.Side == broker.Sell, l.index >= len(r.frozen.Plan.Orders): // see compensate
		case l.plan.Reason == ReasonCover:
			covers = append(covers, l)
		default:
			buys = append(buys, l)
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
	if err := r.keptSmaller(buys); err != nil {
		return err
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
