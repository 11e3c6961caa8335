package redisqueue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

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

// witnessed waits until the queue has told how much time has passed.
func witnessed(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	require.Eventually(t, func() bool {
		return !strings.HasSuffix(c.Get(t.Context(), prefix+"ctl").Val(), "-")
	}, 10*time.Second, 20*time.Millisecond)
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
	witnessed(t, c)

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

// TestNobodyWasThere: if the process that knew is gone, the time has passed: after a
// while everything is due that would be.
func TestNobodyWasThere(t *testing.T) {
	t.Parallel()
	c := client(t, redistest.Mini(t).Addr())
	first := open(t, c, redisqueue.Options{})
	publish(t, first, queue.Event{Account: "A", Command: "c"})
	leased := next(t, first)
	publish(t, first, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(time.Hour)})
	witnessed(t, c)
	require.NoError(t, first.Close())

	q := open(t, c, redisqueue.Options{})
	const later = 3 * time.Hour
	q.ServerClock(later)
	publish(t, q, queue.Event{Account: "C", Command: "c"})
	require.Equal(t, "C", next(t, q).Event.Account, "work goes on meanwhile")
	nothing(t, q)
	q.ServerClock(later + 6*time.Second)
	accounts := []string{next(t, q).Event.Account, next(t, q).Event.Account}
	require.ElementsMatch(t, []string{"A", "B"}, accounts)
	require.ErrorIs(t, leased.Ack(t.Context(), queue.Note{}), queue.ErrLeaseLost)
}
