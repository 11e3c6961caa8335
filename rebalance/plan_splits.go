package rebalance

// splits are the ratios of the usual splits and reverse splits.
var splits = [...]num{
	{lo: 15, exp: -1},
	{lo: 2},
	{lo: 3},
	{lo: 4},
	{lo: 5},
	{lo: 6},
	{lo: 7},
	{lo: 8},
	{lo: 10},
	{lo: 15},
	{lo: 20},
	{lo: 25},
	{lo: 30},
	{lo: 40},
	{lo: 50},
}

// splitMargin is how far from such a ratio a price may be, as a part of it.
var splitMargin = num{lo: 3, exp: -2}

// leastSplit is the least ratio that is near one of them.
var leastSplit = num{lo: 1455, exp: -3}

// findSplits looks for positions whose price moved by such a ratio while their
// quantity stayed: a split that has reached the quotes but not the positions, or
// the other way round. They are frozen or end the plan.
func (d *draft) findSplits() {
	if d.in.Policy.CorporateAction == CorporateActionOff {
		return
	}
	for i := range d.assets {
		a := &d.assets[i]
		if !a.managed || !a.held() || a.frozen != "" || !a.before.set || a.before.cmp(a.quantity) != 0 {
			continue
		}
		if !a.earlier.set || !isSplit(a.price, a.earlier.num) {
			continue
		}
		if d.in.Policy.CorporateAction == CorporateActionBlock || a.short() {
			d.notReady(ReasonCorporateActionSuspected, "%s went from %s to %s with the quantity unchanged at %s: a split?",
				a.symbol, a.earlier.num, a.price, a.quantity)
			return
		}
		a.frozen = ReasonCorporateActionSuspected
	}
}

// isSplit reports whether one price is such a multiple of the other.
func isSplit(p, before num) bool {
	if p.less(leastSplit.mul(before)) && before.less(leastSplit.mul(p)) {
		return false // near none of them
	}
	for _, k := range splits {
		if near(p, before, k) || near(before, p, k) {
			return true
		}
	}
	return false
}

// near reports whether x/y is within the margin of k.
func near(x, y, k num) bool {
	ky := k.mul(y)
	return x.sub(ky).abs().cmp(splitMargin.mul(ky)) <= 0
}
