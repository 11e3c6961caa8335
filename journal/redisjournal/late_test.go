package redisjournal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// TestRequestThatArrivesLate has a request stuck in the network until after its
// repetition and what followed. It changes nothing any more.
func TestRequestThatArrivesLate(t *testing.T) {
	t.Parallel()
	unblock := journal.Unblock{Account: "U1", Operator: "ada", Reason: "statement", Time: at(5)}
	later := unblock
	later.Time = at(6)
	block := journal.Block{Account: "U1", Reason: "found 5", Time: at(4)}
	type step = func(ctx context.Context, j journal.Journal, g *journal.Grant) error
	for name, c := range map[string]struct{ stuck, then step }{
		"begin": {
			func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
				_, err := j.Begin(ctx, claimOf("e2"))
				return err
			},
			func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
				b, err := j.Begin(ctx, claimOf("e1"))
				*g = b.Grant
				return err
			},
		},
		"checkpoint": {
			func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
				return j.Checkpoint(ctx, *g, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`"old"`)})
			},
			func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
				return j.Checkpoint(ctx, *g, journal.Step{Name: "plan", Time: at(2), Data: json.RawMessage(`"new"`)})
			},
		},
		"intend": {
			func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
				return j.Intend(ctx, *g, intentOf(*g, "r1"))
			},
			func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
				return j.Settle(ctx, *g, settled("r1", journal.Filled))
			},
		},
		"unblock": {
			func(ctx context.Context, j journal.Journal, _ *journal.Grant) error { return j.Unblock(ctx, unblock) },
			func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
				if err := j.Unblock(ctx, later); err != nil {
					return err
				}
				return j.Block(ctx, block)
			},
		},
		"resume": {
			func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
				return j.Resume(ctx, killOf("", 1))
			},
			func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
				if err := j.Resume(ctx, killOf("", 2)); err != nil {
					return err
				}
				return j.Kill(ctx, killOf("", 3))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := redistest.Mini(t)
			rehearse(t, m.Addr())
			proxy := proxyTo(t, m.Addr())
			opts := redisjournal.Options{Prefix: unique()}
			direct := journalAt(t, m.Addr(), opts)
			b, err := direct.Begin(t.Context(), claimOf("e1"))
			require.NoError(t, err)
			g := b.Grant

			var dialled atomic.Bool // the first connection is that through the proxy
			client := redis.NewClient(&redis.Options{
				MaxRetries: -1, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true, ReadTimeout: 60 * time.Millisecond,
				Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
					addr := m.Addr()
					if dialled.CompareAndSwap(false, true) {
						addr = proxy.Addr()
					}
					return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
				},
			})
			j := journalOn(t, client, opts)
			_, err = j.Account(t.Context(), "U1") // opens the connection
			require.NoError(t, err)
			proxy.Stall(faultproxy.ToServer)
			require.NoError(t, c.stuck(t.Context(), j, &g))
			require.Equal(t, 1, proxy.Count(faultproxy.Stalled), "the first request is stuck")
			require.NoError(t, c.then(t.Context(), j, &g))
			before, calls := dump(t, direct), m.CommandCount()
			proxy.Heal()
			require.Eventually(t, func() bool { return proxy.Open() == 0 }, 5*time.Second, time.Millisecond, "the server is done with it")
			require.Greater(t, m.CommandCount(), calls, "it arrived")
			require.JSONEq(t, before, dump(t, direct))
			require.NoError(t, j.Checkpoint(t.Context(), g, journal.Step{Name: "last", Time: at(9)}), "the holder still holds")
		})
	}
}

// TestServerKilledAtRandom kills the server again and again under a worker. What
// was accepted is there in the end, once each, and in order.
func TestServerKilledAtRandom(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AppendFsync: "always"})
	j := journalAt(t, s.Addr, redisjournal.Options{})
	var accepted []string
	var claims, count atomic.Int64
	var over atomic.Bool
	var fault error
	var worker sync.WaitGroup
	worker.Go(func() {
		var g journal.Grant
		for n := 0; !over.Load() && fault == nil; n++ {
			ref := fmt.Sprintf("r%d", n)
			switch err := j.Intend(t.Context(), g, intentOf(g, ref)); {
			case err == nil:
				accepted = append(accepted, ref)
				count.Add(1)
			default: // never begun, fenced, or no answer: a worker starts again
				b, err := j.Begin(t.Context(), claimOf("e1"))
				g, fault = b.Grant, err
				claims.Add(1)
			}
		}
	})
	for n := range int64(6) {
		require.Eventually(t, func() bool { return claims.Load() > n && count.Load() > 20*n }, 10*time.Second, time.Millisecond, "it goes on")
		s.Restart()
	}
	require.Eventually(t, func() bool { return claims.Load() > 6 }, 10*time.Second, time.Millisecond, "the account is claimed")
	over.Store(true)
	worker.Wait()
	require.NoError(t, fault)
	var open []string
	standing, err := j.Account(t.Context(), "U1")
	require.NoError(t, err)
	for _, i := range standing.Open {
		open = append(open, string(i.Order.ID))
	}
	require.Subset(t, open, accepted)
	at := 0
	for _, ref := range open {
		if at < len(accepted) && ref == accepted[at] {
			at++
		}
	}
	require.Equal(t, len(accepted), at, "in order")
	t.Logf("%d intents accepted, %d recorded, %d claims", len(accepted), len(open), claims.Load())
}
