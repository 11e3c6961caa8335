package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journaltest.Harness {
		return journaltest.Harness{Journal: journal.NewMemory(journal.MemoryOptions{})}
	})
}

func TestMemoryZeroValue(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journaltest.Harness {
		return journaltest.Harness{Journal: new(journal.Memory)}
	})
}

// start is the time of the tests.
var start = time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)

// begin begins the run of an event.
func begin(tb testing.TB, j journal.Journal, event string) journal.Begun {
	tb.Helper()
	b, err := j.Begin(tb.Context(), journal.Claim{Account: "U1", Event: event, Command: "rebalance", Time: start})
	require.NoError(tb, err)
	return b
}

// intentOf is an intent to buy 10 units.
func intentOf(g journal.Grant, ref string) journal.Intent {
	return journal.Intent{
		Run: g.Run, Number: 1, Time: start.Add(time.Second), Held: decimal.New(5, 0),
		Order: broker.Order{
			ID: broker.OrderID(ref), Account: g.Account, Instrument: "AAA", Ref: "265598", Side: broker.Buy,
			Quantity: decimal.New(10, 0), Type: broker.Limit, Limit: decimal.New(10125, -2), TIF: broker.Day,
		},
	}
}

// settled is how an intent of intentOf ended.
func settled(ref string, o journal.OrderOutcome) journal.Settlement {
	s := journal.Settlement{Ref: broker.OrderID(ref), Outcome: o, Time: start.Add(2 * time.Second)}
	if o == journal.Filled {
		s.Filled, s.AveragePrice = decimal.New(10, 0), decimal.New(10120, -2)
	}
	return s
}

// ending is the outcome of a run.
func ending() journal.Outcome {
	return journal.Outcome{Name: "completed", Time: start.Add(time.Minute), Result: json.RawMessage(`{}`)}
}

// trade begins, trades and finishes the run of an event.
func trade(t *testing.T, j journal.Journal, event string) {
	t.Helper()
	g := begin(t, j, event).Grant
	require.NoError(t, j.Intend(t.Context(), g, intentOf(g, "r."+event)))
	require.NoError(t, j.Settle(t.Context(), g, settled("r."+event, journal.Filled)))
	require.NoError(t, j.Finish(t.Context(), g, ending()))
}

// runs returns the IDs of all runs, newest first.
func runs(t *testing.T, j journal.Journal) []journal.RunID {
	t.Helper()
	var ids []journal.RunID
	for r, err := range j.Runs(t.Context(), "") {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	return ids
}

func TestMemoryKeepsTheNewestRuns(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{KeepRuns: 2})
	open := begin(t, j, "open").Grant
	require.NoError(t, j.Intend(t.Context(), open, intentOf(open, "r.open")))
	for n := range 5 {
		trade(t, j, fmt.Sprintf("e%d", n))
	}
	require.Equal(t, []journal.RunID{"e4/1", "e3/1", "open/1"}, runs(t, j))

	_, err := j.Run(t.Context(), "e0/1")
	require.ErrorIs(t, err, journal.ErrForgotten)
	require.ErrorIs(t, err, journal.ErrUnknownRun)
	_, err = j.Begin(t.Context(), journal.Claim{Account: "U1", Event: "e0", Command: "rebalance", Time: start})
	require.ErrorIs(t, err, journal.ErrForgotten, "the event of a dropped run must not start anew")
	require.ErrorIs(t, err, journal.ErrFinished)
	_, err = j.Begin(t.Context(), journal.Claim{Account: "U2", Event: "e0", Command: "rebalance", Time: start})
	require.ErrorIs(t, err, journal.ErrForgotten)

	err = j.Approve(t.Context(), journal.Approval{
		Account: "U1", Run: "e0/1", Hash: "beef", Operator: "ada", Reason: "late", Time: start, Expires: start.Add(time.Hour),
	})
	require.ErrorIs(t, err, journal.ErrFinished)
	require.ErrorIs(t, err, journal.ErrForgotten)

	g := begin(t, j, "e9").Grant
	err = j.Intend(t.Context(), g, intentOf(g, "r.e0"))
	require.ErrorIs(t, err, journal.ErrRefTaken, "the references of a dropped run stay taken")
	err = j.Settle(t.Context(), g, settled("r.e0", journal.Cancelled))
	require.ErrorIs(t, err, journal.ErrForgotten)
	require.ErrorIs(t, err, journal.ErrUnknownRef)
	require.NoError(t, j.Settle(t.Context(), g, settled("r.open", journal.Filled)), "unfinished runs are kept")
}

// TestMemoryRemembersAllThatItDropped drops many runs: none of their events and
// references is ever free again.
func TestMemoryRemembersAllThatItDropped(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{KeepRuns: 1})
	const many = 500
	for n := range many + 1 {
		trade(t, j, fmt.Sprintf("e%d", n))
	}
	g := begin(t, j, "new").Grant
	for n := range many {
		event := fmt.Sprintf("e%d", n)
		_, err := j.Begin(t.Context(), journal.Claim{Account: "U1", Event: event, Command: "rebalance", Time: start})
		require.ErrorIs(t, err, journal.ErrForgotten, event)
		require.ErrorIs(t, j.Intend(t.Context(), g, intentOf(g, "r."+event)), journal.ErrRefTaken, event)
	}
	require.NoError(t, j.Intend(t.Context(), g, intentOf(g, "r.new")))
}

