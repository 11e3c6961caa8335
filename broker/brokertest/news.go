package brokertest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func newsCases() []testCase {
	return []testCase{
		{"news tell each changed order once with its whole state", nil, tellsOnce},
		{"no news come when nothing happens", nil, staysQuiet},
		{"waiting ends with its context and consumes nothing", nil, consumesNothing},
		{"waiting ends when news come", nil, wakesUp},
		{"many may wait for the same news", nil, tellsAll},
		{"the cursor of a snapshot goes on after it", nil, goesOnAfterSnapshot},
		{"the zero cursor is the beginning", nil, tellsFromTheBeginning},
	}
}

func tellsOnce(t tb, s *suite) {
	after := s.snapshot(t).Cursor
	resting, taken := s.resting(0, broker.Buy), s.taken(1, broker.Buy)
	s.place(t, resting)
	s.place(t, taken)
	s.works(t, resting.ID)
	s.filled(t, taken)
	s.Advance(s.Quiet) // all that there is to tell has arrived
	news, next := s.await(t, after)
	require.NotEqual(t, after, next, "the cursor stands still")
	seen := map[broker.OrderID]broker.OrderState{}
	for _, n := range news {
		require.NotContains(t, seen, n.Order.ID, "told twice in one answer")
		seen[n.Order.ID] = n
	}
	require.Contains(t, seen, resting.ID)
	require.Contains(t, seen, taken.ID)
	got := seen[resting.ID].Order
	require.True(t, resting.Same(&got), "the state is not whole: %+v", seen[resting.ID])
	whole := seen[taken.ID]
	require.True(t, whole.Filled().Equal(taken.Quantity), "the state is not whole: %+v", whole)
}

func staysQuiet(t tb, s *suite) {
	o := s.taken(0, broker.Buy)
	s.place(t, o)
	s.filled(t, o)
	after := s.calm(t, s.snapshot(t).Cursor)
	ctx, cancel := context.WithTimeout(t.Context(), s.Quiet)
	defer cancel()
	news, _, err := s.Broker.Await(ctx, s.Account, after)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, news)
}

func consumesNothing(t tb, s *suite) {
	after := s.calm(t, s.snapshot(t).Cursor)
	ctx, cancel := context.WithTimeout(t.Context(), s.Quiet)
	_, _, err := s.Broker.Await(ctx, s.Account, after)
	cancel()
	require.ErrorIs(t, err, context.DeadlineExceeded)

	o := s.resting(0, broker.Buy)
	s.place(t, o)
	s.works(t, o.ID)
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, _, err = s.Broker.Await(ctx, s.Account, after)
	require.ErrorIs(t, err, context.Canceled)
	s.newsOf(t, after, o.ID)
	s.newsOf(t, after, o.ID) // asking again from the same place tells it again
}

func wakesUp(t tb, s *suite) {
	after := s.calm(t, s.snapshot(t).Cursor)
	o := s.resting(0, broker.Buy)
	ctx, stop := s.watched(t)
	defer stop()
	var news []broker.OrderState
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { news, _, err = s.Broker.Await(ctx, s.Account, after) })
	s.Advance(s.Quiet)
	s.place(t, o)
	wg.Wait()
	require.NoError(t, err)
	require.NotEmpty(t, news)
	require.Equal(t, o.ID, news[0].Order.ID)
}

func tellsAll(t tb, s *suite) {
	after := s.calm(t, s.snapshot(t).Cursor)
	o := s.resting(0, broker.Buy)
	ctx, stop := s.watched(t)
	defer stop()
	told := make([][]broker.OrderState, placers)
	errs := make([]error, placers)
	var wg sync.WaitGroup
	for n := range placers {
		wg.Go(func() { told[n], _, errs[n] = s.Broker.Await(ctx, s.Account, after) })
	}
	s.Advance(s.Quiet)
	s.place(t, o)
	wg.Wait()
	for n := range placers {
		require.NoError(t, errs[n])
		require.NotEmpty(t, told[n])
		require.Equal(t, o.ID, told[n][0].Order.ID)
	}
}

func goesOnAfterSnapshot(t tb, s *suite) {
	old := s.taken(0, broker.Buy)
	s.place(t, old)
	s.filled(t, old)
	s.calm(t, s.snapshot(t).Cursor)
	after := s.snapshot(t).Cursor
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	news, _ := s.await(t, after)
	for _, n := range news {
		require.NotEqual(t, old.ID, n.Order.ID, "the snapshot includes this order, and nothing happened to it since")
	}
	s.newsOf(t, after, o.ID)
}

func tellsFromTheBeginning(t tb, s *suite) {
	o := s.taken(0, broker.Buy)
	s.place(t, o)
	s.filled(t, o)
	s.calm(t, s.snapshot(t).Cursor)
	state, _ := s.newsOf(t, broker.Cursor{}, o.ID)
	require.True(t, state.Filled().Equal(o.Quantity), "the state is not whole: %+v", state)
}
