package journaltest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// controlCases are about stopping and letting go on.
func controlCases() []testCase {
	return []testCase{
		{name: "blocking a blocked account keeps the first block", do: blockAgain},
		{name: "an unblock lifts the block and keeps who did it and why", do: unblocks},
		{name: "a repeated unblock does not lift a newer block", do: unblockRepeated},
		{name: "an unblock lifts no block but the one that it names", do: unblockNamed},
		{name: "an unblock answers for no unknown outcome but those that it names", do: unblockNamesUnknown},
		{name: "a kill stops one account or all, and each is lifted by itself", do: killScopes},
		{name: "killing again keeps the first kill", do: killAgain},
		{name: "a repeated resume does not lift a newer kill", do: resumeRepeated},
		{name: "a block stops one account alone", do: blockAlone},
	}
}

func blockAgain(e *env) {
	first := blockOf("found 5")
	require.NoError(e, e.Block(e.Context(), first)) // of an account without any record
	second := journal.Block{Account: acct, Reason: "lost 3", Time: at(6)}
	for _, b := range []journal.Block{second, first} {
		require.NoError(e, e.Block(e.Context(), b))
		e.blockedBy(first)
	}
	e.begin("e1")
	e.blockedBy(first)
}

func unblocks(e *env) {
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	s := e.standing(acct)
	require.Nil(e, s.Block)
	e.lastUnblock(unblockOf(5))
	require.NoError(e, e.Block(e.Context(), blockOf("lost 3")))
	e.lastUnblock(unblockOf(5)) // known while blocked again
	require.NoError(e, e.Unblock(e.Context(), unblockOf(8)))
	e.lastUnblock(unblockOf(8))
	b := e.claim(claimOf(acct, "e1"))
	require.Nil(e, b.Standing.Block)
	require.NotNil(e, b.Standing.LastUnblock)
	require.NoError(e, e.Unblock(e.Context(), unblockOf(9)), "of an account that is not blocked")
	e.lastUnblock(unblockOf(9))
}

func unblockRepeated(e *env) {
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	newer := journal.Block{Account: acct, Reason: "lost 3", Time: at(6)}
	require.NoError(e, e.Block(e.Context(), newer))
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	e.blockedBy(newer)
	u := unblockOf(7)
	u.Block = newer.Time
	require.NoError(e, e.Unblock(e.Context(), u))
	require.Nil(e, e.standing(acct).Block)
}

func unblockNamed(e *env) {
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	for _, named := range []time.Time{{}, at(4).Add(-time.Nanosecond), at(6)} {
		u := unblockOf(5)
		u.Block = named
		require.ErrorIs(e, e.Unblock(e.Context(), u), journal.ErrOtherBlock, "it names the block of %s", named)
	}
	e.blockedBy(blockOf("found 5"))
	require.Nil(e, e.standing(acct).LastUnblock, "what was refused is not kept")
	u := unblockOf(5)
	u.Block = u.Block.In(time.FixedZone("far", 3600))
	require.NoError(e, e.Unblock(e.Context(), u), "the same instant in another zone")
	require.Nil(e, e.standing(acct).Block)
	newer := journal.Block{Account: acct, Reason: "lost 3", Time: at(6)}
	require.NoError(e, e.Block(e.Context(), newer))
	late := unblockOf(5)
	late.Operator = "bob"
	require.ErrorIs(e, e.Unblock(e.Context(), late), journal.ErrOtherBlock, "the block that it names was lifted before")
	e.blockedBy(newer)
}

func unblockNamesUnknown(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2", "r3")
	e.settle(g, "r1", journal.Unknown)
	e.settle(g, "r2", journal.Unknown)
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	err := e.Unblock(e.Context(), unblockOf(5))
	require.ErrorIs(e, err, journal.ErrOtherBlock, "r2 is not named")
	require.ErrorContains(e, err, "r2", "the error names the reference")
	e.isOpen("r1", "r2", "r3")
	e.blockedBy(blockOf("found 5"))
	u := unblockOf(5)
	u.Refs = []broker.OrderID{"r2", "r9", "r1"}
	require.NoError(e, e.Unblock(e.Context(), u), "more names than there are do no harm")
	e.isOpen("r3")
	require.Nil(e, e.standing(acct).Block)
	require.Equal(e, u.Refs, e.standing(acct).LastUnblock.Refs)
}

