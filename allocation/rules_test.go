package allocation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/retry"
)

func TestRulesAcceptWhatIsValid(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules allocation.Rules
		pairs []string
	}{
		{"one target", allocation.Rules{}, []string{"A", "1"}},
		{"a weight of 0", allocation.Rules{}, []string{"A", "1", "B", "0"}},
		{"the least sum", allocation.Rules{}, []string{"A", "0.5", "B", "0.49"}},
		{"the largest sum", allocation.Rules{}, []string{"A", "0.5", "B", "0.51"}},
		{"model cash", allocation.Rules{MinSum: decimal.New(3, -1)}, []string{"A", "0.1", "B", "0.2"}},
		{"leverage", allocation.Rules{MaxSum: decimal.New(2, 0)}, []string{"A", "1.5", "B", "0.5"}},
		{"symbols with signs", allocation.Rules{}, []string{"BRK.B", "0.5", "^GSPC", "0.5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.rules.Check(core(t, c.pairs...), noon))
		})
	}
}

func TestRulesRefuseWhatIsNot(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs []string
		want  []string // parts of the error
	}{
		{"empty", nil, []string{"it has no targets"}},
		{"sum too small", []string{"A", "0.5", "B", "0.4899"}, []string{"sum to 0.9899, want 0.99 to 1.01"}},
		{"sum too large", []string{"A", "0.5", "B", "0.5100001"}, []string{"sum to 1.0100001"}},
		{"half", []string{"A", "0.5"}, []string{"sum to 0.5"}},
		{"all zero", []string{"A", "0", "B", "0"}, []string{"all weights are 0"}},
		{"negative", []string{"A", "1.1", "B", "-0.1"}, []string{`weight of "A" is 1.1`, `weight of "B" is -0.1`}},
		{"twice", []string{"A", "0.5", "A", "0.5"}, []string{`symbol "A" is there twice`}},
		{"lower case", []string{"a", "1"}, []string{`symbol "a" is not normalised: want "A"`}},
		{"space", []string{" A", "1"}, []string{`symbol " A" is not normalised`}},
		{"no symbol", []string{"", "1"}, []string{"target 0", "empty"}},
		{"not a symbol", []string{"A B", "1"}, []string{"target 0", `"A B"`}},
		{"too many digits", []string{"A", "0." + strings.Repeat("3", 50)}, []string{`weight of "A" cannot be kept`}},
		{"out of proportion", []string{"A", "1e-5000"}, []string{`weight of "A" is out of all proportion`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := allocation.Rules{}.Check(core(t, c.pairs...), noon)
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.NotErrorIs(t, err, allocation.ErrStale)
			require.Equal(t, retry.Permanent, retry.ClassOf(err))
			require.ErrorContains(t, err, "allocation: strategy core: invalid allocation: ")
			for _, part := range c.want {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

func TestRulesCheckTheAge(t *testing.T) {
	for _, c := range []struct {
		name   string
		maxAge time.Duration
		asOf   time.Time
		want   error
	}{
		{"no limit", 0, noon.AddDate(-20, 0, 0), nil},
		{"no limit, not known", 0, time.Time{}, nil},
		{"as old as allowed", time.Hour, noon.Add(-time.Hour), nil},
		{"older", time.Hour, noon.Add(-time.Hour - 1), allocation.ErrStale},
		{"not known", time.Hour, time.Time{}, allocation.ErrStale},
		{"a little ahead", time.Hour, noon.Add(time.Minute), nil},
		{"in the year 0", 0, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), allocation.ErrInvalid},
		{"ahead", 0, noon.Add(time.Minute + 1), allocation.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := core(t, "A", "1")
			a.AsOf = c.asOf
			err := allocation.Rules{MaxAge: c.maxAge}.Check(a, noon)
			require.ErrorIs(t, err, c.want)
			if c.asOf.Year() > 0 {
				require.NoError(t, allocation.Rules{MaxAge: c.maxAge}.Check(a, time.Time{}), "no clock, no age")
			}
		})
	}
}

func TestRulesTellAllFaultsAtOnce(t *testing.T) {
	a := core(t, "A", "-1", "b", "0.3", "A", "9")
	a.AsOf, a.Version = noon.Add(-2*time.Hour), "v\n"
	err := allocation.Rules{MaxAge: time.Hour}.Check(a, noon)
	require.ErrorIs(t, err, allocation.ErrInvalid)
	require.ErrorIs(t, err, allocation.ErrStale)
	for _, part := range []string{`"A" is -1`, `"b" is not normalised`, "twice", `"A" is 9`, "sum to 8.3", "control character", "2026-03-02T10:00:00Z"} {
		require.ErrorContains(t, err, part)
	}

	a = core(t)
	for i := range 100 {
		a.Targets = append(a.Targets, targets(t, fmt.Sprintf("x%d", i), "0.01")...)
	}
	err = allocation.Rules{}.Check(a, noon)
	require.ErrorContains(t, err, "and 80 more")
	require.Less(t, len(err.Error()), 4000)
}

func TestRulesLimitTheNumberOfTargets(t *testing.T) {
	a := core(t)
	for i := range 10_000 {
		a.Targets = append(a.Targets, targets(t, fmt.Sprintf("S%d", i), "0.0001")...)
	}
	require.NoError(t, allocation.Rules{}.Check(a, noon))
	a.Targets = append(a.Targets, targets(t, "ONE", "0")...)
	require.ErrorContains(t, allocation.Rules{}.Check(a, noon), "10001 targets")
}

func TestRulesThemselvesAreChecked(t *testing.T) {
	for _, r := range []allocation.Rules{
		{MinSum: decimal.New(-1, 0)},
		{MinSum: decimal.New(2, 0)},
		{MaxSum: decimal.New(-1, 0)},
		{MaxAge: -1},
	} {
		require.Error(t, r.Validate())
		require.ErrorIs(t, r.Check(core(t, "A", "1"), noon), allocation.ErrInvalid)
	}
}
