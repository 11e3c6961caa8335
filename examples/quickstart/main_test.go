package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// run runs the example and returns what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, logs bytes.Buffer
	require.NoError(t, quickstart(t.Context(), args, &out, &logs), logs.String())
	return out.String()
}

// result runs the example with -json.
func result(t *testing.T, args ...string) *rebalance.Result {
	t.Helper()
	r, err := rebalance.DecodeResult([]byte(strings.TrimSpace(run(t, append(args, "-json")...))))
	require.NoError(t, err)
	return r
}

func TestTheAccountReachesItsTargets(t *testing.T) {
	r := result(t)
	require.Equal(t, rebalance.Completed, r.Outcome, r.Detail)
	require.Len(t, r.Orders, 5)
	for _, o := range r.Orders {
		require.Equal(t, journal.Filled, o.Outcome)
	}
	require.True(t, r.After.Drift.LessThan(r.Before.Drift))
	require.True(t, r.After.Cash.GreaterThanOrEqual(r.After.Reserve))
}

func TestWhatBreaksIsSaid(t *testing.T) {
	for fault, want := range map[string]struct {
		outcome rebalance.Outcome
		said    []string
	}{
		"reject":   {rebalance.CompletedAdjusted, []string{"rejected", "rejected by the exchange", "ack completed_adjusted"}},
		"partial":  {rebalance.CompletedAdjusted, []string{"partially_filled", "ack completed_adjusted"}},
		"lost-ack": {rebalance.Completed, []string{"ack completed"}},
		"cut":      {rebalance.Completed, []string{"ack completed"}},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want.outcome, result(t, "-fault", fault).Outcome)
			report := run(t, "-fault", fault)
			for _, text := range want.said {
				require.Contains(t, report, text)
			}
		})
	}
}

func TestBadFlagsAreNamed(t *testing.T) {
	var out, logs bytes.Buffer
	require.ErrorContains(t, quickstart(t.Context(), []string{"-fault", "meteor"}, &out, &logs), `"meteor" is none of cut, lost-ack, partial, reject`)
	require.ErrorContains(t, quickstart(t.Context(), []string{"now"}, &out, &logs), `"now"`)
	require.Empty(t, out.String())
}
