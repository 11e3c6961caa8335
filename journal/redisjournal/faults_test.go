package redisjournal_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/retry"
)

// proxyTo starts a proxy.
func proxyTo(t *testing.T, addr string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.New(addr)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// rehearse has the server load all scripts.
func rehearse(t *testing.T, addr string) {
	t.Helper()
	var g journal.Grant
	tell(t, journalAt(t, addr, redisjournal.Options{Prefix: unique()}), &g, len(story()))
}

// TestFaultAtEachWrite breaks the connection at each kind of write. The call
// succeeds by itself, and the journal shows what one without faults shows.
func TestFaultAtEachWrite(t *testing.T) {
	t.Parallel()
	want := dumps(t)
	servers := map[string]func(t *testing.T) string{
		"miniredis": func(t *testing.T) string { return redistest.Mini(t).Addr() },
		"server":    func(t *testing.T) string { return redistest.Start(t, redistest.Options{}).Addr },
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := start(t)
			rehearse(t, addr)
			for _, fault := range []faultproxy.Fault{faultproxy.LoseReply, faultproxy.HideReply, faultproxy.LoseRequest, faultproxy.ResetRequest} {
				t.Run(string(fault), func(t *testing.T) {
					t.Parallel()
					eachWrite(t, func(t *testing.T, n int, w write) {
						proxy := proxyTo(t, addr)
						client := redis.NewClient(&redis.Options{
							Addr: proxy.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true,
							ReadTimeout: 60 * time.Millisecond,
						})
						j := journalOn(t, client, redisjournal.Options{Prefix: unique()})
						var g journal.Grant
						warm(t, j)
						tell(t, j, &g, n)
						proxy.On(faultproxy.Rule{Match: "evalsha", Nth: w.calls, Fault: fault})
						require.NoError(t, w.do(t.Context(), j, &g))
						require.Equal(t, 1, proxy.Count(fault))
						require.JSONEq(t, want[n], dump(t, j))
					})
				})
			}
		})
	}
}

// TestTakeoverBeforeTheRepetition has another worker claim the account between a
// claim whose reply is lost and its repetition.
func TestTakeoverBeforeTheRepetition(t *testing.T) {
	t.Parallel()
	addr := redistest.Mini(t).Addr()
	rehearse(t, addr)
	proxy, opts := proxyTo(t, addr), redisjournal.Options{Prefix: unique()}
	mine, other := journalAt(t, proxy.Addr(), opts), journalAt(t, addr, opts)
	warm(t, mine)
	var theirs journal.Begun
	var fault error
	proxy.On(faultproxy.Rule{Match: "evalsha", Fault: faultproxy.LoseReply, Then: func() {
		theirs, fault = other.Begin(t.Context(), claimOf("e2"))
	}})
	_, err := mine.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, fault)
	var fenced *journal.FencedError
	require.ErrorAs(t, err, &fenced)
	require.Equal(t, journal.FencedError{Account: "U1", Fence: 1, Current: 2, CurrentHolder: "e2/1"}, *fenced)
	require.NoError(t, other.Checkpoint(t.Context(), theirs.Grant, journal.Step{Name: "plan", Time: at(1)}), "it was not fenced off")
}

// TestScriptFlush forgets the scripts before each write.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t, redistest.Options{})
	want := dumps(t)
	j := journalAt(t, s.Addr, redisjournal.Options{Prefix: s.Prefix})
	var g journal.Grant
	for n, w := range story() {
		s.Do("script", "flush")
		require.NoError(t, w.do(t.Context(), j, &g), w.name)
		require.JSONEq(t, want[n], dump(t, j), w.name)
	}
}

// frees reports whether a write works on a full server: what stops an account,
// and what ends what is under way.
func (w *write) frees() bool {
	return strings.HasPrefix(w.name, "settle") || strings.HasPrefix(w.name, "kill") || w.name == "block" || w.name == "finish"
}

// TestServerThatRefuses has each write refused by a server that is full, or is a
// replica. Nothing is recorded, and the write works once the server does. What
// frees works on a full server, too.
func TestServerThatRefuses(t *testing.T) {
	t.Parallel()
	want := dumps(t)
	s := redistest.Start(t, redistest.Options{})
	for name, states := range map[string][2]func(){
		"full":    {s.FillUp, func() { s.Set("maxmemory", "0") }},
		"replica": {s.FollowNobody, s.Promote},
	} {
		t.Run(name, func(t *testing.T) {
			j := journalAt(t, s.Addr, redisjournal.Options{Prefix: unique()})
			var g journal.Grant
			for n, w := range story() {
				before := dump(t, j)
				states[0]()
				ctx, cancel := context.WithTimeout(t.Context(), 70*time.Millisecond)
				grant := g
				err := w.do(ctx, j, &g)
				cancel()
				states[1]()
				if name == "full" && w.frees() {
					require.NoError(t, err, w.name)
					require.JSONEq(t, want[n], dump(t, j), w.name)
					continue
				}
				require.Error(t, err, w.name)
				require.NotEqual(t, retry.Permanent, retry.ClassOf(err), "%s: %v", w.name, err)
				require.JSONEq(t, before, dump(t, j), w.name)
				g = grant
				require.NoError(t, w.do(t.Context(), j, &g), w.name)
				require.JSONEq(t, want[n], dump(t, j), w.name)
			}
		})
	}
}

// TestServerThatIsGone returns with the context.
func TestServerThatIsGone(t *testing.T) {
	t.Parallel()
	proxy := proxyTo(t, redistest.Mini(t).Addr())
	j := journalAt(t, proxy.Addr(), redisjournal.Options{})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	proxy.Stall(faultproxy.Both)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = j.Intend(ctx, b.Grant, intentOf(b.Grant, "r1"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 500*time.Millisecond)
	proxy.Heal()
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")), "recorded by now or not")
	s, err := j.Account(t.Context(), "U1")
	require.NoError(t, err)
	require.Len(t, s.Open, 1)
}
