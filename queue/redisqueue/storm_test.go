package redisqueue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/retry"
)

var storms = flag.Int("storms", 2, "how many seeds the storm test runs")

// TestStorm: many accounts and workers, some of which die with their lease, while
// replies get lost, the server's clock is set hither and thither and the server is
// killed and restarted: every event is acknowledged once, no two leases of an account
// at once, with fences that rise. Where no clock is set, in every other storm, each
// account's are in order; where one is, an event that was put off by an instant may be
// passed.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range *storms {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { storm(t, uint64(seed)) })
	}
}

// ledger is what the workers of a storm saw.
type ledger struct {
	t     *testing.T
	early time.Duration // how much too early a lease may seem to end

	mu       sync.Mutex
	accepted map[string][]string          // account → IDs in order
	acked    map[string]map[uint64]string // account → fence → ID
	leases   map[string]queue.Lease       // account → the last one, while it is not settled
	fences   map[string]uint64
	faults   []string
}

func (l *ledger) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

func (l *ledger) received(d *queue.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	account := d.Event.Account
	if was, held := l.leases[account]; held && was.Left() > l.early {
		l.fault("account %s was leased as %s with %v left, and again as %s", account, was.Token, was.Left(), d.Lease().Token)
	}
	if d.Fence <= l.fences[account] {
		l.fault("account %s: fence %d after %d", account, d.Fence, l.fences[account])
	}
	l.leases[account], l.fences[account] = d.Lease(), d.Fence
}

// settled notes the end of a lease, and of the event if it was acknowledged. Of an
// answer that nobody got it is not known which it was.
func (l *ledger) settled(d *queue.Delivery, acked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leases[d.Event.Account].Token == d.Lease().Token {
		delete(l.leases, d.Event.Account)
	}
	if acked {
		if l.acked[d.Event.Account] == nil {
			l.acked[d.Event.Account] = map[uint64]string{}
		}
		l.acked[d.Event.Account][d.Fence] = d.Event.ID
	}
}

func (l *ledger) counts() (accepted, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ids := range l.accepted {
		accepted += len(ids)
	}
	for _, ids := range l.acked {
		acked += len(ids)
	}
	return accepted, acked
}

