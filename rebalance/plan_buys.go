package rebalance

import (
	"slices"
)

// purchase is an order to buy in the making.
type purchase struct {
	asset, line int
	cover       bool     // of a short position
	wanted      num      // value that it should buy: G − V
	unit        num      // P′, what one unit counts towards it
	most        optional // how much may be bought at all, in FundBuys
	full        num      // the quantity that is wanted
	quantity    num
	amount      amount
	rate        num // base units that one unit of its currency costs
	dropped     bool
	spendable   num // S of its pool
	left        num // what was left of it in the end
}

// sizeBuy sizes the buy of a line, before it is funded. Of a group, only the
// primary is bought.
func (d *draft) sizeBuy(l *line) {
	a := d.primary(l)
	wanted := l.goal.sub(l.value)
	switch {
	case a.selling:
		a.skipOnce(ReasonOpenOrder)
		return
	case wanted.less(d.minTrade):
		a.skipOnce(ReasonBelowMinTrade)
		return
	}
	b := d.newPurchase(a)
	b.asset, b.wanted, b.unit = l.asset, wanted, a.base
	if d.foreign(a) {
		b.unit = a.price.mul(d.rate(a).mul(d.rules.moreForeign))
	}
	b.full = floorDiv(wanted, b.unit.mul(a.lot)).mul(a.lot)
	if d.funding {
		b.most = optional{num: floorLots(a.planned, a.lot), set: true}
		b.full = b.full.atMost(b.most.num)
	}
	b.quantity = b.full
}

// newPurchase appends a purchase of an asset, to be filled in.
func (d *draft) newPurchase(a *asset) *purchase {
	d.purchases = append(d.purchases, purchase{line: a.line, rate: d.costRate(a)})
	return &d.purchases[len(d.purchases)-1]
}

// costRate is what one unit of an asset's currency costs: with a margin if it
// must be bought first.
func (d *draft) costRate(a *asset) num {
	rate := d.rate(a)
	if d.foreign(a) && d.in.Policy.Currency == CurrencyConvertFirst {
		return rate.mul(d.rules.moreForeign)
	}
	return rate
}

// paidInBase is what a purchase costs as it stands.
func (d *draft) paidInBase(b *purchase) num { return d.paid(b).mul(b.rate) }

// costInBase is what a quantity of a purchase costs, feeInBase the fee in it.
func (d *draft) costInBase(b *purchase, q num) num {
	return d.cost(&d.assets[b.asset], q).mul(b.rate)
}

func (d *draft) feeInBase(b *purchase, q num) num {
	return d.fee(q, d.assets[b.asset].buyAt).mul(b.rate)
}

// payForDrifted is scope drifted_only: when what drifted cannot pay for itself,
// lines inside their bands that are worth more than desired are sold, the most
// overweight first, as far as money is missing.
func (d *draft) payForDrifted() {
	missing := d.missingForDrifted()
	for missing.sign() > 0 {
		l := d.mostOverweight()
		if l == nil {
			break
		}
		take := l.excess().atMost(missing)
		missing = missing.sub(take)
		d.move(l, l.value.sub(take), ReasonFunding)
		d.sizeSells(l)
	}
	d.skipInside()
}

// missingForDrifted is what the buys of the drifted lines cost beyond what can be
// spent on them, or what cash misses to its floor.
func (d *draft) missingForDrifted() num {
	var cost, proceeds num
	for i := range d.purchases {
		cost = cost.add(d.costInBase(&d.purchases[i], d.purchases[i].full))
	}
	d.collectProceeds()
	missing := d.floor().sub(d.cash.add(d.allProceeds()).sub(cost))
	if cost.isZero() {
		return missing
	}
	for i := range d.wallets {
		w := &d.wallets[i]
		proceeds = proceeds.add(d.inPool(w, w.proceeds))
	}
	spendable := d.cashPart().add(proceeds).sub(d.bound())
	return missing.atLeast(cost.sub(spendable))
}

// mostOverweight is the line inside its band that is furthest above what is
// desired, relative to that, and may be sold.
func (d *draft) mostOverweight() *line {
	var most *line
	for i := range d.lines {
		l := &d.lines[i]
		if l.trades || l.breach || l.fixed || l.excess().isZero() || !d.sellable(l) {
			continue
		}
		if most == nil || most.value.mul(l.desired).less(l.value.mul(most.desired)) {
			most = l
		}
	}
	return most
}

// sellable reports whether a member of the line may be sold now.
func (d *draft) sellable(l *line) bool {
	return slices.ContainsFunc(d.sellers(l, false), func(m int) bool {
		a := &d.assets[m]
		return d.maySellAsset(a) && !a.buying && a.quantity.sign() > 0
	})
}
