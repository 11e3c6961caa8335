package fake

import "github.com/shopspring/decimal"

// tally sums decimals. As long as they are small and have one exponent, which is
// the rule for amounts of money, it does so without memory of its own.
type tally struct {
	rest  decimal.Decimal
	small int64 // in units of 10^exp
	exp   int32
}

// add adds d.
func (t *tally) add(d decimal.Decimal) {
	const digits = 17 // two such sums still fit into an int64
	if d.NumDigits() > digits {
		t.rest = t.rest.Add(d)
		return
	}
	if e := d.Exponent(); e != t.exp || t.small > 1e17 || t.small < -1e17 {
		t.rest = t.sum()
		t.small, t.exp = 0, e
	}
	t.small += d.CoefficientInt64()
}

// sum returns the sum.
func (t *tally) sum() decimal.Decimal {
	if t.small == 0 {
		return t.rest
	}
	if t.rest.IsZero() {
		return decimal.New(t.small, t.exp)
	}
	return t.rest.Add(decimal.New(t.small, t.exp))
}

// The sums and products of an order are made without the memory that big numbers
// need, as long as they are small: the results are the same in either case.

// plus is a + b.
func plus(a, b decimal.Decimal) decimal.Decimal {
	if summable(a, b) {
		return decimal.New(a.CoefficientInt64()+b.CoefficientInt64(), a.Exponent())
	}
	return a.Add(b)
}

// minus is a - b.
func minus(a, b decimal.Decimal) decimal.Decimal {
	if summable(a, b) {
		return decimal.New(a.CoefficientInt64()-b.CoefficientInt64(), a.Exponent())
	}
	return a.Sub(b)
}

// summable reports whether two coefficients have one exponent and 18 digits at
// most, so that their sum fits into an int64.
func summable(a, b decimal.Decimal) bool {
	return a.Exponent() == b.Exponent() && a.NumDigits() <= 18 && b.NumDigits() <= 18
}

// times is a × b.
func times(a, b decimal.Decimal) decimal.Decimal {
	if a.NumDigits()+b.NumDigits() <= 18 {
		return decimal.New(a.CoefficientInt64()*b.CoefficientInt64(), a.Exponent()+b.Exponent())
	}
	return a.Mul(b)
}
