package rebalance

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"

	"github.com/shopspring/decimal"
)

// num is the number that the planner computes with: an exact decimal like
// [decimal.Decimal], but a plain value that costs no allocation while its digits
// fit into 127 bits. What does not fit goes through math/big, so that no result
// is ever rounded or cut off. The zero value is 0.
//
// It has four fields so that two of them fit into registers.
type num struct {
	hi  int64 // the coefficient is hi × 2^64 + lo, unless big is set
	lo  uint64
	big *big.Int // a coefficient that needs more bits
	exp int32    // the value is the coefficient × 10^exp
}

// Numbers that the rules name.
var (
	one     = num{lo: 1}
	two     = num{lo: 2}
	oneHalf = num{lo: 5, exp: -1}
)

// numOf converts a decimal.
func numOf(d decimal.Decimal) num {
	if d.NumDigits() <= smallDigits {
		return numOfSmall(d)
	}
	return numOfBig(d.Coefficient(), d.Exponent())
}

// smallDigits is how many digits surely fit into 63 bits.
const smallDigits = 18

// numOfSmall converts a decimal of no more digits.
func numOfSmall(d decimal.Decimal) num {
	c := d.CoefficientInt64()
	return num{hi: c >> 63, lo: uint64(c), exp: d.Exponent()}
}

// numOfInt converts a small number.
func numOfInt(n int) num { return num{hi: int64(n) >> 63, lo: uint64(n)} }

// numOfBig makes a number of c, which it may keep.
func numOfBig(c *big.Int, exp int32) num {
	if c.BitLen() > 127 {
		return num{big: c, exp: exp}
	}
	var low, high big.Int
	high.Rsh(low.Abs(c), 64)
	low.Sub(&low, new(big.Int).Lsh(&high, 64))
	return signed(high.Uint64(), low.Uint64(), exp, c.Sign() < 0)
}

// signed makes a number of a magnitude of at most 127 bits.
func signed(hi, lo uint64, exp int32, negative bool) num {
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return num{hi: int64(hi), lo: lo, exp: exp}
}

// magnitude is the coefficient without its sign, when big is not set.
func (a num) magnitude() (hi, lo uint64) {
	if a.hi >= 0 {
		return uint64(a.hi), a.lo
	}
	lo, borrow := bits.Sub64(0, a.lo, 0)
	hi, _ = bits.Sub64(0, uint64(a.hi), borrow)
	return hi, lo
}

// coefficient is the coefficient, as a new value.
func (a num) coefficient() *big.Int {
	if a.big != nil {
		return new(big.Int).Set(a.big)
	}
	hi, lo := a.magnitude()
	c := new(big.Int).SetUint64(hi)
	c.Or(c.Lsh(c, 64), new(big.Int).SetUint64(lo))
	if a.hi < 0 {
		c.Neg(c)
	}
	return c
}

// decimal converts to what plans are made of.
func (a num) decimal() decimal.Decimal {
	switch {
	case a.isZero():
		return decimal.Decimal{}
	case a.big == nil && a.hi == int64(a.lo)>>63:
		return decimal.New(int64(a.lo), a.exp)
	}
	return decimal.NewFromBigInt(a.coefficient(), a.exp)
}

// decimals are some of the decimals that were made of small numbers: prices,
// quantities and weights come again, and each one made anew costs two pieces of
// memory. Decimals are never changed, so everybody can share them.
type decimals [256]decimal.Decimal

// of is a.decimal(). None are kept if m is nil.
func (m *decimals) of(a num) decimal.Decimal {
	if m == nil || a.big != nil || a.hi != int64(a.lo)>>63 || a.lo == 0 {
		return a.decimal()
	}
	at := &m[a.lo*0x9e3779b97f4a7c15>>56]
	if at.Exponent() != a.exp || at.CoefficientInt64() != int64(a.lo) {
		*at = a.decimal()
	}
	return *at
}

func (a num) isZero() bool { return uint64(a.hi)|a.lo == 0 && a.big == nil }

func (a num) negative() bool { return a.hi < 0 || a.big != nil && a.big.Sign() < 0 }

// sign is -1, 0 or 1.
func (a num) sign() int {
	switch {
	case a.negative():
		return -1
	case a.isZero():
		return 0
	}
	return 1
}

func (a num) negate() num {
	if a.big != nil {
		return num{big: new(big.Int).Neg(a.big), exp: a.exp}
	}
	lo, borrow := bits.Sub64(0, a.lo, 0)
	hi, _ := bits.Sub64(0, uint64(a.hi), borrow)
	return num{hi: int64(hi), lo: lo, exp: a.exp}
}

func (a num) abs() num {
	if a.negative() {
		return a.negate()
	}
	return a
}

func (a num) add(b num) num {
	if a.exp == b.exp && a.big == nil && b.big == nil {
		if sum, ok := a.plus(b); ok {
			return sum
		}
	}
	return a.addSlowly(b)
}

// plus adds a number of the same exponent. It reports whether the sum fits.
func (a num) plus(b num) (num, bool) {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	sum, _ := bits.Add64(uint64(a.hi), uint64(b.hi), carry)
	hi := int64(sum)
	overflow := (a.hi^hi)&(b.hi^hi) < 0 || hi == math.MinInt64 // whose magnitude has 128 bits
	return num{hi: hi, lo: lo, exp: a.exp}, !overflow
}

