package redisjournal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// TestServerKilledBetweenWriteAndReply kills the server after it did a write and
// before the reply left. The disk has it, so the repetition finds it; and the
// next new write is refused until the account is claimed again.
func TestServerKilledBetweenWriteAndReply(t *testing.T) {
	t.Parallel()
	want := dumps(t)
	s := redistest.Start(t, redistest.Options{AppendFsync: "always"})
	eachWrite(t, func(t *testing.T, n int, w write) {
		rehearse(t, s.Addr)
		proxy := proxyTo(t, s.Addr)
		j := journalAt(t, proxy.Addr(), redisjournal.Options{Prefix: unique()})
		var g journal.Grant
		warm(t, j)
		tell(t, j, &g, n)
		proxy.On(faultproxy.Rule{Match: "evalsha", Nth: w.calls, Fault: faultproxy.LoseReply, Then: func() {
			s.Kill()
			s.Restart()
		}})
		require.NoError(t, w.do(t.Context(), j, &g))
		require.JSONEq(t, want[n], dump(t, j))
		if g.Run == "e2/1" || n == 0 || w.name == "finish" {
			return // stopped or finished, or granted by the server that runs now
		}
		mustBeginAgain(t, j, g)
		require.JSONEq(t, want[n], dump(t, j))
	})
}

// mustBeginAgain demands that nothing new is accepted under a grant.
func mustBeginAgain(t *testing.T, j journal.Journal, g journal.Grant) {
	t.Helper()
	ctx := t.Context()
	for what, err := range map[string]error{
		"intend":     j.Intend(ctx, g, intentOf(g, "new")),
		"checkpoint": j.Checkpoint(ctx, g, journal.Step{Name: "new", Time: at(1)}),
	} {
		var fenced *journal.FencedError
		require.ErrorAs(t, err, &fenced, what)
		require.ErrorIs(t, err, redisjournal.ErrServerChanged, what)
		require.Equal(t, journal.FencedError{Account: "U1", Fence: g.Fence, Current: g.Fence, CurrentHolder: g.Run}, *fenced, what)
	}
}

func TestBeginAgainAfterARestart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	j := journalAt(t, s.Addr, redisjournal.Options{})
	b, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	s.Restart()
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")), "what is there is there, and so is all before it")
	mustBeginAgain(t, j, b.Grant)
	require.ErrorIs(t, j.Settle(t.Context(), b.Grant, settled("r1", journal.Filled)), redisjournal.ErrServerChanged)
	require.ErrorIs(t, j.Finish(t.Context(), b.Grant, ending("completed")), journal.ErrOpenIntents)

	again, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.Equal(t, b.Grant, again.Grant)
	require.Len(t, again.Standing.Open, 1)
	require.NoError(t, j.Settle(t.Context(), b.Grant, settled("r1", journal.Filled)))
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r2")))
}

// withFence asks for a certain fence.
func withFence(event string, fence uint64) journal.Claim {
	c := claimOf(event)
	c.Fence = fence
	return c
}

