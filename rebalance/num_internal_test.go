package rebalance

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// randomDecimal has up to 60 digits, mostly few, at any scale.
func randomDecimal(r *rand.Rand) decimal.Decimal {
	digits := 1 + r.IntN(20)
	if r.IntN(4) == 0 {
		digits = 1 + r.IntN(60)
	}
	c := new(big.Int)
	for range digits {
		c.Mul(c, big.NewInt(10))
		if r.IntN(3) > 0 {
			c.Add(c, big.NewInt(int64(r.IntN(10))))
		}
	}
	if r.IntN(2) == 0 {
		c.Neg(c)
	}
	return decimal.NewFromBigInt(c, int32(r.IntN(40)-30))
}

// TestNum compares every operation with shopspring/decimal and math/big.
func TestNum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		checkNum(t, randomDecimal(r), randomDecimal(r))
	}
}

func FuzzNum(f *testing.F) {
	f.Add([]byte{1, 2, 3}, int8(-3), []byte{9}, int8(2))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, int8(0), []byte{1}, int8(0))
	f.Fuzz(func(t *testing.T, a []byte, ae int8, b []byte, be int8) {
		if len(a) > 40 || len(b) > 40 {
			return
		}
		x, y := new(big.Int).SetBytes(a), new(big.Int).SetBytes(b)
		if ae&1 == 1 {
			x.Neg(x)
		}
		if be&1 == 1 {
			y.Neg(y)
		}
		checkNum(t, decimal.NewFromBigInt(x, int32(ae)), decimal.NewFromBigInt(y, int32(be)))
	})
}

func checkNum(t *testing.T, a, b decimal.Decimal) {
	t.Helper()
	x, y := numOf(a), numOf(b)
	same := func(want decimal.Decimal, got num, what string) {
		t.Helper()
		if !want.Equal(got.decimal()) || got.isZero() != want.IsZero() || got.sign() != want.Sign() {
			require.Failf(t, what, "of %s and %s: want %s, got %s", a, b, want, got)
		}
	}
	same(a, x, "value")
	same(a.Add(b), x.add(y), "sum")
	same(a.Sub(b), x.sub(y), "difference")
	same(a.Mul(b), x.mul(y), "product")
	if a.Cmp(b) != x.cmp(y) {
		require.Failf(t, "comparison", "of %s and %s: want %d, got %d", a, b, a.Cmp(b), x.cmp(y))
	}
	text, err := decimal.NewFromString(x.String())
	require.NoError(t, err)
	same(text, x, "text")
	if b.Sign() > 0 {
		same(ratFloor(a, b), floorDiv(x, y), "floor")
		same(ratFloor(a.Neg(), b).Neg(), ceilDiv(x, y), "ceil")
		same(ratFloor(a.Add(a).Add(b), b.Add(b)), nearestDiv(x, y), "nearest")
		want, err := broker.Quo(a, b, places)
		require.NoError(t, err)
		same(want, quo(x, y), "quotient")
	}
}

// ratFloor is floor(a/b) by way of rationals.
func ratFloor(a, b decimal.Decimal) decimal.Decimal {
	q := new(big.Rat).Quo(a.Rat(), b.Rat())
	return decimal.NewFromBigInt(new(big.Int).Div(q.Num(), q.Denom()), 0)
}

// TestDecimals holds the decimals that are kept to those made anew, in any order,
// whatever else has their place.
func TestDecimals(t *testing.T) {
	var made decimals
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		n := num{lo: uint64(r.IntN(1000)), exp: int32(r.IntN(4)) - 3}
		switch r.IntN(8) {
		case 0:
			n = n.negate()
		case 1:
			n = n.mul(num{lo: 1e18}) // 127 bits
		case 2:
			n = n.mul(num{lo: 1e18}).mul(num{lo: 1e18}).mul(num{lo: 1e18}) // more
		}
		want, got := n.decimal(), made.of(n)
		require.True(t, want.Equal(got), "%s is %s", n, got)
		require.Equal(t, want.Exponent(), got.Exponent())
	}
	again := num{lo: 2050, exp: -2}
	made.of(again)
	require.Zero(t, testing.AllocsPerRun(10, func() { made.of(again) }))
	require.Equal(t, "20.5", (*decimals)(nil).of(again).String(), "none are kept")
}
