package rebalance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// world is an account drawn by lot, with its market, its targets and its policy.
type world struct {
	sim    fake.Config
	target allocation.Allocation
	policy rebalance.Policy
	multi  bool // currencies
}

// lots draws numbers.
type lots struct{ *rand.Rand }

// upTo is a number of some digits, at least 1 of its last place.
func (l lots) upTo(digits int, place int32) decimal.Decimal {
	n := int64(1)
	for range digits {
		n *= 10
	}
	return decimal.New(l.Int64N(n)+1, place)
}

// one picks a text.
func (l lots) one(of ...string) string { return of[l.IntN(len(of))] }

// oddly reports true once in n.
func (l lots) oddly(n int) bool { return l.IntN(n) == 0 }

// drawWorld makes a world of one to six symbols.
func drawWorld(seed uint64) *world {
	l := lots{rand.New(rand.NewPCG(seed, 7))}
	w := &world{policy: rebalance.DefaultPolicy(), multi: l.oddly(3)}
	w.sim.FX = map[fake.Pair]decimal.Decimal{
		{From: "EUR", To: "USD"}: l.upTo(4, -4).Add(num("0.5")),
		{From: "JPY", To: "USD"}: num("0.00654321"),
	}
	w.sim.Quotes = map[broker.InstrumentID]marketdata.Quote{}
	acc := fake.Account{ID: account, Positions: map[broker.InstrumentID]decimal.Decimal{}, Cash: w.drawCash(l)}
	if l.oddly(2) {
		acc.Type = broker.Cash
	}
	symbols := 1 + l.IntN(6)
	for i := range symbols {
		w.drawSymbol(l, &acc, broker.InstrumentID(fmt.Sprintf("S%d", i)))
	}
	w.sim.Accounts = []fake.Account{acc}
	w.target = drawTargets(l, symbols)
	w.policy.Reserve.Fraction = decimal.New(int64(l.IntN(6)), -2)
	if l.oddly(2) {
		w.policy.Slippage = decimal.Zero
	}
	if !l.oddly(3) {
		w.sim.Fees = fake.Commission{Fraction: num("0.001")}
		w.policy.Fee.Fraction = num("0.001")
	}
	return w
}

func (w *world) drawCash(l lots) map[broker.Currency]decimal.Decimal {
	cash := map[broker.Currency]decimal.Decimal{"USD": l.upTo(1+l.IntN(8), -2)}
	if l.oddly(8) {
		cash["USD"] = cash["USD"].Neg()
	}
	if w.multi {
		cash["EUR"], cash["JPY"] = l.upTo(6, -2), l.upTo(6, 0)
	}
	return cash
}

// drawSymbol adds a symbol that may be held.
func (w *world) drawSymbol(l lots, acc *fake.Account, id broker.InstrumentID) {
	lot, tick := num(l.one("1", "1", "1", "0.001", "0.0001", "100")), num(l.one("0.01", "0.01", "0.0001", "0.05", "1"))
	currency := broker.Currency("USD")
	if w.multi {
		currency = broker.Currency(l.one("USD", "USD", "USD", "EUR", "JPY"))
	}
	w.sim.Instruments = append(w.sim.Instruments, broker.Instrument{ID: id, Lot: lot, Tick: tick, Currency: currency})
	bid := l.upTo(1+l.IntN(6), 0).Add(num("1")).Mul(tick)
	ask := bid.Add(decimal.New(int64(l.IntN(3)), 0).Mul(tick))
	w.sim.Quotes[id] = marketdata.Quote{
		Bid: decimal.NewNullDecimal(bid), Ask: decimal.NewNullDecimal(ask), Last: decimal.NewNullDecimal(bid),
	}
	if l.oddly(2) {
		acc.Positions[id] = l.upTo(1+l.IntN(5), 0).Mul(lot)
	}
}

// drawTargets weighs the symbols; about every second one not at all.
func drawTargets(l lots, symbols int) allocation.Allocation {
	shares := make([]int, symbols)
	total := 0
	for i := range shares {
		if !l.oddly(3) {
			shares[i] = l.IntN(5)
		}
		total += shares[i]
	}
	if total == 0 {
		shares[0], total = 1, 1
	}
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: "core"}
	left := num("1")
	for i, share := range shares {
		weight, _ := broker.Quo(decimal.New(int64(share), 0), decimal.New(int64(total), 0), 4) // total is not zero
		weight = decimal.Min(weight, left)
		left = left.Sub(weight)
		a.Targets = append(a.Targets, allocation.Target{Symbol: broker.InstrumentID(fmt.Sprintf("S%d", i)), Weight: weight})
	}
	return a
}

// TestRandomWorlds: whatever an account holds and wants, nothing goes short, no cash goes
// below zero, no buy touches the reserve, and the result tells what the broker did.
func TestRandomWorlds(t *testing.T) {
	traded := 0
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) {
			if live(t, drawWorld(seed), seed) {
				traded++
			}
		})
	}
	require.Greater(t, traded, 500, "worlds in which something was traded")
}

// live rebalances a world and looks at what came of it. It reports whether something was
// traded.
func live(t *testing.T, w *world, seed uint64) bool {
	t.Helper()
	r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
		*sim = w.sim
		cfg.Accounts[0].Policy = &w.policy
		cfg.Limits.DayTurnover = num("20")
	})
	require.NoError(t, r.targets.Set(w.target))
	_, before, err := r.broker.Holdings(account)
	require.NoError(t, err)
	res := r.persist("e1", 4)
	held, cash, err := r.broker.Holdings(account)
	require.NoError(t, err)
	for id, q := range held {
		require.False(t, q.IsNegative(), "seed %d: %s of %s", seed, q, id)
	}
	for c, q := range cash {
		require.False(t, q.IsNegative() && !before[c].IsNegative(), "seed %d: %s %s, was %s: %s", seed, q, c, before[c], res.Outcome)
	}
	r.requireNoOrderTwice()
	bought := requireLedger(t, r, res, seed)
	if bought && !w.multi && res.After != nil {
		require.True(t, res.After.Cash.GreaterThanOrEqual(res.After.Reserve.Sub(num("0.000001"))),
			"seed %d: cash %s, the reserve is %s", seed, res.After.Cash, res.After.Reserve)
	}
	return r.sent() > 0
}

// requireLedger compares quantity, fees and average price of each order with the
// ledger's fills. It reports whether something was bought.
func requireLedger(t *testing.T, r *rig, res *rebalance.Result, seed uint64) (bought bool) {
	t.Helper()
	ledger := r.broker.Ledger()
	for i := range res.Orders {
		o := &res.Orders[i]
		l := ledger.Order(o.Ref)
		if l == nil {
			require.True(t, o.Filled.IsZero(), "seed %d: %s never arrived", seed, o.Symbol)
			continue
		}
		var quantity, value, fees decimal.Decimal
		for _, f := range l.Fills {
			quantity, value, fees = quantity.Add(f.Quantity), value.Add(f.Quantity.Mul(f.Price)), fees.Add(f.Fee.Decimal)
		}
		require.Equal(t, quantity.String(), o.Filled.String(), "seed %d", seed)
		require.Equal(t, fees.String(), o.Fees.String(), "seed %d", seed)
		off := value.Sub(o.AveragePrice.Mul(quantity)).Abs()
		require.True(t, off.LessThanOrEqual(quantity.Mul(num("0.00000001"))), "seed %d: average price %s", seed, o.AveragePrice)
		require.NotEqual(t, journal.Unknown, o.Outcome, "seed %d", seed)
		bought = bought || o.Side == broker.Buy && quantity.IsPositive()
	}
	return bought
}
