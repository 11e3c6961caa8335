package rebalance

// equityMargin is how far equity may move between the plan and its buys.
var equityMargin = num{lo: 3, exp: -2}

// checkEquityMoved asks for a new plan when the account is worth too much more or
// less than it was when the buys were planned.
func (d *draft) checkEquityMoved() {
	planned := optionalOf(d.in.PlannedEquity)
	if !planned.set {
		d.reject(ReasonInvalidNumber, "planned_equity is missing: the buys of a plan are funded by what it was made for")
		return
	}
	if equityMargin.mul(planned.num).less(d.equity.sub(planned.num).abs()) {
		d.end(PlanReplan, ReasonEquityMoved, "equity is %s, the plan was made for %s", d.equity, planned.num)
	}
}

// choosePlanned lets the planned buys go on to their goals, and nothing else.
func (d *draft) choosePlanned() {
	mode := d.in.Policy.Mode
	if mode == RaiseCash || mode == LiquidateAll {
		d.end(PlanNoTrade, ReasonAtTarget, "%s buys nothing", mode)
		return
	}
	for _, symbol := range d.in.Sold {
		if at, found := d.find(symbol); found {
			d.assets[at].sold = true
		}
	}
	for i := range d.in.Planned {
		p := &d.in.Planned[i]
		at, found := d.find(p.Symbol)
		if !found || !d.assets[at].managed || d.lineOf(&d.assets[at]).asset != at || d.assets[at].sold {
			continue
		}
		d.assets[at].planned = numOf(p.Quantity)
		l := d.lineOf(&d.assets[at])
		if l.desired.cmp(l.value) <= 0 {
			continue
		}
		goal := l.desired
		if mode == FullRebalance {
			l.limit = d.band(l)
			goal = d.destination(l)
		}
		if goal.cmp(l.value) > 0 {
			d.move(l, goal, "")
		} else if !l.fixed {
			d.primary(l).skipOnce(ReasonWithinBand)
		}
	}
}
