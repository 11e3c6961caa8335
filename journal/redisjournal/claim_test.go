package redisjournal_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// mustBeOvertaken demands that nothing is accepted from one whose grant somebody
// else was given, too; e1/1 has the open intent r1 and the step plan.
func mustBeOvertaken(t *testing.T, j journal.Journal, g journal.Grant) {
	t.Helper()
	ctx := t.Context()
	for what, err := range map[string]error{
		"intend":          j.Intend(ctx, g, intentOf(g, "new")),
		"intend again":    j.Intend(ctx, g, intentOf(g, "r1")),
		"settle":          j.Settle(ctx, g, settled("r1", journal.Filled)),
		"checkpoint":      j.Checkpoint(ctx, g, journal.Step{Name: "new", Time: at(1)}),
		"checkpoint same": j.Checkpoint(ctx, g, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`{"a":1}`)}),
		"finish":          j.Finish(ctx, g, ending("completed")),
	} {
		var fenced *journal.FencedError
		require.ErrorAs(t, err, &fenced, what)
		require.ErrorContains(t, err, "another process", what)
		require.Equal(t, journal.FencedError{Account: "U1", Fence: g.Fence, Current: g.Fence, CurrentHolder: g.Run}, *fenced, what)
	}
}

// TestSameGrantTwice: a server that lost the tail gives a second worker the grant
// that the first one has. From then on only the second one may write.
func TestSameGrantTwice(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no", "save": ""}})
	first, second := journalAt(t, s.Addr, redisjournal.Options{}), journalAt(t, s.Addr, redisjournal.Options{})
	warm(t, first)
	s.Do("save") // what survives
	b1, err := first.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.NoError(t, first.Intend(t.Context(), b1.Grant, intentOf(b1.Grant, "r0")))
	s.Kill()
	s.Restart()

	b2, err := second.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.Equal(t, b1.Grant, b2.Grant)
	require.Empty(t, b2.Standing.Open)
	require.NoError(t, second.Checkpoint(t.Context(), b2.Grant, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`{"a":1}`)}))
	require.NoError(t, second.Intend(t.Context(), b2.Grant, intentOf(b2.Grant, "r1")))
	mustBeOvertaken(t, first, b1.Grant)
	require.NoError(t, second.Settle(t.Context(), b2.Grant, settled("r1", journal.Filled)))
	require.NoError(t, second.Finish(t.Context(), b2.Grant, ending("completed")))
}

// TestSameGrantTwiceInAProcess: two workers share a journal, and the server lost
// the claim of the first. The second needs a higher fence; then it holds.
func TestSameGrantTwiceInAProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no", "save": ""}})
	j := journalAt(t, s.Addr, redisjournal.Options{})
	warm(t, j)
	s.Do("save") // what survives
	b1, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	s.Kill()
	s.Restart()

	for _, fence := range []uint64{4, 5} {
		_, err = j.Begin(t.Context(), withFence("e1", fence))
		var fenced *journal.FencedError
		require.ErrorAs(t, err, &fenced)
		require.Equal(t, journal.FencedError{Account: "U1", Fence: fence, Current: 5, CurrentHolder: "e1/1"}, *fenced)
	}
	_, err = j.Run(t.Context(), "e1/1")
	require.ErrorIs(t, err, journal.ErrUnknownRun, "a claim that is refused begins nothing")
	other, err := j.Begin(t.Context(), journal.Claim{Account: "U2", Event: "x1", Command: "rebalance", Time: at(0)})
	require.NoError(t, err)
	require.Equal(t, uint64(1), other.Grant.Fence)
	b2, err := j.Begin(t.Context(), withFence("e1", 6))
	require.NoError(t, err)
	require.ErrorIs(t, j.Intend(t.Context(), b1.Grant, intentOf(b1.Grant, "r1")), journal.ErrFenced)
	require.NoError(t, j.Intend(t.Context(), b2.Grant, intentOf(b2.Grant, "r1")))
}

// TestNextFenceAfterALoss: the next fence is higher than any that this journal was
// given, though the server knows none.
func TestNextFenceAfterALoss(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	_, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	for _, key := range m.Keys() {
		if key != "{evenkeel}:meta" {
			m.Del(key)
		}
	}
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.Equal(t, uint64(6), b.Grant.Fence)
}

// TestNextFenceLeapsOverTheLost: it does so also if more than a leap is lost.
func TestNextFenceLeapsOverTheLost(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no", "save": ""}})
	j := journalAt(t, s.Addr, redisjournal.Options{})
	_, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	s.Do("save") // what survives
	_, err = j.Begin(t.Context(), withFence("e1", 5000))
	require.NoError(t, err)
	s.Kill()
	s.Restart()
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.Equal(t, uint64(5001), b.Grant.Fence)
}

// TestTakenOverWithTheSameFence: who claims last holds, however often the same
// journal repeats its claim.
func TestTakenOverWithTheSameFence(t *testing.T) {
	addr := redistest.Mini(t).Addr()
	first, second := journalAt(t, addr, redisjournal.Options{}), journalAt(t, addr, redisjournal.Options{})
	b, err := first.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.NoError(t, first.Checkpoint(t.Context(), b.Grant, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`{"a":1}`)}))
	for range 2 {
		again, err := first.Begin(t.Context(), withFence("e1", 5))
		require.NoError(t, err)
		require.Equal(t, b.Grant, again.Grant)
	}
	require.NoError(t, first.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	over, err := second.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.Equal(t, b.Grant, over.Grant)
	require.Len(t, over.Standing.Open, 1)
	mustBeOvertaken(t, first, b.Grant)
	require.NoError(t, second.Settle(t.Context(), b.Grant, settled("r1", journal.Filled)))
	_, err = first.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.ErrorIs(t, second.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r2")), journal.ErrFenced)
	require.NoError(t, first.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r2")))
}

// TestTakenOverBeforeTheRepetition: a claim whose reply was lost is not repeated
// over the claim of somebody else.
func TestTakenOverBeforeTheRepetition(t *testing.T) {
	t.Parallel()
	addr := redistest.Mini(t).Addr()
	rehearse(t, addr)
	proxy, opts := proxyTo(t, addr), redisjournal.Options{Prefix: unique()}
	mine, other := journalAt(t, proxy.Addr(), opts), journalAt(t, addr, opts)
	warm(t, mine)
	var theirs journal.Begun
	var fault error
	proxy.On(faultproxy.Rule{Match: "evalsha", Fault: faultproxy.LoseReply, Then: func() {
		theirs, fault = other.Begin(t.Context(), withFence("e1", 5))
	}})
	_, err := mine.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, fault)
	require.ErrorIs(t, err, journal.ErrFenced)
	require.ErrorContains(t, err, "another process")
	require.NoError(t, other.Intend(t.Context(), theirs.Grant, intentOf(theirs.Grant, "r1")))
}