func killScopes(e *env) {
	e.begin("e1")
	require.NoError(e, e.Kill(e.Context(), killOf(acct, 4)))
	e.killed(acct, killOf(acct, 4))
	e.notKilled(other)
	require.NoError(e, e.Kill(e.Context(), killOf("", 5)))
	e.killed(acct, killOf(acct, 4)) // its own one first
	e.killed(other, killOf("", 5))
	require.NoError(e, e.Resume(e.Context(), killOf(other, 6)), "of an account that has no kill of its own")
	e.killed(other, killOf("", 5))
	require.NoError(e, e.Resume(e.Context(), killOf(acct, 6)))
	e.killed(acct, killOf("", 5))
	require.NoError(e, e.Kill(e.Context(), killOf(acct, 7)))
	require.NoError(e, e.Resume(e.Context(), killOf("", 8)))
	e.killed(acct, killOf(acct, 7))
	e.notKilled(other)
	require.NoError(e, e.Resume(e.Context(), killOf(acct, 9)))
	e.notKilled(acct)
}

func killAgain(e *env) {
	for _, account := range []broker.AccountID{"", acct} {
		first := killOf(account, 4)
		second := first
		second.Operator, second.Time = "bob", at(5)
		require.NoError(e, e.Kill(e.Context(), first))
		require.NoError(e, e.Kill(e.Context(), second))
		e.killed(acct, first)
	}
}

func resumeRepeated(e *env) {
	for _, account := range []broker.AccountID{"", acct} {
		resume, newer := killOf(account, 5), killOf(account, 6)
		require.NoError(e, e.Kill(e.Context(), killOf(account, 4)))
		require.NoError(e, e.Resume(e.Context(), resume))
		require.NoError(e, e.Kill(e.Context(), newer))
		require.NoError(e, e.Resume(e.Context(), resume))
		e.killed(acct, newer)
		resume.Time = at(7)
		require.NoError(e, e.Resume(e.Context(), resume))
		e.notKilled(acct)
	}
}

func blockAlone(e *env) {
	x := e.claim(claimOf(other, "x1")).Grant
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.Nil(e, e.standing(other).Block)
	e.intend(x, "x1")
	u := unblockOf(5)
	u.Account = other
	require.NoError(e, e.Unblock(e.Context(), u))
	e.blockedBy(blockOf("found 5"))
	require.Nil(e, e.standing(acct).LastUnblock)
}

// blockedBy demands a certain block.
func (e *env) blockedBy(want journal.Block) {
	e.Helper()
	got := e.standing(acct).Block
	require.NotNil(e, got, "block")
	require.True(e, want.Time.Equal(got.Time), "time of the block: want %s, got %s", want.Time, got.Time)
	require.Equal(e, want.Account, got.Account)
	require.Equal(e, want.Reason, got.Reason)
	require.Equal(e, want.Run, got.Run)
	e.sameJSON(want.Evidence, got.Evidence)
}

// lastUnblock demands a certain last unblock.
func (e *env) lastUnblock(want journal.Unblock) {
	e.Helper()
	got := e.standing(acct).LastUnblock
	require.NotNil(e, got, "last unblock")
	require.True(e, want.Time.Equal(got.Time), "time of the unblock: want %s, got %s", want.Time, got.Time)
	require.Equal(e, want.Account, got.Account)
	require.Equal(e, want.Operator, got.Operator)
	require.Equal(e, want.Reason, got.Reason)
	require.True(e, want.Block.Equal(got.Block), "block that is named: want %s, got %s", want.Block, got.Block)
	require.Equal(e, want.Refs, got.Refs)
	e.sameJSON(want.Evidence, got.Evidence)
}
