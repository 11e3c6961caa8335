package allocationtest

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
)

// model makes an allocation of pairs of symbol and weight, as they are.
func model(strategy string, pairs ...string) allocation.Allocation {
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: strategy, AsOf: day}
	for p := range slices.Chunk(pairs, 2) {
		a.Targets = append(a.Targets, allocation.Target{Symbol: broker.InstrumentID(p[0]), Weight: number(p[1])})
	}
	return a
}

// number reads a number of the suite's own.
func number(s string) decimal.Decimal {
	d, err := decimal.NewFromString(s)
	if err != nil {
		panic(err)
	}
	return d
}

// get asks for a strategy that is there.
func get(t T, h Harness, strategy string) allocation.Allocation {
	t.Helper()
	a, err := h.Source.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: strategy})
	require.NoError(t, err)
	return a
}

// requireTargets compares targets in any order.
func requireTargets(t T, want, got allocation.Allocation) {
	t.Helper()
	require.True(t, sameTargets(want, got), "want the targets %v, have %v", want.Targets, got.Targets)
}

// sameTargets compares targets in any order, weights by value.
func sameTargets(x, y allocation.Allocation) bool {
	bySymbol := func(a, b allocation.Target) int { return strings.Compare(string(a.Symbol), string(b.Symbol)) }
	return slices.EqualFunc(
		slices.SortedFunc(slices.Values(x.Targets), bySymbol),
		slices.SortedFunc(slices.Values(y.Targets), bySymbol),
		func(a, b allocation.Target) bool { return a.Symbol == b.Symbol && a.Weight.Equal(b.Weight) },
	)
}

// requireZero demands that no allocation came with an error.
func requireZero(t T, a allocation.Allocation) {
	t.Helper()
	require.Zero(t, a, "an error comes without an allocation")
}
