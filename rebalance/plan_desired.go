package rebalance

// desire turns the target values into desired values: what may not be sold or
// bought, or cannot be traded at all, keeps its value, and the others share what
// is left.
func (d *draft) desire() {
	if d.in.Policy.Mode == LiquidateAll {
		d.desireNothing()
		return
	}
	var pool num // what the lines are worth together
	for i := range d.lines {
		l := &d.lines[i]
		pool = pool.add(l.target)
		if l.frozen == "" {
			continue
		}
		l.fix()
		if shortfall := l.target.sub(l.value); shortfall.sign() > 0 {
			pool = pool.sub(shortfall) // it stays in cash
		}
	}
	for {
		d.share(pool)
		if d.fixOverweight() {
			continue
		}
		shortfall, any := d.fixUnderweight()
		if !any {
			return
		}
		if d.in.Policy.DoNotBuyShortfall == ShortfallCash {
			pool = pool.sub(shortfall)
		}
	}
}

// desireNothing is for liquidate_all: everything that may be sold.
func (d *draft) desireNothing() {
	for i := range d.lines {
		l := &d.lines[i]
		switch {
		case l.frozen != "":
			l.fix()
		case l.value.sign() > 0 && !l.maySell():
			l.fix()
			d.primary(l).skipOnce(ReasonRestricted)
		}
	}
}

// fix keeps a line at its value.
func (l *line) fix() { l.fixed, l.desired = true, l.value }

// share gives each free line its part, by weight, of what the fixed ones leave.
func (d *draft) share(pool num) {
	var weights num
	left := pool
	for i := range d.lines {
		if l := &d.lines[i]; l.fixed {
			left = left.sub(l.desired)
		} else {
			weights = weights.add(l.weight)
		}
	}
	if left.negative() && weights.sign() > 0 {
		d.warn(WarningRestrictionsUnsatisfiable)
	}
	for i := range d.lines {
		l := &d.lines[i]
		switch {
		case l.fixed:
		case left.negative() || l.weight.isZero():
			l.desired = num{}
		default:
			l.desired = quo(l.weight.mul(left), weights)
		}
	}
}

// fixOverweight fixes the free lines that may not be sold and are worth more than
// desired. It reports whether there was one.
func (d *draft) fixOverweight() bool {
	any := false
	for i := range d.lines {
		l := &d.lines[i]
		if !l.fixed && !l.maySell() && l.desired.less(l.value) && d.isMaterial(l) {
			l.fix()
			d.primary(l).skipOnce(ReasonRestricted)
			any = true
		}
	}
	return any
}

// fixUnderweight fixes the free lines that may not be bought and are worth less
// than desired, and returns what they miss together.
func (d *draft) fixUnderweight() (shortfall num, any bool) {
	for i := range d.lines {
		l := &d.lines[i]
		if !l.fixed && !l.mayBuy() && l.value.less(l.desired) && d.isMaterial(l) {
			shortfall = shortfall.add(l.desired.sub(l.value))
			l.fix()
			d.primary(l).skipOnce(ReasonRestricted)
			any = true
		}
	}
	return shortfall, any
}

func (l *line) maySell() bool { return l.rule != DoNotSell && l.rule != DoNotTrade }

func (l *line) mayBuy() bool { return l.rule != DoNotBuy && l.rule != DoNotTrade }

// isMaterial reports whether a line is at least half a lot away from its desired
// value: less could not be traded anyway.
func (d *draft) isMaterial(l *line) bool {
	a := d.primary(l)
	return a.lot.mul(a.base).mul(oneHalf).cmp(l.value.sub(l.desired).abs()) <= 0
}