func TestMemoryKeepsUnknownOutcomes(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{KeepRuns: 1})
	g := begin(t, j, "doubt").Grant
	require.NoError(t, j.Intend(t.Context(), g, intentOf(g, "r1")))
	require.NoError(t, j.Settle(t.Context(), g, settled("r1", journal.Unknown)))
	require.NoError(t, j.Unblock(t.Context(), journal.Unblock{Account: "U1", Operator: "ada", Reason: "statement", Time: start, Refs: []broker.OrderID{"r1"}}))
	require.NoError(t, j.Finish(t.Context(), g, ending()))
	for n := range 3 {
		trade(t, j, fmt.Sprintf("e%d", n))
	}
	require.Equal(t, []journal.RunID{"e2/1", "doubt/1"}, runs(t, j))
	g = begin(t, j, "later").Grant
	require.NoError(t, j.Settle(t.Context(), g, settled("r1", journal.Filled)), "evidence may still come")
	trade(t, j, "e3")
	require.Equal(t, []journal.RunID{"e3/1", "later/1"}, runs(t, j), "then it goes like the others")
}

func TestMemoryKeepsAllRuns(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{KeepRuns: -1})
	for n := range 150 {
		trade(t, j, fmt.Sprintf("e%d", n))
	}
	require.Len(t, runs(t, j), 150)
	j = journal.NewMemory(journal.MemoryOptions{})
	for n := range 150 {
		trade(t, j, fmt.Sprintf("e%d", n))
	}
	require.Len(t, runs(t, j), 100, "the default")
}

// TestMemoryListsWhileRunsEnd reads runs while others are dropped.
func TestMemoryListsWhileRunsEnd(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{KeepRuns: 2})
	trade(t, j, "e0")
	trade(t, j, "e1")
	var ids []journal.RunID
	for r, err := range j.Runs(t.Context(), "U1") {
		require.NoError(t, err)
		require.NotNil(t, r.Outcome)
		ids = append(ids, r.ID)
		trade(t, j, "x"+string(r.ID[:2]))
	}
	require.Equal(t, []journal.RunID{"e1/1", "e0/1"}, ids)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range j.Runs(ctx, "U1") {
		cancel()
		last = err
	}
	require.ErrorIs(t, last, context.Canceled)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	j := new(journal.Memory)
	old := begin(t, j, "e1").Grant
	require.NoError(t, j.Intend(t.Context(), old, intentOf(old, "r1"), intentOf(old, "r2")))
	g := begin(t, j, "e2").Grant
	late := g
	late.Fence = 9
	block := journal.Block{Account: "U1", Reason: "found 5", Time: start}
	kill := journal.Kill{Operator: "ada", Reason: "drill", Time: start}
	ctx := t.Context()
	for _, c := range []struct{ got, want string }{
		{
			j.Checkpoint(ctx, old, journal.Step{Name: "plan", Time: start}).Error(),
			"journal: account U1: fence 1 is behind 2 (run e2/1): another worker took over",
		},
		{
			j.Checkpoint(ctx, late, journal.Step{Name: "plan", Time: start}).Error(),
			"journal: account U1: fence 9 was never granted here, the newest is 2 (run e2/1): begin again",
		},
		{
			j.Checkpoint(ctx, journal.Grant{Account: "U1", Run: "e1/1", Fence: 2}, journal.Step{Name: "plan", Time: start}).Error(),
			"journal: account U1: fence 2 belongs to run e2/1: begin again with a higher one",
		},
		{j.Checkpoint(ctx, g, journal.Step{}).Error(), "journal: invalid record: step: name is empty; time is zero"},
		{
			j.Intend(ctx, g, intentOf(g, "r1")).Error(),
			"journal: intend: account U1: reference taken: r1 was used by run e1/1: count the try up",
		},
		{j.Settle(ctx, g, settled("r9", journal.Filled)).Error(), "journal: settle: account U1: unknown reference: r9"},
		{func() string {
			require.NoError(t, j.Settle(ctx, g, settled("r1", journal.Unknown)))
			return j.Intend(ctx, g, intentOf(g, "r3")).Error()
		}(), "journal: intend: account U1: account blocked: the outcome of order r1 is unknown: settle it with evidence, or unblock the account"},
		{func() string {
			require.NoError(t, j.Block(ctx, block))
			return j.Intend(ctx, g, intentOf(g, "r3")).Error()
		}(), "journal: intend: account U1: account blocked at 2026-03-02T14:30:00Z: found 5: an operator must unblock it"},
		{func() string {
			require.NoError(t, j.Kill(ctx, kill))
			return j.Intend(ctx, g, intentOf(g, "r3")).Error()
		}(), "journal: intend: account U1: killed: all accounts by ada at 2026-03-02T14:30:00Z: drill: resume that first"},
		{func() string {
			g := begin(t, j, "e1").Grant
			return j.Finish(ctx, g, ending()).Error()
		}(), "journal: finish: account U1: run e1/1: run has open intents: settle r1, r2 first"},
	} {
		require.Equal(t, c.want, c.got)
	}
}
