package rebalance

import (
	"slices"
)

// readPrices finds the price and the limits of each asset that needs them. What
// has no price, or none that may size an order, ends the plan or is frozen.
func (d *draft) readPrices() {
	var missing, untradable *asset
	for i := range d.assets {
		a := &d.assets[i]
		wanted := d.in.Policy.Mode != LiquidateAll && a.managed && d.lineOf(a).weight.sign() > 0 && d.lineOf(a).asset == i
		sized := a.managed && a.held() || wanted
		if !sized && !a.buying && !(a.out && a.held()) {
			continue
		}
		d.readQuote(a)
		blocks := d.in.Policy.Unpriceable == UnpriceableAbort || a.short()
		committed := a.buying && (!a.managed || d.in.Policy.ForeignOrders == ForeignCount)
		switch {
		case !a.priced && (sized && blocks || committed || a.out && a.short()):
			missing = firstOf(missing, a)
		case sized && !a.tradable && a.priced && blocks:
			untradable = firstOf(untradable, a)
		case sized && !a.priced:
			a.frozen = ReasonMissingPrice
		case sized && !a.tradable:
			a.frozen = ReasonUntradableQuote
		}
	}
	switch {
	case missing != nil:
		q := d.in.Quotes[missing.symbol]
		d.notReady(ReasonMissingPrice, "%s has no price: bid %s, ask %s, last %s, close %s", missing.symbol,
			orNone(optionalOf(q.Bid)), orNone(optionalOf(q.Ask)), orNone(optionalOf(q.Last)), orNone(optionalOf(q.Close)))
	case untradable != nil:
		d.notReady(ReasonUntradableQuote, "%s has no quote that may size an order: tier %q, age %s s", untradable.symbol,
			d.in.Quotes[untradable.symbol].Tier, orNone(optionalOf(d.in.Quotes[untradable.symbol].Age)))
	}
}

func firstOf(a, b *asset) *asset {
	if a != nil {
		return a
	}
	return b
}

// readQuote makes prices of a quote: the middle of bid and ask, else last, else
// close. Without an instrument or a rate there is no price either.
func (d *draft) readQuote(a *asset) {
	q, quoted := d.in.Quotes[a.symbol]
	if !quoted || !a.known {
		return
	}
	a.earlier = priceOf(q.Previous)
	bid := priceOf(q.Bid)
	ask := priceLike(q.Ask, q.Bid, bid)
	if bid.set && ask.set && ask.less(bid.num) {
		d.warn(WarningCrossedQuote)
		bid, ask = optional{}, optional{}
	}
	switch {
	case bid.set && ask.set && bid.cmp(ask.num) == 0:
		a.price = bid.num
	case bid.set && ask.set:
		a.price = bid.add(ask.num).mul(oneHalf)
	default:
		last := priceOf(q.Last)
		if !last.set {
			last = priceOf(q.Close)
		}
		if !last.set {
			return
		}
		a.price = last.num
	}
	a.priced = true
	a.base = a.price.mul(d.rate(a))
	a.tradable = d.isTradable(a, &q)
	d.setLimits(a, bid, ask)
}

// isTradable reports whether a quote may size an order.
func (d *draft) isTradable(a *asset, q *PlanQuote) bool {
	if q.Tier == "" || !slices.Contains(d.in.Policy.TradableTiers, q.Tier) || a.price.less(a.tick) {
		return false
	}
	if d.rules.maxAge.isZero() {
		return true
	}
	return q.Age.Valid && numOf(q.Age.Decimal).cmp(d.rules.maxAge) <= 0
}

// setLimits makes limit prices: the slippage away from the quote, on the tick
// towards it, but never on its wrong side.
func (d *draft) setLimits(a *asset, bid, ask optional) {
	if !ask.set {
		ask.num = a.price
	}
	if !bid.set {
		bid.num = a.price
	}
	a.buyAt = floorTick(ask.mul(d.rules.spend), a.tick)
	if a.buyAt.less(ask.num) { // the slippage is less than a tick
		a.buyAt = a.buyAt.atLeast(ceilTick(ask.num, a.tick))
	}
	a.sellAt = ceilTick(bid.mul(d.rules.yield), a.tick)
	if bid.less(a.sellAt) {
		a.sellAt = a.sellAt.atMost(floorTick(bid.num, a.tick))
	}
	a.sellAt = a.sellAt.atLeast(a.tick)
}

func floorTick(x, tick num) num { return floorDiv(x, tick).mul(tick) }

func ceilTick(x, tick num) num { return ceilDiv(x, tick).mul(tick) }

// fee estimates what an order costs, in the instrument's currency. No order
// costs nothing.
func (d *draft) fee(q, limit num) num {
	if q.isZero() {
		return num{}
	}
	r := &d.rules
	fee := r.feeMinimum
	if !r.feePerUnit.isZero() {
		fee = fee.atLeast(r.feePerUnit.mul(q))
	}
	if !r.feeFraction.isZero() {
		fee = fee.atLeast(r.feeFraction.mul(q).mul(limit))
	}
	return fee
}

// cost is what buying q takes, proceeds what selling q brings, in the
// instrument's currency, fees included.
func (d *draft) cost(a *asset, q num) num { return q.mul(a.buyAt).add(d.fee(q, a.buyAt)) }

func (d *draft) proceeds(a *asset, q num) num { return q.mul(a.sellAt).sub(d.fee(q, a.sellAt)) }

// amount remembers what a quantity costs or brings: it is asked for often.
type amount struct {
	known         bool
	quantity, sum num
}

// of is the amount for a quantity, by f if it is not the one of the last time.
func (m *amount) of(quantity num, f func(num) num) num {
	if !m.known || m.quantity.cmp(quantity) != 0 {
		m.known, m.quantity, m.sum = true, quantity, f(quantity)
	}
	return m.sum
}

// paid is what a purchase costs as it stands, brought what a sale brings, in the
// instrument's currency.
func (d *draft) paid(b *purchase) num {
	return b.amount.of(b.quantity, func(q num) num { return d.cost(&d.assets[b.asset], q) })
}

func (d *draft) brought(s *sale) num {
	return s.amount.of(s.quantity, func(q num) num { return d.proceeds(&d.assets[s.asset], q) })
}

// committed is what the open buys of others will spend, in base currency: those
// that are counted, and always those of symbols that are not managed.
func (d *draft) committed() num {
	var sum num
	for i := range d.assets {
		a := &d.assets[i]
		if a.buying && (!a.managed || d.in.Policy.ForeignOrders == ForeignCount) {
			sum = sum.add(a.buys.mul(a.buyAt).mul(d.rate(a)))
		}
	}
	return sum
}
