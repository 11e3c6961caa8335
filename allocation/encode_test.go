package allocation_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
)

// requireSame compares two allocations by value.
func requireSame(t *testing.T, want, got allocation.Allocation) {
	t.Helper()
	require.Equal(t, want.Strategy, got.Strategy)
	require.Equal(t, want.Version, got.Version)
	require.True(t, want.AsOf.Equal(got.AsOf), "%s, %s", want.AsOf, got.AsOf)
	require.Len(t, got.Targets, len(want.Targets))
	for i, w := range want.Targets {
		require.Equal(t, w.Symbol, got.Targets[i].Symbol)
		require.True(t, w.Weight.Equal(got.Targets[i].Weight), "%s: %s, %s", w.Symbol, w.Weight, got.Targets[i].Weight)
	}
}

func TestEncodeGolden(t *testing.T) {
	const file = "testdata/allocation.json"
	a := core(t, "AAPL", "0.60", "BRK.B", "0.123456789012345678", "MSFT", "2e-1", "ZERO", "0.000")
	a.AsOf = time.Date(2026, 3, 2, 9, 30, 0, 5000, time.FixedZone("", -5*3600))
	data, err := allocation.Encode(a)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o644))
	}
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(golden)), string(data))
	got, err := allocation.Decode(golden)
	require.NoError(t, err)
	require.Equal(t, allocation.Schema, got.Schema)
	requireSame(t, a, got)
}

func TestEncodeKeepsATimeThatIsNotKnown(t *testing.T) {
	a := core(t, "A", "1")
	a.AsOf = time.Time{}
	data, err := allocation.Encode(a)
	require.NoError(t, err)
	require.NotContains(t, string(data), "as_of")
	got, err := allocation.Decode(data)
	require.NoError(t, err)
	require.True(t, got.AsOf.IsZero())
}

