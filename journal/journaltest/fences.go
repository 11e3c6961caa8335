package journaltest

import (
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// fenceCases are about who may write.
func fenceCases() []testCase {
	return []testCase{
		{name: "a claim without a fence takes the next one", do: nextFence},
		{name: "a claim with a higher fence raises the account's, a lower one is refused", do: claimedFence},
		{name: "a claim repeated after a lost reply gets the same grant", do: repeatedClaim},
		{name: "an equal fence for another run is refused", do: equalFence},
		{name: "fences go on after a run is finished", do: fenceAfterFinish},
		{name: "fences of accounts are independent", do: fencesByAccount},
		{name: "a fenced holder of another event cannot write", do: fencedByOther},
		{name: "a fenced holder of the same event cannot write", do: fencedBySame},
		{name: "a fenced holder is refused even what it wrote before", do: fencedRepetition},
		{name: "a grant that was never given cannot write", do: forgedGrant},
	}
}

func nextFence(e *env) {
	for n, event := range []string{"e1", "e2", "e1", "e3"} {
		b := e.claim(claimOf(acct, event))
		require.Equal(e, uint64(n+1), b.Grant.Fence)
		require.Equal(e, uint64(n+1), e.standing(acct).Fence)
	}
}

func claimedFence(e *env) {
	require.Equal(e, uint64(7), e.claim(withFence("e1", 7)).Grant.Fence)
	_, err := e.Begin(e.Context(), withFence("e2", 6))
	e.fenced(err, journal.FencedError{Account: acct, Fence: 6, Current: 7, CurrentHolder: "e1/1"})
	_, err = e.Begin(e.Context(), withFence("e1", 6))
	e.fenced(err, journal.FencedError{Account: acct, Fence: 6, Current: 7, CurrentHolder: "e1/1"})
	_, err = e.Run(e.Context(), "e2/1")
	require.ErrorIs(e, err, journal.ErrUnknownRun, "a claim that fails begins nothing")
	require.Equal(e, uint64(9), e.claim(withFence("e2", 9)).Grant.Fence, "gaps are no fault")
	require.Equal(e, uint64(10), e.begin("e3").Fence)
}

func repeatedClaim(e *env) {
	first := e.claim(withFence("e1", 4))
	e.step(first.Grant, "plan")
	b := e.claim(withFence("e1", 4))
	require.Equal(e, first.Grant, b.Grant)
	require.True(e, b.Resumed, "the run had begun")
	require.Equal(e, []string{"plan"}, names(b.Run.Steps))
	e.step(first.Grant, "sell") // the first grant is still good
	e.finish(first.Grant)
	require.NotNil(e, e.claim(withFence("e1", 4)).Run.Outcome)
}

func equalFence(e *env) {
	e.claim(withFence("e1", 4))
	want := journal.FencedError{Account: acct, Fence: 4, Current: 4, CurrentHolder: "e1/1"}
	_, err := e.Begin(e.Context(), withFence("e2", 4))
	e.fenced(err, want)
	c := withFence("e1", 4)
	c.Number = 2
	_, err = e.Begin(e.Context(), c)
	e.fenced(err, want)
	require.Equal(e, []journal.RunID{"e1/1"}, e.list(acct))
}

func fenceAfterFinish(e *env) {
	e.finish(e.begin("e1"))
	require.Equal(e, uint64(1), e.standing(acct).Fence)
	e.finish(e.begin("e2"))
	_, err := e.Begin(e.Context(), withFence("e3", 1))
	e.fenced(err, journal.FencedError{Account: acct, Fence: 1, Current: 2, CurrentHolder: "e2/1"})
	require.Equal(e, uint64(3), e.begin("e1").Fence, "the claim of a finished run raises it too")
}

func fencesByAccount(e *env) {
	g := e.begin("e1")
	require.Equal(e, uint64(9), e.claim(journal.Claim{Account: other, Event: "x1", Command: "rebalance", Fence: 9, Time: at(0)}).Grant.Fence)
	e.step(g, "plan")
	require.Equal(e, uint64(2), e.begin("e2").Fence)
	require.Equal(e, uint64(9), e.standing(other).Fence)
}

func fencedByOther(e *env) {
	old := e.begin("e1")
	e.intend(old, "r1")
	now := e.begin("e2")
	e.refused(old, journal.FencedError{Account: acct, Fence: 1, Current: 2, CurrentHolder: "e2/1"})
	e.step(now, "plan")
}

func fencedBySame(e *env) {
	old := e.begin("e1")
	e.intend(old, "r1")
	now := e.begin("e1")
	e.refused(old, journal.FencedError{Account: acct, Fence: 1, Current: 2, CurrentHolder: "e1/1"})
	e.step(now, "plan")
}

func fencedRepetition(e *env) {
	old := e.begin("e1")
	e.step(old, "plan")
	e.intend(old, "r1", "r2")
	e.settle(old, "r1", journal.Filled)
	e.settle(old, "r2", journal.Filled)
	e.finish(old)
	e.begin("e2")
	require.ErrorIs(e, e.Checkpoint(e.Context(), old, stepOf("plan")), journal.ErrFenced)
	require.ErrorIs(e, e.Intend(e.Context(), old, intentOf(old, "r2")), journal.ErrFenced)
	require.ErrorIs(e, e.Settle(e.Context(), old, settled("r1", journal.Filled)), journal.ErrFenced)
	require.ErrorIs(e, e.Finish(e.Context(), old, ending("completed")), journal.ErrFenced)
}

func forgedGrant(e *env) {
	e.refusedAll(journal.Grant{Account: other, Run: "x1/1", Fence: 1})
	g := e.begin("e1")
	e.intend(g, "r1")
	e.begin("e2")
	for _, forged := range []journal.Grant{
		{Account: acct, Run: "e2/1", Fence: 3},
		{Account: acct, Run: "e1/1", Fence: 2},
		{Account: acct, Run: "e9/1", Fence: 2},
		{Account: other, Run: "e2/1", Fence: 2},
	} {
		e.refusedAll(forged)
	}
	require.Equal(e, uint64(2), e.standing(acct).Fence)
	require.Equal(e, []journal.RunID{"e2/1", "e1/1"}, e.list(""))
	e.isOpen("r1")
}

// fenced demands a certain refusal.
func (e *env) fenced(err error, want journal.FencedError) {
	e.Helper()
	var got *journal.FencedError
	require.ErrorIs(e, err, journal.ErrFenced)
	require.ErrorAs(e, err, &got)
	require.Equal(e, want, *got)
}

// refused demands that every write under the grant of e1/1, which has the one
// open intent r1, is refused and changes nothing.
func (e *env) refused(old journal.Grant, want journal.FencedError) {
	e.Helper()
	e.fenced(e.Checkpoint(e.Context(), old, stepOf("late")), want)
	e.fenced(e.Intend(e.Context(), old, intentOf(old, "late")), want)
	e.fenced(e.Settle(e.Context(), old, settled("r1", journal.Filled)), want)
	e.fenced(e.Finish(e.Context(), old, ending("late")), want)
	r := e.run("e1/1")
	require.Empty(e, r.Steps, "a refused checkpoint records nothing")
	require.Equal(e, []string{"r1"}, refs(r.Intents), "a refused intent records nothing")
	require.Nil(e, r.Intents[0].Settlement, "a refused settlement records nothing")
	require.Nil(e, r.Outcome, "a refused finish records nothing")
	e.isOpen("r1")
}

// refusedAll demands that every write under a grant fails with ErrFenced.
func (e *env) refusedAll(g journal.Grant) {
	e.Helper()
	require.ErrorIs(e, e.Checkpoint(e.Context(), g, stepOf("late")), journal.ErrFenced, "checkpoint under %+v", g)
	require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "late")), journal.ErrFenced, "intend under %+v", g)
	require.ErrorIs(e, e.Settle(e.Context(), g, settled("r1", journal.Filled)), journal.ErrFenced, "settle under %+v", g)
	require.ErrorIs(e, e.Finish(e.Context(), g, ending("late")), journal.ErrFenced, "finish under %+v", g)
}
