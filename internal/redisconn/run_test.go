package redisconn_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/retry"
)

func TestRun(t *testing.T) {
	for name, addr := range map[string]string{"mini": redistest.Mini(t).Addr(), "server": redistest.Start(t, redistest.Options{}).Addr} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, to(addr))
			for want := range int64(3) {
				got, err := run(t, c, 1)
				require.NoError(t, err)
				require.Equal(t, want+1, got)
			}
			require.NoError(t, c.Client().ScriptFlush(t.Context()).Err())
			got, err := run(t, c, 1)
			require.NoError(t, err, "the server has forgotten the script")
			require.Equal(t, int64(4), got)
			none := redisconn.NewScript("none", "return false")
			got, err = c.Run(t.Context(), redisconn.Call{Script: none, Keys: []string{"k"}})
			require.NoError(t, err)
			require.Nil(t, got)
		})
	}
}

// TestBatches: calls at the same time share round trips, each has its own
// answer, and one that fails does not make others fail.
func TestBatches(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	c := connect(t, to(server.Addr))
	server.Do("SET", "{k}s:executions", "a string, so that LPUSH fails")
	const calls = 500
	var wg sync.WaitGroup
	answers, errs := make([]any, calls), make([]error, calls)
	for i := range calls {
		wg.Go(func() {
			arg := fmt.Sprint(i)
			if i%100 == 50 {
				arg = "bad"
			}
			answers[i], errs[i] = c.Run(t.Context(), redisconn.Call{Script: sum, Keys: []string{"{k}s:executions"}, Args: []any{"first", arg}})
		})
	}
	wg.Wait()
	for i := range calls {
		if i%100 == 50 {
			require.ErrorIs(t, errs[i], redisconn.ErrWrongType, i)
			continue
		}
		require.NoError(t, errs[i], i)
		require.Equal(t, fmt.Sprint(i), answers[i].([]any)[1])
	}
	n, err := c.Client().Get(t.Context(), "{k}s:executions:executions").Int()
	require.NoError(t, err)
	require.Less(t, n, calls*3/4, "they travelled together")
}

// TestPatientCall: it lets those that wait with it go first, but only once.
func TestPatientCall(t *testing.T) {
	c := connect(t, to(redistest.Start(t, redistest.Options{AppendFsync: "no"}).Addr))
	push := redisconn.NewScript("push", "return redis.call('RPUSH', KEYS[1], ARGV[1])")
	slow := redisconn.NewScript("slow", `
		local t = redis.call('TIME')
		local till = t[1] * 1000000 + t[2] + 200000
		repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] > till
		return redis.call('RPUSH', KEYS[1], ARGV[1])`)
	var wg sync.WaitGroup
	sent := make(chan struct{}, 10)
	send := func(s *redisconn.Script, name string, patient bool) {
		wg.Go(func() {
			_, err := c.Run(t.Context(), redisconn.Call{Script: s, Keys: []string{"{k}"}, Args: []any{name}, Patient: patient, Last: func() any {
				sent <- struct{}{}
				return ""
			}})
			require.NoError(t, err)
		})
	}
	await := func(n int) {
		require.Eventually(t, func() bool { return c.Waiting() == n }, 5*time.Second, time.Millisecond)
	}
	for _, script := range []*redisconn.Script{push, slow} { // so that none is sent twice later
		send(script, "known", false)
		wg.Wait()
		<-sent
		<-sent
	}
	send(slow, "first", false)
	<-sent
	send(push, "patient", true)
	await(1)
	send(slow, "second", false)
	await(2)
	<-sent // the second
	await(1)
	send(push, "third", false)
	await(2)
	wg.Wait()
	order, err := c.Client().LRange(t.Context(), "{k}", 0, -1).Result()
	require.NoError(t, err)
	require.Equal(t, []string{"known", "known", "first", "second", "patient", "third"}, order)
}

// TestLastArgument: it is asked for when the call is sent.
func TestLastArgument(t *testing.T) {
	c := connect(t, to(redistest.Mini(t).Addr()))
	n := 0
	echo := redisconn.NewScript("echo", "return ARGV")
	for range 2 {
		got, err := c.Run(t.Context(), redisconn.Call{Script: echo, Keys: []string{"{k}"}, Args: []any{"a"}, Last: func() any { n++; return n }})
		require.NoError(t, err)
		require.Equal(t, []any{"a", fmt.Sprint(n)}, got)
	}
	require.Equal(t, 3, n, "twice for the first call, whose script was not known")
}

