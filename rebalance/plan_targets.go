package rebalance

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
)

// weighted is a target in the making.
type weighted struct {
	symbol broker.InstrumentID
	weight num
	own    num // the part that was not substituted
}

// compareWeighted orders targets by symbol.
func compareWeighted(a, b weighted) int { return strings.Compare(string(a.symbol), string(b.symbol)) }

// checkTargets looks at the weights, each check over all targets before the next.
// liquidate_all knows symbols, but no weights.
func (d *draft) checkTargets() {
	d.listTargets()
	if d.in.Policy.Mode != LiquidateAll {
		d.checkWeights()
	}
	if d.outcome == "" {
		d.checkDuplicates()
	}
	if d.outcome == "" && d.in.Policy.Mode != LiquidateAll {
		d.checkSum()
	}
}

// listTargets orders the targets by symbol.
func (d *draft) listTargets() {
	d.weights = emptied(d.weights, len(d.in.Targets))
	for i := range d.in.Targets {
		t := &d.in.Targets[i]
		d.weights[i] = weighted{symbol: t.Symbol, weight: numOf(t.Weight)}
	}
	for i := 1; i < len(d.weights); i++ {
		if d.weights[i].symbol < d.weights[i-1].symbol { // seldom
			slices.SortStableFunc(d.weights, compareWeighted)
			return
		}
	}
}

func (d *draft) checkWeights() {
	for i := range d.weights {
		if w := &d.weights[i]; w.weight.negative() {
			d.reject(ReasonNegativeWeight, "target %s has the weight %s", w.symbol, w.weight)
			return
		}
	}
	most := one.add(d.rules.weightTolerance)
	for i := range d.weights {
		if w := &d.weights[i]; most.less(w.weight) {
			d.reject(ReasonWeightTooLarge, "target %s has the weight %s, at most %s is accepted", w.symbol, w.weight, most)
			return
		}
	}
}

// checkDuplicates refuses a symbol that stands in a list twice.
func (d *draft) checkDuplicates() {
	for i := 1; i < len(d.weights) && d.in.Policy.Mode != LiquidateAll; i++ {
		if symbol := d.weights[i].symbol; symbol == d.weights[i-1].symbol {
			d.reject(ReasonDuplicateSymbol, "target %s is there twice", symbol)
			return
		}
	}
	d.names = d.names[:0]
	for i := range d.in.Account.Positions {
		d.names = append(d.names, d.in.Account.Positions[i].Symbol)
	}
	if symbol, twice := twice(d.names); twice {
		d.reject(ReasonDuplicateSymbol, "position %s is there twice", symbol)
		return
	}
	if !d.funding {
		return
	}
	d.names = d.names[:0]
	for i := range d.in.Planned {
		d.names = append(d.names, d.in.Planned[i].Symbol)
	}
	if symbol, twice := twice(d.names); twice {
		d.reject(ReasonDuplicateSymbol, "planned buy %s is there twice", symbol)
	}
}

// twice finds a symbol that is there more than once; it sorts the symbols.
func twice(symbols []broker.InstrumentID) (broker.InstrumentID, bool) {
	slices.Sort(symbols)
	for i := 1; i < len(symbols); i++ {
		if symbols[i] == symbols[i-1] {
			return symbols[i], true
		}
	}
	return "", false
}

// checkSum refuses weights that sum up to nothing or to too much, and scales a
// sum that is within the tolerance down to 1. What is missing to 1 is model cash.
func (d *draft) checkSum() {
	sum := sumOfWeights(d.weights)
	most := one.add(d.rules.weightTolerance)
	switch {
	case sum.isZero():
		d.reject(ReasonEmptyAllocation, "%d targets with a sum of weights of 0: to sell everything, use liquidate_all", len(d.weights))
	case most.less(sum):
		d.reject(ReasonWeightSum, "the weights sum up to %s, at most %s is accepted", sum, most)
	case one.less(sum):
		d.warn(WarningWeightsScaled)
		for i := range d.weights {
			d.weights[i].weight = quo(d.weights[i].weight, sum)
		}
	}
}

