package broker

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Limits of the numbers that evenkeel accepts from outside.
const (
	maxDigits   = 40
	maxExponent = 18
)

// ParseDecimal reads a number as evenkeel accepts it anywhere: an optional
// minus, digits, an optional fraction, an optional exponent within ±18, at most
// 40 digits. NaN, infinities, a plus sign, white space, hexadecimal and
// underscores are errors that quote the text.
func ParseDecimal(s string) (decimal.Decimal, error) {
	if why := decimalFault(s); why != "" {
		return decimal.Decimal{}, fmt.Errorf("broker: %.60q is not a number: %s", s, why)
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("broker: %.60q is not a number: %w", s, err)
	}
	return d, nil
}

// decimalFault says what is wrong with a number's text, or nothing.
func decimalFault(s string) string {
	rest := strings.TrimPrefix(s, "-")
	whole, rest := digits(rest)
	if whole == 0 {
		return "want digits such as 12.5"
	}
	n := whole
	if strings.HasPrefix(rest, ".") {
		var frac int
		frac, rest = digits(rest[1:])
		if frac == 0 {
			return "no digit after the point"
		}
		n += frac
	}
	if n > maxDigits {
		return fmt.Sprintf("more than %d digits", maxDigits)
	}
	if rest == "" {
		return ""
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return fmt.Sprintf("unexpected %q", rest[0])
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	exp, tail := digits(rest)
	if exp == 0 || tail != "" {
		return "bad exponent"
	}
	var e int
	for _, c := range []byte(rest) {
		if e = e*10 + int(c-'0'); e > maxExponent {
			return fmt.Sprintf("exponent outside ±%d", maxExponent)
		}
	}
	return ""
}

// digits counts the leading digits of s and returns what follows them.
func digits(s string) (n int, rest string) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n, s[n:]
}

// AppendDecimal appends a number in plain notation without trailing zeros, as its
// String method writes it.
func AppendDecimal(b []byte, d decimal.Decimal) []byte {
	exp := int(d.Exponent())
	if d.NumDigits() > 18 || exp > 18 || exp < -18 {
		return append(b, d.String()...)
	}
	c := d.CoefficientInt64()
	if c == 0 {
		return append(b, '0')
	}
	for ; exp < 0 && c%10 == 0; exp++ {
		c /= 10
	}
	if exp == 0 {
		return strconv.AppendInt(b, c, 10)
	}
	if c < 0 {
		b, c = append(b, '-'), -c
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], c, 10)
	point := len(text) + exp
	switch {
	case exp >= 0:
		b = append(b, text...)
		for range exp {
			b = append(b, '0')
		}
		return b
	case point <= 0:
		b = append(b, '0', '.')
		for range -point {
			b = append(b, '0')
		}
		return append(b, text...)
	}
	b = append(b, text[:point]...)
	b = append(b, '.')
	return append(b, text[point:]...)
}

// maxShift is how far apart two exponents and a number of places may be. Beyond
// it a division would take minutes and memory without end. Decoded numbers are
// far within.
const maxShift = 50_000

// Quo divides x by y, rounded half-even to the given number of decimal places,
// which may be negative to round before the point. It is the only division of
// decimals in evenkeel whose result is a value. Errors are a zero divisor and
// exponents of tens of thousands.
func Quo(x, y decimal.Decimal, places int32) (decimal.Decimal, error) {
	if y.IsZero() {
		return decimal.Decimal{}, errors.New("broker: division by zero")
	}
	num, den := x.Coefficient(), y.Coefficient()
	shift := int64(x.Exponent()) - int64(y.Exponent()) + int64(places)
	if max(shift, int64(places)) > maxShift || min(shift, int64(places)) < -maxShift {
		return decimal.Decimal{}, fmt.Errorf("broker: division to %d places: exponents %d and %d are out of range", places, x.Exponent(), y.Exponent())
	}
	if shift >= 0 {
		num.Mul(num, pow10(shift))
	} else {
		den.Mul(den, pow10(-shift))
	}
	if den.Sign() < 0 {
		num.Neg(num)
		den.Neg(den)
	}
	q, r := new(big.Int).DivMod(num, den, new(big.Int)) // floor, as den > 0
	if c := r.Lsh(r, 1).Cmp(den); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return decimal.NewFromBigInt(q, -places), nil
}

// pow10 returns 10^n for n >= 0.
func pow10(n int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil)
}
