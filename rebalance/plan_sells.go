package rebalance

import "slices"

// sale is an order to sell in the making.
type sale struct {
	asset, line int
	wanted      num  // value that it should sell: V − G, or what is left of it for this member of a group
	beyond      bool // a member of a group that is not needed, but could be
	exit        bool // everything goes
	sellable    num
	quantity    num
	amount      amount
	why         Reason
}

// sizeSells sizes the sells of a line: one, or those of a group's members.
func (d *draft) sizeSells(l *line) {
	exit := l.goal.isZero()
	left := l.value.sub(l.goal)
	beyond := false
	for _, m := range d.sellers(l, exit) {
		a := &d.assets[m]
		if a.quantity.sign() <= 0 && l.group {
			if !exit && l.sell != SellAlternatesFirst {
				a.skipOnce(ReasonRestricted) // the alternates are kept
			}
			continue
		}
		if !d.mayBeSold(a) {
			continue
		}
		s := sale{asset: m, line: a.line, wanted: left, beyond: beyond, exit: exit, why: l.why}
		s.sellable = floorLots(a.quantity.sub(a.sells), a.lot)
		if exit {
			s.quantity = s.sellable
			d.appendExit(s)
			continue
		}
		s.quantity = d.lotsToSell(left, a)
		short := s.sellable.less(s.quantity)
		s.quantity = s.quantity.atMost(s.sellable)
		if beyond {
			s.quantity = num{}
		}
		if short && l.group && l.sell != SellAlternatesFirst {
			a.skipOnce(ReasonRestricted)
		}
		d.appendSale(s)
		beyond = beyond || !short
		left = left.sub(s.sellable.mul(a.base))
	}
}

// sellers are the members of a line that sell, in order.
func (d *draft) sellers(l *line, exit bool) []int {
	if exit || l.sell == SellAlternatesFirst {
		return l.members
	}
	return l.members[len(l.members)-1:]
}

// mayBeSold says why an asset is passed over, if it is.
func (d *draft) mayBeSold(a *asset) bool {
	switch {
	case !d.maySellAsset(a):
		a.skipOnce(ReasonRestricted)
	case a.buying:
		a.skipOnce(ReasonOpenOrder)
	default:
		return true
	}
	return false
}

// lotsToSell rounds a value to the nearest lots. What deploys residual cash
// rounds down, or it would sell what it bought.
func (d *draft) lotsToSell(value num, a *asset) num {
	perLot := a.lot.mul(a.base)
	if value.sign() <= 0 {
		return num{}
	}
	if d.in.Policy.DeployResidual {
		return floorDiv(value, perLot).mul(a.lot)
	}
	return nearestDiv(value, perLot).mul(a.lot)
}

// appendExit keeps an exit, and says so if a part of a lot stays behind.
func (d *draft) appendExit(s sale) {
	a := &d.assets[s.asset]
	if s.sellable.less(a.quantity.sub(a.sells)) {
		a.skipOnce(ReasonResidualFraction)
	}
	if s.quantity.sign() > 0 {
		d.appendSale(s)
	}
}

// appendSale keeps a sale unless it is too small or brings nothing. A sale of 0
// lots is kept: cash may still need it.
func (d *draft) appendSale(s sale) {
	a := &d.assets[s.asset]
	small := !s.exit && s.quantity.mul(a.base).less(d.minTrade)
	useless := s.quantity.sign() > 0 && d.brought(&s).sign() <= 0
	switch {
	case !small && !useless:
		d.sales = append(d.sales, s)
	case s.beyond:
	case !a.skip.isRestriction():
		a.skip = ReasonBelowMinTrade
	}
}

