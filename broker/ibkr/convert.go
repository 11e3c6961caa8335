package ibkr

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/scmhub/ibsync"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// All conversions between exact decimals and the client library's floats and
// 64-bit decimals are in this file. What cannot be converted exactly is an error.

// maxFloatDigits is how many digits a float carries for certain.
const maxFloatDigits = 15

var (
	errUnset = errors.New("ibkr: the value is not set")
	// maxAmount bounds what is believed from the gateway, on either side of zero.
	maxAmount = decimal.New(1, 15)
)

// fromFloat returns the shortest decimal that reads back as f. What the library
// uses for "not set" is errUnset; NaN, infinities and absurd sizes are errors.
func fromFloat(f float64) (decimal.Decimal, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return decimal.Decimal{}, fmt.Errorf("ibkr: %v is no amount", f)
	case math.Abs(f) == ibsync.UNSET_FLOAT:
		return decimal.Decimal{}, errUnset
	}
	return bounded(decimal.NewFromString(strconv.FormatFloat(f, 'f', -1, 64)))
}

// fromFixed returns a quantity of the library. It has seven places.
func fromFixed(d ibsync.Decimal) (decimal.Decimal, error) {
	if d == ibsync.UNSET_DECIMAL {
		return decimal.Decimal{}, errUnset
	}
	return bounded(decimal.NewFromString(ibsync.DecimalToString(d)))
}

// fromText returns an amount that the gateway wrote as text. Nothing, and what
// the gateway writes for "not set", is errUnset.
func fromText(s string) (decimal.Decimal, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return decimal.Decimal{}, errUnset
	}
	if strings.HasPrefix(strings.TrimPrefix(s, "-"), "1.79769") && strings.ContainsAny(s, "eE") {
		return decimal.Decimal{}, errUnset
	}
	return bounded(broker.ParseDecimal(s))
}

// bounded refuses what no amount, price or quantity can be.
func bounded(d decimal.Decimal, err error) (decimal.Decimal, error) {
	if err != nil {
		return decimal.Decimal{}, err
	}
	if d.Abs().GreaterThan(maxAmount) {
		return decimal.Decimal{}, fmt.Errorf("ibkr: %s is out of range", d)
	}
	return d, nil
}

// optional is an amount that may be missing.
func optional(d decimal.Decimal, err error) decimal.NullDecimal {
	if err != nil {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(d)
}

// price is a price that may be missing: what is not above zero is none.
func price(f float64) decimal.NullDecimal {
	d, err := fromFloat(f)
	if err != nil || d.Sign() <= 0 {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(d)
}

// toFloat returns the float that is written as exactly d, or an error.
func toFloat(d decimal.Decimal) (float64, error) {
	if n := d.NumDigits(); n > maxFloatDigits && len(strings.TrimRight(d.Coefficient().String(), "0")) > maxFloatDigits {
		return 0, fmt.Errorf("ibkr: %s has more than %d digits: the gateway takes no more", d, maxFloatDigits)
	}
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		return 0, fmt.Errorf("ibkr: %s cannot be sent: %w", d, err)
	}
	if back, err := fromFloat(f); err != nil || !back.Equal(d) {
		return 0, fmt.Errorf("ibkr: %s cannot be sent exactly", d)
	}
	return f, nil
}

// toFixed returns the library's decimal that is exactly d, or an error.
func toFixed(d decimal.Decimal) (ibsync.Decimal, error) {
	f := ibsync.StringToDecimal(d.String())
	if back, err := fromFixed(f); err != nil || !back.Equal(d) {
		return ibsync.UNSET_DECIMAL, fmt.Errorf("ibkr: %s cannot be sent exactly: at most 7 decimal places and 11 digits before the point", d)
	}
	return f, nil
}
