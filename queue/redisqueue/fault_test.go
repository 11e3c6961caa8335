package redisqueue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/retry"
)

// broken is a queue behind a proxy that breaks its connections.
func broken(t *testing.T, o redisqueue.Options) (*redisqueue.Queue, *faultproxy.Proxy) {
	t.Helper()
	proxy, err := faultproxy.New(redistest.Start(t, redistest.Options{AppendFsync: "no"}).Addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	c := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{Addrs: []string{proxy.Addr()}, ReadTimeout: 500 * time.Millisecond}))
	t.Cleanup(func() { _ = c.Close() })
	return open(t, c, o), proxy
}

// next returns the delivery that must be there.
func next(t *testing.T, q *redisqueue.Queue) *queue.Delivery {
	t.Helper()
	d, err := try(t.Context(), q, 10*time.Second)
	require.NoError(t, err)
	return d
}

// TestLostReplies: every operation whose reply is lost is repeated, has its
// effect once, and returns what it would have.
func TestLostReplies(t *testing.T) {
	for _, fault := range []faultproxy.Fault{faultproxy.LoseReply, faultproxy.LoseRequest, faultproxy.ResetRequest, faultproxy.HideReply} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			q, proxy := broken(t, redisqueue.Options{})
			ctx := t.Context()
			lose := func(match string) { t.Helper(); proxy.On(faultproxy.Rule{Match: match, Fault: fault}) }

			lose("lost-command")
			receipt, err := q.Publish(ctx, queue.Event{Account: "A", Command: "lost-command", Key: "k"})
			require.NoError(t, err)
			require.False(t, receipt.Duplicate, "it is the first answer")
			lose("lost-command")
			again, err := q.Publish(ctx, queue.Event{Account: "A", Command: "lost-command"})
			require.NoError(t, err)
			require.Equal(t, receipt.ID, again.Superseded)

			lose("Leases events, at most one") // the first claim sends its source
			d := next(t, q)
			require.Equal(t, again.ID, d.Event.ID)
			require.Equal(t, []any{1, 0, uint64(1)}, []any{d.Attempt, d.Crashes, d.Fence}, "it was leased once")
			lease := d.Lease()
			require.LessOrEqual(t, lease.Left(), 30*time.Second)

			lose(d.Lease().Token)
			require.NoError(t, d.Extend(ctx))
			lose("lost-note")
			require.NoError(t, d.Retry(ctx, 0, queue.Note{Cause: "lost-note"}))
			d = next(t, q)
			require.Equal(t, 2, d.Attempt, "it was retried once")
			lose("lost-hold")
			require.NoError(t, d.Hold(ctx, queue.Note{Cause: "lost-hold"}))
			lose("lost-reason")
			got, err := q.Operator(ctx, queue.Action{Verb: queue.Release, ID: again.ID, Operator: "ana", Reason: "lost-reason"})
			require.NoError(t, err)
			require.Equal(t, queue.Receipt{ID: again.ID}, got)
			require.NoError(t, next(t, q).Ack(ctx, queue.Note{}))

			require.Equal(t, 7, proxy.Count(fault), "every fault took place")
			stats, err := q.Stats(ctx)
			require.NoError(t, err)
			require.Equal(t, []int{0, 1, 1}, []int{stats.Counts[queue.Queued], stats.Counts[queue.Done], stats.Counts[queue.Superseded]})
			entry, err := q.Entry(ctx, again.ID)
			require.NoError(t, err)
			var whats []string
			for _, h := range entry.History {
				whats = append(whats, h.What)
			}
			require.Equal(t, []string{"published", "delivered", "retry", "delivered", "hold", "release", "delivered", "ack"}, whats)
			faults, err := q.Audit(ctx)
			require.NoError(t, err)
			require.Empty(t, faults)
		})
	}
}

