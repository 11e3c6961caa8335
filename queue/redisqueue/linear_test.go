package redisqueue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/linear"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// TestLinearizable: what clients see that have nothing in common but the server
// fits one order of their operations.
func TestLinearizable(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{
		"mini":   func(t *testing.T) string { return redistest.Mini(t).Addr() },
		"server": func(t *testing.T) string { return redistest.Start(t, redistest.Options{AppendFsync: "no"}).Addr },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkLinear(t, start(t))
		})
	}
}

// TestLinearizableWithoutReplies: so it is while replies get lost, because a
// repetition gets the first answer.
func TestLinearizableWithoutReplies(t *testing.T) {
	t.Parallel()
	proxy, err := faultproxy.New(redistest.Start(t, redistest.Options{AppendFsync: "no"}).Addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	ctx, stop := context.WithCancel(t.Context())
	var lossy sync.WaitGroup
	defer lossy.Wait()
	defer stop()
	lossy.Go(func() {
		for ctx.Err() == nil {
			armed := proxy.On(faultproxy.Rule{Match: "evalsha", Nth: 8, Fault: faultproxy.LoseReply})
			select {
			case <-ctx.Done():
			case <-armed.Done():
			}
		}
	})
	checkLinear(t, proxy.Addr())
	require.Greater(t, proxy.Count(faultproxy.LoseReply), 10)
}

func checkLinear(t *testing.T, addr string) {
	t.Helper()
	const lease = 400 * time.Millisecond
	linear.Check(t, func() linear.Queue {
		return open(t, client(t, addr), redisqueue.Options{Lease: lease, MaxCrashes: 1000})
	}, linear.Options{Lease: lease, Events: 10, Seed: 1})
}
