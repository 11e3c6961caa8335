package fake_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

func TestClockMovesForwardOnly(t *testing.T) {
	clock := fake.NewClock(monday)
	clock.Advance(-time.Hour)
	clock.Set(monday.Add(-time.Hour))
	require.Equal(t, monday, clock.Now())
	clock.Advance(time.Minute)
	clock.Set(monday.Add(time.Hour))
	require.Equal(t, monday.Add(time.Hour), clock.Now())
}

func TestClockTimeouts(t *testing.T) {
	clock := fake.NewClock(monday)
	ctx, cancel := clock.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	inner, cancelInner := clock.WithTimeout(ctx, time.Hour) // ends with its parent
	defer cancelInner()
	_, bounded := ctx.Deadline()
	require.False(t, bounded, "nothing else may read a virtual deadline")
	clock.Advance(59 * time.Second)
	require.NoError(t, ctx.Err())
	require.NoError(t, inner.Err())
	clock.Advance(time.Second)
	<-ctx.Done()
	<-inner.Done()
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	require.ErrorIs(t, inner.Err(), context.DeadlineExceeded)
	require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)

	stopped, stop := clock.WithTimeout(t.Context(), time.Minute)
	stop()
	stop()
	require.ErrorIs(t, stopped.Err(), context.Canceled)
	over, cancelOver := clock.WithTimeout(t.Context(), 0)
	defer cancelOver()
	require.ErrorIs(t, over.Err(), context.DeadlineExceeded)
	parent, cancelParent := context.WithCancel(t.Context())
	child, cancelChild := clock.WithTimeout(parent, time.Minute)
	defer cancelChild()
	cancelParent()
	require.ErrorIs(t, child.Err(), context.Canceled)
	clock.Advance(time.Hour)
	require.ErrorIs(t, child.Err(), context.Canceled, "why a context ended does not change")
}

func TestAwaitInVirtualTime(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Fill = clock, fake.Partial{Lots: 5, Every: time.Hour} })
	place(t, b, limit("a", broker.Buy, 10, "101"))
	after := snapshot(t, b).Cursor

	for name, bound := range map[string]func() (context.Context, context.CancelFunc){
		"virtual": func() (context.Context, context.CancelFunc) { return clock.WithTimeout(t.Context(), 10*time.Minute) },
		"real":    func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), 10*time.Minute) },
	} {
		began := clock.Now()
		ctx, cancel := bound()
		_, _, err := b.Await(ctx, account, after)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.Equal(t, began.Add(10*time.Minute), clock.Now(), name)
	}
	ctx, cancel := clock.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	news, _, err := b.Await(ctx, account, after)
	require.NoError(t, err)
	require.Len(t, news, 1)
	require.Equal(t, broker.StatusFilled, news[0].Status)
	require.Equal(t, monday.Add(time.Hour), clock.Now(), "the clock stops where something happens")
}

func TestAwaitInVirtualTimeBlocksWithoutAnythingToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := fake.NewClock(monday)
		b := open(t, func(cfg *fake.Config) { cfg.Clock = clock })
		place(t, b, limit("a", broker.Buy, 10, "90"))
		after := snapshot(t, b).Cursor
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var told []broker.OrderState
		var err error
		wg.Go(func() { told, _, err = b.Await(ctx, account, after) })
		synctest.Wait()
		clock.Advance(time.Hour) // wakes it up for nothing
		synctest.Wait()
		require.Nil(t, told)
		require.NoError(t, b.SetQuote("AAA", dec("80"), dec("80")))
		wg.Wait()
		require.NoError(t, err)
		require.Equal(t, broker.StatusFilled, told[0].Status)

		wg.Go(func() { _, _, err = b.Await(ctx, account, snapshot(t, b).Cursor) })
		synctest.Wait()
		cancel()
		wg.Wait()
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, monday.Add(time.Hour), clock.Now())
	})
}

func TestAwaitInRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Fill = nil, fake.Delayed{By: time.Hour} })
		began := time.Now()
		place(t, b, limit("a", broker.Buy, 10, "101"))
		after := snapshot(t, b).Cursor
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute)
		_, _, err := b.Await(ctx, account, after)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		news, _, err := b.Await(t.Context(), account, after)
		require.NoError(t, err)
		require.Equal(t, broker.StatusFilled, news[0].Status)
		require.Equal(t, time.Hour, time.Since(began))
	})
}

func TestCloseEndsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(cfg *fake.Config) { cfg.Clock = nil })
		after := snapshot(t, b).Cursor
		var wg sync.WaitGroup
		var err error
		wg.Go(func() { _, _, err = b.Await(t.Context(), account, after) })
		synctest.Wait()
		require.NoError(t, b.Close())
		wg.Wait()
		require.ErrorIs(t, err, broker.ErrClosed)
		_, err = b.Snapshot(t.Context(), account)
		require.ErrorIs(t, err, broker.ErrClosed)
		_, err = b.Place(t.Context(), limit("a", broker.Buy, 1, "101"))
		require.ErrorIs(t, err, broker.ErrClosed)
		require.Empty(t, b.Ledger().Orders)
		require.Len(t, b.Ledger().Refused, 1)
	})
}
