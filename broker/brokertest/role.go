package brokertest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func roleCases() []testCase {
	return []testCase{
		{"a preview leaves no order", func(f *Features) bool { return f.NoWhatIf }, previewsOnly},
		{"absence is proven for what was never sent alone", func(f *Features) bool { return f.NoAbsenceProof }, provesAbsence},
		{"a probe names the session", func(f *Features) bool { return f.NoProbe }, probes},
		{"sessions are in order and within the span", func(f *Features) bool { return f.NoCalendar }, listsSessions},
	}
}

func previewsOnly(t tb, s *suite) {
	previewer, ok := broker.As[broker.WhatIfer](s.Broker)
	require.True(t, ok, "the broker is no WhatIfer: declare Features.NoWhatIf")
	after := s.calm(t, s.snapshot(t).Cursor)
	good, bad := s.taken(0, broker.Buy), s.taken(0, broker.Buy)
	bad.Quantity = s.TooMuch
	before := s.snapshot(t)

	preview, err := previewer.WhatIf(t.Context(), good)
	require.NoError(t, err)
	require.Empty(t, preview.Refusal, "the account can pay the order")
	preview, err = previewer.WhatIf(t.Context(), bad)
	require.NoError(t, err)
	require.NotEmpty(t, preview.Refusal, "the account cannot pay the order")

	require.Equal(t, after, s.calm(t, after), "news after a preview")
	s.absent(t, good.ID)
	s.absent(t, bad.ID)
	now := s.snapshot(t)
	require.Equal(t, before.Position(good.Instrument).String(), now.Position(good.Instrument).String(), "position")
	s.place(t, good) // the ID is still free
	s.filled(t, good)
	s.once(t, good.ID)
}

func provesAbsence(t tb, s *suite) {
	prover, ok := broker.As[broker.AbsenceProver](s.Broker)
	require.True(t, ok, "the broker is no AbsenceProver: declare Features.NoAbsenceProof")
	for _, o := range []broker.Order{s.resting(0, broker.Buy), s.taken(1, broker.Buy)} {
		s.place(t, o)
		absent, err := prover.ProveAbsent(t.Context(), s.Account, o.ID)
		require.NoError(t, err)
		require.False(t, absent, "order %s was placed just now", o.ID)
		s.until(t, o.ID, "acknowledged", func(state *broker.OrderState) bool { return state.Status != broker.StatusPending })
		absent, err = prover.ProveAbsent(t.Context(), s.Account, o.ID)
		require.NoError(t, err)
		require.False(t, absent, "order %s is known", o.ID)
	}
	_, err := prover.ProveAbsent(t.Context(), s.Account, s.NewID())
	require.NoError(t, err) // it may be certain or not
}

func probes(t tb, s *suite) {
	prober, ok := broker.As[broker.Prober](s.Broker)
	require.True(t, ok, "the broker is no Prober: declare Features.NoProbe")
	probe, err := prober.Probe(t.Context())
	require.NoError(t, err)
	require.Equal(t, s.snapshot(t).Epoch, probe.Epoch, "epoch")
	require.False(t, probe.Time.IsZero(), "time")
}

func listsSessions(t tb, s *suite) {
	calendar, ok := broker.As[broker.Calendar](s.Broker)
	require.True(t, ok, "the broker is no Calendar: declare Features.NoCalendar")
	from := s.Now()
	to := from.Add(10 * 24 * time.Hour)
	ids := []broker.InstrumentID{s.Instruments[0].ID, s.Instruments[1].ID}
	sessions, err := calendar.Sessions(t.Context(), from, to, ids...)
	require.NoError(t, err)
	require.Len(t, sessions, len(ids))
	for _, id := range ids {
		require.NotEmpty(t, sessions[id], "sessions of %s", id)
		require.True(t, sessions[id][0].Contains(from), "the market is open, but %s has no session now", id)
		for n, one := range sessions[id] {
			require.True(t, one.Open.Before(one.Close), "a session of %s from %s to %s", id, one.Open, one.Close)
			require.True(t, one.Close.After(from) && one.Open.Before(to), "a session of %s outside of the span: %s to %s", id, one.Open, one.Close)
			require.False(t, n > 0 && one.Open.Before(sessions[id][n-1].Close), "sessions of %s out of order", id)
		}
	}
	_, err = calendar.Sessions(t.Context(), from, to, s.NoSuch)
	require.ErrorIs(t, err, broker.ErrUnknownInstrument)
}