// addSlowly brings both to one exponent first.
func (a num) addSlowly(b num) num {
	if a.isZero() {
		return b
	}
	if b.isZero() {
		return a
	}
	if a.exp < b.exp {
		a, b = b, a
	}
	if scaled, ok := a.scaled(a.exp - b.exp); ok && b.big == nil {
		if sum, ok := scaled.plus(b); ok {
			return sum
		}
	}
	x, y := a.coefficient(), b.coefficient()
	return numOfBig(y.Add(y, x.Mul(x, bigPow10(a.exp-b.exp))), b.exp)
}

func (a num) sub(b num) num {
	if a.exp == b.exp && a.big == nil && b.big == nil {
		lo, borrow := bits.Sub64(a.lo, b.lo, 0)
		rest, _ := bits.Sub64(uint64(a.hi), uint64(b.hi), borrow)
		hi := int64(rest)
		if overflow := (a.hi^b.hi)&(a.hi^hi) < 0 || hi == math.MinInt64; !overflow {
			return num{hi: hi, lo: lo, exp: a.exp}
		}
	}
	return a.add(b.negate())
}

func (a num) mul(b num) num {
	exp := a.exp + b.exp
	if a.big == nil && b.big == nil {
		ahi, alo := a.magnitude()
		bhi, blo := b.magnitude()
		negative := (a.hi ^ b.hi) < 0
		if ahi|bhi == 0 {
			if hi, lo := bits.Mul64(alo, blo); hi <= math.MaxInt64 {
				return signed(hi, lo, exp, negative)
			}
		} else if hi, lo, ok := mul128(ahi, alo, bhi, blo); ok {
			return signed(hi, lo, exp, negative)
		}
	}
	x := a.coefficient()
	return numOfBig(x.Mul(x, b.coefficient()), exp)
}

// mul128 multiplies two magnitudes and reports whether the product has 127 bits.
func mul128(ahi, alo, bhi, blo uint64) (hi, lo uint64, ok bool) {
	if ahi != 0 && bhi != 0 {
		return 0, 0, false
	}
	hi, lo = bits.Mul64(alo, blo)
	over, cross := bits.Mul64(ahi, blo)
	if bhi != 0 {
		over, cross = bits.Mul64(bhi, alo)
	}
	hi, carry := bits.Add64(hi, cross, 0)
	return hi, lo, over|carry == 0 && hi <= math.MaxInt64
}

// cmp is -1, 0 or 1 as a is less than, equal to or greater than b.
func (a num) cmp(b num) int {
	if a.big != nil || b.big != nil {
		return a.sub(b).sign()
	}
	if a.exp != b.exp {
		if s, t := a.sign(), b.sign(); s != t || s == 0 {
			return compareInts(s, t)
		}
		var ok bool
		if a, b, ok = a.aligned(b); !ok {
			return a.sub(b).sign()
		}
	}
	switch {
	case a.hi < b.hi || a.hi == b.hi && a.lo < b.lo:
		return -1
	case a.hi == b.hi && a.lo == b.lo:
		return 0
	}
	return 1
}

// aligned brings both to one exponent. It reports whether that fits.
func (a num) aligned(b num) (x, y num, ok bool) {
	if a.exp > b.exp {
		x, ok = a.scaled(a.exp - b.exp)
		return x, b, ok
	}
	y, ok = b.scaled(b.exp - a.exp)
	return a, y, ok
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

// scaled is the same number with an exponent lower by n, n ≥ 0. It reports
// whether its coefficient fits into 127 bits; if not, it is unchanged.
func (a num) scaled(n int32) (num, bool) {
	if a.hi == 0 && a.big == nil && int(n) < len(pow10s) { // as nearly always
		if hi, lo := bits.Mul64(a.lo, pow10s[n]); hi <= math.MaxInt64 {
			return num{hi: int64(hi), lo: lo, exp: a.exp - n}, true
		}
	}
	return a.scaledSlowly(n)
}

// scaledSlowly is scaled for numbers of any sign and size.
func (a num) scaledSlowly(n int32) (num, bool) {
	if a.big != nil {
		return a, false
	}
	hi, lo := a.magnitude()
	exp := a.exp - n
	for n > 0 {
		step := min(n, int32(len(pow10s)-1))
		var ok bool
		if hi, lo, ok = mul128(hi, lo, 0, pow10s[step]); !ok {
			return a, false
		}
		n -= step
	}
	return signed(hi, lo, exp, a.hi < 0), true
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
	if a.hi == 0 && a.exp == 0 && a.big == nil { // a small whole number
		return strconv.AppendUint(buf, a.lo, 10)
	}
	if a.isZero() {
		return append(buf, '0')
	}
	if a.negative() {
		buf = append(buf, '-')
	}
	var store [48]byte
	digits := a.abs().appendDigits(store[:0])
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

// appendDigits appends the coefficient of a number that is not negative.
func (a num) appendDigits(buf []byte) []byte {
	const split = 1e19 // the greatest power of ten that fits into 64 bits
	switch {
	case a.big != nil:
		return a.big.Append(buf, 10)
	case a.hi == 0:
		return strconv.AppendUint(buf, a.lo, 10)
	}
	upper, lower := bits.Div64(uint64(a.hi), a.lo, split)
	buf = strconv.AppendUint(buf, upper, 10)
	from := len(buf)
	buf = append(buf, "0000000000000000000"...)
	for i := from + 18; lower > 0; i-- {
		buf[i] = '0' + byte(lower%10)
		lower /= 10
	}
	return buf[:from+19]
}

// String is the number in plain notation.
func (a num) String() string { return string(a.appendTo(nil)) }