func sumOfWeights(weights []weighted) num {
	var sum num
	for i := range weights {
		sum = sum.add(weights[i].weight)
	}
	return sum
}

// checkInstruments refuses a target, a substitute or a held position whose
// instrument is not known.
func (d *draft) checkInstruments() {
	unknown := func(symbol broker.InstrumentID, what string) bool {
		if _, ok := d.in.Instruments[symbol]; ok {
			return false
		}
		d.reject(ReasonUnknownInstrument, "%s %s has no instrument", what, symbol)
		return true
	}
	if d.in.Policy.Mode != LiquidateAll {
		for i := range d.weights {
			if unknown(d.weights[i].symbol, "target") {
				return
			}
		}
		for i := range d.in.Policy.Substitutes {
			if unknown(d.in.Policy.Substitutes[i].To, "substitute") {
				return
			}
		}
	}
	for i := range d.in.Account.Positions {
		if p := &d.in.Account.Positions[i]; !p.Quantity.IsZero() && unknown(p.Symbol, "position") {
			return
		}
	}
}

// checkPolicy refuses values out of range, terms that cannot be traded, and
// words that nothing is known of.
func (d *draft) checkPolicy() {
	var f faults
	d.in.Policy.checkValues(&f)
	oneOf(&f, "account type", d.in.Account.Type, broker.Margin, broker.Cash)
	for symbol, terms := range d.termsToCheck() {
		if terms.Lot.Sign() <= 0 {
			f.add("lot of %s is %s: want more than 0", symbol, terms.Lot)
		}
		if terms.Tick.Sign() <= 0 {
			f.add("tick of %s is %s: want more than 0", symbol, terms.Tick)
		}
	}
	for i := range d.in.Account.OpenOrders {
		o := &d.in.Account.OpenOrders[i]
		oneOf(&f, "side of an open order", o.Side, broker.Buy, broker.Sell)
		if o.Remaining.Sign() < 0 {
			f.add("open order of %s has %s remaining: want 0 or more", o.Symbol, o.Remaining)
		}
	}
	if len(f) > 0 {
		texts := make([]string, len(f))
		for i := range f {
			texts[i] = f[i].Error()
		}
		slices.Sort(texts) // the instruments have no order
		d.reject(ReasonInvalidPolicy, "%s", strings.Join(texts, "; "))
	}
}

// termsToCheck are the terms of all instruments, or none if they were seen to be
// right.
func (d *draft) termsToCheck() map[broker.InstrumentID]InstrumentTerms {
	if d.oddTerms {
		return d.in.Instruments
	}
	return nil
}

// measureShift is how far the targets are from those of the last plan. What it
// means, the guards decide at the end.
func (d *draft) measureShift() {
	if d.in.Previous == nil || d.in.Policy.Mode == LiquidateAll {
		return
	}
	bySymbol := func(a, b TargetWeight) int { return strings.Compare(string(a.Symbol), string(b.Symbol)) }
	previous := d.in.Previous
	if !slices.IsSortedFunc(previous, bySymbol) {
		previous = slices.Clone(previous)
		slices.SortStableFunc(previous, bySymbol)
	}
	var sum num
	for i, j := 0, 0; i < len(d.weights) || j < len(previous); {
		switch {
		case j == len(previous) || i < len(d.weights) && d.weights[i].symbol < previous[j].Symbol:
			sum = sum.add(d.weights[i].weight.abs())
			i++
		case i == len(d.weights) || previous[j].Symbol < d.weights[i].symbol:
			sum = sum.add(numOf(previous[j].Weight).abs())
			j++
		default:
			sum = sum.add(d.weights[i].weight.sub(numOf(previous[j].Weight)).abs())
			i++
			j++
		}
	}
	d.shift = sum.mul(oneHalf)
}