func storm(t *testing.T, seed uint64) {
	t.Helper()
	const accounts, perAccount, queues, workersEach = 12, 12, 3, 6
	server := redistest.Start(t, redistest.Options{AppendFsync: "always"})
	proxy, err := faultproxy.New(server.Addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	all := make([]*redisqueue.Queue, queues)
	for i := range all {
		all[i] = open(t, client(t, proxy.Addr()), redisqueue.Options{
			Lease: 800 * time.Millisecond, MaxCrashes: 1000,
			Retry: retry.NewBackoff(retry.BackoffOptions{Initial: 10 * time.Millisecond, Max: 200 * time.Millisecond, Retries: retry.Unlimited, MaxElapsed: 20 * time.Second}),
		})
	}
	l := &ledger{
		t: t, early: 50 * time.Millisecond, accepted: map[string][]string{}, acked: map[string]map[uint64]string{}, leases: map[string]queue.Lease{}, fences: map[string]uint64{},
	}
	if seed%2 == 0 { // what a witness knows of the time is as exact as its answers were soon
		l.early = 200 * time.Millisecond
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var work, weather sync.WaitGroup
	for i := range accounts {
		work.Go(func() { l.produce(all[i%queues], fmt.Sprint("A", i), perAccount) })
	}
	for i := range queues * workersEach {
		work.Go(func() { l.worker(ctx, all[i%queues], rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	calm := make(chan struct{})
	weather.Go(func() { blow(calm, all, proxy, server, seed%2 == 0, rand.New(rand.NewPCG(seed, 1000))) })
	select {
	case <-time.After(6 * time.Second):
	case <-ctx.Done():
	}
	close(calm)
	weather.Wait()
	require.Eventually(t, func() bool {
		accepted, acked := l.counts()
		return accepted == accounts*perAccount && acked >= accepted
	}, 60*time.Second, 20*time.Millisecond, "events are lost: %v", func() string { a, b := l.counts(); return fmt.Sprint(a, " ", b) }())
	stop()
	work.Wait()
	require.Empty(t, l.faults)
	for account, ids := range l.accepted { // the answers may have come in another order
		var acked []string
		for _, fence := range slices.Sorted(maps.Keys(l.acked[account])) {
			acked = append(acked, l.acked[account][fence])
		}
		require.ElementsMatch(t, ids, acked, "each once, of account %s", account)
		if seed%2 == 1 {
			require.Equal(t, ids, acked, "in the order of account %s", account)
		}
	}
	faults, err := all[0].Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
	stats, err := all[0].Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, accounts*perAccount, stats.Counts[queue.Done], "%v", stats.Counts)
}

// produce publishes the events of an account, one after another.
func (l *ledger) produce(q *redisqueue.Queue, account string, n int) {
	for i := range n {
		event := queue.Event{Account: account, Command: fmt.Sprint("c", i), Key: fmt.Sprint(account, "-", i)}
		receipt, err := q.Publish(l.t.Context(), event)
		for err != nil && retry.ClassOf(err) == retry.Transient {
			receipt, err = q.Publish(l.t.Context(), event)
		}
		l.mu.Lock()
		if err != nil {
			l.fault("publish: %v", err)
		}
		l.accepted[account] = append(l.accepted[account], receipt.ID)
		l.mu.Unlock()
		time.Sleep(time.Duration(i) * 30 * time.Millisecond)
	}
}

func (l *ledger) worker(ctx context.Context, q *redisqueue.Queue, r *rand.Rand) {
	for ctx.Err() == nil {
		d, err := q.Receive(ctx)
		if err != nil {
			continue
		}
		l.received(d)
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		switch r.IntN(10) {
		case 0: // it dies, its lease runs out
			continue
		case 1:
			l.settled(d, false)
			_ = d.Retry(context.Background(), 0, queue.Note{})
			continue
		case 2:
			_ = d.Extend(context.Background())
			l.mu.Lock()
			if l.leases[d.Event.Account].Token == d.Lease().Token {
				l.leases[d.Event.Account] = d.Lease()
			}
			l.mu.Unlock()
		}
		l.ack(d)
	}
}

// ack acknowledges until it is known whether that worked. The next delivery of the
// account may come before the answer.
func (l *ledger) ack(d *queue.Delivery) {
	l.mu.Lock()
	if l.leases[d.Event.Account].Token == d.Lease().Token {
		delete(l.leases, d.Event.Account)
	}
	l.mu.Unlock()
	err := d.Ack(context.Background(), queue.Note{})
	for err != nil && !errors.Is(err, queue.ErrLeaseLost) && retry.ClassOf(err) == retry.Transient {
		err = d.Ack(context.Background(), queue.Note{})
	}
	l.settled(d, err == nil)
}

// blow breaks things until it is calm.
func blow(calm chan struct{}, all []*redisqueue.Queue, proxy *faultproxy.Proxy, server *redistest.Server, clocks bool, r *rand.Rand) {
	faults := []faultproxy.Fault{faultproxy.LoseReply, faultproxy.LoseRequest, faultproxy.ResetRequest}
	for n := 0; ; n++ {
		select {
		case <-calm:
			return
		case <-time.After(time.Duration(20+r.IntN(60)) * time.Millisecond):
		}
		switch lot := r.IntN(20); {
		case lot < 13:
			proxy.On(faultproxy.Rule{Match: "evalsha", Nth: 1 + r.IntN(4), Fault: faults[r.IntN(len(faults))]})
		case lot < 18 && clocks:
			ahead := time.Duration(r.IntN(48)-24) * time.Hour
			if r.IntN(2) == 0 { // not less than what is taken for a step
				ahead = time.Duration(r.IntN(30)) * 20 * time.Second
			}
			for _, q := range all {
				q.ServerClock(ahead)
			}
		case n%2 == 0:
			server.Restart()
		}
	}
}
