package rebalance

// chooseTrades decides which lines move, and where to.
func (d *draft) chooseTrades() {
	switch d.in.Policy.Mode {
	case InvestCash:
		d.chooseBuys()
	case RaiseCash:
		d.chooseRaise()
	case LiquidateAll:
		for i := range d.lines {
			d.move(&d.lines[i], d.lines[i].desired, ReasonLiquidate)
		}
	default:
		d.chooseByBands()
	}
}

// chooseBuys is invest_cash: no sells, no bands.
func (d *draft) chooseBuys() {
	for i := range d.lines {
		l := &d.lines[i]
		if l.value.less(l.desired) {
			d.move(l, l.desired, "")
		}
	}
}

// chooseRaise is raise_cash: sells only, as much as is missing.
func (d *draft) chooseRaise() {
	missing := d.floor().sub(d.cash)
	if missing.sign() <= 0 {
		d.end(PlanNoTrade, ReasonAtTarget, "cash of %s is enough, %s is asked for", d.cash, d.floor())
		return
	}
	d.raise(missing, ReasonRaiseCash)
}

// raise sells an amount from what is worth more than desired, pro rata, each at
// most down to what is desired.
func (d *draft) raise(amount num, why Reason) {
	var sum num
	for i := range d.lines {
		sum = sum.add(d.lines[i].excess())
	}
	for i := range d.lines {
		l := &d.lines[i]
		if excess := l.excess(); !excess.isZero() {
			d.move(l, l.value.sub(quo(excess.mul(amount), sum).atMost(excess)), why)
		}
	}
}

// excess is how much more a line is worth than desired, at least 0.
func (l *line) excess() num { return l.value.sub(l.desired).atLeast(num{}) }

// move sends a line to its goal, unless it is restricted from going there.
func (d *draft) move(l *line, goal num, why Reason) {
	if l.fixed {
		return
	}
	c := goal.cmp(l.value)
	if c < 0 && !l.maySell() || c > 0 && !l.mayBuy() {
		d.primary(l).skipOnce(ReasonRestricted)
		return
	}
	l.trades, l.goal, l.why = true, goal, why
}

// chooseByBands is full_rebalance: nothing moves unless a line is outside its
// band.
func (d *draft) chooseByBands() {
	breached := false
	for i := range d.lines {
		l := &d.lines[i]
		l.limit = d.band(l)
		l.breach = d.in.Policy.Force || d.isBreached(l)
		breached = breached || l.breach
	}
	if !breached {
		d.stay()
		return
	}
	for i := range d.lines {
		l := &d.lines[i]
		if d.in.Policy.Scope == ScopeDriftedOnly && !l.breach {
			continue
		}
		goal := d.destination(l)
		if goal.cmp(l.value) != 0 || d.toCover(l) {
			d.move(l, goal, "")
		}
	}
	if d.in.Policy.Scope != ScopeDriftedOnly { // there, the others may have to pay: see payForDrifted
		d.skipInside()
	}
}

// band is how far a line may drift: the smaller of the limits that are set.
func (d *draft) band(l *line) optional {
	absolute, relative := d.rules.absolute, d.rules.relative
	if absolute.set {
		absolute.num = absolute.mul(d.equity.sub(d.excluded))
	}
	if relative.set {
		relative.num = relative.mul(l.desired)
	}
	if !absolute.set || relative.set && relative.less(absolute.num) {
		return relative
	}
	return absolute
}

// isBreached reports whether a line is outside its band. An exit, an entry and a
// short to cover always are.
func (d *draft) isBreached(l *line) bool {
	switch {
	case d.toCover(l):
		return true
	case l.value.cmp(l.desired) == 0:
		return false
	case !l.limit.set, l.desired.isZero() && l.value.sign() > 0, l.value.isZero() && l.desired.sign() > 0:
		return true
	}
	return l.limit.less(l.value.sub(l.desired).abs())
}

// destination is where a line that trades goes.
func (d *draft) destination(l *line) num {
	gap := l.desired.sub(l.value)
	if l.desired.isZero() || l.value.isZero() {
		return l.desired
	}
	switch d.in.Policy.Destination {
	case DestinationNearestEdge:
		switch {
		case gap.abs().cmp(l.limit.num) <= 0:
			return l.value
		case gap.negative():
			return l.desired.add(l.limit.num)
		}
		return l.desired.sub(l.limit.num)
	case DestinationFraction:
		return l.value.add(d.rules.destination.mul(gap))
	}
	return l.desired
}

// stay is the case without a breach: no trade, unless cash is below its floor.
func (d *draft) stay() {
	missing := d.floor().sub(d.cash)
	if missing.sign() > 0 {
		d.restoring = true
		d.raise(missing, ReasonRestoreCash)
	}
	d.skipInside()
	if d.restoring {
		return
	}
	for i := range d.assets {
		if d.assets[i].skip.isRestriction() {
			d.end(PlanNoTrade, ReasonRestricted, "nothing is outside its band, and %s may not be traded", d.assets[i].symbol)
			return
		}
	}
	d.end(PlanNoTrade, ReasonWithinBand, "nothing is outside its band")
}

// skipInside says of each line that does not move that it is inside its band.
func (d *draft) skipInside() {
	for i := range d.lines {
		l := &d.lines[i]
		if l.trades || l.fixed || l.value.cmp(l.desired) == 0 {
			continue
		}
		forbidden := l.desired.less(l.value) && !l.maySell() || l.value.less(l.desired) && !l.mayBuy()
		if forbidden {
			d.primary(l).skipOnce(ReasonRestricted)
		}
		if l.limit.set {
			d.primary(l).skipOnce(ReasonWithinBand)
		}
	}
}

// isRestriction reports whether a symbol was skipped because it may not or
// cannot be traded.
func (r Reason) isRestriction() bool {
	switch r {
	case ReasonRestricted, ReasonMissingPrice, ReasonUntradableQuote, ReasonCorporateActionSuspected:
		return true
	}
	return false
}
