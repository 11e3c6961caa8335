package replay_test

import (
	"math/big"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

// whole is an account of two symbols in whole shares, rebalanced by a calculation
// that shares no code with the engine: fractions, loops over single shares, and the
// rules of rebalance/PLANNER.md for this simplest case.
type whole struct {
	cash        *big.Rat
	held, price [2]*big.Rat
	weight      [2]*big.Rat
	costs       replay.Costs
}

func newWhole(cash int64, costs replay.Costs, weights ...string) *whole {
	w := &whole{cash: big.NewRat(cash, 1), costs: costs}
	for i := range w.held {
		w.held[i] = new(big.Rat)
		w.weight[i], _ = new(big.Rat).SetString(weights[i])
	}
	return w
}

func (w *whole) value() *big.Rat {
	v := new(big.Rat).Set(w.cash)
	for i := range w.held {
		v.Add(v, mul(w.held[i], w.price[i]))
	}
	return v
}

// fee is the greatest of three parts, nothing for nothing.
func (w *whole) fee(shares, price *big.Rat) *big.Rat {
	if shares.Sign() == 0 {
		return new(big.Rat)
	}
	fee := w.costs.PerOrder.Rat()
	for _, part := range [...]*big.Rat{mul(rat(w.costs.PerUnit), shares), mul(rat(w.costs.Fraction), mul(shares, price))} {
		if part.Cmp(fee) > 0 {
			fee = part
		}
	}
	return fee
}

// cost is what shares of a symbol cost to buy.
func (w *whole) cost(i int, shares *big.Rat) *big.Rat {
	return add(mul(shares, w.price[i]), w.fee(shares, w.price[i]))
}

// rebalance sells what is too much, to the nearest share, then buys what is
// missing from the cash there is.
func (w *whole) rebalance() {
	goal := w.goals()
	var sells [2]*big.Rat
	cash := new(big.Rat).Set(w.cash)
	sold := false
	for i := range sells {
		sells[i] = new(big.Rat)
		if excess := sub(mul(w.held[i], w.price[i]), goal[i]); excess.Sign() > 0 {
			sells[i] = floor(add(quo(excess, w.price[i]), big.NewRat(1, 2)))
			proceeds := sub(mul(sells[i], w.price[i]), w.fee(sells[i], w.price[i]))
			if sells[i].Sign() > 0 && proceeds.Sign() <= 0 {
				sells[i] = new(big.Rat) // brings nothing
				continue
			}
			sold = sold || sells[i].Sign() > 0
			cash.Add(cash, proceeds)
		}
	}
	buys := w.buys(goal, sells, cash, nil)
	for i := range sells {
		w.held[i] = sub(w.held[i], sells[i])
	}
	w.cash = cash
	if sold { // what the fees took is no longer there to be spent: anew, and not more than planned
		buys = w.buys(w.goals(), sells, cash, &buys)
	}
	for i := range buys {
		w.cash = sub(w.cash, w.cost(i, buys[i]))
		w.held[i] = add(w.held[i], buys[i])
	}
}

// goals are what each symbol should be worth.
func (w *whole) goals() (goal [2]*big.Rat) {
	for i := range goal {
		goal[i] = mul(w.weight[i], w.value())
	}
	return goal
}

// buys are the shares to buy: as many whole ones as are missing; if the cash does
// not reach, all alike fewer; then share by share where most is missing, as long as
// that brings it closer and is paid for.
func (w *whole) buys(goal, sells [2]*big.Rat, cash *big.Rat, most *[2]*big.Rat) (buys [2]*big.Rat) {
	var wanted, missing [2]*big.Rat
	for i := range wanted {
		wanted[i], buys[i] = new(big.Rat), new(big.Rat)
		missing[i] = sub(goal[i], mul(w.held[i], w.price[i]))
		if missing[i].Sign() <= 0 || sells[i].Sign() > 0 {
			missing[i] = new(big.Rat)
			continue
		}
		wanted[i] = floor(quo(missing[i], w.price[i]))
		if most != nil && wanted[i].Cmp(most[i]) > 0 {
			wanted[i] = most[i]
		}
	}
	total := func(q [2]*big.Rat) *big.Rat { return add(w.cost(0, q[0]), w.cost(1, q[1])) }
	fees := add(w.fee(wanted[0], w.price[0]), w.fee(wanted[1], w.price[1]))
	shrink := func(k *big.Rat) {
		for i := range buys {
			buys[i] = floor(mul(k, wanted[i]))
		}
	}
	switch all := total(wanted); {
	case cash.Sign() <= 0:
		return buys
	case all.Cmp(cash) <= 0:
		buys = wanted
	default:
		shrink(quo(cash, all))
		if total(buys).Cmp(cash) > 0 {
			shrink(quo(sub(cash, fees), sub(all, fees)))
		}
	}
	for {
		best := -1
		var gap *big.Rat
		for i := range buys {
			short := sub(missing[i], mul(buys[i], w.price[i]))
			next := buys
			next[i] = add(buys[i], big.NewRat(1, 1))
			if short.Cmp(quo(w.price[i], big.NewRat(2, 1))) <= 0 || total(next).Cmp(cash) > 0 ||
				most != nil && next[i].Cmp(most[i]) > 0 || best >= 0 && short.Cmp(gap) <= 0 {
				continue
			}
			best, gap = i, short
		}
		if best < 0 {
			return buys
		}
		buys[best] = add(buys[best], big.NewRat(1, 1))
	}
}

func rat(d decimal.Decimal) *big.Rat { return d.Rat() }
func add(a, b *big.Rat) *big.Rat     { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat     { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat     { return new(big.Rat).Mul(a, b) }
func quo(a, b *big.Rat) *big.Rat     { return new(big.Rat).Quo(a, b) }

func floor(a *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Div(a.Num(), a.Denom())) // Div rounds down
}
