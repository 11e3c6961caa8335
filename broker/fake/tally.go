package fake

import (
	"cmp"

	"github.com/shopspring/decimal"
)

// tally sums decimals. As long as they are small and have one exponent, which is
// the rule for amounts of money, it does so without memory of its own.
type tally struct {
	rest  decimal.Decimal
	small int64 // in units of 10^exp
	exp   int32
}

// add adds d.
func (t *tally) add(made *decimals, d decimal.Decimal) {
	const digits = 17 // two such sums still fit into an int64
	if d.NumDigits() > digits {
		t.rest = t.rest.Add(d)
		return
	}
	if e := d.Exponent(); e != t.exp || t.small > 1e17 || t.small < -1e17 {
		t.rest = t.sum(made)
		t.small, t.exp = 0, e
	}
	t.small += d.CoefficientInt64()
}

// sum returns the sum.
func (t *tally) sum(made *decimals) decimal.Decimal {
	if t.small == 0 {
		return t.rest
	}
	if t.rest.IsZero() {
		return made.of(t.small, t.exp)
	}
	return t.rest.Add(made.of(t.small, t.exp))
}

// decimals are some of the small numbers that were made: prices, quantities and
// amounts come again, and each one made anew costs two pieces of memory. Decimals
// are never changed, so everybody can share them.
//
// The sums and products of an order are made without the memory that big numbers
// need, as long as they are small: the results are the same in either case.
type decimals [512]decimal.Decimal

// of is n × 10^exp.
func (m *decimals) of(n int64, exp int32) decimal.Decimal {
	if n == 0 {
		return decimal.New(0, exp)
	}
	at := &m[uint64(n)*0x9e3779b97f4a7c15>>55]
	if at.Exponent() != exp || at.CoefficientInt64() != n {
		*at = decimal.New(n, exp)
	}
	return *at
}

// plus is a + b.
func (m *decimals) plus(a, b decimal.Decimal) decimal.Decimal {
	if summable(a, b) {
		return m.of(a.CoefficientInt64()+b.CoefficientInt64(), a.Exponent())
	}
	return a.Add(b)
}

// minus is a - b.
func (m *decimals) minus(a, b decimal.Decimal) decimal.Decimal {
	if summable(a, b) {
		return m.of(a.CoefficientInt64()-b.CoefficientInt64(), a.Exponent())
	}
	return a.Sub(b)
}

// summable reports whether two coefficients have one exponent and 18 digits at
// most, so that their sum fits into an int64.
func summable(a, b decimal.Decimal) bool {
	return a.Exponent() == b.Exponent() && a.NumDigits() <= 18 && b.NumDigits() <= 18
}

// times is a × b.
func (m *decimals) times(a, b decimal.Decimal) decimal.Decimal {
	if a.NumDigits()+b.NumDigits() <= 18 {
		return m.of(a.CoefficientInt64()*b.CoefficientInt64(), a.Exponent()+b.Exponent())
	}
	return a.Mul(b)
}

// compare is a.Cmp(b).
func compare(a, b decimal.Decimal) int {
	apart := int64(a.Exponent()) - int64(b.Exponent())
	switch {
	case apart == 0:
		return a.Cmp(b)
	case apart < 0:
		return -compare(b, a)
	case b.NumDigits() > 18 || a.NumDigits()+int(apart) > 18:
		return a.Cmp(b)
	}
	n := a.CoefficientInt64()
	for range apart {
		n *= 10
	}
	return cmp.Compare(n, b.CoefficientInt64())
}
