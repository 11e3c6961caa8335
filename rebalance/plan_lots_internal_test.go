package rebalance

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The steps that hand out lots are defined lot by lot. These tests carry the
// definitions out literally and compare.

// randomTrades is a draft with sales, or buys, of a few symbols.
func randomTrades(r *rand.Rand) *draft {
	d := &draft{in: &Input{Policy: DefaultPolicy()}}
	d.wallets = []wallet{{code: "USD", rate: optional{num: one, set: true}}}
	d.rules = newRules(&d.in.Policy)
	if r.IntN(2) == 0 {
		d.rules.feeMinimum = num{lo: uint64(r.IntN(300)), exp: -2}
		d.rules.feePerUnit = num{lo: uint64(r.IntN(40)), exp: -2}
		d.rules.feeFraction = num{lo: uint64(r.IntN(40)), exp: -3}
	}
	lots := []num{one, one, {lo: 5, exp: -1}, {lo: 1, exp: -1}, {lo: 10}}
	for i := range 1 + r.IntN(4) {
		price := num{lo: uint64(1 + r.IntN(3000)), exp: -2}
		if r.IntN(3) == 0 {
			price = num{lo: uint64(1 + r.IntN(5))} // ties
		}
		a := asset{lot: lots[r.IntN(len(lots))], tick: num{lo: 1, exp: -2}, base: price, price: price, buyAt: price, sellAt: price}
		a.quantity = a.lot.mul(numOfInt(r.IntN(60)))
		d.assets = append(d.assets, a)
		d.lines = append(d.lines, line{asset: i})
	}
	return d
}

// randomSign negates a number once in n times.
func randomSign(r *rand.Rand, n int, x num) num {
	if r.IntN(n) == 0 {
		return x.negate()
	}
	return x
}

func TestHoldFloorAsDefined(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	raised, taken, unreachable := 0, 0, 0
	for n := range 10_000 {
		d := randomTrades(r)
		for i := range d.assets {
			a := &d.assets[i]
			s := sale{asset: i, sellable: a.quantity, quantity: a.lot.mul(numOfInt(r.IntN(10))).atMost(a.quantity)}
			s.wanted = s.quantity.mul(a.base).add(randomSign(r, 2, num{lo: uint64(r.IntN(200)), exp: -2}))
			if s.quantity.isZero() || d.proceeds(a, s.quantity).sign() > 0 {
				d.sales = append(d.sales, s)
			}
		}
		before := append([]sale(nil), d.sales...)
		d.cash = numOfInt(-r.IntN(400))
		want, reached, back := holdFloorSlowly(d, before)
		d.holdFloor()
		for i := range want {
			require.Equal(t, want[i].String(), d.sales[i].quantity.String(), "case %d, sale %d", n, i)
		}
		require.Equal(t, !reached, d.noBuys, "case %d", n)
		raised, taken = raised+1, taken+back
		if !reached {
			unreachable++
		}
	}
	t.Logf("%d cases, %d lots taken back, %d unreachable", raised, taken, unreachable)
	require.Positive(t, taken)
}

// holdFloorSlowly adds lots one by one, then takes them back one by one.
func holdFloorSlowly(d *draft, sales []sale) (quantities []num, reached bool, back int) {
	q := make([]num, len(sales))
	for i := range sales {
		q[i] = sales[i].quantity
	}
	cash := func() num {
		sum := d.cash
		for i := range sales {
			sum = sum.add(d.proceeds(&d.assets[sales[i].asset], q[i]))
		}
		return sum
	}
	var order []int
	for cash().negative() {
		best := -1
		var least num
		for i := range sales {
			a := &d.assets[sales[i].asset]
			if d.proceeds(a, sales[i].sellable).sign() <= 0 || sales[i].sellable.less(q[i].add(a.lot)) {
				continue
			}
			over := q[i].add(a.lot).mul(a.base).sub(sales[i].wanted)
			if best < 0 || over.less(least) {
				best, least = i, over
			}
		}
		if best < 0 {
			return q, false, 0
		}
		q[best] = q[best].add(d.assets[sales[best].asset].lot)
		order = append(order, best)
	}
	for j := len(order) - 1; j >= 0; j-- {
		i := order[j]
		lot := d.assets[sales[i].asset].lot
		q[i] = q[i].sub(lot)
		if cash().negative() {
			q[i] = q[i].add(lot)
			continue
		}
		back++
	}
	return q, true, back
}

func TestTopUpAndDeployAsDefined(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	given := 0
	for n := range 10_000 {
		d := randomTrades(r)
		d.in.Policy.DeployResidual = true
		var buys []*purchase
		for i := range d.assets {
			a := &d.assets[i]
			b := &purchase{asset: i, line: i, unit: a.base, rate: one, quantity: a.lot.mul(numOfInt(r.IntN(5)))}
			b.wanted = b.quantity.mul(a.base).add(randomSign(r, 5, num{lo: uint64(r.IntN(20000)), exp: -2}))
			if r.IntN(3) == 0 {
				b.most = optional{num: b.quantity.add(a.lot.mul(numOfInt(r.IntN(4)))), set: true}
			}
			d.lines[i].goal = b.wanted.abs().add(numOfInt(r.IntN(50) + 1))
			buys = append(buys, b)
		}
		left := num{lo: uint64(r.IntN(30000)), exp: -2}
		want := topUpSlowly(d, buys, left)
		d.deploy(buys, d.topUp(buys, left))
		for i := range want {
			require.Equal(t, want[i].String(), buys[i].quantity.String(), "case %d, buy %d of %d", n, i, len(buys))
			if !want[i].isZero() {
				given++
			}
		}
	}
	require.Positive(t, given)
}

// topUpSlowly gives lots one by one, first by deficit, then one a line.
func topUpSlowly(d *draft, buys []*purchase, left num) []num {
	q := make([]num, len(buys))
	for i := range buys {
		q[i] = buys[i].quantity
	}
	miss := func(i int, q num) num { return buys[i].wanted.sub(q.mul(buys[i].unit)) }
	price := func(i int) num {
		return d.costInBase(buys[i], q[i].add(d.assets[i].lot)).sub(d.costInBase(buys[i], q[i]))
	}
	allowed := func(i int) bool {
		return (!buys[i].most.set || q[i].add(d.assets[i].lot).cmp(buys[i].most.num) <= 0) && price(i).cmp(left) <= 0
	}
	give := func(i int) {
		left = left.sub(price(i))
		q[i] = q[i].add(d.assets[i].lot)
	}
	for {
		best := -1
		for i := range buys {
			closer := miss(i, q[i].add(d.assets[i].lot)).abs().less(miss(i, q[i]).abs())
			if closer && allowed(i) && (best < 0 || miss(best, q[best]).less(miss(i, q[i]))) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		give(best)
	}
	done := make([]bool, len(buys))
	for {
		best := -1
		off := func(i int) num { return miss(i, q[i].add(d.assets[i].lot)).abs() }
		for i := range buys {
			if done[i] || miss(i, q[i]).sign() <= 0 || !allowed(i) {
				continue
			}
			if best < 0 || off(i).mul(d.lines[best].goal).less(off(best).mul(d.lines[i].goal)) {
				best = i
			}
		}
		if best < 0 {
			return q
		}
		give(best)
		done[best] = true
	}
}