// holdFloor sells lot by lot more until the cash holds the floor, R + W, and then
// takes back what turns out not to be needed.
func (d *draft) holdFloor() {
	missing := d.floor().sub(d.cash).sub(d.allProceeds())
	if missing.sign() <= 0 {
		return
	}
	d.sortSales()
	added := newLotQueue(d.raiseRows(), d.raised)
	_, enough := added.advance(func(sum num) bool { return sum.less(missing) })
	if !enough {
		d.noBuys = true
		d.warn(WarningReserveUnreachable)
	} else {
		added.take() // the lot with which it is
		d.takeBack(added, added.spent.sub(missing))
	}
	for i := range d.sales {
		s := &d.sales[i]
		s.quantity = s.quantity.add(added.rows[i].taken.mul(d.assets[s.asset].lot))
	}
}

// sortSales orders the sales by symbol, as they nearly always are.
func (d *draft) sortSales() {
	for i := 1; i < len(d.sales); i++ {
		if d.sales[i].asset < d.sales[i-1].asset {
			slices.SortFunc(d.sales, func(a, b sale) int { return compareInts(a.asset, b.asset) })
			return
		}
	}
}

// allProceeds is what all sales bring, in base currency.
func (d *draft) allProceeds() num {
	var sum num
	for i := range d.sales {
		s := &d.sales[i]
		sum = sum.add(d.brought(s).mul(d.rate(&d.assets[s.asset])))
	}
	return sum
}

// raiseRows is the lots that each sale can add, those first that overshoot what
// it wants by the least value.
func (d *draft) raiseRows() []lotRow {
	rows := make([]lotRow, len(d.sales))
	for i := range d.sales {
		s := &d.sales[i]
		a := &d.assets[s.asset]
		if d.proceeds(a, s.sellable).sign() <= 0 {
			continue // no quantity of it brings anything
		}
		perLot := a.lot.mul(a.base)
		rows[i] = lotRow{
			rank: s.wanted.sub(s.quantity.mul(a.base)).sub(perLot), step: perLot,
			left: floorDiv(s.sellable.sub(s.quantity), a.lot),
		}
		if d.firstLotCosts(s) {
			rows[i].odd = one
		}
	}
	return rows
}

// firstLotCosts reports whether the fee of a sale eats up more than its first lot
// brings, while the further lots bring something.
func (d *draft) firstLotCosts(s *sale) bool {
	a := &d.assets[s.asset]
	return s.quantity.isZero() && d.proceeds(a, a.lot).negative()
}

// raised is what n more lots of a sale bring, in base currency.
func (d *draft) raised(i int, n num) num {
	s := &d.sales[i]
	a := &d.assets[s.asset]
	more := d.proceeds(a, s.quantity.add(n.mul(a.lot)))
	return more.sub(d.brought(s)).mul(d.rate(a))
}

// takeBack goes back over the added lots, the last one first, and gives back
// each without which the cash still holds.
func (d *draft) takeBack(added *lotQueue, surplus num) {
	last := len(added.rows) - 1
	rows := make([]lotRow, len(added.rows)) // in reverse, as are their ranks
	for i := range rows {
		r := &added.rows[last-i]
		if r.taken.isZero() {
			continue
		}
		rows[i] = lotRow{rank: r.rank.add(r.step).negate(), step: r.step, left: r.taken}
		if !r.odd.isZero() {
			rows[i].odd = r.taken
		}
	}
	back := newLotQueue(rows, func(i int, n num) num {
		taken := added.rows[last-i].taken
		return d.raised(last-i, taken).sub(d.raised(last-i, taken.sub(n)))
	})
	for {
		if _, stopped := back.advance(func(sum num) bool { return sum.cmp(surplus) <= 0 }); !stopped {
			break
		}
		back.drop()
	}
	for i := range rows {
		r := &added.rows[last-i]
		r.taken = r.taken.sub(back.rows[i].taken)
	}
}

// dropUseless drops the sales that stayed without a lot, or that bring nothing.
func (d *draft) dropUseless() {
	d.sales = slices.DeleteFunc(d.sales, func(s sale) bool {
		a := &d.assets[s.asset]
		switch {
		case s.quantity.isZero():
			if !s.beyond {
				a.skipOnce(ReasonBelowLot)
			}
			return true
		case d.brought(&s).sign() <= 0:
			a.skipOnce(ReasonBelowMinTrade)
			return true
		}
		return false
	})
}
