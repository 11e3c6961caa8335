package marketdata_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// newYork is the zone of the default.
func newYork(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	return zone
}

// source returns a source of a history with the given clock.
func source(t *testing.T, h *marketdata.History, opts marketdata.HistorySourceOptions) *marketdata.HistorySource {
	t.Helper()
	s, err := marketdata.NewHistorySource(h, &opts)
	require.NoError(t, err)
	return s
}

// TestHistorySourceAroundTheClose spans a weekend at which clocks changed in New
// York, so that the close moves from 21:00 to 20:00 UTC.
func TestHistorySourceAroundTheClose(t *testing.T) {
	h := history(t, "Date,AAA\n2026-03-05,10\n2026-03-06,11\n2026-03-09,12\n2026-03-10,13\n")
	for _, c := range []struct {
		now, price string
		tokyo      string // with the close at 15:00 in Tokyo, which is 06:00 UTC
	}{
		{"2026-03-05T05:59:59Z", "", ""},
		{"2026-03-05T06:00:00Z", "", "10"},
		{"2026-03-05T20:59:59Z", "", "10"},
		{"2026-03-05T21:00:00Z", "10", "10"},
		{"2026-03-06T20:59:59.999999999Z", "10", "11"},
		{"2026-03-06T21:00:00Z", "11", "11"},
		{"2026-03-08T12:00:00Z", "11", "11"},
		{"2026-03-09T19:59:59Z", "11", "12"},
		{"2026-03-09T20:00:00Z", "12", "12"},
		{"2026-03-10T03:00:00Z", "12", "12"},
		{"2026-03-10T20:00:00Z", "13", "13"},
		{"2027-01-01T00:00:00Z", "13", "13"},
	} {
		t.Run(c.now, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339Nano, c.now)
			require.NoError(t, err)
			clock := func() time.Time { return now }
			check := func(want string, s *marketdata.HistorySource) {
				answer := ask(t, s, "AAA")
				day, closed := s.LastClosed(now)
				require.Equal(t, want != "", closed)
				if want == "" {
					require.Contains(t, answer.Missing["AAA"], "the history starts with the close of 2026-03-05")
					return
				}
				q := answer.Found["AAA"]
				require.Equal(t, want, q.Last.Decimal.String())
				require.Equal(t, q.Last, q.Close)
				require.Equal(t, s.ClosedAt(day), q.Time)
				require.False(t, q.Time.After(now))
				require.Equal(t, marketdata.TierHistorical, q.Tier)
			}
			check(c.price, source(t, h, marketdata.HistorySourceOptions{Now: clock}))
			check(c.tokyo, source(t, h, marketdata.HistorySourceOptions{
				Now: clock, Close: 15 * time.Hour, Zone: time.FixedZone("JST", 9*60*60),
			}))
		})
	}
}

// TestHistorySourceNeverLooksAhead compares, at many instants, a source of the
// whole history with one whose rows that had not closed by then are falsified:
// no answer may differ.
func TestHistorySourceNeverLooksAhead(t *testing.T) {
	whole := readFactors(t)
	days := slices.Collect(whole.Days())
	lines := strings.Split(write(whole), "\n")[:len(days)+1]
	for _, opts := range []marketdata.HistorySourceOptions{
		{Close: 16 * time.Hour},
		{Close: 24 * time.Hour},
		{Close: time.Nanosecond, Zone: time.UTC},
		{Close: 9 * time.Hour, Zone: time.FixedZone("far east", 14*60*60)},   // the day before in UTC
		{Close: 15 * time.Hour, Zone: time.FixedZone("far west", -12*60*60)}, // the day after in UTC
	} {
		zone := opts.Zone
		if zone == nil {
			zone = newYork(t)
		}
		for k := 1; k < len(days); k += 97 {
			// The instant at which day k closes, from its date alone.
			date, err := time.Parse(time.DateOnly, string(days[k]))
			require.NoError(t, err)
			seconds, rest := int(opts.Close/time.Second), int(opts.Close%time.Second)
			closes := time.Date(date.Year(), date.Month(), date.Day(), 0, 0, seconds, rest, zone)
			falsified := slices.Clone(lines)
			for i := k + 1; i < len(lines); i++ {
				falsified[i] = lines[i][:len(time.DateOnly)] + strings.Repeat(",999999", len(whole.Symbols()))
			}
			other := history(t, strings.Join(falsified, "\n"))
			for _, before := range []time.Duration{1, time.Second, time.Hour, 23 * time.Hour, 10 * 24 * time.Hour} {
				opts.Now = func() time.Time { return closes.Add(-before) }
				want := ask(t, source(t, other, opts), whole.Symbols()...)
				got := ask(t, source(t, whole, opts), whole.Symbols()...)
				require.Equal(t, want, got, "%v before the close of %s", before, days[k])
				require.NotContains(t, fmt.Sprint(got), "999999")
			}
			opts.Now = func() time.Time { return closes }
			got := ask(t, source(t, whole, opts), "MTUM")
			require.Equal(t, price(whole, days[k], "MTUM"), got.Found["MTUM"].Last.Decimal.String(), "at the close of %s", days[k])
			require.True(t, closes.Equal(got.Found["MTUM"].Time))
		}
	}
}