func TestEncodeRefusesWhatCannotBeRead(t *testing.T) {
	for name, change := range map[string]func(a *allocation.Allocation){
		"no targets":       func(a *allocation.Allocation) { a.Targets = nil },
		"twice":            func(a *allocation.Allocation) { a.Targets = targets(t, "A", "0.5", "A", "0.5") },
		"symbol":           func(a *allocation.Allocation) { a.Targets[0].Symbol = "a" },
		"digits":           func(a *allocation.Allocation) { a.Targets[0].Weight = dec(t, "0."+strings.Repeat("1", 41)) },
		"exponent":         func(a *allocation.Allocation) { a.Targets[0].Weight = dec(t, "1e9999") },
		"schema":           func(a *allocation.Allocation) { a.Schema = 2 },
		"strategy":         func(a *allocation.Allocation) { a.Strategy = "\xff" },
		"version":          func(a *allocation.Allocation) { a.Version = strings.Repeat("v", 300) },
		"year":             func(a *allocation.Allocation) { a.AsOf = noon.AddDate(9000, 0, 0) },
		"more than 1 MiB":  func(a *allocation.Allocation) { a.Targets = many(t, 60_000) },
		"strategy too big": func(a *allocation.Allocation) { a.Strategy = strings.Repeat("s", 1<<21) },
	} {
		t.Run(name, func(t *testing.T) {
			a := core(t, "A", "1")
			change(&a)
			data, err := allocation.Encode(a)
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.Nil(t, data)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

// many returns n targets with different symbols.
func many(t *testing.T, n int) []allocation.Target {
	t.Helper()
	out := make([]allocation.Target, n)
	for i := range out {
		out[i].Symbol = broker.InstrumentID("S" + strconv.Itoa(i))
	}
	return out
}

func TestDecodeIsStrict(t *testing.T) {
	valid := func(inner string) string {
		return `{"schema":1,"strategy":"core","version":"v","as_of":"2026-03-02T12:00:00Z","targets":[` + inner + `]}`
	}
	for name, text := range map[string]string{
		"nothing":               ``,
		"null":                  `null`,
		"a list":                `[]`,
		"empty object":          `{}`,
		"html":                  `<html></html>`,
		"cut off":               valid(`{"symbol":"A","weight":"1"}`)[:80],
		"no schema":             `{"strategy":"core","version":"v","targets":[{"symbol":"A","weight":"1"}]}`,
		"newer schema":          strings.Replace(valid(`{"symbol":"A","weight":"1"}`), `:1,`, `:2,`, 1),
		"no targets":            `{"schema":1,"strategy":"core","version":"v"}`,
		"null targets":          `{"schema":1,"strategy":"core","version":"v","targets":null}`,
		"empty targets":         valid(``),
		"null target":           valid(`null`),
		"no symbol":             valid(`{"weight":"1"}`),
		"no weight":             valid(`{"symbol":"A"}`),
		"null weight":           valid(`{"symbol":"A","weight":null}`),
		"weight is a number":    valid(`{"symbol":"A","weight":1}`),
		"weight NaN":            valid(`{"symbol":"A","weight":"NaN"}`),
		"weight Inf":            valid(`{"symbol":"A","weight":"Inf"}`),
		"weight with space":     valid(`{"symbol":"A","weight":" 1"}`),
		"weight exponent":       valid(`{"symbol":"A","weight":"1e99"}`),
		"weight digits":         valid(`{"symbol":"A","weight":"0.` + strings.Repeat("1", 41) + `"}`),
		"twice":                 valid(`{"symbol":"A","weight":"0.5"},{"symbol":"a ","weight":"0.5"}`),
		"symbol":                valid(`{"symbol":"A B","weight":"1"}`),
		"duplicate field":       valid(`{"symbol":"A","weight":"1","weight":"0"}`),
		"duplicate field, case": valid(`{"symbol":"A","weight":"1","Weight":"0"}`),
		"unknown field":         valid(`{"symbol":"A","weight":"1","x":0}`),
		"data behind":           valid(`{"symbol":"A","weight":"1"}`) + `{}`,
		"as_of":                 strings.Replace(valid(`{"symbol":"A","weight":"1"}`), "2026-03-02T", "2026-03-02 ", 1),
		"too long":              valid(`{"symbol":"A","weight":"1"}`) + strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			a, err := allocation.Decode([]byte(text))
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.Zero(t, a)
			var e *allocation.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, allocation.KindPermanent, e.Kind)
		})
	}
	a, err := allocation.Decode([]byte(valid(`{"symbol":" brk.b ","weight":"1"}`)))
	require.NoError(t, err)
	require.Equal(t, broker.InstrumentID("BRK.B"), a.Targets[0].Symbol, "normalised")
}

func TestHash(t *testing.T) {
	a := core(t, "A", "0.5", "B", "0.25", "C", "0.25")
	hash := allocation.Hash(a)
	require.Equal(t, "3a9a0b5996b4268f558931f07443aab3932fcd8713c89d9ddf4a3986123567b5", hash)
	for name, same := range map[string]allocation.Allocation{
		"order":    core(t, "C", "0.25", "A", "0.5", "B", "0.25"),
		"spelling": core(t, "A", "0.50", "B", "25e-2", "C", "0.2500"),
		"version":  {Strategy: "core", Version: "other", Targets: a.Targets},
	} {
		require.Equal(t, hash, allocation.Hash(same), name)
	}
	for name, other := range map[string]allocation.Allocation{
		"weight":   core(t, "A", "0.5", "B", "0.25", "C", "0.2500001"),
		"symbol":   core(t, "A", "0.5", "B", "0.25", "D", "0.25"),
		"fewer":    core(t, "A", "0.5", "B", "0.25"),
		"swapped":  core(t, "A", "0.25", "B", "0.5", "C", "0.25"),
		"strategy": {Strategy: "core2", Targets: a.Targets},
	} {
		require.NotEqual(t, hash, allocation.Hash(other), name)
	}
	require.Equal(t, broker.InstrumentID("A"), a.Targets[0].Symbol, "the argument is not sorted")
}

func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile("testdata/allocation.json")
	require.NoError(f, err)
	f.Add(golden)
	f.Add([]byte(`{"schema":1,"strategy":"","version":"","targets":[{"symbol":"A","weight":"1e-18"}]}`))
	f.Add([]byte(`{"schema":1,"as_of":"0000-01-01T00:00:00+23:59","targets":[{"symbol":"A","weight":"-0"}]}`))
	f.Add([]byte(`{"schema":1,"targets":[{"symbol":"A","weight":"1234567890123456789012345678901234567890e18"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := allocation.Decode(data)
		if err != nil {
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.Zero(t, a)
			return
		}
		require.NotEmpty(t, a.Targets)
		again, err := allocation.Encode(a)
		require.NoError(t, err, "what was read can be written")
		b, err := allocation.Decode(again)
		require.NoError(t, err)
		requireSame(t, a, b)
		require.Equal(t, allocation.Hash(a), allocation.Hash(b))
		_ = allocation.Rules{}.Check(a, noon)
	})
}
