package rebalance

import (
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// collect makes an asset of every symbol that matters: targets, positions, open
// orders, and the primaries of groups.
func (d *draft) collect() {
	a := &d.in.Account
	d.collectSymbols()
	d.assets = emptied(d.assets, len(d.symbols))
	for i := range d.assets {
		d.initAsset(&d.assets[i], d.symbols[i])
	}
	d.collectWallets()
	for i := range a.Positions {
		p := &a.Positions[i]
		if at, found := d.find(p.Symbol); found {
			d.assets[at].quantity, d.assets[at].before = numOf(p.Quantity), optionalOf(p.Previous)
		}
	}
	at := 0
	for i := range d.weights { // which are in the order of the assets
		for d.symbols[at] != d.weights[i].symbol {
			at++
		}
		d.assets[at].target = true
		if d.in.Policy.Mode != LiquidateAll { // which knows symbols, but no weights
			d.assets[at].weight = d.weights[i].weight
		}
	}
	for i := range a.OpenOrders {
		at, _ := d.find(a.OpenOrders[i].Symbol)
		d.assets[at].addOrder(&a.OpenOrders[i])
	}
}

// collectSymbols merges the symbols of the targets with the others.
func (d *draft) collectSymbols() {
	a := &d.in.Account
	others := d.names[:0]
	for i := range a.Positions {
		if !a.Positions[i].Quantity.IsZero() {
			others = append(others, a.Positions[i].Symbol)
		}
	}
	for i := range a.OpenOrders {
		others = append(others, a.OpenOrders[i].Symbol)
	}
	if d.in.Policy.Mode != LiquidateAll {
		for i := range d.in.Policy.Equivalents {
			others = append(others, d.in.Policy.Equivalents[i].Primary)
		}
	}
	slices.Sort(others)
	d.names = others
	merged := d.symbols[:0]
	for i := range d.weights {
		symbol := d.weights[i].symbol
		for len(others) > 0 && others[0] < symbol {
			merged, others = append(merged, others[0]), others[1:]
		}
		merged = append(merged, symbol)
	}
	d.symbols = slices.Compact(append(merged, others...))
}

// initAsset learns the terms of the symbol's instrument, if there is one.
func (d *draft) initAsset(a *asset, symbol broker.InstrumentID) {
	terms, known := d.in.Instruments[symbol]
	a.symbol, a.known, a.line, a.wallet = symbol, known, -1, -1
	if known {
		a.currency, a.lot, a.tick = terms.Currency, numOf(terms.Lot), numOf(terms.Tick)
	}
}

// addOrder counts a foreign open order.
func (a *asset) addOrder(o *OpenOrder) {
	if o.Side == broker.Sell {
		a.selling, a.sells = true, a.sells.add(numOf(o.Remaining))
		return
	}
	a.buying, a.buys = true, a.buys.add(numOf(o.Remaining))
}

// scope decides what is managed and what is left alone, and makes a line of each
// managed symbol or group.
func (d *draft) scope() {
	groups, ok := d.groups()
	if !ok {
		return
	}
	for i := range d.assets {
		a := &d.assets[i]
		primary := a
		if g, in := groups[a.symbol]; in {
			at, _ := d.find(d.in.Policy.Equivalents[g].Primary)
			primary = &d.assets[at]
		}
		switch {
		case d.isOut(a, primary):
			a.out = true
		case a.held():
			a.managed, primary.managed = true, true // the primary names the line
		case primary == a:
			a.managed = a.managed || a.target
		}
	}
	d.makeLines(groups)
}

// groups says to which group of equivalents a symbol belongs.
func (d *draft) groups() (map[broker.InstrumentID]int, bool) {
	equivalents := d.in.Policy.Equivalents
	if len(equivalents) == 0 || d.in.Policy.Mode == LiquidateAll {
		return nil, true
	}
	var f faults
	if d.in.Policy.checkEquivalents(&f); len(f) > 0 {
		d.reject(ReasonEquivalentConflict, "%s", f[0])
		return nil, false
	}
	groups := make(map[broker.InstrumentID]int)
	for i := range equivalents {
		groups[equivalents[i].Primary] = i
		for _, alternate := range equivalents[i].Alternates {
			if _, target := d.target(alternate); target {
				d.reject(ReasonEquivalentConflict, "target %s is an alternate of %s: give the weight to the primary",
					alternate, equivalents[i].Primary)
				return nil, false
			}
			groups[alternate] = i
		}
	}
	return groups, true
}

// isOut reports whether an asset is left alone: excluded, or held without a
// target when that means excluded, or a short that is not touched. What is said
// of the primary holds for its group.
func (d *draft) isOut(a, primary *asset) bool {
	p := &d.in.Policy
	switch {
	case slices.Contains(p.Exclude, a.symbol) || slices.Contains(p.Exclude, primary.symbol):
		return true
	case p.Shorts == ShortsExclude && (a.short() || primary.short()):
		return true
	case p.Unmanaged != UnmanagedExclude || primary.target:
		return false
	}
	replaced := func(s Substitute) bool { return s.From == a.symbol || s.From == primary.symbol } // it is sold
	return p.Mode == LiquidateAll || !slices.ContainsFunc(p.Substitutes, replaced)
}

// makeLines makes the lines, by symbol of their primaries.
func (d *draft) makeLines(groups map[broker.InstrumentID]int) {
	d.lines = slices.Grow(d.lines[:0], len(d.assets))
	members := slices.Grow(d.members[:0], len(d.assets)) // it does not move
	for i := range d.assets {
		a := &d.assets[i]
		g, grouped := groups[a.symbol]
		if !a.managed || grouped && d.in.Policy.Equivalents[g].Primary != a.symbol {
			continue
		}
		l := line{asset: i, group: grouped, rule: d.in.Policy.Restrictions[a.symbol], weight: a.weight}
		first := len(members)
		if grouped {
			e := &d.in.Policy.Equivalents[g]
			l.sell = e.Sell
			members = d.appendAlternates(members, e)
		}
		members = append(members, i)
		l.members = members[first:len(members):len(members)]
		for _, m := range l.members {
			d.assets[m].line = len(d.lines)
		}
		d.lines = append(d.lines, l)
	}
	d.members = members
}

// appendAlternates appends the managed alternates of a group, by symbol.
func (d *draft) appendAlternates(members []int, e *Equivalent) []int {
	first := len(members)
	for _, symbol := range e.Alternates {
		if at, found := d.find(symbol); found && d.assets[at].managed {
			members = append(members, at)
		}
	}
	slices.Sort(members[first:])
	return members
}
