package allocationtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/retry"
)

// Cases returns the suite.
func Cases() []Case {
	return []Case{
		{"gives the targets in full", givesTargets},
		{"keeps every digit of a weight", keepsDigits},
		{"says when the targets were decided", keepsAsOf},
		{"names a version that goes with the targets", namesVersions},
		{"gives what is there now", givesNews},
		{"keeps strategies apart, whatever their names", keepsApart},
		{"reports an unknown strategy", reportsUnknown},
		{"never gives an invalid allocation", refusesInvalid},
		{"hands the allocation over to the caller", handsOver},
		{"ends with its context", endsWithContext},
		{"is safe for concurrent use", isConcurrent},
	}
}

// day is when the suite's allocations were decided.
var day = time.Date(2024, 5, 3, 0, 0, 0, 0, time.UTC)

func givesTargets(t T, h Harness) {
	a := model("core", "AAPL", "0.5", "BRK.B", "0.3", "MSFT", "0.2", "ZERO", "0")
	require.NoError(t, h.Set(a))
	got := get(t, h, "core")
	require.Equal(t, "core", got.Strategy)
	require.Equal(t, allocation.Schema, got.Schema)
	requireTargets(t, a, got)
	require.NoError(t, allocation.Rules{}.Check(got, day))
}

func keepsDigits(t T, h Harness) {
	a := model("core", "A", "0.333333333333333333", "B", "0.300000000000000000000000000001", "C", "0.366666666666666666")
	require.NoError(t, h.Set(a))
	requireTargets(t, a, get(t, h, "core"))
}

func keepsAsOf(t T, h Harness) {
	require.NoError(t, h.Set(model("core", "A", "1")))
	require.True(t, get(t, h, "core").AsOf.Equal(day), "as of %s", day)
}

func namesVersions(t T, h Harness) {
	require.NoError(t, h.Set(model("core", "A", "0.6", "B", "0.4")))
	first := get(t, h, "core")
	require.NotEmpty(t, first.Version)
	require.Equal(t, first.Version, get(t, h, "core").Version, "asked twice")
	require.NoError(t, h.Set(model("core", "A", "0.5", "B", "0.5")))
	require.NotEqual(t, first.Version, get(t, h, "core").Version, "other targets")
}

func givesNews(t T, h Harness) {
	for _, w := range []string{"0.6", "0.3", "0.6"} {
		rest := decimal.New(1, 0).Sub(number(w))
		a := model("core", "A", w, "B", rest.String())
		require.NoError(t, h.Set(a))
		requireTargets(t, a, get(t, h, "core"))
	}
	a := model("core", "C", "1")
	require.NoError(t, h.Set(a))
	requireTargets(t, a, get(t, h, "core"))
}

func keepsApart(t T, h Harness) {
	names := []string{"core", "core2", "a b", "a/b", "../core", "100%25", "q?x=1#y", "größe"}
	for i, name := range names {
		require.NoError(t, h.Set(model(name, "A", "0.5", fmt.Sprintf("S%d", i), "0.5")))
	}
	for i, name := range names {
		got := get(t, h, name)
		require.Equal(t, name, got.Strategy)
		requireTargets(t, model(name, "A", "0.5", fmt.Sprintf("S%d", i), "0.5"), got)
	}
}

func reportsUnknown(t T, h Harness) {
	require.NoError(t, h.Set(model("core", "A", "1")))
	for _, name := range []string{"cor", "core ", "other", ""} {
		a, err := h.Source.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: name})
		require.Error(t, err, "strategy %q", name)
		require.ErrorIs(t, err, allocation.ErrUnknownStrategy)
		require.NotErrorIs(t, err, allocation.ErrInvalid)
		requireZero(t, a)
		var e *allocation.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, name, e.Strategy)
		require.Equal(t, broker.AccountID("U1"), e.Account)
		require.Equal(t, retry.Permanent, retry.ClassOf(err))
	}
}

func refusesInvalid(t T, h Harness) {
	require.NoError(t, h.Set(model("old", "A", "1")))
	for _, c := range []struct {
		name  string
		pairs []string
	}{
		{"empty", nil},
		{"half", []string{"A", "0.5"}},
		{"too much", []string{"A", "0.9", "B", "0.8"}},
		{"negative", []string{"A", "1.5", "B", "-0.5"}},
		{"zero", []string{"A", "0"}},
		{"twice", []string{"A", "0.5", "A", "0.5"}},
		{"not a symbol", []string{"A B", "1"}},
	} {
		if h.Set(model(c.name, c.pairs...)) != nil {
			continue
		}
		a, err := h.Source.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: c.name})
		require.ErrorIs(t, err, allocation.ErrInvalid, "an allocation that is %s", c.name)
		requireZero(t, a)
		var e *allocation.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.name, e.Strategy)
		require.Equal(t, retry.Permanent, retry.ClassOf(err))
	}
	requireTargets(t, model("old", "A", "1"), get(t, h, "old"))
}

func handsOver(t T, h Harness) {
	a := model("core", "A", "0.6", "B", "0.4")
	require.NoError(t, h.Set(a))
	a.Targets[0].Symbol = "X"
	want := model("core", "A", "0.6", "B", "0.4")
	got := get(t, h, "core")
	requireTargets(t, want, got)
	got.Targets[0] = allocation.Target{Symbol: "Y"}
	_ = append(got.Targets[:1], allocation.Target{Symbol: "Z"})
	requireTargets(t, want, get(t, h, "core"))
}

func endsWithContext(t T, h Harness) {
	require.NoError(t, h.Set(model("core", "A", "1")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, err := h.Source.Allocation(ctx, allocation.Query{Strategy: "core"})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, retry.Cancelled, retry.ClassOf(err))
	requireZero(t, a)
	ctx, cancel = context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	a, err = h.Source.Allocation(ctx, allocation.Query{Strategy: "core"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireZero(t, a)
}

func isConcurrent(t T, h Harness) {
	versions := []allocation.Allocation{
		model("core", "A", "0.6", "B", "0.4"),
		model("core", "C", "0.1", "D", "0.9"),
		model("core", "A", "1"),
	}
	require.NoError(t, h.Set(versions[0]))
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for range 4 {
		wg.Go(func() {
			for range 25 {
				got, err := h.Source.Allocation(t.Context(), allocation.Query{Strategy: "core"})
				if err == nil && !slices.ContainsFunc(versions, func(v allocation.Allocation) bool { return sameTargets(v, got) }) {
					err = fmt.Errorf("targets that were never set: %v", got.Targets)
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	var setErr error
	for i := range 25 {
		if setErr = h.Set(versions[i%len(versions)]); setErr != nil {
			break
		}
	}
	wg.Wait()
	require.NoError(t, setErr)
	require.Empty(t, errs)
}
