package rebalance

import (
	"slices"
)

// fund fits the quantities of buys to s: scales them down, gives what rounding
// left over to those that miss most, and drops what became too small, until all
// that are left stand.
func (d *draft) fund(buys []*purchase, s num) {
	for again := len(buys) > 0; again; again = d.dropSmall(buys) {
		d.scale(buys, s)
		left := s.sub(d.costOf(buys))
		left = d.topUp(buys, left)
		if d.in.Policy.DeployResidual {
			d.deploy(buys, left)
		}
	}
	for _, b := range buys {
		if !b.dropped && b.quantity.isZero() {
			d.assets[b.asset].skipOnce(d.whyNone(b))
		}
	}
}

// whyNone says why a buy stayed without a lot.
func (d *draft) whyNone(b *purchase) Reason {
	a := &d.assets[b.asset]
	switch {
	case b.wanted.less(b.unit.mul(a.lot)):
		return ReasonBelowLot
	case d.foreign(a) && d.in.Policy.Currency == CurrencyReject:
		return ReasonCurrencyCash
	}
	return ReasonUnfunded
}

// costOf is what buys cost together.
func (d *draft) costOf(buys []*purchase) num {
	var sum num
	for _, b := range buys {
		if !b.dropped {
			sum = sum.add(d.paidInBase(b))
		}
	}
	return sum
}

// scale multiplies the quantities that are wanted by what can be spent over what
// they cost. If the fees, which do not shrink as much, still exceed s then, only
// the rest is scaled; if s does not even pay the fees, the smallest line goes.
func (d *draft) scale(buys []*purchase, s num) {
	for {
		var cost, fees num
		for _, b := range buys {
			if b.dropped {
				continue
			}
			fee := d.feeInBase(b, b.full)
			fees = fees.add(fee)
			cost = cost.add(b.full.mul(d.assets[b.asset].buyAt).mul(b.rate)).add(fee)
		}
		switch {
		case cost.cmp(s) <= 0:
			d.scaleTo(buys, one, one)
			return
		case s.sign() <= 0:
			d.scaleTo(buys, num{}, one)
			return
		}
		d.scaleTo(buys, s, cost)
		if d.costOf(buys).cmp(s) <= 0 {
			return
		}
		if fees.less(s) {
			d.scaleTo(buys, s.sub(fees), cost.sub(fees))
			return
		}
		d.dropSmallest(buys)
	}
}

// scaleTo makes each quantity the whole lots in part/whole of what is wanted.
func (d *draft) scaleTo(buys []*purchase, part, whole num) {
	for _, b := range buys {
		lot := d.assets[b.asset].lot
		switch {
		case b.dropped || part.isZero():
			b.quantity = num{}
		case part.cmp(whole) == 0:
			b.quantity = b.full
		default:
			b.quantity = floorDiv(b.full.mul(part), whole.mul(lot)).mul(lot)
		}
	}
}

// dropSmallest drops the line with the smallest notional, of those that want at
// least a lot.
func (d *draft) dropSmallest(buys []*purchase) {
	var smallest *purchase
	var least num
	for _, b := range buys {
		if b.dropped || b.full.isZero() {
			continue
		}
		if notional := b.full.mul(d.assets[b.asset].base); smallest == nil || notional.less(least) {
			smallest, least = b, notional
		}
	}
	smallest.dropped, smallest.quantity = true, num{}
	reason := ReasonUnfunded
	if a := &d.assets[smallest.asset]; d.foreign(a) && d.in.Policy.Currency == CurrencyReject {
		reason = ReasonCurrencyCash
	}
	d.assets[smallest.asset].skipOnce(reason)
}

// topUp gives lots one by one to the line that misses most, while that brings it
// closer to its goal and the cash suffices. It returns the cash that is left.
func (d *draft) topUp(buys []*purchase, left num) num {
	if left.sign() <= 0 {
		return left
	}
	d.rows = emptied(d.rows, len(buys))
	rows := d.rows
	cheapest := optional{} // lot, without fees
	for i, b := range buys {
		if b.dropped {
			continue
		}
		lot := d.assets[b.asset].lot
		if price := d.assets[b.asset].buyAt.mul(lot).mul(b.rate); !cheapest.set || price.less(cheapest.num) {
			cheapest = optional{num: price, set: true}
		}
		step := b.unit.mul(lot)
		deficit := b.wanted.sub(b.quantity.mul(b.unit))
		rows[i] = lotRow{rank: deficit, step: step, left: ceilDiv(deficit.mul(two).sub(step), step.mul(two))}
		if b.most.set {
			rows[i].left = rows[i].left.atMost(floorDiv(b.most.sub(b.quantity), lot))
		}
	}
	given := newLotQueue(rows, func(i int, n num) num {
		b := buys[i]
		more := d.costInBase(b, b.quantity.add(n.mul(d.assets[b.asset].lot)))
		return more.sub(d.paidInBase(b))
	})
	for {
		_, stopped := given.advance(func(spent num) bool { return spent.cmp(left) <= 0 })
		if !stopped || left.sub(given.spent).less(cheapest.num) {
			break
		}
		given.drop()
	}
	for i, b := range buys {
		b.quantity = b.quantity.add(rows[i].taken.mul(d.assets[b.asset].lot))
	}
	return left.sub(given.spent)
}

// deploy spends the rest: one lot more for lines that are still below their
// goals, those first that end up nearest to them, relative to the goal.
func (d *draft) deploy(buys []*purchase, left num) {
	type candidate struct {
		*purchase
		off, goal num
	}
	var some []candidate
	for _, b := range buys {
		lot := d.assets[b.asset].lot
		deficit := b.wanted.sub(b.quantity.mul(b.unit))
		full := b.most.set && b.most.less(b.quantity.add(lot))
		if !b.dropped && deficit.sign() > 0 && !full {
			some = append(some, candidate{b, deficit.sub(b.unit.mul(lot)).abs(), d.lines[b.line].goal})
		}
	}
	slices.SortStableFunc(some, func(a, b candidate) int { return a.off.mul(b.goal).cmp(b.off.mul(a.goal)) })
	for _, c := range some {
		more := c.quantity.add(d.assets[c.asset].lot)
		if price := d.costInBase(c.purchase, more).sub(d.paidInBase(c.purchase)); price.cmp(left) <= 0 {
			left = left.sub(price)
			c.quantity = more
		}
	}
}

// dropSmall drops the smallest line below the smallest notional that an order may
// have, if there is one, and reports whether it did.
func (d *draft) dropSmall(buys []*purchase) bool {
	var smallest *purchase
	least := d.minTrade
	for _, b := range buys {
		if b.quantity.isZero() {
			continue
		}
		if notional := b.quantity.mul(d.assets[b.asset].base); notional.less(least) {
			smallest, least = b, notional
		}
	}
	if smallest == nil {
		return false
	}
	smallest.dropped, smallest.quantity = true, num{}
	d.assets[smallest.asset].skipOnce(ReasonBelowMinTrade)
	return true
}
