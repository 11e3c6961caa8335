package redisqueue_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/queuetest"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// TestMain lets many tests run at once, whatever the machine: they mostly wait.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "12")
	goleak.VerifyTestMain(m)
}

// client connects to a server, as users should.
func client(t testing.TB, addrs ...string) redis.UniversalClient {
	t.Helper()
	c := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{Addrs: addrs, PoolSize: 32}))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open opens a queue that the test closes.
func open(t testing.TB, c redis.UniversalClient, o redisqueue.Options) *redisqueue.Queue {
	t.Helper()
	q, err := redisqueue.Open(context.WithoutCancel(t.Context()), c, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// harness is the suite's, on a server.
func harness(t *testing.T, name string, c redis.UniversalClient, lease time.Duration) queuetest.Harness {
	t.Helper()
	o := redisqueue.Options{Name: name, Lease: lease, MaxCrashes: 2, MaxPerAccount: 40}
	q := open(t, c, o)
	t.Cleanup(func() {
		faults, err := q.Audit(context.Background())
		require.NoError(t, err)
		require.Empty(t, faults, "the structures differ")
	})
	last := q
	return queuetest.Harness{
		Queue: q, Lease: lease, Patience: 3 * time.Second, MaxCrashes: 2, MaxPerAccount: 40, Close: q.Close,
		Open: func() queue.EventQueue { return open(t, c, o) },
		Restart: func() queue.EventQueue {
			require.NoError(t, last.Close())
			last = open(t, c, o)
			return last
		},
	}
}

// slow is a lease that is long enough for a machine that is busy.
const slow = 1500 * time.Millisecond

func TestConformanceMini(t *testing.T) {
	t.Parallel()
	queuetest.RunLive(t, func(t *testing.T) queuetest.Harness {
		return harness(t, t.Name(), client(t, redistest.Mini(t).Addr()), slow)
	})
}

func TestConformanceServer(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t, redistest.Options{})
	queuetest.RunLive(t, func(t *testing.T) queuetest.Harness {
		return harness(t, server.Prefix+t.Name(), client(t, server.Addr), slow)
	})
}
