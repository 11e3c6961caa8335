package memqueue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// got is what a receiver got.
type got struct {
	d   *queue.Delivery
	err error
	at  time.Time
}

// receive starts a receiver.
func receive(ctx context.Context, q *memqueue.Queue) <-chan got {
	c := make(chan got, 1)
	go func() {
		d, err := q.Receive(ctx)
		c <- got{d, err, time.Now()}
	}()
	return c
}

func event(account string) queue.Event { return queue.Event{Account: account, Command: "rebalance"} }

func publish(t *testing.T, q *memqueue.Queue, e queue.Event) string {
	t.Helper()
	r, err := q.Publish(t.Context(), e)
	require.NoError(t, err)
	return r.ID
}

func next(t *testing.T, q *memqueue.Queue) *queue.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	d, err := q.Receive(ctx)
	require.NoError(t, err)
	return d
}

func TestWaitersAreWokenOnTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memqueue.New(memqueue.Options{})
		start := time.Now()
		first, second := receive(t.Context(), q), receive(t.Context(), q)
		synctest.Wait()
		late, early := event("late"), event("early")
		late.NotBefore, early.NotBefore = start.Add(26*time.Hour), start.Add(7*time.Hour)
		publish(t, q, late)
		synctest.Wait()
		publish(t, q, early)
		for _, want := range []queue.Event{early, late} {
			var g got
			select {
			case g = <-first:
			case g = <-second:
			}
			require.NoError(t, g.err)
			require.Equal(t, want.Account, g.d.Event.Account)
			require.Equal(t, want.NotBefore, g.at)
			require.NoError(t, g.d.Ack(t.Context(), queue.Note{}))
		}
	})
}

func TestCrashWakesOnTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memqueue.New(memqueue.Options{Lease: 10 * time.Second})
		publish(t, q, event("A"))
		d := next(t, q)
		waiting := receive(t.Context(), q)
		time.Sleep(6 * time.Second)
		require.NoError(t, d.Extend(t.Context()))
		expires := d.Lease().Expires
		g := <-waiting
		require.Equal(t, 1, g.d.Crashes)
		require.True(t, expires.Equal(g.at), "expires %v, came %v", expires, g.at)
	})
}

// TestReceiversAreServedInOrder: no receiver waits while later ones are served.
func TestReceiversAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memqueue.New(memqueue.Options{})
		var waiting []<-chan got
		for range 5 {
			waiting = append(waiting, receive(t.Context(), q))
			synctest.Wait()
		}
		for i, w := range waiting {
			id := publish(t, q, event(fmt.Sprint(i)))
			synctest.Wait()
			require.Len(t, w, 1, "receiver %d", i)
			require.Equal(t, id, (<-w).d.Event.ID)
		}
	})
}

// TestNewcomersStandInLine: who waited for a time that has come is served before
// who comes then.
func TestNewcomersStandInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offset := time.Duration(0)
		q := memqueue.New(memqueue.Options{Now: func() time.Time { return time.Now().Add(offset) }})
		later := event("A")
		later.NotBefore = time.Now().Add(24 * time.Hour)
		publish(t, q, later)
		first := receive(t.Context(), q)
		synctest.Wait()
		offset = 25 * time.Hour // the clock was set: nobody knows yet
		second := receive(t.Context(), q)
		synctest.Wait()
		require.Len(t, first, 1)
		require.Empty(t, second)
		publish(t, q, event("B"))
		require.NoError(t, (<-second).err)
	})
}

// TestClockThatWasSet: a waiting receiver notices within a minute.
func TestClockThatWasSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		offset := time.Duration(0)
		q := memqueue.New(memqueue.Options{Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(offset)
		}})
		later := event("A")
		later.NotBefore = time.Now().Add(24 * time.Hour)
		publish(t, q, later)
		waiting := receive(t.Context(), q)
		synctest.Wait()
		start := time.Now()
		mu.Lock()
		offset = 25 * time.Hour
		mu.Unlock()
		require.LessOrEqual(t, (<-waiting).at.Sub(start), time.Minute)
	})
}

// TestClocks: Now rules what is due, the process's clock rules leases.
func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2015, 8, 24, 9, 30, 0, 0, time.UTC)
		q := memqueue.New(memqueue.Options{Now: func() time.Time { return now }})
		id := publish(t, q, event("A"))
		d := next(t, q)
		require.Equal(t, now, d.Event.Created)
		require.Equal(t, now, d.First)
		lease := d.Lease()
		require.Equal(t, 30*time.Second, lease.Left(), "leases are for time.Until")
		now = now.Add(time.Hour)
		require.NoError(t, d.Extend(t.Context()), "an hour of the other clock does not count")
		require.NoError(t, d.Retry(t.Context(), time.Hour, queue.Note{}))

		ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
		defer cancel()
		_, err := q.Receive(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "Now stands still")
		now = now.Add(time.Hour)
		require.Equal(t, id, next(t, q).Event.ID)
		now = now.Add(-time.Hour)
		time.Sleep(time.Minute)
		require.Equal(t, 1, next(t, q).Crashes)
	})
}

