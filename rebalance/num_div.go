package rebalance

import (
	"math"
	"math/big"
	"math/bits"
)

// places is to how many decimal places a division whose result is a value is
// rounded, half to even.
const places = 12

// floorDiv is the largest integer n with n·y ≤ x. y must be greater than zero.
func floorDiv(x, y num) num {
	if q, _, _, ok := divSmall(x, y); ok {
		return num{lo: q}
	}
	n, d, small := integers(x, y)
	if !small {
		n, d := bigIntegers(x, y)
		return numOfBig(n.Div(n, d), 0) // Euclidean, which is the floor as d > 0
	}
	q, rest := divide(n, d)
	if x.hi < 0 {
		if !rest.isZero() {
			q = q.add(one)
		}
		return q.negate()
	}
	return q
}

// ceilDiv is the smallest integer n with n·y ≥ x. y must be greater than zero.
func ceilDiv(x, y num) num {
	if q, rest, _, ok := divSmall(x, y); ok && rest == 0 {
		return num{lo: q}
	} else if ok && q < math.MaxUint64 {
		return num{lo: q + 1}
	}
	return floorDiv(x.negate(), y).negate()
}

// divSmall divides the integers that make up x/y, where x ≥ 0 and all of it fits
// into 64 bits, as it nearly always does: d is the divisor. It reports whether
// it did.
func divSmall(x, y num) (q, rest, d uint64, ok bool) {
	if x.hi != 0 || y.hi != 0 || x.big != nil || y.big != nil {
		return 0, 0, 0, false
	}
	shift := int(x.exp) - int(y.exp)
	var high uint64
	n, d := x.lo, y.lo
	switch {
	case shift >= len(pow10s) || -shift >= len(pow10s):
		return 0, 0, 0, false
	case shift > 0:
		high, n = bits.Mul64(n, pow10s[shift])
	case shift < 0:
		var over uint64
		if over, d = bits.Mul64(d, pow10s[-shift]); over != 0 {
			return 0, 0, 0, false
		}
	}
	if high >= d {
		return 0, 0, 0, false
	}
	q, rest = bits.Div64(high, n, d)
	return q, rest, d, true
}

// nearestDiv is the integer nearest to x/y, of two the greater one. y must be
// greater than zero.
func nearestDiv(x, y num) num { return floorDiv(x.mul(two).add(y), y.mul(two)) }

// quo is x/y, rounded half to even at 12 places. y must be greater than zero.
func quo(x, y num) num {
	x.exp += places
	if q, rest, d, ok := divSmall(x.abs(), y); ok && q < math.MaxInt64 {
		if half := d - rest; rest > half || rest == half && q&1 == 1 {
			q++
		}
		n := num{lo: q, exp: -places}
		if x.negative() {
			n = n.negate()
		}
		return n.trimmed()
	}
	n, d, small := integers(x, y)
	if !small {
		n, d := bigIntegers(x, y)
		q, rest := n.DivMod(n, d, new(big.Int))
		if c := rest.Lsh(rest, 1).Cmp(d); c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(1))
		}
		return numOfBig(q, -places).trimmed()
	}
	q, rest := divide(n, d)
	if c := rest.add(rest).cmp(d); c > 0 || c == 0 && q.lo&1 == 1 {
		q = q.add(one)
	}
	if x.hi < 0 {
		q = q.negate()
	}
	q.exp = -places
	return q.trimmed()
}

// integers is the fraction x/y as two integers, without their signs. It reports
// whether they fit.
func integers(x, y num) (n, d num, small bool) {
	if x.isZero() {
		return num{}, one, true
	}
	n, d, small = x.aligned(y)
	if !small || n.big != nil || d.big != nil {
		return num{}, num{}, false
	}
	n.exp, d.exp = 0, 0
	return n.abs(), d, true
}

// bigIntegers is the fraction x/y as two integers.
func bigIntegers(x, y num) (n, d *big.Int) {
	n, d = x.coefficient(), y.coefficient()
	if x.exp >= y.exp {
		return n.Mul(n, bigPow10(x.exp-y.exp)), d
	}
	return n, d.Mul(d, bigPow10(y.exp-x.exp))
}

// divide divides integers of at most 127 bits, n ≥ 0 and d > 0.
func divide(n, d num) (q, rest num) {
	if n.hi == 0 && d.hi == 0 {
		return num{lo: n.lo / d.lo}, num{lo: n.lo % d.lo}
	}
	if d.hi == 0 {
		q.hi = int64(uint64(n.hi) / d.lo)
		q.lo, rest.lo = bits.Div64(uint64(n.hi)%d.lo, n.lo, d.lo)
		return q, rest
	}
	// The quotient has 64 bits at most. Dividing by the upper 64 bits of d alone
	// gives at most one too many, so one less is exact or one too few.
	shift := uint(bits.LeadingZeros64(uint64(d.hi)))
	top := uint64(d.hi)<<shift | d.lo>>(64-shift)
	q.lo, _ = bits.Div64(uint64(n.hi)>>1, uint64(n.hi)<<63|n.lo>>1, top)
	q.lo >>= 63 - shift
	if q.lo > 0 {
		q.lo--
	}
	rest = n.sub(q.mul(d))
	if rest.cmp(d) >= 0 {
		q.lo++
		rest = rest.sub(d)
	}
	return q, rest
}

// trimmed is the same number without trailing zeros behind the point, so that
// the numbers made of it stay short.
func (a num) trimmed() num {
	if a.isZero() {
		return num{}
	}
	if a.big != nil {
		return a
	}
	negative, n := a.hi < 0, a.abs()
	if n.hi == 0 {
		for n.exp < 0 && n.lo%10 == 0 {
			n.lo, n.exp = n.lo/10, n.exp+1
		}
		if negative {
			return n.negate()
		}
		return n
	}
	for step := int32(8); step > 0; step /= 2 {
		for n.exp <= -step {
			q, rest := divide(num{hi: n.hi, lo: n.lo}, num{lo: pow10s[step]})
			if !rest.isZero() {
				break
			}
			n.hi, n.lo, n.exp = q.hi, q.lo, n.exp+step
		}
	}
	if negative {
		return n.negate()
	}
	return n
}
