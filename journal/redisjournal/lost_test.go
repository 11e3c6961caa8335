package redisjournal_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/retry"
)

// mustBeLost demands that every call is refused because the keys are gone.
func mustBeLost(t *testing.T, j journal.Journal, g journal.Grant) {
	t.Helper()
	for _, w := range story() {
		grant := g
		err := w.do(t.Context(), j, &grant)
		require.ErrorIs(t, err, redisjournal.ErrLost, w.name)
		require.Equal(t, retry.Session, retry.ClassOf(err), w.name)
		require.ErrorContains(t, err, "{evenkeel}:meta", w.name)
	}
	for name, err := range reads(t, j) {
		require.ErrorIs(t, err, redisjournal.ErrLost, name)
	}
}

// TestServerThatRestartsEmpty: the journal that was open notices, whether or not
// somebody else has opened a new one since.
func TestServerThatRestartsEmpty(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no", "save": ""}})
	j, err := redisjournal.Open(t.Context(), "redis://"+s.Addr, redisjournal.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	require.NoError(t, j.Kill(t.Context(), killOf("", 1)))
	s.Restart()

	mustBeLost(t, j, journal.Grant{Account: "U1", Run: "e1/1", Fence: 1})
	_, err = j.Check(t.Context())
	require.ErrorIs(t, err, redisjournal.ErrLost)
	require.Equal(t, int64(0), s.Do("dbsize"), "nothing was done")

	again := journalAt(t, s.Addr, redisjournal.Options{})
	begun, err := again.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	before := dump(t, again)
	mustBeLost(t, j, begun.Grant)
	require.JSONEq(t, before, dump(t, again))
	require.NoError(t, again.Intend(t.Context(), begun.Grant, intentOf(begun.Grant, "r1")))
}

// TestFlushedServer notices on any server, also if the journal was never checked.
func TestFlushedServer(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	var g journal.Grant
	tell(t, j, &g, 5)
	m.FlushAll()
	mustBeLost(t, j, g)
	require.Empty(t, m.Keys())
	m.HSet("{evenkeel}:meta", "schema", "1", "epoch", "another")
	mustBeLost(t, j, g)
	m.HSet("{evenkeel}:meta", "epoch", "two words")
	_, err := journalAt(t, m.Addr(), redisjournal.Options{}).Account(t.Context(), "U1")
	require.ErrorIs(t, err, redisjournal.ErrDamaged)
}

// TestOpenedByMany: all that open a journal agree on what it is known by, though
// the replies get lost.
func TestOpenedByMany(t *testing.T) {
	t.Parallel()
	addr := redistest.Mini(t).Addr()
	rehearse(t, addr)
	proxy := proxyTo(t, addr)
	proxy.On(faultproxy.Rule{Match: "evalsha", Fault: faultproxy.LoseReply})
	opts := redisjournal.Options{Prefix: unique()}
	first, second := journalAt(t, proxy.Addr(), opts), journalAt(t, addr, opts)
	warm(t, first)
	require.Equal(t, 1, proxy.Count(faultproxy.LoseReply))
	require.NoError(t, second.Kill(t.Context(), killOf("", 1)))
	s, err := first.Account(t.Context(), "U1")
	require.NoError(t, err)
	require.NotNil(t, s.Kill)
}

// TestFullServer: what stops an account and what ends what is under way works on
// a full server, what begins something does not.
func TestFullServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client := clientOf(s.Addr)
	j := journalOn(t, client, redisjournal.Options{})
	b, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	s.FillUp()
	require.ErrorContains(t, client.Set(t.Context(), "x", "y", 0).Err(), "OOM")
	for what, do := range map[string]func(ctx context.Context) error{
		"begin":       func(ctx context.Context) error { _, err := j.Begin(ctx, claimOf("e2")); return err },
		"begin again": func(ctx context.Context) error { _, err := j.Begin(ctx, withFence("e1", 5)); return err },
		"intend":      func(ctx context.Context) error { return j.Intend(ctx, b.Grant, intentOf(b.Grant, "r2")) },
		"resume":      func(ctx context.Context) error { return j.Resume(ctx, killOf("", 1)) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Millisecond)
		require.Error(t, do(ctx), what)
		cancel()
	}
	require.NoError(t, j.Settle(t.Context(), b.Grant, settled("r1", journal.Filled)))
	require.NoError(t, j.Finish(t.Context(), b.Grant, ending("completed")))
	require.NoError(t, j.Kill(t.Context(), killOf("", 1)))
	require.NoError(t, j.Kill(t.Context(), killOf("U2", 1)))
	require.NoError(t, j.Block(t.Context(), journal.Block{Account: "U1", Reason: "found 5", Time: at(4)}))
	// An operator at another desk, who opens the journal only now.
	desk := journalAt(t, s.Addr, redisjournal.Options{})
	require.NoError(t, desk.Kill(t.Context(), killOf("U3", 1)))
	fresh := journalAt(t, s.Addr, redisjournal.Options{Prefix: unique()})
	require.NoError(t, fresh.Kill(t.Context(), killOf("", 1)))
	s.Set("maxmemory", "0")

	standing, err := j.Account(t.Context(), "U1")
	require.NoError(t, err)
	require.Equal(t, uint64(5), standing.Fence)
	require.Empty(t, standing.Open)
	require.NotNil(t, standing.Block)
	require.NotNil(t, standing.Kill)
	r, err := j.Run(t.Context(), "e1/1")
	require.NoError(t, err)
	require.Len(t, r.Intents, 1)
	_, err = j.Run(t.Context(), "e2/1")
	require.ErrorIs(t, err, journal.ErrUnknownRun)
	require.Equal(t, journal.Filled, r.Intents[0].Settlement.Outcome)
	require.NotNil(t, r.Outcome)
}

// TestFsync: a server that cannot wait for its disk is refused when the journal is
// opened.
func TestFsync(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no"}})
	_, err := redisjournal.Open(t.Context(), "redis://"+s.Addr, redisjournal.Options{Fsync: true})
	require.ErrorContains(t, err, "redis 7.2 with an append-only file is needed for Fsync")
	require.ErrorContains(t, err, "no append-only file: set appendonly yes")
	require.Equal(t, retry.Permanent, retry.ClassOf(err))
	require.Equal(t, int64(0), s.Do("dbsize"), "nothing was written")
}