// TestFailoverThatLosesTheTail has a replica take over that lacks the last writes.
func TestFailoverThatLosesTheTail(t *testing.T) {
	t.Parallel()
	master, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	proxy := proxyTo(t, master.Addr)
	j := journalAt(t, proxy.Addr(), redisjournal.Options{})
	ctx := t.Context()

	kept, err := j.Begin(ctx, claimOf("e1"))
	require.NoError(t, err)
	require.NoError(t, j.Intend(ctx, kept.Grant, intentOf(kept.Grant, "r1")))
	replica.Follow(master)
	replica.Promote() // from here on it hears nothing any more
	require.NoError(t, j.Intend(ctx, kept.Grant, intentOf(kept.Grant, "r2")))
	lost, err := j.Begin(ctx, claimOf("e2"))
	require.NoError(t, err)
	require.Equal(t, uint64(2), lost.Grant.Fence)
	require.NoError(t, j.Intend(ctx, lost.Grant, intentOf(lost.Grant, "r3")))
	master.Kill()
	proxy.SetTarget(replica.Addr)
	proxy.Cut()

	var fenced *journal.FencedError
	err = j.Intend(ctx, lost.Grant, intentOf(lost.Grant, "r4"))
	require.ErrorAs(t, err, &fenced)
	require.Equal(t, journal.FencedError{Account: "U1", Fence: 2, Current: 1, CurrentHolder: "e1/1"}, *fenced, "a fence that was never granted here")
	require.ErrorIs(t, j.Settle(ctx, lost.Grant, settled("r3", journal.Filled)), journal.ErrFenced)
	mustBeginAgain(t, j, kept.Grant)

	next, err := j.Begin(ctx, claimOf("e2"))
	require.NoError(t, err)
	require.Equal(t, uint64(1001), next.Grant.Fence, "it leaps over what may be lost")
	require.ErrorIs(t, j.Intend(ctx, lost.Grant, intentOf(lost.Grant, "r4")), journal.ErrFenced)
	require.Len(t, next.Standing.Open, 1, "the broker knows of the others")
	require.NoError(t, j.Intend(ctx, next.Grant, intentOf(next.Grant, "r4")))
	after, err := j.Begin(ctx, claimOf("e3"))
	require.NoError(t, err)
	require.Equal(t, uint64(1002), after.Grant.Fence)
}

// TestSentinelFailsOver lets the sentinel do it.
func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, redistest.Options{})
	j := journalOn(t, s.Client(), redisjournal.Options{})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	s.AwaitReplica()
	s.Master.Kill()
	s.AwaitFailover()
	require.Eventually(t, func() bool { _, err := j.Account(t.Context(), "U1"); return err == nil }, 10*time.Second, 10*time.Millisecond)
	mustBeginAgain(t, j, b.Grant)
	b, err = j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.Equal(t, uint64(1001), b.Grant.Fence)
	require.Len(t, b.Standing.Open, 1)
}

// TestBarrier accepts an intent only once a replica has it.
func TestBarrier(t *testing.T) {
	t.Parallel()
	master, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	replica.Follow(master)
	j := journalAt(t, master.Addr, redisjournal.Options{Replicas: 1, BarrierTimeout: 20 * time.Millisecond})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	replica.Pause()
	err = j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r2"))
	require.ErrorContains(t, err, "0 of 1 replicas")
	require.NoError(t, j.Settle(t.Context(), b.Grant, settled("r1", journal.Filled)), "only claims and intents wait")
	require.NoError(t, j.Kill(t.Context(), killOf("", 1)))
	require.ErrorIs(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r3")), journal.ErrKilled, "a refusal has nothing to wait for")
	require.NoError(t, j.Resume(t.Context(), killOf("", 2)))
	replica.Continue()
	require.Eventually(t, func() bool { return j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r2")) == nil },
		10*time.Second, time.Millisecond, "a repetition waits, too, and then succeeds")
	r, err := j.Run(t.Context(), "e1/1")
	require.NoError(t, err)
	require.Len(t, r.Intents, 2)
}

// TestClusterThatLosesANode stops the node of the journal for a while.
func TestClusterThatLosesANode(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Options{})
	j := journalOn(t, c.Client(), redisjournal.Options{})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.NoError(t, j.Kill(t.Context(), killOf("", 1)))
	require.ErrorIs(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")), journal.ErrKilled)
	require.NoError(t, j.Resume(t.Context(), killOf("", 2)))
	node := c.Owner("{evenkeel}:meta")
	node.Kill()
	node.Restart()
	c.Await()
	require.Eventually(t, func() bool { _, err := j.Account(t.Context(), "U1"); return err == nil }, 10*time.Second, 10*time.Millisecond)
	mustBeginAgain(t, j, b.Grant)
	b, err = j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
}

// TestSlotThatMoves moves the journal to another node of the cluster.
func TestSlotThatMoves(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Options{})
	j := journalOn(t, c.Client(), redisjournal.Options{})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	before := dump(t, j)
	c.BeginMove("{evenkeel}:meta").End()
	require.JSONEq(t, before, dump(t, j))
	mustBeginAgain(t, j, b.Grant)
}
