package broker_test

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestParseDecimal(t *testing.T) {
	digits40 := strings.Repeat("1234567890", 4)
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "12.5": "12.5", "-12.50": "-12.5", "007": "7", "1e3": "1000", "1E3": "1000", "1e+3": "1000",
		"1.5e-3": "0.0015", "1e18": "1000000000000000000", "1e-18": "0.000000000000000001", "1e0018": "1000000000000000000",
		digits40:                       digits40,
		digits40 + "e18":               digits40 + strings.Repeat("0", 18),
		"-" + digits40 + "e18":         "-" + digits40 + strings.Repeat("0", 18),
		"0." + digits40[:39] + "e-18":  "0." + strings.Repeat("0", 18) + digits40[:39],
		strings.Repeat("9", 40):        strings.Repeat("9", 40),
		"0." + strings.Repeat("0", 39): "0",
	} {
		d, err := broker.ParseDecimal(text)
		require.NoError(t, err, text)
		require.True(t, d.Equal(dec(want)), "%s is %s, want %s", text, d, want)
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"": "want digits", "-": "want digits", "+1": "want digits", " 1": "want digits", "1 ": "unexpected ' '", "1\n": "unexpected",
		"NaN": "want digits", "Inf": "want digits", "-Infinity": "want digits", "0x10": "unexpected 'x'", "1_000": "unexpected '_'",
		"1,5": "unexpected ','", ".5": "want digits", "5.": "no digit after the point", "1.2.3": "unexpected '.'", "--1": "want digits",
		"1e": "bad exponent", "1e+": "bad exponent", "1e1.5": "bad exponent", "1e1e1": "bad exponent", "1e--1": "bad exponent",
		"1e19": "exponent outside ±18", "1e-19": "exponent outside ±18", "1e99999999999999999999": "exponent outside ±18",
		"\u22121": "want digits", "１": "want digits", "1.7976931348623157E308": "exponent outside ±18",
		strings.Repeat("1", 41):        "more than 40 digits",
		"0." + strings.Repeat("1", 40): "more than 40 digits",
		strings.Repeat("1", 1_000_000): "more than 40 digits",
	} {
		_, err := broker.ParseDecimal(text)
		require.ErrorContains(t, err, "broker: ", "%.60q", text)
		require.ErrorContains(t, err, why, "%.60q", text)
		require.Less(t, len(err.Error()), 400, "the message quotes too much of the text")
	}
}

// number is what ParseDecimal accepts, said in another way.
var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"0", "-12.5", "1e18", "1e-18", "1E+05", "NaN", "0x1p4", "1_0", "9e19", "", "-", ".", "1.", ".1", "00.00e00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := broker.ParseDecimal(text)
		if err != nil {
			require.True(t, d.IsZero(), "a value beside an error")
			return
		}
		require.Regexp(t, number, text)
		want, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		require.Zero(t, d.Rat().Cmp(want), "%s is %s", text, d)
		again, err := broker.ParseDecimal(d.String())
		if err == nil { // plain notation may have more than 40 digits
			require.True(t, again.Equal(d))
		}
		require.LessOrEqual(t, int(d.Exponent()), 18)
		require.GreaterOrEqual(t, int(d.Exponent()), -58)
	})
}

func TestQuo(t *testing.T) {
	for _, c := range []struct {
		x, y   string
		places int32
		want   string
	}{
		{"1", "3", 4, "0.3333"},
		{"2", "3", 4, "0.6667"},
		{"-2", "3", 4, "-0.6667"},
		{"2", "-3", 4, "-0.6667"},
		{"-2", "-3", 4, "0.6667"},
		{"0", "7", 4, "0"},
		// Halves go to the even neighbour, on both sides of zero.
		{"1", "2", 0, "0"},
		{"3", "2", 0, "2"},
		{"5", "2", 0, "2"},
		{"-1", "2", 0, "0"},
		{"-3", "2", 0, "-2"},
		{"-5", "2", 0, "-2"},
		{"0.125", "1", 2, "0.12"},
		{"0.375", "1", 2, "0.38"},
		{"0.12500001", "1", 2, "0.13"},
		// Places before the point.
		{"12345", "1", -2, "12300"},
		{"12350", "1", -2, "12400"},
		{"12250", "1", -2, "12200"},
		{"49", "1", -2, "0"},
		{"50", "1", -2, "0"},
		{"51", "1", -2, "100"},
		// Large and small exponents.
		{"1e18", "1e-18", 2, "1e36"},
		{"1e-18", "1e18", 40, "1e-36"},
		{"1e-18", "1e18", 2, "0"},
		{"7e10000", "7e10000", 3, "1"},
		{"1e-10000", "1e10000", 10, "0"},
	} {
		got, err := broker.Quo(dec(c.x), dec(c.y), c.places)
		require.NoError(t, err)
		require.True(t, got.Equal(dec(c.want)), "%s / %s to %d places is %s, want %s", c.x, c.y, c.places, got, c.want)
	}
}