// TestHistorySourceWhenClocksChange asks every ten minutes around a night without
// 02:30 and one with two of them, for days that close at 02:30.
func TestHistorySourceWhenClocksChange(t *testing.T) {
	for _, sunday := range []time.Time{
		time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	} {
		csv := "Date,AAA"
		for i := -2; i <= 2; i++ {
			csv += fmt.Sprintf("\n%s,%d", sunday.AddDate(0, 0, i).Format(time.DateOnly), 10+i)
		}
		h := history(t, csv)
		now := sunday.AddDate(0, 0, -3)
		s := source(t, h, marketdata.HistorySourceOptions{
			Now: func() time.Time { return now }, Close: 150 * time.Minute, Zone: newYork(t),
		})
		for ; now.Before(sunday.AddDate(0, 0, 4)); now = now.Add(10 * time.Minute) {
			want := "none"
			for day := range h.Days() {
				if closed := s.ClosedAt(day); !closed.After(now) {
					want = price(h, day, "AAA")
				}
			}
			got := "none"
			if q, ok := ask(t, s, "AAA").Found["AAA"]; ok {
				got = q.Last.Decimal.String()
				require.False(t, q.Time.After(now))
			}
			require.Equal(t, want, got, "%s", now)
		}
	}
}

func TestHistorySourceDoesNotFillGaps(t *testing.T) {
	h := history(t, "Date,AAA,BBB\n2026-03-05,10,20\n2026-03-06,,21\n")
	s := source(t, h, marketdata.HistorySourceOptions{
		Now:  func() time.Time { return time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC) },
		Tier: marketdata.TierLive,
	})
	answer := ask(t, s, "AAA", "BBB", "CCC")
	require.Equal(t, map[broker.InstrumentID]string{
		"AAA": "the history has no price on 2026-03-06",
		"CCC": "not in the history",
	}, answer.Missing)
	require.Equal(t, marketdata.TierLive, answer.Found["BBB"].Tier)
}

func TestHistorySourceClosedAt(t *testing.T) {
	h := history(t, "Date,AAA\n2026-03-06,10\n2026-03-09,11\n")
	s := source(t, h, marketdata.HistorySourceOptions{})
	require.Equal(t, time.Date(2026, 3, 6, 21, 0, 0, 0, time.UTC), s.ClosedAt("2026-03-06"))
	require.Equal(t, time.Date(2026, 3, 9, 20, 0, 0, 0, time.UTC), s.ClosedAt("2026-03-09"))
	require.Zero(t, s.ClosedAt("2026-03-07"), "a Saturday")
	require.Zero(t, s.ClosedAt("tomorrow"))
	day, ok := s.LastClosed(time.Now())
	require.True(t, ok)
	require.Equal(t, marketdata.Day("2026-03-09"), day)
}

func TestHistorySourceRefusesBadOptions(t *testing.T) {
	_, err := marketdata.NewHistorySource(nil, &marketdata.HistorySourceOptions{Tier: "gossip", Close: 25 * time.Hour})
	require.EqualError(t, err, `marketdata: history source: no history: make one with ReadHistory
marketdata: history source: Tier is "gossip", which is no tier
marketdata: history source: Close is 25h0m0s, want more than 0 and at most 24h0m0s`)
	_, err = marketdata.NewHistorySource(history(t, "Date,AAA\n2026-03-06,10\n"), &marketdata.HistorySourceOptions{Close: -1})
	require.ErrorContains(t, err, "Close is -1ns")
}

func TestParseDay(t *testing.T) {
	day, err := marketdata.ParseDay("2024-02-29")
	require.NoError(t, err)
	require.Equal(t, marketdata.Day("2024-02-29"), day)
	for _, s := range []string{"", "2023-02-29", "2024-2-9", "24-02-09", " 2024-02-09", "2024-02-09 ", "2024/02/09", "20240209", "12024-02-09"} {
		_, err := marketdata.ParseDay(s)
		require.EqualError(t, err, fmt.Sprintf("marketdata: %q is not a date such as 2006-01-02", s))
	}
}
