package redisqueue_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// nothing fails if an event is delivered.
func nothing(t *testing.T, q *redisqueue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	d, err := q.Receive(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded, "%v", d)
}

// set sets the clock of a server, which goes on from there.
func set(t *testing.T, mini *miniredis.Miniredis, ahead time.Duration) {
	t.Helper()
	mini.SetTime(time.Now().Add(ahead))
	var going sync.WaitGroup
	t.Cleanup(going.Wait)
	going.Go(func() {
		for t.Context().Err() == nil {
			mini.SetTime(time.Now().Add(ahead))
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// TestServerClockSetBack: leases, delays and what is due go on as if it was not.
func TestServerClockSetBack(t *testing.T) {
	t.Parallel()
	q := open(t, client(t, redistest.Mini(t).Addr()), redisqueue.Options{Lease: 20 * time.Second})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	leased := next(t, q)
	publish(t, q, queue.Event{Account: "B", Command: "c"})

	const back = -3 * time.Hour
	q.ServerClock(back)
	require.NoError(t, leased.Extend(t.Context()), "the lease was not lost")
	b := next(t, q)
	require.Equal(t, "B", b.Event.Account, "what was due is due")
	require.NoError(t, b.Retry(t.Context(), 5*time.Second, queue.Note{}))
	publish(t, q, queue.Event{Account: "C", Command: "c", NotBefore: time.Now().Add(back + 8*time.Second)})
	nothing(t, q)
	q.ServerClock(back + 6*time.Second)
	require.Equal(t, "B", next(t, q).Event.Account, "after 5 s, not after 3 hours")
	nothing(t, q)
	q.ServerClock(back + 12*time.Second)
	require.Equal(t, "C", next(t, q).Event.Account, "8 s from when it was published")
	publish(t, q, queue.Event{Account: "D", Command: "c"}) // somebody is there
	q.ServerClock(back + 21*time.Second)
	again := next(t, q)
	require.Equal(t, "D", again.Event.Account)
	require.ErrorIs(t, leased.Extend(t.Context()), queue.ErrLeaseLost, "20 s after its extension, not after 3 hours")
	require.Equal(t, "A", next(t, q).Event.Account)
}

// TestServerClockSetForward: nothing runs out and nothing becomes due, because this
// process knows better.
func TestServerClockSetForward(t *testing.T) {
	t.Parallel()
	c := client(t, redistest.Mini(t).Addr())
	told := make(chan error, 10)
	q := open(t, c, redisqueue.Options{OnWarning: func(err error) { told <- err }})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	leased := next(t, q)
	publish(t, q, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(time.Hour)})

	const ahead = 3 * time.Hour
	q.ServerClock(ahead)
	nothing(t, q)
	for {
		select {
		case err := <-told:
			if strings.Contains(err.Error(), "set forward") {
				nothing(t, q)
				require.NoError(t, leased.Extend(t.Context()))
				q.ServerClock(0) // corrected
				publish(t, q, queue.Event{Account: "C", Command: "c", NotBefore: time.Now().Add(-time.Second)})
				require.Equal(t, "C", next(t, q).Event.Account)
				require.NoError(t, leased.Extend(t.Context()))
				nothing(t, q)
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nobody told that the clock was set")
		}
	}
}

// TestNobodyWasThere: if no process is left that knew, the time has passed: after a
// while everything is due that would be.
func TestNobodyWasThere(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	c := client(t, mini.Addr())
	first := open(t, c, redisqueue.Options{})
	publish(t, first, queue.Event{Account: "A", Command: "c"})
	leased := next(t, first)
	publish(t, first, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(time.Hour)})
	require.NoError(t, first.Close())

	set(t, mini, 3*time.Hour)
	began := time.Now()
	q := open(t, c, redisqueue.Options{})
	require.Greater(t, time.Since(began), 2*time.Second, "perhaps somebody knows better")
	publish(t, q, queue.Event{Account: "D", Command: "c", NotBefore: time.Now().Add(3*time.Hour + 30*time.Minute)})
	accounts := []string{next(t, q).Event.Account, next(t, q).Event.Account}
	nothing(t, q) // not half an hour early
	require.ElementsMatch(t, []string{"A", "B"}, accounts)
	require.ErrorIs(t, leased.Ack(t.Context(), queue.Note{}), queue.ErrLeaseLost)
}

// TestAnyoneKnows: the process that called last may be gone, as long as another one
// is there that saw the clock before it was set.
func TestAnyoneKnows(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	c := client(t, mini.Addr())
	told := make(chan error, 10)
	q := open(t, c, redisqueue.Options{OnWarning: func(err error) { told <- err }})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	leased := next(t, q)
	last := open(t, c, redisqueue.Options{})
	time.Sleep(1500 * time.Millisecond)
	require.NoError(t, last.Close())
	set(t, mini, 3*time.Hour)
	last = open(t, c, redisqueue.Options{})
	nothing(t, last)
	for err := range told {
		if strings.Contains(err.Error(), "set forward") {
			break
		}
	}
	q.ServerClock(7 * time.Second)
	last.ServerClock(7 * time.Second)
	nothing(t, last)
	require.NoError(t, leased.Ack(t.Context(), queue.Note{}), "its lease has 30 s")
}

// TestServerClockSetRightAgain: a step that is taken back before anybody explained it
// was none; it does not come into effect hours later.
func TestServerClockSetRightAgain(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	c := client(t, mini.Addr())
	first := open(t, c, redisqueue.Options{})
	publish(t, first, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(time.Hour)})
	require.NoError(t, first.Close())

	now := time.Now()
	mini.SetTime(now.Add(3 * time.Hour))
	time.AfterFunc(500*time.Millisecond, func() { set(t, mini, 0) })
	q := open(t, c, redisqueue.Options{})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	d := next(t, q)
	require.Equal(t, "A", d.Event.Account)
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	for at := 8 * time.Second; at < time.Minute; at += 8 * time.Second {
		q.ServerClock(at)
		publish(t, q, queue.Event{Account: "C", Command: at.String()})
		d := next(t, q)
		require.Equal(t, "C", d.Event.Account)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	}
	clock := strings.Fields(c.Get(t.Context(), prefix+"ctl").Val())
	require.Equal(t, "0", clock[len(clock)-2], "nothing is in doubt: %v", clock)
	nothing(t, q)
}

// TestSlowWitness: a process whose word took long to arrive does not claim that more
// time has passed than did: no lease ends early.
func TestSlowWitness(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	proxy, err := faultproxy.New(mini.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	q := open(t, client(t, proxy.Addr()), redisqueue.Options{Lease: 2 * time.Second})
	time.Sleep(500 * time.Millisecond)
	proxy.Delay(faultproxy.ToServer, time.Second)
	time.Sleep(1700 * time.Millisecond) // a tick took a second
	proxy.Delay(faultproxy.ToServer, 0)
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	d := next(t, q)
	lease := d.Lease()
	left := lease.Left()
	began := time.Now()
	q.ServerClock(3 * time.Hour)
	time.Sleep(time.Until(began.Add(left - 300*time.Millisecond)))
	require.NoError(t, d.Ack(t.Context(), queue.Note{}), "it had some time left")
}

// TestLeasedAfterAnOutage: what is leased or put off in the instant in which the server
// is back after a minute keeps its whole time.
func TestLeasedAfterAnOutage(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	q := open(t, client(t, mini.Addr()), redisqueue.Options{Lease: 3 * time.Second})
	publish(t, q, queue.Event{Account: "old", Command: "c"})
	old := next(t, q)
	set(t, mini, time.Minute)
	q.Passed(time.Minute)
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	d := next(t, q)
	require.Equal(t, "A", d.Event.Account)
	require.Equal(t, 1, next(t, q).Crashes, "its lease is over")
	publish(t, q, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(time.Minute + 20*time.Second)})
	require.ErrorIs(t, old.Ack(t.Context(), queue.Note{}), queue.ErrLeaseLost)
	time.Sleep(1500 * time.Millisecond)
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	nothing(t, q)
}