func TestQuoRefuses(t *testing.T) {
	for _, zero := range []decimal.Decimal{{}, dec("0"), dec("0.000"), dec("-0"), decimal.New(0, 9)} {
		_, err := broker.Quo(dec("1"), zero, 2)
		require.EqualError(t, err, "broker: division by zero")
	}
	for _, c := range []struct {
		x, y   decimal.Decimal
		places int32
	}{
		{decimal.New(1, math.MaxInt32), dec("1"), 2},
		{dec("1"), decimal.New(1, math.MaxInt32), 2},
		{decimal.New(1, math.MinInt32), dec("1"), 2},
		{dec("1"), decimal.New(1, math.MinInt32), 2},
		{dec("1"), dec("1"), math.MaxInt32},
		{dec("1"), dec("1"), math.MinInt32},
		{decimal.New(1, math.MaxInt32), dec("1"), math.MinInt32},
	} {
		_, err := broker.Quo(c.x, c.y, c.places)
		require.ErrorContains(t, err, "out of range")
	}
}

// checkQuo compares a quotient with the exact one, rounded half-even.
func checkQuo(t *testing.T, x, y decimal.Decimal, places int32) {
	t.Helper()
	got, err := broker.Quo(x, y, places)
	if y.IsZero() {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(places, -places))), nil))
	if places < 0 {
		scale.Inv(scale)
	}
	exact := new(big.Rat).Quo(x.Rat(), y.Rat())
	exact.Mul(exact, scale) // in units of the last place
	units := new(big.Rat).Mul(got.Rat(), scale)
	require.True(t, units.IsInt(), "%s / %s to %d places is %s, which has more places", x, y, places, got)
	distance := new(big.Rat).Sub(exact, units)
	half := big.NewRat(1, 2)
	off := distance.Abs(distance).Cmp(half)
	require.LessOrEqual(t, off, 0, "%s / %s to %d places is %s: not the nearest", x, y, places, got)
	if off == 0 {
		require.Zero(t, units.Num().Bit(0), "%s / %s to %d places is %s: not the even one", x, y, places, got)
	}
}

func TestQuoIsExactlyRounded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		x := decimal.New(random.Int64N(2_000)-1_000, int32(random.IntN(9)-4))
		y := decimal.New(random.Int64N(200)-100, int32(random.IntN(9)-4))
		checkQuo(t, x, y, int32(random.IntN(12)-4))
	}
}

func FuzzQuo(f *testing.F) {
	f.Add(int64(1), int32(0), int64(3), int32(0), int32(2))
	f.Add(int64(-5), int32(-1), int64(2), int32(3), int32(-1))
	f.Add(int64(math.MinInt64), int32(-60), int64(math.MaxInt64), int32(60), int32(18))
	f.Fuzz(func(t *testing.T, x int64, xExp int32, y int64, yExp, places int32) {
		checkQuo(t, decimal.New(x, xExp%200), decimal.New(y, yExp%200), places%100)
	})
}

// TestDecodedExponentsAreBounded: what Quo and the like get from JSON cannot
// make them run for minutes.
func TestDecodedExponentsAreBounded(t *testing.T) {
	for _, text := range []string{"1e10001", "1e-10001", `"1e2000000000"`, "1e999999999999"} {
		var m broker.Money
		require.Error(t, json.Unmarshal([]byte(`{"amount":`+text+`,"currency":"USD"}`), &m), text)
	}
	var m broker.Money
	require.NoError(t, json.Unmarshal([]byte(`{"amount":1e10000,"currency":"USD"}`), &m))
	require.Equal(t, int32(10000), m.Amount.Exponent())
	_, err := broker.Quo(m.Amount, dec("1e-10000"), 18)
	require.NoError(t, err)
}

func BenchmarkQuo(b *testing.B) {
	x, y := dec("123456.78"), dec("987.65")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := broker.Quo(x, y, 8); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAppendDecimal compares with the String method.
func TestAppendDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		d := decimal.New(r.Int64()>>r.IntN(64), int32(r.IntN(60)-30))
		if r.IntN(2) == 0 {
			d = d.Neg()
		}
		if r.IntN(10) == 0 {
			d = d.Mul(d)
		}
		require.Equal(t, "x"+d.String(), string(broker.AppendDecimal([]byte("x"), d)))
	}
}
