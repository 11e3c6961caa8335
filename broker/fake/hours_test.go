package fake_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// at reads a time in UTC.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse("2006-01-02 15:04", text)
	require.NoError(t, err)
	return instant
}

func TestRegularWeek(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Hours = fake.Week{
			Zone: "America/New_York", Open: "09:30", Close: "16:00",
			Holidays: []string{"2026-11-26"}, EarlyCloses: map[string]string{"2026-11-27": "13:00"},
		}.Hours()
	})
	sessions, err := b.Sessions(t.Context(), at(t, "2026-11-25 21:00"), at(t, "2026-12-01 14:30"), "AAA")
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-27 14:30 to 18:00", "2026-11-30 14:30 to 21:00"}, spans(sessions["AAA"]))
	// Summer time begins on Sunday 8 March 2026 and ends on 1 November.
	for from, want := range map[string]string{
		"2026-03-06 12:00": "2026-03-06 14:30 to 21:00", "2026-03-09 12:00": "2026-03-09 13:30 to 20:00",
		"2026-10-30 12:00": "2026-10-30 13:30 to 20:00", "2026-11-02 12:00": "2026-11-02 14:30 to 21:00",
		"2026-03-07 12:00": "2026-03-09 13:30 to 20:00", "2026-11-02 20:59": "2026-11-02 14:30 to 21:00",
		"2026-11-02 21:00": "2026-11-03 14:30 to 21:00",
	} {
		sessions, err := b.Sessions(t.Context(), at(t, from), at(t, from).Add(72*time.Hour), "AAA")
		require.NoError(t, err)
		require.Equal(t, want, spans(sessions["AAA"])[0], from)
	}
	sessions["AAA"] = append(sessions["AAA"][:0], broker.Session{}) // what was returned is the caller's
	sessions, err = b.Sessions(t.Context(), at(t, "2026-11-25 21:00"), at(t, "2026-12-01 14:30"), "AAA", "BBB")
	require.NoError(t, err)
	clear(sessions["AAA"])
	require.Equal(t, []string{"2026-11-27 14:30 to 18:00", "2026-11-30 14:30 to 21:00"}, spans(sessions["BBB"]))
	sessions, err = b.Sessions(t.Context(), at(t, "2026-11-28 00:00"), at(t, "2026-11-29 00:00"), "AAA")
	require.NoError(t, err)
	require.Contains(t, sessions, broker.InstrumentID("AAA"))
	require.Empty(t, sessions["AAA"])
	_, err = b.Sessions(t.Context(), monday, monday, "TWIN")
	require.ErrorIs(t, err, broker.ErrAmbiguousInstrument)
}

func spans(sessions []broker.Session) []string {
	var texts []string
	for _, s := range sessions {
		texts = append(texts, s.Open.UTC().Format("2006-01-02 15:04")+" to "+s.Close.UTC().Format("15:04"))
	}
	return texts
}

func TestClosedMarketsHoldOrders(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Hours = clock, fake.NYSE() })
	s := place(t, b, limit("a", broker.Buy, 10, "101"))
	require.Equal(t, broker.StatusHeld, s.Status)
	require.Equal(t, "399", s.Code)
	clock.Set(at(t, "2026-03-02 14:29"))
	require.Equal(t, broker.StatusHeld, state(t, b, "a").Status)
	clock.Set(at(t, "2026-03-02 14:31"))
	s = state(t, b, "a")
	require.Equal(t, broker.StatusFilled, s.Status)
	require.Empty(t, s.Code)
	require.Equal(t, at(t, "2026-03-02 14:30"), s.Fills[0].Time)
}

func TestOrdersDieAtTheClose(t *testing.T) {
	clock := fake.NewClock(at(t, "2026-03-06 20:00")) // a Friday
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Hours = clock, fake.NYSE("2026-03-09") })
	place(t, b, limit("a", broker.Buy, 10, "90"))
	clock.Set(at(t, "2026-03-06 21:00"))
	s := state(t, b, "a")
	require.Equal(t, broker.StatusCancelled, s.Status)
	require.Equal(t, "202", s.Code)
	require.Equal(t, at(t, "2026-03-06 21:00"), s.Updated)

	require.Equal(t, broker.StatusHeld, place(t, b, limit("b", broker.Buy, 10, "90")).Status)
	clock.Set(at(t, "2026-03-10 13:29")) // over the weekend and a holiday
	require.Equal(t, broker.StatusHeld, state(t, b, "b").Status)
	clock.Set(at(t, "2026-03-10 13:30"))
	require.Equal(t, broker.StatusWorking, state(t, b, "b").Status)
	clock.Set(at(t, "2026-03-10 23:00"))
	require.Equal(t, broker.StatusCancelled, state(t, b, "b").Status)
	require.NoError(t, b.Cancel(t.Context(), account, "b"))
}

func TestOrdersAreForgottenTheNextDay(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock = clock })
	place(t, b, limit("filled", broker.Buy, 10, "101"))
	place(t, b, limit("open", broker.Buy, 10, "90"))
	clock.Advance(24 * time.Hour)
	states, err := b.Orders(t.Context(), account, broker.OrderQuery{})
	require.NoError(t, err)
	require.Len(t, states, 1)
	require.Equal(t, broker.OrderID("open"), states[0].Order.ID)
	require.Len(t, func() []fake.LedgerOrder { return b.Ledger().Orders }(), 2, "the ledger keeps all")
	absent, err := b.ProveAbsent(t.Context(), account, "filled")
	require.NoError(t, err)
	require.False(t, absent)
	_, err = b.Place(t.Context(), limit("filled", broker.Sell, 1, "90"))
	require.ErrorIs(t, err, broker.ErrOrderConflict, "its ID stays taken")
	news, _, err := b.Await(t.Context(), account, broker.Cursor{})
	require.NoError(t, err)
	require.Len(t, news, 1)
}

func TestAwaitWaitsForTheOpening(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Hours = clock, fake.NYSE() })
	place(t, b, limit("a", broker.Buy, 10, "101"))
	after := snapshot(t, b).Cursor
	ctx, cancel := clock.WithTimeout(t.Context(), 2*time.Hour)
	_, _, err := b.Await(ctx, account, after)
	cancel()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, monday.Add(2*time.Hour), clock.Now())
	news, _, err := b.Await(t.Context(), account, after)
	require.NoError(t, err)
	require.Equal(t, broker.StatusFilled, news[0].Status)
	require.Equal(t, at(t, "2026-03-02 14:30"), clock.Now())
}
