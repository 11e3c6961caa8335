package rebalance_test

import (
	"math"
	"slices"

	"github.com/evenkeel/evenkeel/rebalance"
)

// floatAccount is the planner's arithmetic for a plain rebalance in float64: what
// most programs do, and what exact numbers are measured against.
type floatAccount struct {
	stocks []floatStock
	cash   float64
}

type floatStock struct {
	bid, ask, price, held, weight, lot, tick float64
	value, desired, quantity                 float64
}

func newFloatAccount(in *rebalance.Input) *floatAccount {
	f := &floatAccount{cash: in.Account.Cash["USD"].InexactFloat64()}
	for i, t := range in.Targets {
		q := in.Quotes[t.Symbol]
		s := floatStock{
			bid: q.Bid.Decimal.InexactFloat64(), ask: q.Ask.Decimal.InexactFloat64(), weight: t.Weight.InexactFloat64(),
			held: in.Account.Positions[i].Quantity.InexactFloat64(), lot: 1, tick: 0.01,
		}
		s.price = (s.bid + s.ask) / 2
		f.stocks = append(f.stocks, s)
	}
	return f
}

// plan sizes every order and returns how many there are.
func (f *floatAccount) plan() int {
	fee := func(q float64) float64 { return math.Max(1, 0.005*q) }
	equity := f.cash
	for i := range f.stocks {
		s := &f.stocks[i]
		s.value = s.held * s.price
		equity += s.value
	}
	reserve := 0.02 * equity
	left := f.cash - reserve
	orders := 0
	var cost float64
	for i := range f.stocks {
		s := &f.stocks[i]
		s.desired = s.weight * (equity - reserve)
		s.quantity = 0
		if s.desired < s.value {
			s.quantity = -math.Min(math.Round((s.value-s.desired)/s.price), s.held)
			limit := math.Ceil(s.bid*0.995/s.tick) * s.tick
			left += -s.quantity*limit - fee(-s.quantity)
			orders++
			continue
		}
		s.quantity = math.Floor((s.desired - s.value) / s.price)
		if s.quantity > 0 {
			cost += s.quantity*math.Floor(s.ask*1.005/s.tick)*s.tick + fee(s.quantity)
			orders++
		}
	}
	if cost > left {
		for i := range f.stocks {
			if s := &f.stocks[i]; s.quantity > 0 {
				s.quantity = math.Floor(s.quantity * left / cost)
			}
		}
	}
	slices.SortFunc(f.stocks, func(a, b floatStock) int { return int(b.desired - b.value - a.desired + a.value) })
	return orders
}
