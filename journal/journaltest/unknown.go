package journaltest

import (
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// unknownCases are about outcomes that are not known.
func unknownCases() []testCase {
	return []testCase{
		{name: "unknown may become any other outcome, then it stays", do: unknownBecomes},
		{name: "unknown once more changes nothing", do: unknownAgain},
		{name: "an unknown outcome stops the account until there is evidence", do: unknownStops},
		{name: "an unknown outcome stops the account until an operator answers", do: unknownAnswered},
		{name: "an answer counts for what was unknown by then, whatever the clocks say", do: answerOrder},
		{name: "evidence still counts after an operator answered", do: evidenceAfterAnswer},
	}
}

func unknownBecomes(e *env) {
	g := e.begin("e1")
	for _, o := range outcomes() {
		ref := "r." + string(o)
		e.intend(g, ref)
		e.settle(g, ref, journal.Unknown)
		e.isOpen(ref)
		e.settle(g, ref, o)
		e.isOpen()
		e.outcome("e1/1", settled(ref, o))
		e.otherwise(g, settled(ref, journal.Unknown))
		e.outcome("e1/1", settled(ref, o))
	}
}

func unknownAgain(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	first := settled("r1", journal.Unknown)
	require.NoError(e, e.Settle(e.Context(), g, first))
	later := journal.Settlement{Ref: "r1", Outcome: journal.Unknown, Reason: "still no trace", Time: at(8)}
	require.NoError(e, e.Settle(e.Context(), g, later))
	e.outcome("e1/1", first)
	e.isOpen("r1")
}

func unknownStops(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Unknown)
	err := e.Intend(e.Context(), g, intentOf(g, "r2"))
	require.ErrorIs(e, err, journal.ErrBlocked, "no block is set, the unknown outcome is enough")
	require.ErrorContains(e, err, "r1", "the error names the reference")
	g = e.begin("e2")
	require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "r2")), journal.ErrBlocked, "it stops other runs of the account too")
	x := e.claim(claimOf(other, "x1")).Grant
	e.intend(x, "x1") // and no other account
	e.settle(g, "r1", journal.NotSent)
	e.intend(g, "r2")
}

func unknownAnswered(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2")
	e.settle(g, "r1", journal.Unknown)
	require.False(e, e.run("e1/1").Intents[0].Answered, "nobody answered yet")
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)), "an unblock answers, even without a block")
	e.isOpen("r2") // the unsettled one is not answered for
	list := e.run("e1/1").Intents
	require.True(e, list[0].Answered && !list[1].Answered, "answered: %v, %v", list[0].Answered, list[1].Answered)
	require.Equal(e, journal.Unknown, list[0].Settlement.Outcome, "it stays unknown")
	e.intend(g, "r3")
	e.settle(g, "r2", journal.Unknown)
	require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "r4")), journal.ErrBlocked, "a new one stops again")
	e.isOpen("r2", "r3")
}

func answerOrder(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2")
	require.NoError(e, e.Unblock(e.Context(), unblockOf(1000)), "by a clock that is far ahead")
	e.settle(g, "r1", journal.Unknown)
	require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "r3")), journal.ErrBlocked, "the answer came before the doubt")
	e.isOpen("r1", "r2")
	require.NoError(e, e.Unblock(e.Context(), unblockOf(1000)), "a repeated answer")
	e.isOpen("r1", "r2")
	require.NoError(e, e.Unblock(e.Context(), unblockOf(-1000)), "by a clock that is far behind")
	e.isOpen("r2")
	e.intend(g, "r3")
}

func evidenceAfterAnswer(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Unknown)
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	e.settle(g, "r1", journal.Unknown) // nothing new
	e.isOpen()
	e.settle(g, "r1", journal.Filled)
	e.outcome("e1/1", settled("r1", journal.Filled))
	e.otherwise(g, settled("r1", journal.Cancelled))
}