func TestCluster(t *testing.T) {
	cluster := redistest.NewCluster(t, redistest.Options{})
	c := connect(t, to(cluster.Addrs()...))
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			call := redisconn.Call{Script: count, Keys: []string{fmt.Sprintf("{k%d}", i)}, Args: []any{i}}
			if i%3 == 0 {
				call.Barrier = &redisconn.Barrier{Replicas: 1, Timeout: time.Millisecond}
			}
			got, err := c.Run(t.Context(), call)
			if i%3 == 0 {
				require.ErrorIs(t, err, redisconn.ErrNotDurable, "there are no replicas")
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, int64(i), got)
		})
	}
	wg.Wait()
	_, err := c.Run(t.Context(), redisconn.Call{Script: count, Keys: []string{"{a}", "{b}"}, Args: []any{1}})
	require.ErrorIs(t, err, redisconn.ErrTopology)
	_, err = c.Check(t.Context(), "k", nil)
	require.NoError(t, err)

	single := connect(t, to(cluster.Nodes[0].Addr))
	_, err = single.Check(t.Context(), "k", nil)
	require.ErrorContains(t, err, "redis+cluster://")
}

func TestBarrier(t *testing.T) {
	c := connect(t, to(redistest.Start(t, redistest.Options{}).Addr))
	for _, b := range []*redisconn.Barrier{{Replicas: 1, Timeout: 10 * time.Millisecond}, {Fsync: true, Replicas: 1, Timeout: 10 * time.Millisecond}} {
		before, err := run(t, c, 0)
		require.NoError(t, err)
		got, err := c.Run(t.Context(), redisconn.Call{Script: count, Keys: []string{"{k}n"}, Args: []any{1}, Barrier: b})
		require.ErrorIs(t, err, redisconn.ErrNotDurable)
		require.Equal(t, retry.Transient, retry.ClassOf(err))
		require.Equal(t, before.(int64)+1, got, "it was executed")
	}
	s := redistest.NewSentinel(t, redistest.Options{})
	o := to(s.Addr)
	o.MasterName = redistest.MasterName
	_, err := connect(t, o).Run(t.Context(), redisconn.Call{
		Script: count, Keys: []string{"{k}n"}, Args: []any{1}, Barrier: &redisconn.Barrier{Replicas: 1, Timeout: time.Second},
	})
	require.NoError(t, err)
	require.Error(t, (&redisconn.Barrier{}).Check())
	require.Error(t, (&redisconn.Barrier{Replicas: 1, Timeout: time.Minute}).Check())
}

// TestSilence: a silent server holds up nobody whose context ends, and nothing
// is sent twice.
func TestSilence(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	c, proxy := behind(t, server.Addr)
	_, err := run(t, c, 1)
	require.NoError(t, err)
	proxy.Stall(faultproxy.ToClient)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = c.Run(ctx, redisconn.Call{Script: count, Keys: []string{"{k}n"}, Args: []any{1}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "may have been executed")
	require.Less(t, time.Since(start), time.Second)
	_, err = run(t, c, 1) // its own patience ends
	require.ErrorIs(t, err, redisconn.ErrConnection)
	require.Equal(t, retry.Transient, retry.ClassOf(err))
	proxy.Heal()
	got, err := run(t, c, 0)
	require.NoError(t, err)
	require.LessOrEqual(t, got.(int64), int64(3), "nothing was sent twice")
}

func TestClosed(t *testing.T) {
	o := to(redistest.Mini(t).Addr())
	c := redisconn.Open(&o)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err := run(t, c, 1)
	require.ErrorIs(t, err, redisconn.ErrClosed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Run(ctx, redisconn.Call{Script: count, Keys: []string{"k"}})
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkRun(b *testing.B) {
	c := connect(b, to(redistest.Start(b, redistest.Options{AppendFsync: "everysec"}).Addr))
	b.ReportAllocs()
	b.SetParallelism(12)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := run(b, c, 1); err != nil {
				b.Error(err)
			}
		}
	})
}
