package journaltest

import (
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// runCases are about beginning, continuing and recording runs.
func runCases() []testCase {
	return []testCase{
		{name: "a new event begins a new run", do: newRun},
		{name: "numbers tell the runs of an event apart", do: numbers},
		{name: "an unfinished run is returned as it was left", do: unfinishedRun},
		{name: "a finished run is returned with its result", do: finishedRun},
		{name: "a run belongs to one account and command", do: runBelongs},
		{name: "a step recorded again is replaced and keeps its place", do: stepAgain},
		{name: "the begin lists what stands open and unfinished", do: beginStanding},
	}
}

func newRun(e *env) {
	b := e.claim(claimOf(acct, "e1"))
	require.Equal(e, journal.Grant{Account: acct, Run: "e1/1", Fence: 1}, b.Grant)
	require.False(e, b.Resumed, "resumed")
	for _, r := range []journal.Run{b.Run, e.run("e1/1")} {
		require.True(e, at(0).Equal(r.Started), "started %s", r.Started)
		require.Empty(e, r.Steps)
		require.Empty(e, r.Intents)
		require.Nil(e, r.Outcome)
		r.Started, r.Steps, r.Intents = at(0), nil, nil
		require.Equal(e, journal.Run{
			ID: "e1/1", Event: "e1", Account: acct, Command: "rebalance", Number: 1, Fence: 1, Started: at(0),
		}, r)
	}
	require.Empty(e, b.Standing.Open)
	require.Empty(e, b.Standing.Unfinished, "the run that begins is not among the others")
	require.Equal(e, uint64(1), b.Standing.Fence, "fence of the standing")
	require.Equal(e, acct, b.Standing.Account)
	require.Equal(e, []journal.RunID{"e1/1"}, e.standing(acct).Unfinished)
}

func numbers(e *env) {
	second := claimOf(acct, "e1")
	second.Number = 2
	first := claimOf(acct, "e1")
	first.Number = 1
	e.step(e.begin("e1"), "plan")
	b := e.claim(second)
	require.Equal(e, journal.RunID("e1/2"), b.Run.ID)
	require.Equal(e, 2, b.Run.Number)
	require.False(e, b.Resumed, "run 2 is new")
	require.Empty(e, b.Run.Steps)
	b = e.claim(first)
	require.Equal(e, journal.RunID("e1/1"), b.Run.ID, "number 1 is the same as none")
	require.True(e, b.Resumed, "run 1 had begun")
}

func unfinishedRun(e *env) {
	g := e.begin("e1")
	e.step(g, "allocation")
	e.step(g, "plan")
	e.intend(g, "r1", "r2")
	e.settle(g, "r1", journal.PartiallyFilled)
	again := claimOf(acct, "e1")
	again.Time = at(60)
	b := e.claim(again)
	require.True(e, b.Resumed, "resumed")
	require.Equal(e, journal.Grant{Account: acct, Run: "e1/1", Fence: 2}, b.Grant)
	require.Nil(e, b.Run.Outcome)
	require.True(e, at(0).Equal(b.Run.Started), "the first claim's time stays")
	require.Equal(e, uint64(2), b.Run.Fence, "fence of the last holder")
	require.Equal(e, []string{"allocation", "plan"}, names(b.Run.Steps))
	require.JSONEq(e, `{"step":"plan"}`, string(b.Run.Step("plan").Data))
	require.True(e, at(1).Equal(b.Run.Step("plan").Time), "time of the step")
	require.Equal(e, []string{"r1", "r2"}, refs(b.Run.Intents))
	e.sameIntent(intentOf(g, "r1"), b.Run.Intents[0])
	want := settled("r1", journal.PartiallyFilled)
	require.NotNil(e, b.Run.Intents[0].Settlement)
	require.True(e, want.Same(b.Run.Intents[0].Settlement), "settlement %+v", b.Run.Intents[0].Settlement)
	require.Nil(e, b.Run.Intents[1].Settlement)
	e.step(b.Grant, "sell") // it goes on
	require.Equal(e, []string{"allocation", "plan", "sell"}, names(e.run("e1/1").Steps))
}

func finishedRun(e *env) {
	g := e.begin("e1")
	e.step(g, "plan")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Filled)
	e.finish(g)
	b := e.claim(claimOf(acct, "e1"))
	require.True(e, b.Resumed, "resumed")
	require.Equal(e, journal.Grant{Account: acct, Run: "e1/1", Fence: 2}, b.Grant, "the fence rises all the same")
	require.NotNil(e, b.Run.Outcome, "the event must not start anew")
	require.Equal(e, "completed", b.Run.Outcome.Name)
	require.True(e, at(9).Equal(b.Run.Outcome.Time), "time of the outcome")
	require.JSONEq(e, `{"outcome":"completed"}`, string(b.Run.Outcome.Result))
	require.Equal(e, []string{"r1"}, refs(b.Run.Intents), "what the run did is kept")
	require.Equal(e, []string{"plan"}, names(b.Run.Steps))
	require.Empty(e, b.Standing.Unfinished)
	require.Empty(e, e.standing(acct).Unfinished, "a finished run is not unfinished")
}

func runBelongs(e *env) {
	e.begin("e1")
	_, err := e.Begin(e.Context(), claimOf(other, "e1"))
	require.ErrorIs(e, err, journal.ErrInvalid, "another account")
	require.Zero(e, e.standing(other).Fence, "a claim that fails changes nothing")
	c := claimOf(acct, "e1")
	c.Command = "cancel_orders"
	_, err = e.Begin(e.Context(), c)
	require.ErrorIs(e, err, journal.ErrInvalid, "another command")
	require.Equal(e, uint64(1), e.standing(acct).Fence, "a claim that fails changes nothing")
}

func stepAgain(e *env) {
	g := e.begin("e1")
	e.step(g, "fund")
	e.step(g, "buy")
	again := journal.Step{Name: "fund", Time: at(7), Data: json.RawMessage(`[1,2]`)}
	for range 2 { // repeating is no fault
		require.NoError(e, e.Checkpoint(e.Context(), g, again))
	}
	require.NoError(e, e.Checkpoint(e.Context(), g, journal.Step{Name: "verify", Time: at(8)}), "data is optional")
	r := e.run("e1/1")
	require.Equal(e, []string{"fund", "buy", "verify"}, names(r.Steps))
	require.JSONEq(e, `[1,2]`, string(r.Steps[0].Data))
	require.True(e, at(7).Equal(r.Steps[0].Time), "time of the newer record")
	require.Empty(e, r.Steps[2].Data)
}

func beginStanding(e *env) {
	for _, event := range []string{"e1", "e2", "e3"} {
		e.intend(e.begin(event), "r."+event)
	}
	e.claim(claimOf(other, "x1"))
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Kill(e.Context(), killOf("", 5)))
	b := e.claim(claimOf(acct, "e2"))
	require.Equal(e, []journal.RunID{"e1/1", "e3/1"}, b.Standing.Unfinished, "the others, oldest first")
	require.Equal(e, []string{"r.e1", "r.e2", "r.e3"}, refs(b.Standing.Open), "of all runs, oldest first")
	require.NotNil(e, b.Standing.Block)
	require.NotNil(e, b.Standing.Kill)
	require.Equal(e, []journal.RunID{"e1/1", "e2/1", "e3/1"}, e.standing(acct).Unfinished)
}
