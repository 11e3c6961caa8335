package ibkr

import (
	"errors"
	"math"
	"testing"

	"github.com/scmhub/ibsync"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestFromFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 0.1: "0.1", 100.1: "100.1", -1: "-1", 1e-7: "0.0000001", 123456789.12: "123456789.12", 1e15: "1000000000000000",
	} {
		d, err := fromFloat(f)
		require.NoError(t, err)
		require.Equal(t, want, d.String())
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e16, -1e16, 1e300} {
		_, err := fromFloat(f)
		require.Error(t, err, "%v", f)
		require.NotErrorIs(t, err, errUnset)
	}
	for _, f := range []float64{math.MaxFloat64, -math.MaxFloat64} {
		_, err := fromFloat(f)
		require.ErrorIs(t, err, errUnset)
	}
}

func TestFromText(t *testing.T) {
	d, err := fromText(" 12.50 ")
	require.NoError(t, err)
	require.True(t, d.Equal(num("12.5")))
	for _, s := range []string{"", " ", "1.7976931348623157E308", "-1.7976931348623157E308", "1.7976931348623157e+308"} {
		_, err := fromText(s)
		require.ErrorIs(t, err, errUnset, "%q", s)
	}
	for _, s := range []string{"NaN", "1,000", "0x10", "1e17", "abc", "--1", "1.7976931348623157"} {
		_, err := fromText(s)
		if s == "1.7976931348623157" {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%q", s)
		require.NotErrorIs(t, err, errUnset, "%q", s)
	}
}

func TestToFixed(t *testing.T) {
	for _, s := range []string{"1", "0.0000001", "99999999999.9999999", "-5", "12.3400000", "1000000000"} {
		f, err := toFixed(num(s))
		require.NoError(t, err, s)
		back, err := fromFixed(f)
		require.NoError(t, err)
		require.True(t, back.Equal(num(s)), "%s came back as %s", s, back)
	}
	for _, s := range []string{"0.00000001", "1000000000000", "1.23456789", "9999999999999999999999"} {
		_, err := toFixed(num(s))
		require.Error(t, err, s)
	}
	_, err := fromFixed(ibsync.UNSET_DECIMAL)
	require.ErrorIs(t, err, errUnset)
}

func TestToFloat(t *testing.T) {
	for _, s := range []string{"1", "0.01", "100.10", "99.99", "123456.7891", "0.0001", "999999999999.99", "1e9"} {
		f, err := toFloat(num(s))
		require.NoError(t, err, s)
		back, err := fromFloat(f)
		require.NoError(t, err)
		require.True(t, back.Equal(num(s)))
	}
	for _, s := range []string{"0.12345678901234567", "12345678901234567", "1e16"} {
		_, err := toFloat(num(s))
		require.Error(t, err, s)
	}
}

func TestPriceIsAboveZero(t *testing.T) {
	for _, f := range []float64{0, -1, -100, math.NaN(), math.MaxFloat64, math.Inf(1)} {
		require.False(t, price(f).Valid, "%v", f)
	}
	require.True(t, price(0.01).Valid)
}

// What is sent is exactly what was asked for, or nothing is sent.
func FuzzConvert(f *testing.F) {
	f.Add(int64(12345), int32(-2))
	f.Add(int64(math.MaxInt64), int32(-7))
	f.Add(int64(-1), int32(10))
	f.Fuzz(func(t *testing.T, coefficient int64, exponent int32) {
		d := decimal.New(coefficient, exponent%20)
		if x, err := toFloat(d); err == nil {
			back, err := fromFloat(x)
			require.NoError(t, err)
			require.True(t, back.Equal(d), "%s became %s", d, back)
		}
		if x, err := toFixed(d); err == nil {
			back, err := fromFixed(x)
			require.NoError(t, err)
			require.True(t, back.Equal(d), "%s became %s", d, back)
		}
	})
}

func FuzzFromText(f *testing.F) {
	for _, s := range []string{"12.5", "1.7976931348623157E308", "", "NaN", "1e5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := fromText(s)
		if err == nil {
			require.False(t, d.Abs().GreaterThan(maxAmount))
		} else if !errors.Is(err, errUnset) {
			require.NotEmpty(t, err.Error())
		}
	})
}
