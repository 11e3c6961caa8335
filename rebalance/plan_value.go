package rebalance

// valuePositions finds what the account and each line is worth. What has no
// price that can be trusted is worth what the broker's net liquidation leaves
// for it; otherwise the sum of the parts must agree with net liquidation.
func (d *draft) valuePositions() {
	for i := range d.wallets {
		if w := &d.wallets[i]; !w.cash.isZero() {
			d.cash = d.cash.add(w.cash.mul(w.rate.num))
		}
	}
	d.equity = d.cash
	var unpriced []*asset
	for i := range d.assets {
		a := &d.assets[i]
		switch {
		case !a.held():
		case d.needsDerivedValue(a):
			unpriced = append(unpriced, a)
		default:
			a.worth = a.quantity.mul(a.base)
			d.equity = d.equity.add(a.worth)
		}
	}
	if len(unpriced) > 0 {
		d.deriveValues(unpriced)
	} else if d.mismatch() {
		return
	}
	for i := range d.lines {
		l := &d.lines[i]
		for _, m := range l.members {
			l.value = l.value.add(d.countedValue(&d.assets[m]))
		}
		d.freezeGroup(l)
	}
}

// needsDerivedValue reports whether the price of a held asset is missing or not
// to be trusted.
func (d *draft) needsDerivedValue(a *asset) bool {
	return !a.priced || a.frozen == ReasonCorporateActionSuspected
}

// deriveValues shares what net liquidation leaves among the positions without a
// price, by quantity.
func (d *draft) deriveValues(unpriced []*asset) {
	left := d.netLiquidation.sub(d.equity).atLeast(num{})
	var quantity num
	for _, a := range unpriced {
		quantity = quantity.add(a.quantity)
	}
	for _, a := range unpriced {
		a.derived = true
		a.worth = quo(left.mul(a.quantity), quantity)
	}
	d.equity = d.netLiquidation
	d.warn(WarningDerivedValue)
}

// mismatch ends the plan when the sum of the parts is too far from what the
// broker says the account is worth.
func (d *draft) mismatch() bool {
	tolerance := d.rules.nlvFraction.mul(d.netLiquidation).atLeast(d.rules.nlvAmount)
	if d.equity.sub(d.netLiquidation).abs().cmp(tolerance) <= 0 {
		return false
	}
	d.notReady(ReasonNLVMismatch, "cash and positions are worth %s, net liquidation is %s, the tolerance %s",
		d.equity, d.netLiquidation, tolerance)
	return true
}

// counted is the quantity that counts towards the target: the position and what
// the open orders of others will make of it, for a long position not below zero.
func (a *asset) counted() num {
	q := a.quantity.add(a.buys).sub(a.sells)
	if !a.short() {
		q = q.atLeast(num{})
	}
	return q
}

// countedValue is the value of the counted quantity.
func (d *draft) countedValue(a *asset) num {
	if a.derived {
		return a.worth
	}
	if !a.buying && !a.selling {
		return a.worth
	}
	return a.counted().mul(a.base)
}

// freezeGroup freezes a line of which a member is frozen. A missing price is
// named before a suspected split, that before a quote that may not be used.
func (d *draft) freezeGroup(l *line) {
	for _, reason := range [...]Reason{ReasonMissingPrice, ReasonCorporateActionSuspected, ReasonUntradableQuote} {
		for _, m := range l.members {
			if d.assets[m].frozen == reason {
				l.frozen = reason
				d.primary(l).skip = reason
				return
			}
		}
	}
}
