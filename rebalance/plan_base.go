package rebalance

// shortMargin is how much cash a short position that is left alone binds, as a
// multiple of its value.
var shortMargin = num{lo: 15, exp: -1}

// findBase finds what the weights are weights of: equity without what is
// excluded, what is reserved and what is about to leave.
func (d *draft) findBase() {
	for i := range d.assets {
		a := &d.assets[i]
		switch {
		case a.managed || !a.held():
		case a.short():
			d.shorts = d.shorts.add(a.worth)
		default:
			d.excluded = d.excluded.add(a.worth)
		}
	}
	d.reserve = d.rules.reserveAmount.atLeast(d.rules.reserveFraction.mul(d.equity))
	d.minTrade = d.rules.minValue.atLeast(d.rules.minFraction.mul(d.equity))
	d.withdrawals = d.rules.withdrawals
	if d.in.Policy.Mode == RaiseCash {
		d.withdrawals = d.withdrawals.add(d.rules.raise)
	}
	base := d.equity.sub(d.excluded)
	if d.shorts.negative() {
		base = base.atMost(d.cash.add(d.longValue()).sub(shortMargin.mul(d.shorts.abs())))
	}
	d.investable = base.sub(d.reserve).sub(d.withdrawals).atLeast(num{})

	var weights num
	for i := range d.lines {
		l := &d.lines[i]
		l.target = l.weight.mul(d.investable)
		weights = weights.add(l.weight)
	}
	if d.in.Policy.Mode != LiquidateAll {
		d.modelCash = one.sub(weights).mul(d.investable).atLeast(num{})
	}
}

// longValue is the value of the managed long positions.
func (d *draft) longValue() num {
	var sum num
	for i := range d.assets {
		if a := &d.assets[i]; a.managed {
			sum = sum.add(d.countedValue(a).atLeast(num{}))
		}
	}
	return sum
}

// floor is the cash that must stay: R + W.
func (d *draft) floor() num { return d.reserve.add(d.withdrawals) }
