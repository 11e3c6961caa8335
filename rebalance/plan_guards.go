package rebalance

import (
	"slices"
	"strings"
)

// checkGuards holds a plan with orders for a human when a limit is exceeded.
func (d *draft) checkGuards() {
	var turnover, largest num
	orders := 0
	count := func(asset int, q num) {
		if q.sign() > 0 {
			notional := q.mul(d.assets[asset].base)
			turnover, largest = turnover.add(notional), largest.atLeast(notional)
			orders++
		}
	}
	for i := range d.sales {
		count(d.sales[i].asset, d.sales[i].quantity)
	}
	for i := range d.purchases {
		count(d.purchases[i].asset, d.purchases[i].quantity)
	}
	r := &d.rules
	switch {
	case orders == 0:
	case r.maxShift.set && r.maxShift.less(d.shift):
		d.hold(ReasonAllocationShift, "half of the sum of all changes of weight", d.shift, r.maxShift.num)
	case r.maxTurnover.set && d.in.Policy.Mode != LiquidateAll && r.maxTurnover.mul(d.equity).less(turnover):
		d.hold(ReasonMaxTurnover, "the value of all orders", turnover, r.maxTurnover.mul(d.equity))
	case r.maxNotional.set && r.maxNotional.less(largest):
		d.hold(ReasonMaxOrderNotional, "the value of the largest order", largest, r.maxNotional.num)
	case r.maxOrders.set && r.maxOrders.less(numOfInt(orders)):
		d.hold(ReasonMaxOrders, "the number of orders", numOfInt(orders), r.maxOrders.num)
	}
}

func (d *draft) hold(reason Reason, what string, value, limit num) {
	d.end(PlanHeld, reason, "%s is %s, the limit %s", what, value, limit)
}

// nothingToDo ends a plan without orders and conversions with the most telling
// reason among the skipped symbols.
func (d *draft) nothingToDo() {
	if len(d.conversions) > 0 || !d.buysNothing() {
		return
	}
	for i := range d.sales {
		if d.sales[i].quantity.sign() > 0 {
			return
		}
	}
	for _, reason := range [...]Reason{ReasonRestricted, ReasonBelowMinTrade, ReasonUnfunded, ReasonBelowLot} {
		for i := range d.assets {
			if a := &d.assets[i]; a.skip.countsAs(reason) {
				d.end(PlanNoTrade, reason, "no order, first of all because of %s: %s", a.symbol, a.skip)
				return
			}
		}
	}
	d.end(PlanNoTrade, ReasonAtTarget, "no order is needed")
}

// countsAs says which reason of a plan the reason of a skipped symbol stands for.
func (r Reason) countsAs(reason Reason) bool {
	switch reason {
	case ReasonRestricted:
		return r.isRestriction() || r == ReasonOpenOrder
	case ReasonUnfunded:
		return r == ReasonUnfunded || r == ReasonCurrencyCash
	case ReasonBelowLot:
		return r == ReasonBelowLot || r == ReasonResidualFraction
	}
	return r == reason
}

// sortConversions orders them by the foreign currency.
func (d *draft) sortConversions() {
	foreign := func(c Conversion) string {
		if c.From == d.in.Account.Base {
			return string(c.To)
		}
		return string(c.From)
	}
	slices.SortStableFunc(d.conversions, func(a, b Conversion) int { return strings.Compare(foreign(a), foreign(b)) })
}
