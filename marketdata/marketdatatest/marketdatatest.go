package marketdatatest

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Harness is a source under test and what is known about its answers.
type Harness struct {
	// Source is the source under test. Required.
	Source marketdata.PriceSource
	// Found are instruments that the source has a quote for, throughout the
	// test. At least two.
	Found []broker.InstrumentID
	// Missing are instruments that the source has no quote for. At least one.
	Missing []broker.InstrumentID
	// Patience is how long an answer may take after its context ended, before
	// the source counts as blocked. Default: 5 s.
	Patience time.Duration
}

// Run checks a source, with a fresh harness for each of its tests.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

// tb is what the cases need of a *testing.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Context() context.Context
}

// testCase is one promise of the contract.
type testCase struct {
	name  string
	check func(tb, Harness)
}

// run checks the harness, then the promise.
func (c testCase) run(t tb, h Harness) {
	t.Helper()
	require.NotNil(t, h.Source, "harness: Source is required")
	require.GreaterOrEqual(t, len(h.Found), 2, "harness: Found needs two instruments")
	require.NotEmpty(t, h.Missing, "harness: Missing needs an instrument")
	h.Patience = cmp.Or(h.Patience, 5*time.Second)
	c.check(t, h)
}

// all are the instruments that the harness names.
func (h *Harness) all() []broker.InstrumentID { return slices.Concat(h.Found, h.Missing) }

// ask returns the source's answer, which must not be an error.
func (h *Harness) ask(t tb, ids []broker.InstrumentID) marketdata.Quotes {
	t.Helper()
	answer, err := h.Source.Quotes(t.Context(), ids)
	require.NoError(t, err)
	return answer
}

// names returns what an answer has, sorted.
func names[V any](m map[broker.InstrumentID]V) []broker.InstrumentID {
	ids := make([]broker.InstrumentID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// sorted returns ids in order, without duplicates.
func sorted(ids []broker.InstrumentID) []broker.InstrumentID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