// TestServedWhileLeaving: a delivery made to a receiver whose context ends in
// the same instant is not lost.
func TestServedWhileLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := memqueue.New(memqueue.Options{NewID: func() string {
			cancel() // the receiver wakes up for this, before it is served
			return "id"
		}})
		waiting := receive(ctx, q)
		synctest.Wait()
		publish(t, q, event("A"))
		g := <-waiting
		require.NoError(t, g.err)
		require.Equal(t, "id", g.d.Event.ID)
		require.NoError(t, g.d.Ack(t.Context(), queue.Note{}))
	})
}

// TestOldestFirst: across accounts the event that has been due longest is
// delivered first, and coalescing does not lose the place.
func TestOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memqueue.New(memqueue.Options{})
		publish(t, q, event("A"))
		time.Sleep(time.Second)
		publish(t, q, event("B"))
		newest := publish(t, q, event("A"))
		retried := publish(t, q, queue.Event{Account: "C", Command: "rebalance", NotBefore: time.Now().Add(time.Second)})
		time.Sleep(2 * time.Second)
		last := publish(t, q, event("D"))
		var order []string
		for range 4 {
			order = append(order, next(t, q).Event.Account)
		}
		require.Equal(t, []string{"A", "B", "C", "D"}, order)
		for _, id := range []string{newest, retried, last} {
			entry, err := q.Entry(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, queue.Leased, entry.State)
		}
	})
}

func TestClosedQueueSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memqueue.New(memqueue.Options{})
		id := publish(t, q, event("A"))
		d := next(t, q)
		require.NoError(t, q.Close())
		require.NoError(t, d.Extend(t.Context()))
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		entry, err := q.Entry(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, queue.Done, entry.State)
	})
}

func TestOldEndedEventsAreForgotten(t *testing.T) {
	q := memqueue.New(memqueue.Options{KeepDone: 3})
	var ids []string
	for i := range 5 {
		e := event("A")
		e.Key = fmt.Sprint(i)
		ids = append(ids, publish(t, q, e))
		require.NoError(t, next(t, q).Ack(t.Context(), queue.Note{}))
	}
	for i, id := range ids {
		_, err := q.Entry(t.Context(), id)
		if i < 2 {
			require.ErrorIs(t, err, queue.ErrUnknownEvent)
			continue
		}
		require.NoError(t, err)
	}
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, stats.Counts[queue.Done])
	e := event("A")
	e.Key = "0"
	r, err := q.Publish(t.Context(), e)
	require.NoError(t, err)
	require.False(t, r.Duplicate, "its Key went with its event")
}

// TestDeadEventsNeedRoom: dead letters are never dropped silently; they use up
// room until an operator cares.
func TestDeadEventsNeedRoom(t *testing.T) {
	q := memqueue.New(memqueue.Options{MaxEvents: 2})
	dead := publish(t, q, event("A"))
	require.NoError(t, next(t, q).Dead(t.Context(), queue.Note{}))
	publish(t, q, event("B"))
	_, err := q.Publish(t.Context(), event("C"))
	require.ErrorIs(t, err, queue.ErrFull)
	require.ErrorContains(t, err, "2 events are kept, 1 of them dead, at most 2")
	require.NotErrorIs(t, err, queue.ErrInvalidEvent)
	_, err = q.Operator(t.Context(), queue.Action{Verb: queue.Requeue, ID: dead, Operator: "ana", Reason: "x"})
	require.ErrorIs(t, err, queue.ErrFull)
	_, err = q.Operator(t.Context(), queue.Action{Verb: queue.Drop, ID: dead, Operator: "ana", Reason: "x"})
	require.NoError(t, err)
	publish(t, q, event("C"))
}

func TestIDGivenTwice(t *testing.T) {
	q := memqueue.New(memqueue.Options{NewID: func() string { return "same" }})
	publish(t, q, event("A"))
	_, err := q.Publish(t.Context(), event("B"))
	require.ErrorContains(t, err, `Options.NewID returned "same" again`)
}

func TestEndedContextChangesNothing(t *testing.T) {
	q := memqueue.New(memqueue.Options{})
	id := publish(t, q, event("A"))
	d := next(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Publish(ctx, event("B"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, d.Ack(ctx, queue.Note{}), context.Canceled)
	require.ErrorIs(t, d.Extend(ctx), context.Canceled)
	_, err = q.Stats(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = q.Entry(ctx, id)
	require.ErrorIs(t, err, context.Canceled)
	_, err = q.Operator(ctx, queue.Action{})
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range q.Entries(ctx, queue.Leased) {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, d.Ack(t.Context(), queue.Note{}), "it may be tried again")
}

func TestOptions(t *testing.T) {
	require.PanicsWithValue(t, "memqueue: new: Options.Lease is -1s", func() { memqueue.New(memqueue.Options{Lease: -time.Second}) })
	require.PanicsWithValue(t, "memqueue: new: Options.KeepDone is -1", func() { memqueue.New(memqueue.Options{KeepDone: -1}) })
}
