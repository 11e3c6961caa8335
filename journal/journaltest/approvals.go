package journaltest

import (
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// approvalCases are about plans that were held.
func approvalCases() []testCase {
	return []testCase{
		{name: "an approval is kept until its run is finished", do: approvalKept},
		{name: "a repeated approval is recorded once", do: approvalRepeated},
		{name: "only an unfinished run of the account is approved", do: approvalRefused},
	}
}

func approvalKept(e *env) {
	e.begin("e1")
	e.begin("e2")
	require.NoError(e, e.Block(e.Context(), blockOf("found 5"))) // a stop is not in the way
	for _, a := range []journal.Approval{approvalOf("e2/1", 7), approvalOf("e1/1", 6), approvalOf("e2/1", 5)} {
		require.NoError(e, e.Approve(e.Context(), a))
	}
	e.approvals(approvalOf("e2/1", 7), approvalOf("e1/1", 6), approvalOf("e2/1", 5)) // in the order of the records
	b := e.claim(claimOf(acct, "e2"))
	require.Len(e, b.Standing.Approvals, 3, "a claim sees those of the run that begins, too")
	e.approvals(approvalOf("e2/1", 7), approvalOf("e1/1", 6), approvalOf("e2/1", 5)) // and uses none up
	e.finish(b.Grant)
	e.approvals(approvalOf("e1/1", 6))
	e.claim(claimOf(other, "x1"))
	require.Empty(e, e.standing(other).Approvals)
}

func approvalRepeated(e *env) {
	g := e.begin("e1")
	again := approvalOf("e1/1", 5)
	for range 2 {
		require.NoError(e, e.Approve(e.Context(), again))
	}
	e.approvals(again)
	newer := again
	newer.Expires = at(9000)
	require.NoError(e, e.Approve(e.Context(), newer))
	e.approvals(again, newer)
	e.step(g, "plan") // it takes no fence, and no fence is taken
}

func approvalRefused(e *env) {
	require.ErrorIs(e, e.Approve(e.Context(), approvalOf("e1/1", 5)), journal.ErrUnknownRun)
	e.claim(claimOf(other, "x1"))
	require.ErrorIs(e, e.Approve(e.Context(), approvalOf("x1/1", 5)), journal.ErrUnknownRun, "another account's run")
	e.finish(e.begin("e1"))
	require.ErrorIs(e, e.Approve(e.Context(), approvalOf("e1/1", 5)), journal.ErrFinished)
	e.approvals()
	require.Empty(e, e.standing(other).Approvals)
}

// approvalOf approves the plan of a run of the account.
func approvalOf(run journal.RunID, n int) journal.Approval {
	return journal.Approval{
		Account: acct, Run: run, Hash: "beef", Operator: "ada", Reason: "looked at", Time: at(n), Expires: at(n + 3600),
	}
}

// approvals demands which approvals the account has.
func (e *env) approvals(want ...journal.Approval) {
	e.Helper()
	got := e.standing(acct).Approvals
	require.Len(e, got, len(want), "approvals")
	for i := range want {
		require.True(e, want[i].Same(&got[i]), "approval %d:\nwant %+v\ngot  %+v", i, want[i], got[i])
	}
}
