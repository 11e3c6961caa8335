package rebalance

import (
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// output makes the plan of the draft.
func (d *draft) output() Plan {
	slices.Sort(d.warnings)
	p := Plan{
		Schema: PlanSchema, Outcome: d.outcome, Reason: d.reason, Detail: d.detail,
		Orders: []PlannedOrder{}, Warnings: d.warnings,
		Equity: d.made.of(d.equity), Excluded: d.made.of(d.excluded),
		Reserve: d.made.of(d.reserve), Investable: d.made.of(d.investable),
	}
	if d.outcome == PlanNotReady || d.outcome == PlanRejected {
		d.sales, d.purchases, d.conversions, d.lines = d.sales[:0], d.purchases[:0], nil, d.lines[:0]
	} else {
		d.listOrders(&p)
		d.listSkips()
		d.measureDrift()
		p.Conversions, p.Skipped = d.conversions, d.skips
		p.ProjectedCash = d.made.of(d.projectedCash())
		if !d.in.NoLines || d.outcome == PlanHeld {
			p.Lines = d.listLines()
		}
		if !d.in.Brief || d.outcome == PlanHeld {
			p.Explanations = d.explain()
		}
	}
	p.Hash = d.hash(&p)
	return p
}

// listOrders lists covers, sells and buys, each by symbol.
func (d *draft) listOrders(p *Plan) {
	d.sortSales()
	p.Orders = make([]PlannedOrder, 0, len(d.sales)+len(d.purchases))
	covers := 0
	for ; covers < len(d.purchases) && d.purchases[covers].cover; covers++ {
		p.Orders = append(p.Orders, d.buyOrder(&d.purchases[covers]))
	}
	for i := range d.sales {
		s := &d.sales[i]
		a := &d.assets[s.asset]
		p.Orders = append(p.Orders, PlannedOrder{
			Symbol: a.symbol, Side: broker.Sell, Quantity: d.made.of(s.quantity), Limit: d.made.of(a.sellAt), Reason: s.reason(),
		})
	}
	for i := covers; i < len(d.purchases); i++ {
		if b := &d.purchases[i]; b.quantity.sign() > 0 {
			p.Orders = append(p.Orders, d.buyOrder(b))
		}
	}
}

func (d *draft) buyOrder(b *purchase) PlannedOrder {
	a := &d.assets[b.asset]
	return PlannedOrder{
		Symbol: a.symbol, Side: broker.Buy, Quantity: d.made.of(b.quantity), Limit: d.made.of(a.buyAt), Reason: d.buyReason(b),
	}
}

// reason is why there is a sale.
func (s *sale) reason() Reason {
	switch {
	case s.why != "":
		return s.why
	case s.exit:
		return ReasonExit
	}
	return ReasonDrift
}

// buyReason is why there is a purchase.
func (d *draft) buyReason(b *purchase) Reason {
	switch {
	case b.cover:
		return ReasonCover
	case d.lines[b.line].value.isZero():
		return ReasonEntry
	}
	return ReasonDrift
}

// listSkips lists why symbols were skipped. With an order, only what it leaves
// undone is named.
func (d *draft) listSkips() {
	d.ordered = emptied(d.ordered, len(d.assets))
	ordered := d.ordered
	for i := range d.sales {
		ordered[d.sales[i].asset] = true
	}
	for i := range d.purchases {
		if b := &d.purchases[i]; b.quantity.sign() > 0 {
			ordered[b.asset] = true
		}
	}
	for i := range d.assets {
		a := &d.assets[i]
		if ordered[i] && a.skip != ReasonResidualFraction && a.skip != ReasonRestricted && a.skip != ReasonCrossingZero {
			a.skip = ""
		}
		if a.skip != "" {
			d.skips = append(d.skips, Skip{Symbol: a.symbol, Reason: a.skip})
		}
	}
}

// measureDrift finds how far each line is from where it should be, as a part of
// what is managed.
func (d *draft) measureDrift() {
	managed := d.equity.sub(d.excluded)
	if managed.sign() <= 0 {
		return
	}
	for i := range d.lines {
		l := &d.lines[i]
		l.drift = quo(l.value.sub(l.desired), managed)
	}
}

// listLines lists what each line is worth and should be worth.
func (d *draft) listLines() []PlanLine {
	list := make([]PlanLine, len(d.lines))
	for i := range d.lines {
		l := &d.lines[i]
		list[i] = PlanLine{
			Symbol: d.primary(l).symbol, Value: d.made.of(l.value), Desired: d.made.of(l.desired), Drift: d.made.of(l.drift),
		}
	}
	return list
}

// projectedCash is the cash after every order filled at its limit, in base
// currency at plain rates.
func (d *draft) projectedCash() num { return d.cash.add(d.allProceeds()).sub(d.allCosts()) }

// allCosts is what all purchases cost, at plain rates.
func (d *draft) allCosts() num {
	var sum num
	for i := range d.purchases {
		b := &d.purchases[i]
		sum = sum.add(d.paid(b).mul(d.rate(&d.assets[b.asset])))
	}
	return sum
}
