package journaltest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// readCases are about reading, and about who owns what.
func readCases() []testCase {
	return []testCase{
		{name: "an account without any record has a zero standing", do: zeroStanding},
		{name: "a run that never began is unknown", do: unknownRun},
		{name: "runs are listed newest first", do: listRuns},
		{name: "what was returned belongs to the caller", do: ownReturned},
		{name: "what was given belongs to the caller", do: ownGiven},
		{name: "a call after its context ended does nothing", do: endedContext},
	}
}

func zeroStanding(e *env) {
	s := e.standing("nobody")
	require.Empty(e, s.Open)
	require.Empty(e, s.Unfinished)
	s.Open, s.Unfinished = nil, nil
	require.Equal(e, journal.Standing{Account: "nobody"}, s)
	require.Empty(e, e.list("nobody"))
	require.Empty(e, e.list(""))
}

func unknownRun(e *env) {
	_, err := e.Run(e.Context(), "e1/1")
	require.ErrorIs(e, err, journal.ErrUnknownRun)
	require.ErrorContains(e, err, "e1/1", "the error names the run")
	e.begin("e1")
	_, err = e.Run(e.Context(), "e1/2")
	require.ErrorIs(e, err, journal.ErrUnknownRun)
	require.NotErrorIs(e, err, journal.ErrForgotten)
}

func listRuns(e *env) {
	for n := range 3 {
		g := e.begin(fmt.Sprintf("e%d", n))
		e.claim(claimOf(other, fmt.Sprintf("x%d", n)))
		if n != 1 {
			e.step(g, "plan")
			e.finish(g)
		}
	}
	e.begin("e0") // beginning again does not make it newer
	require.Equal(e, []journal.RunID{"e2/1", "e1/1", "e0/1"}, e.list(acct))
	require.Equal(e, []journal.RunID{"x2/1", "e2/1", "x1/1", "e1/1", "x0/1", "e0/1"}, e.list(""))
	all := e.Runs(e.Context(), acct)
	for range 2 { // a listing may be read again, and left early
		for r, err := range all {
			require.NoError(e, err)
			require.Equal(e, []string{"plan"}, names(r.Steps), "runs come whole")
			require.NotNil(e, r.Outcome)
			break
		}
	}
}

func ownReturned(e *env) {
	g := e.begin("e1")
	e.step(g, "plan")
	e.intend(g, "r1", "r2")
	e.settle(g, "r1", journal.Unknown)
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	e.settle(g, "r2", journal.Unknown)
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Kill(e.Context(), killOf(acct, 4)))
	require.NoError(e, e.Approve(e.Context(), approvalOf("e1/1", 6)))
	o := ending("completed")
	o.Memo = json.RawMessage(`1`)
	require.NoError(e, e.Finish(e.Context(), e.begin("e2"), o))
	e.spoil(e.claim(claimOf(acct, "e1")).Run)
	e.spoil(e.run("e1/1"))
	for r, err := range e.Runs(e.Context(), acct) {
		require.NoError(e, err)
		e.spoil(r)
	}
	for _, s := range []journal.Standing{e.standing(acct), e.claim(claimOf(acct, "e1")).Standing} {
		s.Open[0].Order.ID, s.Open[0].Settlement.Outcome = "spoilt", journal.Filled
		s.Block.Reason, s.Kill.Reason, s.LastUnblock.Reason = "spoilt", "spoilt", "spoilt"
		s.LastUnblock.Refs[0] = "spoilt"
		s.Approvals[0].Hash, s.Memo.Run = "spoilt", "spoilt"
		if len(s.Unfinished) > 0 {
			s.Unfinished[0] = "spoilt"
		}
	}
	for range 2 {
		e.outcome("e1/1", settled("r1", journal.Unknown))
		e.spoil(e.run("e1/1"))
	}
	e.isOpen("r2")
	e.approvals(approvalOf("e1/1", 6))
	require.Equal(e, journal.RunID("e2/1"), e.standing(acct).Memo.Run)
	e.blockedBy(blockOf("found 5"))
	e.lastUnblock(unblockOf(5))
	e.killed(acct, killOf(acct, 4))
	require.Equal(e, []string{"plan"}, names(e.run("e1/1").Steps))
	require.Equal(e, "completed", e.run("e2/1").Outcome.Name)
	require.Equal(e, []journal.RunID{"e1/1"}, e.standing(acct).Unfinished)
}

// spoil changes all that a run refers to, except JSON data.
func (e *env) spoil(r journal.Run) {
	for i := range r.Steps {
		r.Steps[i].Name = "spoilt"
	}
	for i := range r.Intents {
		r.Intents[i].Order.ID = "spoilt"
		if s := r.Intents[i].Settlement; s != nil {
			s.Outcome, s.Filled = journal.Filled, decimal.New(10, 0)
		}
	}
	if r.Outcome != nil {
		r.Outcome.Name = "spoilt"
	}
}

func ownGiven(e *env) {
	g := e.begin("e1")
	list := intents(g, "r1", "r2")
	require.NoError(e, e.Intend(e.Context(), g, list...))
	list[0].Order.ID, list[1].Order.Quantity = "spoilt", decimal.New(99, 0)
	e.sameIntent(intentOf(g, "r1"), e.run("e1/1").Intents[0])
	e.sameIntent(intentOf(g, "r2"), e.standing(acct).Open[1])
	ends := []journal.Settlement{settled("r1", journal.Filled), settled("r2", journal.Cancelled)}
	require.NoError(e, e.Settle(e.Context(), g, ends...))
	ends[0].Outcome, ends[1].Reason = journal.Rejected, "spoilt"
	e.outcome("e1/1", settled("r1", journal.Filled))
	e.outcome("e1/1", settled("r2", journal.Cancelled))
}

func endedContext(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Kill(e.Context(), killOf("", 4)))
	ctx := e.over()
	_, err := e.Begin(ctx, claimOf(acct, "e2"))
	for what, err := range map[string]error{
		"begin":      err,
		"checkpoint": e.Checkpoint(ctx, g, stepOf("plan")),
		"intend":     e.Intend(ctx, g, intentOf(g, "r1")),
		"settle":     e.Settle(ctx, g, settled("r1", journal.Filled)),
		"finish":     e.Finish(ctx, g, ending("completed")),
		"block":      e.Block(ctx, journal.Block{Account: other, Reason: "found 5", Time: at(4)}),
		"unblock":    e.Unblock(ctx, unblockOf(5)),
		"kill":       e.Kill(ctx, killOf(other, 5)),
		"resume":     e.Resume(ctx, killOf("", 5)),
		"approve":    e.Approve(ctx, approvalOf("e1/1", 5)),
	} {
		require.ErrorIs(e, err, context.Canceled, what)
	}
	_, err = e.Account(ctx, acct)
	require.ErrorIs(e, err, context.Canceled)
	_, err = e.Run(ctx, "e1/1")
	require.ErrorIs(e, err, context.Canceled)
	var last error
	for _, err := range e.Runs(ctx, acct) {
		last = err
	}
	require.ErrorIs(e, last, context.Canceled, "a listing ends with the error")

	require.Equal(e, []journal.RunID{"e1/1"}, e.list(acct))
	require.Empty(e, e.run("e1/1").Steps)
	e.isOpen("r1")
	e.blockedBy(blockOf("found 5"))
	require.Nil(e, e.standing(other).Block)
	e.killed(other, killOf("", 4))
	e.approvals()
	require.NoError(e, e.Checkpoint(e.Context(), g, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`1`)}))
}
