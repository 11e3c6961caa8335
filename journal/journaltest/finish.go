package journaltest

import (
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// finishCases are about the end of runs.
func finishCases() []testCase {
	return []testCase{
		{name: "finishing again keeps the first result", do: finishAgain},
		{name: "a run with open intents cannot be finished", do: finishOpen},
		{name: "a run with an answered unknown outcome can be finished", do: finishAnswered},
		{name: "a finished run takes no further write", do: writesAfterFinish},
		{name: "the newest memo is kept for the next run", do: memos},
	}
}

func finishAgain(e *env) {
	g := e.begin("e1")
	e.finish(g)
	e.finish(g)
	require.NoError(e, e.Finish(e.Context(), g, ending("failed")), "whatever it says")
	now := e.begin("e1")
	require.NoError(e, e.Finish(e.Context(), now, ending("rejected")), "also under a higher fence")
	for _, r := range []journal.Run{e.run("e1/1"), e.claim(claimOf(acct, "e1")).Run} {
		require.NotNil(e, r.Outcome)
		require.Equal(e, "completed", r.Outcome.Name)
		require.JSONEq(e, `{"outcome":"completed"}`, string(r.Outcome.Result))
	}
	require.Equal(e, []journal.RunID{"e1/1"}, e.list(acct))
}

func finishOpen(e *env) {
	e.intend(e.begin("e0"), "r0") // another run's intent is not in the way
	g := e.begin("e1")
	e.intend(g, "r1", "r2", "r3")
	e.settle(g, "r2", journal.Filled)
	e.cannotFinish(g, "r1", "r3")
	e.settle(g, "r3", journal.Unknown)
	e.cannotFinish(g, "r1", "r3")
	e.settle(g, "r1", journal.Cancelled)
	e.cannotFinish(g, "r3")
	e.settle(g, "r3", journal.NotSent)
	e.finish(g)
	e.isOpen("r0")
}

func finishAnswered(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Unknown)
	e.cannotFinish(g, "r1")
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	e.finish(g)
	e.outcome("e1/1", settled("r1", journal.Unknown))
	g = e.begin("e2")
	e.intend(g, "r2")
	e.settle(g, "r1", journal.Filled) // evidence, found later
	e.outcome("e1/1", settled("r1", journal.Filled))
}

func writesAfterFinish(e *env) {
	g := e.begin("e1")
	e.step(g, "plan")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Filled)
	e.finish(g)
	for range 2 {
		require.ErrorIs(e, e.Checkpoint(e.Context(), g, stepOf("late")), journal.ErrFinished)
		changed := stepOf("plan")
		changed.Time = at(8)
		require.ErrorIs(e, e.Checkpoint(e.Context(), g, changed), journal.ErrFinished)
		require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "late")), journal.ErrFinished)
		e.step(g, "plan") // repeating is no fault
		r := e.run("e1/1")
		require.Equal(e, []string{"plan"}, names(r.Steps))
		require.True(e, at(1).Equal(r.Steps[0].Time), "the step is as it was")
		require.Equal(e, []string{"r1"}, refs(r.Intents))
		g = e.begin("e1") // nor under a higher fence
	}
	old := e.begin("e2")
	e.intend(old, "r2")
	g = e.begin("e1")
	require.ErrorIs(e, e.Settle(e.Context(), g, settled("r2", journal.Filled)), journal.ErrFinished)
	e.isOpen("r2")
}

func memos(e *env) {
	require.Nil(e, e.claim(claimOf(acct, "e1")).Standing.Memo, "nothing was left yet")
	leave := func(event, memo string) {
		e.Helper()
		o := ending("completed")
		o.Memo = json.RawMessage(memo)
		require.NoError(e, e.Finish(e.Context(), e.begin(event), o))
	}
	left := func(run journal.RunID, memo string) {
		e.Helper()
		e.claim(claimOf(other, "x"+string(run[:2])))
		for _, s := range []journal.Standing{e.standing(acct), e.claim(claimOf(acct, "open")).Standing} {
			require.NotNil(e, s.Memo)
			require.Equal(e, run, s.Memo.Run)
			require.JSONEq(e, memo, string(s.Memo.Data))
		}
		require.Nil(e, e.standing(other).Memo, "another account's")
	}
	leave("e2", `{"n":2}`)
	left("e2/1", `{"n":2}`)
	leave("e1", `{"n":1}`)
	left("e1/1", `{"n":1}`) // the one that ended last
	leave("e3", "")
	left("e1/1", `{"n":1}`) // a run without one leaves it as it is
	leave("e2", `{"n":9}`)
	left("e1/1", `{"n":1}`) // a repeated finish keeps the first record
	require.JSONEq(e, `{"n":2}`, string(e.run("e2/1").Outcome.Memo))
}

// cannotFinish demands that a finish is refused, names the references and
// changes nothing.
func (e *env) cannotFinish(g journal.Grant, want ...broker.OrderID) {
	e.Helper()
	err := e.Finish(e.Context(), g, ending("completed"))
	require.ErrorIs(e, err, journal.ErrOpenIntents)
	for _, ref := range want {
		require.ErrorContains(e, err, string(ref), "the error names the references")
	}
	require.Nil(e, e.run(g.Run).Outcome)
	require.Contains(e, e.standing(acct).Unfinished, g.Run)
}
