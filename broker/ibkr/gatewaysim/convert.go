package gatewaysim

import (
	"fmt"
	"math"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// All conversions between the decimals inside and the floats that the wire
// demands are in this file.

// toFloat returns the float nearest to d.
func toFloat(d decimal.Decimal) float64 { return d.InexactFloat64() }

// toFloatPtr is toFloat for an optional field of a message.
func toFloatPtr(d decimal.Decimal) *float64 {
	f := toFloat(d)
	return &f
}

// fromFloat returns the shortest decimal that reads back as f. NaN, infinities
// and the greatest double, which means "not set", are errors.
func fromFloat(f float64) (decimal.Decimal, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) == unsetFloat {
		return decimal.Decimal{}, fmt.Errorf("gatewaysim: %v is no amount", f)
	}
	return decimal.NewFromString(strconv.FormatFloat(f, 'f', -1, 64))
}

// fromOptional is fromFloat with zero for a field that is not set.
func fromOptional(f *float64) (decimal.Decimal, error) {
	if f == nil || *f == unsetFloat {
		return decimal.Decimal{}, nil
	}
	return fromFloat(*f)
}

// average returns sum/n to eight places, zero if n is zero.
func average(sum, n decimal.Decimal) decimal.Decimal {
	q, err := broker.Quo(sum, n, 8)
	if err != nil {
		return decimal.Decimal{}
	}
	return q
}
