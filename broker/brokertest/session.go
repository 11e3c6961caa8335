package brokertest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func sessionCases() []testCase {
	lacks := func(f *Features) bool { return f.NoSessionCuts }
	return []testCase{
		{"another session has a higher epoch and the same orders", lacks, survivesCut},
		{"an order decided before a cut is refused unsent", lacks, refusesStaleEpoch},
		{"a cursor of an earlier session is refused", lacks, refusesStaleCursor},
		{"a cut ends those who wait", lacks, cutEndsWaiting},
	}
}

func survivesCut(t tb, s *suite) {
	resting, taken := s.resting(0, broker.Buy), s.taken(1, broker.Buy)
	s.place(t, resting)
	s.place(t, taken)
	s.works(t, resting.ID)
	s.filled(t, taken)
	before := s.snapshot(t)

	require.NoError(t, s.CutSession())
	after := s.recovered(t)
	require.Greater(t, after.Epoch, before.Epoch, "epoch")
	require.Equal(t, after.Epoch, after.Cursor.Epoch, "epoch of the cursor")
	require.Equal(t, before.Position(taken.Instrument).String(), after.Position(taken.Instrument).String(), "position")
	s.works(t, resting.ID)
	s.filled(t, taken)
	s.place(t, resting) // the ID is still known
	s.once(t, resting.ID)
	require.Equal(t, after.Epoch, s.snapshot(t).Epoch, "the epoch changed without a cut")
}

func refusesStaleEpoch(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	o.Epoch = s.snapshot(t).Epoch
	require.NoError(t, s.CutSession())
	s.recovered(t)
	s.refused(t, t.Context(), o, broker.KindSession)
	o.Epoch = s.snapshot(t).Epoch
	s.place(t, o)
	s.works(t, o.ID)
}

func refusesStaleCursor(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	s.works(t, o.ID)
	stale := s.calm(t, s.snapshot(t).Cursor)
	require.NoError(t, s.CutSession())
	s.recovered(t)
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	defer cancel()
	news, _, err := s.Broker.Await(ctx, s.Account, stale)
	require.ErrorIs(t, err, broker.ErrSession, "news may have been missed since this cursor")
	require.Empty(t, news)
	s.newsOf(t, broker.Cursor{}, o.ID)
}

func cutEndsWaiting(t tb, s *suite) {
	after := s.calm(t, s.snapshot(t).Cursor)
	ctx, stop := s.watched(t)
	defer stop()
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { _, _, err = s.Broker.Await(ctx, s.Account, after) })
	s.Advance(s.Quiet)
	require.NoError(t, s.CutSession())
	wg.Wait()
	require.ErrorIs(t, err, broker.ErrSession)
}
