package allocation_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/allocationtest"
)

func TestStaticConforms(t *testing.T) {
	allocationtest.Run(t, harness)
}

// harness is a source for the suite.
func harness(t *testing.T) allocationtest.Harness {
	t.Helper()
	s, err := allocation.NewStatic(allocation.Rules{})
	require.NoError(t, err)
	return allocationtest.Harness{Source: s, Set: func(a allocation.Allocation) error { return s.Set(a) }}
}

func TestStaticListsWhatItKnows(t *testing.T) {
	s, err := allocation.NewStatic(allocation.Rules{})
	require.NoError(t, err)
	_, err = s.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: "core"})
	require.EqualError(t, err, "allocation: strategy core: account U1: unknown strategy: known are none")

	b := core(t, "A", "1")
	b.Strategy = "bonds"
	require.NoError(t, s.Set(core(t, "A", "1"), b))
	_, err = s.Allocation(t.Context(), allocation.Query{Strategy: "x"})
	require.EqualError(t, err, "allocation: strategy x: unknown strategy: known are bonds, core")

	for i := range 30 {
		b.Strategy = fmt.Sprintf("s%02d", i)
		require.NoError(t, s.Set(b))
	}
	_, err = s.Allocation(t.Context(), allocation.Query{Strategy: "x"})
	require.ErrorContains(t, err, "s17 and 12 more")
}

func TestStaticSetsAllOrNothing(t *testing.T) {
	s, err := allocation.NewStatic(allocation.Rules{}, core(t, "A", "1"))
	require.NoError(t, err)
	bad := core(t, "B", "2")
	bad.Strategy = "bad"
	for _, set := range [][]allocation.Allocation{
		{core(t, "B", "1"), bad},
		{core(t, "B", "1"), core(t, "C", "1")},
		{core(t, "B", "1"), {Targets: targets(t, "B", "1")}},
	} {
		require.ErrorIs(t, s.Set(set...), allocation.ErrInvalid)
	}
	a, err := s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
	require.NoError(t, err)
	requireSame(t, core(t, "A", "1"), a)
	require.Equal(t, allocation.Schema, a.Schema)

	_, err = allocation.NewStatic(allocation.Rules{}, bad)
	require.ErrorIs(t, err, allocation.ErrInvalid)
	_, err = allocation.NewStatic(allocation.Rules{MaxAge: -1})
	require.Error(t, err)
}

func TestStaticNamesAVersion(t *testing.T) {
	a := core(t, "A", "1")
	a.Version = ""
	s, err := allocation.NewStatic(allocation.Rules{}, a)
	require.NoError(t, err)
	got, err := s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
	require.NoError(t, err)
	require.Equal(t, allocation.Hash(a), got.Version)
}

func Example() {
	aapl, _ := allocation.NewTarget("aapl", "0.6")
	msft, _ := allocation.NewTarget("MSFT", "0.4")
	source, err := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{
		Strategy: "core", Version: "2026-03", Targets: []allocation.Target{aapl, msft},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := source.Allocation(context.Background(), allocation.Query{Account: "U1234567", Strategy: "core"})
	fmt.Println(a.Version, a.Targets[0].Symbol, a.Targets[0].Weight, err)
	// Output: 2026-03 AAPL 0.6 <nil>
}

func ExampleRules_Check() {
	a := allocation.Allocation{Strategy: "core", Targets: []allocation.Target{{Symbol: "AAPL", Weight: decimal.New(5, -1)}}}
	fmt.Println(allocation.Rules{}.Check(a, noon))
	cash := allocation.Rules{MinSum: decimal.New(1, -1)} // the model may hold cash
	fmt.Println(cash.Check(a, noon))
	// Output:
	// allocation: strategy core: invalid allocation: the weights sum to 0.5, want 0.99 to 1.01
	// <nil>
}
