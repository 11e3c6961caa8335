package rebalance

// sizeTrades turns goals into quantities: covers, sells and the buys that are
// wanted, before they are funded.
func (d *draft) sizeTrades() {
	d.sizeCovers()
	for i := range d.lines {
		d.sizeLine(&d.lines[i])
	}
	if d.in.Policy.Mode == FullRebalance && d.in.Policy.Scope == ScopeDriftedOnly && !d.funding && !d.restoring {
		d.payForDrifted()
	}
	if d.funding || d.in.Policy.Mode == InvestCash {
		return
	}
	d.holdFloor()
	d.dropUseless()
}

// sizeLine sizes the sells or the buy of a line that moves.
func (d *draft) sizeLine(l *line) {
	if !l.trades {
		return
	}
	if d.toCover(l) && l.weight.sign() > 0 && d.in.Policy.Mode != LiquidateAll {
		d.primary(l).skipOnce(ReasonCrossingZero)
		return
	}
	sells := !d.funding && d.in.Policy.Mode != InvestCash
	switch c := l.goal.cmp(l.value); {
	case sells && (c < 0 || l.goal.isZero() && l.group): // a short member may hide what is held in a group
		d.sizeSells(l)
	case c > 0 && !l.value.negative():
		d.sizeBuy(l)
	}
}

// toCover reports whether a short position is bought back in this line: shorts
// are covered, and this one may be.
func (d *draft) toCover(l *line) bool {
	if d.in.Policy.Shorts != ShortsCover || d.funding || d.in.Policy.Mode == RaiseCash {
		return false
	}
	for _, m := range l.members {
		if d.coverable(&d.assets[m]) {
			return true
		}
	}
	return false
}

// coverable reports whether an asset is a short that may be bought.
func (d *draft) coverable(a *asset) bool {
	return a.short() && d.mayBuyAsset(a)
}

// mayBuyAsset and maySellAsset look at what is said of the asset itself and of
// its line.
func (d *draft) mayBuyAsset(a *asset) bool {
	own := d.in.Policy.Restrictions[a.symbol]
	return own != DoNotBuy && own != DoNotTrade && d.lineOf(a).mayBuy()
}

func (d *draft) maySellAsset(a *asset) bool {
	own := d.in.Policy.Restrictions[a.symbol]
	return own != DoNotSell && own != DoNotTrade && d.lineOf(a).maySell()
}

// sizeCovers buys back every short position that may be bought, whole.
func (d *draft) sizeCovers() {
	if d.in.Policy.Shorts != ShortsCover || d.funding || d.restoring || d.in.Policy.Mode == RaiseCash {
		return
	}
	for i := range d.assets {
		a := &d.assets[i]
		if !a.managed || !a.short() {
			continue
		}
		owed := a.counted().negate()
		quantity := floorLots(owed, a.lot)
		switch {
		case !d.mayBuyAsset(a):
			a.skipOnce(ReasonRestricted)
		case a.selling:
			a.skipOnce(ReasonOpenOrder)
		default:
			if quantity.less(owed) {
				a.skipOnce(ReasonResidualFraction)
			}
			if quantity.sign() > 0 {
				b := d.newPurchase(a)
				b.asset, b.cover, b.full, b.quantity, b.wanted = i, true, quantity, quantity, quantity.mul(a.base)
			}
		}
	}
}

// floorLots rounds a quantity down to whole lots.
func floorLots(q, lot num) num {
	if q.sign() <= 0 {
		return num{}
	}
	return floorDiv(q, lot).mul(lot)
}
