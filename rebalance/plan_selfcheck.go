package rebalance

import (
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
)

// selfCheck looks at a finished plan once more, independently of how it came
// about: what it must never do. A violation is a bug of the planner.
func (d *draft) selfCheck(p *Plan) error {
	if len(p.Orders) == 0 {
		return nil
	}
	if p.Outcome != PlanTrade && p.Outcome != PlanHeld {
		return fmt.Errorf("outcome %s with %d orders", p.Outcome, len(p.Orders))
	}
	var faults []error
	d.ordered = emptied(d.ordered, len(d.assets))
	ordered := d.ordered
	buys := false
	for i := range p.Orders {
		o := &p.Orders[i]
		buys = buys || o.Side == broker.Buy
		at, found := d.find(o.Symbol)
		if !found || ordered[at] {
			faults = append(faults, fmt.Errorf("%s is not part of the account, or has two orders", o.Symbol))
			continue
		}
		ordered[at] = true
		if err := d.checkOrder(&d.assets[at], o); err != nil {
			faults = append(faults, fmt.Errorf("%s %s of %s at %s: %w", o.Side, o.Quantity, o.Symbol, o.Limit, err))
		}
	}
	if cash := d.cashAfter(); buys && cash.less(d.floor()) {
		faults = append(faults, fmt.Errorf("the buys leave cash of %s, less than the floor of %s", cash, d.floor()))
	}
	return errors.Join(faults...)
}

// cashAfter is the cash after the plan; in a cash account the sells have not
// settled by then.
func (d *draft) cashAfter() num {
	if d.in.Account.Type == broker.Cash {
		return d.cash.sub(d.allCosts())
	}
	return d.projectedCash()
}

// checkOrder checks one order against what is held, and against its terms.
func (d *draft) checkOrder(a *asset, o *PlannedOrder) error {
	quantity, limit := numOf(o.Quantity), numOf(o.Limit)
	switch {
	case !a.managed:
		return errors.New("the symbol is not managed")
	case quantity.sign() <= 0 || floorLots(quantity, a.lot).cmp(quantity) != 0:
		return fmt.Errorf("not a positive multiple of the lot %s", a.lot)
	case limit.sign() <= 0 || floorTick(limit, a.tick).cmp(limit) != 0:
		return fmt.Errorf("the limit is not a positive multiple of the tick %s", a.tick)
	case a.frozen != "" || !a.tradable:
		return errors.New("the symbol is frozen")
	}
	exempt := o.Reason == ReasonCover || o.Side == broker.Sell && d.lineOf(a).goal.isZero()
	if !exempt && quantity.mul(a.base).less(d.minTrade) {
		return fmt.Errorf("below the smallest trade of %s", d.minTrade)
	}
	if o.Side == broker.Sell {
		return d.checkSell(a, quantity)
	}
	return d.checkBuy(a, quantity, o.Reason)
}

func (d *draft) checkSell(a *asset, quantity num) error {
	switch {
	case d.in.Policy.Mode == InvestCash || d.funding:
		return errors.New("nothing is sold here")
	case !d.maySellAsset(a) || a.buying:
		return errors.New("the symbol is not to be sold")
	case a.quantity.sub(a.sells).less(quantity):
		return fmt.Errorf("only %s are held and not in other orders", a.quantity.sub(a.sells))
	}
	return nil
}

func (d *draft) checkBuy(a *asset, quantity num, reason Reason) error {
	switch {
	case d.in.Policy.Mode == RaiseCash || d.in.Policy.Mode == LiquidateAll && reason != ReasonCover:
		return errors.New("nothing is bought here")
	case !d.mayBuyAsset(a) || a.selling:
		return errors.New("the symbol is not to be bought")
	case (reason == ReasonCover) != a.short():
		return errors.New("only a short position is covered, and it is not bought otherwise")
	case a.short() && a.quantity.abs().less(quantity):
		return fmt.Errorf("the short position is only %s", a.quantity.abs())
	case d.funding && a.planned.less(quantity):
		return fmt.Errorf("only %s were planned", a.planned)
	}
	return nil
}
