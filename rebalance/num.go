package rebalance

import (
	"math/big"
	"math/bits"
	"strconv"

	"github.com/shopspring/decimal"
)

// num is the number that the planner computes with: an exact decimal like
// [decimal.Decimal], but a plain value that costs no allocation while its digits
// fit into 128 bits. What does not fit goes through math/big, so that no result
// is ever rounded or cut off. The zero value is 0.
type num struct {
	hi, lo uint64   // magnitude, unless big is set
	big    *big.Int // magnitude that needs more than 128 bits
	exp    int32    // the value is ± magnitude × 10^exp
	neg    bool     // never for zero
}

// Numbers that the rules name.
var (
	one     = num{lo: 1}
	two     = num{lo: 2}
	oneHalf = num{lo: 5, exp: -1}
)

// numOf converts a decimal.
func numOf(d decimal.Decimal) num {
	if d.NumDigits() <= 18 {
		c := d.CoefficientInt64()
		return num{lo: magnitude(c), exp: d.Exponent(), neg: c < 0}
	}
	return numOfBig(d.Coefficient(), d.Exponent())
}

// magnitude is the absolute value of c.
func magnitude(c int64) uint64 {
	if c < 0 {
		return -uint64(c)
	}
	return uint64(c)
}

// numOfInt converts a small number.
func numOfInt(n int) num { return num{lo: magnitude(int64(n)), neg: n < 0} }

// numOfBig makes a number of c, which it may keep.
func numOfBig(c *big.Int, exp int32) num {
	if c.BitLen() > 128 {
		return num{big: new(big.Int).Abs(c), exp: exp, neg: c.Sign() < 0}
	}
	var low, high big.Int
	high.Rsh(low.Abs(c), 64)
	low.Sub(&low, new(big.Int).Lsh(&high, 64))
	return num{hi: high.Uint64(), lo: low.Uint64(), exp: exp, neg: c.Sign() < 0}
}

// coefficient is the signed magnitude.
func (a num) coefficient() *big.Int {
	c := new(big.Int)
	if a.big != nil {
		c.Set(a.big)
	} else {
		c.Lsh(c.SetUint64(a.hi), 64)
		c.Or(c, new(big.Int).SetUint64(a.lo))
	}
	if a.neg {
		c.Neg(c)
	}
	return c
}

// decimal converts to what plans are made of.
func (a num) decimal() decimal.Decimal {
	switch {
	case a.isZero():
		return decimal.Decimal{}
	case a.big == nil && a.hi == 0 && a.lo < 1<<63 && a.neg:
		return decimal.New(-int64(a.lo), a.exp)
	case a.big == nil && a.hi == 0 && a.lo < 1<<63:
		return decimal.New(int64(a.lo), a.exp)
	}
	return decimal.NewFromBigInt(a.coefficient(), a.exp)
}

func (a num) isZero() bool { return a.hi|a.lo == 0 && a.big == nil }

// sign is -1, 0 or 1.
func (a num) sign() int {
	switch {
	case a.isZero():
		return 0
	case a.neg:
		return -1
	}
	return 1
}

func (a num) negate() num {
	a.neg = !a.neg && !a.isZero()
	return a
}

func (a num) abs() num {
	a.neg = false
	return a
}

func (a num) add(b num) num {
	if a.isZero() {
		return b
	}
	if b.isZero() {
		return a
	}
	if a.exp < b.exp {
		a, b = b, a
	}
	scaled, ok := a.scaled(a.exp - b.exp)
	if !ok || b.big != nil {
		x, y := a.coefficient(), b.coefficient()
		return numOfBig(y.Add(y, x.Mul(x, bigPow10(a.exp-b.exp))), b.exp)
	}
	scaled.exp = b.exp
	if a.neg == b.neg {
		lo, carry := bits.Add64(scaled.lo, b.lo, 0)
		hi, carry := bits.Add64(scaled.hi, b.hi, carry)
		if carry != 0 {
			x, y := scaled.coefficient(), b.coefficient()
			return numOfBig(y.Add(y, x), b.exp)
		}
		return num{hi: hi, lo: lo, exp: b.exp, neg: b.neg}
	}
	if less128(scaled.hi, scaled.lo, b.hi, b.lo) {
		scaled, b = b, scaled
	}
	lo, borrow := bits.Sub64(scaled.lo, b.lo, 0)
	hi, _ := bits.Sub64(scaled.hi, b.hi, borrow)
	return num{hi: hi, lo: lo, exp: scaled.exp, neg: scaled.neg && hi|lo != 0}
}

