package rebalance

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// picture shows the account as the snapshot has it, at the prices of the run.
func (r *run) picture() *Picture {
	p := &Picture{Time: r.snap.Time, Base: r.snap.Base, Reserve: r.reserve}
	p.Holdings = make([]Holding, 0, max(len(r.targets.Targets), len(r.snap.Positions)))
	for _, t := range r.targets.Targets {
		p.Holdings = append(p.Holdings, Holding{Symbol: t.Symbol, Target: t.Weight})
	}
	for i := 1; i < len(p.Holdings); i++ {
		if p.Holdings[i].Symbol < p.Holdings[i-1].Symbol { // seldom
			slices.SortFunc(p.Holdings, func(a, b Holding) int { return compare(a.Symbol, b.Symbol) })
			break
		}
	}
	for i := range r.snap.Positions {
		p.hold(i, r.snap.Positions[i].Instrument, r.snap.Positions[i].Quantity)
	}
	cash := num{}
	for c, amount := range r.snap.Cash {
		cash = cash.add(r.based(numOf(amount), c))
	}
	r.room.values = emptied(r.room.values, len(p.Holdings))
	values, equity := r.room.values, cash
	for i := range p.Holdings {
		h := &p.Holdings[i]
		if q, ok := r.quotes.Found[h.Symbol]; ok {
			h.Price = price(&q)
			values[i] = r.based(numOf(h.Quantity).mul(numOf(h.Price)), r.currency(h.Symbol))
			h.Value = r.room.made.of(values[i])
		}
		equity = equity.add(values[i])
	}
	p.Cash, p.Equity = cash.decimal(), equity.decimal()
	p.weigh(values, equity, &r.room.made)
	return p
}

// hold enters a position, in its place by symbol, which may be where it is tried
// first.
func (p *Picture) hold(first int, id broker.InstrumentID, quantity decimal.Decimal) {
	if first < len(p.Holdings) && p.Holdings[first].Symbol == id {
		p.Holdings[first].Quantity = quantity
		return
	}
	i, found := p.find(id)
	if !found {
		p.Holdings = slices.Insert(p.Holdings, i, Holding{Symbol: id})
	}
	p.Holdings[i].Quantity = quantity
}

// find is the place of a symbol among the holdings, or where it belongs.
func (p *Picture) find(id broker.InstrumentID) (int, bool) {
	low, high := 0, len(p.Holdings)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if p.Holdings[middle].Symbol < id {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(p.Holdings) && p.Holdings[low].Symbol == id
}

// weigh sets the weights and the drift.
func (p *Picture) weigh(values []num, equity num, made *decimals) {
	if equity.sign() <= 0 {
		return
	}
	investable := equity.sub(numOf(p.Reserve))
	var furthest num
	for i := range p.Holdings {
		h := &p.Holdings[i]
		furthest = furthest.atLeast(values[i].sub(numOf(h.Target).mul(investable)).abs())
		if !values[i].isZero() {
			h.Weight = made.of(sixPlaces(values[i], equity))
		}
	}
	p.Drift = made.of(sixPlaces(furthest, equity))
}

// sixPlaces divides, rounded to 6 places, half up; y is positive.
func sixPlaces(x, y num) num {
	n := nearestDiv(x.mul(num{lo: 1, exp: 6}), y)
	return n.mul(num{lo: 1, exp: -6})
}

// inBase converts an amount into base currency.
func (r *run) inBase(amount decimal.Decimal, c broker.Currency) decimal.Decimal {
	if c == r.snap.Base {
		return amount
	}
	return r.based(numOf(amount), c).decimal()
}

// based is inBase for the numbers that sums are made of.
func (r *run) based(amount num, c broker.Currency) num {
	if c == r.snap.Base || amount.isZero() {
		return amount
	}
	return amount.mul(numOf(r.snap.FX[c]))
}

// half turns a sum of two prices into their mean without a division.
var half = decimal.New(5, -1)

// price values a quote as the planner does: the middle of bid and ask, else
// last, else close; zero without any.
func price(q *marketdata.Quote) decimal.Decimal {
	good := func(p decimal.NullDecimal) bool { return p.Valid && p.Decimal.Sign() > 0 }
	switch {
	case good(q.Bid) && good(q.Ask) && q.Bid.Decimal.LessThanOrEqual(q.Ask.Decimal):
		if q.Bid.Decimal.Equal(q.Ask.Decimal) {
			return q.Bid.Decimal
		}
		return q.Bid.Decimal.Add(q.Ask.Decimal).Mul(half)
	case good(q.Last):
		return q.Last.Decimal
	case good(q.Close):
		return q.Close.Decimal
	}
	return decimal.Decimal{}
}
