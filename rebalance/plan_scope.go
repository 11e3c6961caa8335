package rebalance

import (
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// collect makes an asset of every symbol that matters: targets, positions, open
// orders, and the primaries of both.
func (d *draft) collect() {
	a := &d.in.Account
	symbols := make([]broker.InstrumentID, 0, len(d.weights)+len(a.Positions)+len(a.OpenOrders)+len(d.in.Policy.Equivalents))
	for i := range d.weights {
		symbols = append(symbols, d.weights[i].symbol)
	}
	for i := range a.Positions {
		if !a.Positions[i].Quantity.IsZero() {
			symbols = append(symbols, a.Positions[i].Symbol)
		}
	}
	for i := range a.OpenOrders {
		symbols = append(symbols, a.OpenOrders[i].Symbol)
	}
	if d.in.Policy.Mode != LiquidateAll {
		for i := range d.in.Policy.Equivalents {
			symbols = append(symbols, d.in.Policy.Equivalents[i].Primary)
		}
	}
	slices.Sort(symbols)
	symbols = slices.Compact(symbols)
	d.collectWallets(symbols)
	d.assets = make([]asset, len(symbols))
	for i, symbol := range symbols {
		d.assets[i] = d.newAsset(symbol)
	}
	for i := range a.Positions {
		p := &a.Positions[i]
		if at, found := d.find(p.Symbol); found {
			d.assets[at].quantity, d.assets[at].before = numOf(p.Quantity), optionalOf(p.Previous)
		}
	}
	for i := range a.OpenOrders {
		at, _ := d.find(a.OpenOrders[i].Symbol)
		d.assets[at].addOrder(&a.OpenOrders[i])
	}
}

// newAsset knows the terms of its instrument, if there is one.
func (d *draft) newAsset(symbol broker.InstrumentID) asset {
	terms, known := d.in.Instruments[symbol]
	a := asset{symbol: symbol, known: known, terms: terms, line: -1, wallet: -1}
	if known {
		a.lot, a.tick = numOf(terms.Lot), numOf(terms.Tick)
		a.wallet = d.walletOf(terms.Currency)
	}
	return a
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
	held := make(map[broker.InstrumentID]bool, len(groups)) // groups of which something is held
	for i := range d.assets {
		a := &d.assets[i]
		primary := a.symbol
		if g, in := groups[a.symbol]; in {
			primary = d.in.Policy.Equivalents[g].Primary
		}
		target := d.isTarget(primary)
		switch {
		case d.isOut(a, primary, target):
			a.out = true
		case a.held():
			a.managed = true
			held[primary] = true
		default:
			a.managed = target && primary == a.symbol
		}
	}
	for symbol := range held { // the primary stands for its group even if it is not held
		if at, found := d.find(symbol); found && !d.assets[at].out {
			d.assets[at].managed = true
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

// isTarget reports whether a symbol is among the targets.
func (d *draft) isTarget(symbol broker.InstrumentID) bool {
	_, found := d.target(symbol)
	return found
}

// isOut reports whether an asset is left alone: excluded, or held without a
// target when that means excluded, or a short that is not touched. What is said
// of the primary holds for its group.
func (d *draft) isOut(a *asset, primary broker.InstrumentID, target bool) bool {
	p := &d.in.Policy
	if slices.Contains(p.Exclude, a.symbol) || slices.Contains(p.Exclude, primary) {
		return true
	}
	if p.Shorts == ShortsExclude {
		if at, found := d.find(primary); a.short() || found && d.assets[at].short() {
			return true
		}
	}
	if p.Unmanaged != UnmanagedExclude || target {
		return false
	}
	replaced := func(s Substitute) bool { return s.From == a.symbol } // it is sold
	return p.Mode == LiquidateAll || !slices.ContainsFunc(p.Substitutes, replaced)
}

// makeLines makes the lines, by symbol of their primaries.
func (d *draft) makeLines(groups map[broker.InstrumentID]int) {
	d.lines = make([]line, 0, len(d.assets))
	members := make([]int, 0, len(d.assets))
	for i := range d.assets {
		a := &d.assets[i]
		g, grouped := groups[a.symbol]
		if !a.managed || grouped && d.in.Policy.Equivalents[g].Primary != a.symbol {
			continue
		}
		l := line{asset: i, group: grouped, rule: d.in.Policy.Restrictions[a.symbol]}
		if at, found := d.target(a.symbol); found {
			l.weight = d.weights[at].weight
			d.weights[at].managed = true
		}
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