func (a num) sub(b num) num { return a.add(b.negate()) }

func (a num) mul(b num) num {
	if a.isZero() || b.isZero() {
		return num{}
	}
	exp, neg := a.exp+b.exp, a.neg != b.neg
	if a.big == nil && b.big == nil && (a.hi == 0 || b.hi == 0) {
		if b.hi != 0 {
			a, b = b, a
		}
		hi, lo := bits.Mul64(a.lo, b.lo)
		over, top := bits.Mul64(a.hi, b.lo)
		hi, carry := bits.Add64(hi, top, 0)
		if over|carry == 0 {
			return num{hi: hi, lo: lo, exp: exp, neg: neg}
		}
	}
	x := a.coefficient()
	return numOfBig(x.Mul(x, b.coefficient()), exp)
}

// cmp is -1, 0 or 1 as a is less than, equal to or greater than b.
func (a num) cmp(b num) int {
	if s, t := a.sign(), b.sign(); s != t || s == 0 {
		return compareInts(s, t)
	}
	if a.big != nil || b.big != nil || a.exp != b.exp {
		return a.sub(b).sign()
	}
	switch {
	case a.hi == b.hi && a.lo == b.lo:
		return 0
	case less128(a.hi, a.lo, b.hi, b.lo) != a.neg:
		return -1
	}
	return 1
}

func (a num) less(b num) bool { return a.cmp(b) < 0 }

// atLeast is the greater of a and b, atMost the smaller one.
func (a num) atLeast(b num) num {
	if a.less(b) {
		return b
	}
	return a
}

func (a num) atMost(b num) num {
	if b.less(a) {
		return b
	}
	return a
}

// compareInts is cmp for int.
func compareInts(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// less128 compares two magnitudes.
func less128(ahi, alo, bhi, blo uint64) bool {
	return ahi < bhi || ahi == bhi && alo < blo
}

// scaled is a with its magnitude times 10^n, n ≥ 0, and its exponent as it was.
// It reports whether that fits into 128 bits.
func (a num) scaled(n int32) (num, bool) {
	if a.big != nil {
		return a, false
	}
	for n > 0 {
		step := min(n, int32(len(pow10s)-1))
		p := pow10s[step]
		hi, lo := bits.Mul64(a.lo, p)
		over, top := bits.Mul64(a.hi, p)
		sum, carry := bits.Add64(hi, top, 0)
		if over|carry != 0 {
			return a, false
		}
		a.hi, a.lo = sum, lo
		n -= step
	}
	return a, true
}

// pow10s are the powers of ten that fit into 64 bits.
var pow10s = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// bigPow10 is 10^n, n ≥ 0.
func bigPow10(n int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// appendTo appends the number in plain notation, without trailing zeros.
func (a num) appendTo(buf []byte) []byte {
	if a.isZero() {
		return append(buf, '0')
	}
	if a.neg {
		buf = append(buf, '-')
	}
	var store [48]byte
	var digits []byte
	if a.big == nil && a.hi == 0 {
		digits = strconv.AppendUint(store[:0], a.lo, 10)
	} else {
		digits = a.abs().coefficient().Append(store[:0], 10)
	}
	exp := int(a.exp)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exp++
	}
	for ; exp > 0; exp-- {
		digits = append(digits, '0')
	}
	point := len(digits) + exp
	if point <= 0 {
		buf = append(buf, '0')
	} else {
		buf = append(buf, digits[:point]...)
		digits = digits[point:]
	}
	if len(digits) == 0 {
		return buf
	}
	buf = append(buf, '.')
	for ; point < 0; point++ {
		buf = append(buf, '0')
	}
	return append(buf, digits...)
}

// String is the number in plain notation.
func (a num) String() string { return string(a.appendTo(nil)) }