// TestCancelIsPrompt: a context ends a call also while the server is silent.
func TestCancelIsPrompt(t *testing.T) {
	q, proxy := broken(t, redisqueue.Options{})
	proxy.Stall(faultproxy.Both)
	defer proxy.Heal()
	for name, call := range map[string]func(context.Context) error{
		"publish": func(ctx context.Context) error {
			_, err := q.Publish(ctx, queue.Event{Account: "A", Command: "c"})
			return err
		},
		"receive": func(ctx context.Context) error { _, err := q.Receive(ctx); return err },
		"stats":   func(ctx context.Context) error { _, err := q.Stats(ctx); return err },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("enough")) })
		start := time.Now()
		err := call(ctx)
		require.ErrorIs(t, err, context.Canceled, name)
		require.Less(t, time.Since(start), time.Second, name)
		timer.Stop()
		cancel(nil)
	}
}

// TestOutage: what an outage outlasts is a transient error, and afterwards the
// same queue works on.
func TestOutage(t *testing.T) {
	quick := retry.NewBackoff(retry.BackoffOptions{Initial: time.Millisecond, Retries: 2})
	q, proxy := broken(t, redisqueue.Options{Retry: quick})
	receipt, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c"})
	require.NoError(t, err)
	proxy.Refuse()
	for n := 0; err == nil && n < 50; n++ { // a connection that was on its way may come through
		proxy.Cut()
		_, err = q.Publish(t.Context(), queue.Event{Account: "B", Command: "d"})
	}
	require.Error(t, err)
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)
	_, err = q.Receive(t.Context())
	require.Error(t, err, "a receiver is not left alone with it")
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)
	proxy.Heal()
	d := next(t, q)
	require.Equal(t, receipt.ID, d.Event.ID)
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
}

// TestFullServer: a server without memory is backpressure, and what is under way
// can be finished.
func TestFullServer(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	q := open(t, client(t, server.Addr), redisqueue.Options{})
	ctx := t.Context()
	for _, account := range []string{"A", "B", "E", "C"} {
		_, err := q.Publish(ctx, queue.Event{Account: account, Command: "c"})
		require.NoError(t, err)
	}
	a, b := next(t, q), next(t, q)
	server.FillUp()
	_, err := q.Publish(ctx, queue.Event{Account: "D", Command: "c"})
	require.ErrorIs(t, err, queue.ErrFull)
	require.ErrorContains(t, err, "maxmemory")
	require.Equal(t, retry.Transient, retry.ClassOf(err))
	require.NoError(t, a.Extend(ctx))
	require.NoError(t, a.Ack(ctx, queue.Note{}))
	require.NoError(t, b.Retry(ctx, time.Hour, queue.Note{}))
	require.Equal(t, "E", next(t, q).Event.Account, "what is there can be worked off")
	require.Equal(t, "C", next(t, q).Event.Account)
	nothing(t, q) // and waiting for more is no error
	server.Set("maxmemory", "0")
	faults, err := q.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, faults)
}

// TestFailover: another server that answers is noticed, and what it has of the
// queue goes on.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, redistest.Options{AppendFsync: "no"})
	changed := make(chan [2]string, 10)
	q, err := redisqueue.Dial(t.Context(), "redis+sentinel://"+s.Addr+"/"+redistest.MasterName, redisqueue.Options{
		OnFailover: func(was, is string) { changed <- [2]string{was, is} },
		Barrier:    &redisqueue.Barrier{Replicas: 1, Timeout: time.Second},
		Retry:      retry.NewBackoff(retry.BackoffOptions{Initial: 50 * time.Millisecond, Max: 500 * time.Millisecond, Retries: retry.Unlimited, MaxElapsed: 30 * time.Second}),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	receipt, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c"})
	require.NoError(t, err, "the replica has it")
	require.Zero(t, q.Changes())

	s.Master.Kill()
	s.AwaitFailover()
	d := next(t, q)
	require.Equal(t, receipt.ID, d.Event.ID, "the barrier kept it")
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	select {
	case c := <-changed:
		require.NotEqual(t, c[0], c[1])
	case <-time.After(10 * time.Second):
		require.Fail(t, "the failover was not noticed")
	}
	require.NotZero(t, q.Changes())

	_, err = q.Publish(shortly(t, 3*time.Second), queue.Event{Account: "B", Command: "c"})
	require.Error(t, err, "no replica is left to have it")
}

func shortly(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
