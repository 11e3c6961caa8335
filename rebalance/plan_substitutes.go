package rebalance

import (
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// substitute replaces targets by the symbols that stand in for them. A
// substitute's weight stays what it is; if all weights together exceed 1 then,
// those that were not substituted make room.
func (d *draft) substitute() {
	subs := d.in.Policy.Substitutes
	if len(subs) == 0 || d.in.Policy.Mode == LiquidateAll {
		return
	}
	var f faults
	if d.in.Policy.checkSubstitutes(&f); len(f) > 0 {
		d.reject(ReasonSubstituteChain, "%s", f[0])
		return
	}
	var added []weighted
	for i := range d.weights {
		d.weights[i].own = d.weights[i].weight
	}
	for i := range subs {
		at, found := d.target(subs[i].From)
		if !found {
			continue
		}
		added = append(added, weighted{symbol: subs[i].To, weight: d.weights[at].weight.mul(numOf(subs[i].Scale))})
		d.weights = slices.Delete(d.weights, at, at+1)
	}
	var substituted num
	for i := range added {
		substituted = substituted.add(added[i].weight)
		d.addWeight(added[i])
	}
	d.makeRoom(substituted)
}

// target finds a target by symbol.
func (d *draft) target(symbol broker.InstrumentID) (int, bool) {
	return slices.BinarySearchFunc(d.weights, weighted{symbol: symbol}, compareWeighted)
}

// addWeight adds weight to a target, which may be new.
func (d *draft) addWeight(w weighted) {
	at, found := d.target(w.symbol)
	if !found {
		d.weights = slices.Insert(d.weights, at, w)
		return
	}
	d.weights[at].weight = d.weights[at].weight.add(w.weight)
}

// makeRoom shrinks what was not substituted, pro rata, so that the sum is 1.
func (d *draft) makeRoom(substituted num) {
	sum := sumOfWeights(d.weights)
	if sum.cmp(one) <= 0 {
		return
	}
	if one.less(substituted) {
		d.reject(ReasonWeightSum, "the substituted weights alone sum up to %s: lower the scales of the substitutes", substituted)
		return
	}
	room, own := one.sub(substituted), sum.sub(substituted)
	for i := range d.weights {
		w := &d.weights[i]
		w.weight = w.weight.sub(w.own).add(quo(w.own.mul(room), own))
	}
}
