package ibkr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func TestParseHours(t *testing.T) {
	for _, row := range []struct {
		name, text, zone string
		want             []string // UTC
	}{
		{"a day", "20251125:0930-20251125:1600", "US/Eastern", []string{"2025-11-25T14:30:00Z 2025-11-25T21:00:00Z"}},
		{"a half day and a holiday", "20251127:CLOSED;20251128:0930-20251128:1300", "US/Eastern", []string{"2025-11-28T14:30:00Z 2025-11-28T18:00:00Z"}},
		{
			"into daylight saving time", "20260306:0930-20260306:1600;20260309:0930-20260309:1600", "US/Eastern",
			[]string{"2026-03-06T14:30:00Z 2026-03-06T21:00:00Z", "2026-03-09T13:30:00Z 2026-03-09T20:00:00Z"},
		},
		{
			"out of it", "20251031:0930-20251031:1600;20251103:0930-20251103:1600", "America/New_York",
			[]string{"2025-10-31T13:30:00Z 2025-10-31T20:00:00Z", "2025-11-03T14:30:00Z 2025-11-03T21:00:00Z"},
		},
		{"overnight", "20251124:1800-20251125:1700", "US/Central", []string{"2025-11-25T00:00:00Z 2025-11-25T23:00:00Z"}},
		{
			"two spans a day", "20251125:0900-20251125:1130;20251125:1230-20251125:1500", "Japan",
			[]string{"2025-11-25T00:00:00Z 2025-11-25T02:30:00Z", "2025-11-25T03:30:00Z 2025-11-25T06:00:00Z"},
		},
		{
			"out of order", "20251126:0930-20251126:1600;20251125:0930-20251125:1600", "US/Eastern",
			[]string{"2025-11-25T14:30:00Z 2025-11-25T21:00:00Z", "2025-11-26T14:30:00Z 2025-11-26T21:00:00Z"},
		},
		{"the older form", "20251125:0930-1600;20251126:CLOSED", "EST (Eastern Standard Time)", []string{"2025-11-25T14:30:00Z 2025-11-25T21:00:00Z"}},
		{"the older form with commas", "20251125:0900-1130,1230-1500", "JST", []string{"2025-11-25T00:00:00Z 2025-11-25T02:30:00Z", "2025-11-25T03:30:00Z 2025-11-25T06:00:00Z"}},
		{"the older form overnight", "20251125:1700-1600", "CST", []string{"2025-11-24T23:00:00Z 2025-11-25T22:00:00Z"}},
		{"in summer an abbreviation is not winter time", "20250701:0930-1600", "EST", []string{"2025-07-01T13:30:00Z 2025-07-01T20:00:00Z"}},
		{"nothing", "", "US/Eastern", nil},
		{"all closed", "20251127:CLOSED;", "US/Eastern", nil},
	} {
		loc, err := zone(row.zone)
		require.NoError(t, err, row.name)
		got, err := parseHours(row.text, loc)
		require.NoError(t, err, row.name)
		var text []string
		for _, s := range got {
			text = append(text, s.Open.UTC().Format(time.RFC3339)+" "+s.Close.UTC().Format(time.RFC3339))
		}
		require.Equal(t, row.want, text, row.name)
	}
}

func TestParseHoursRefuses(t *testing.T) {
	for _, text := range []string{
		"20251125", "20251125:", "20251125:0930", "20251125:0930-", "20251325:0930-20251325:1600", "x", "20251125:0930-20251125:0930",
		"20251125:1600-20251125:0930", "20251125:0930-20251225:1600", "20251125:2560-20251125:2600", "20251125:closed",
		"20251125:0930-20251125:1600;20251125:1000-20251125:1100", ":CLOSED",
	} {
		_, err := parseHours(text, time.UTC)
		require.Error(t, err, "%q", text)
	}
	for _, name := range []string{"", "Local", "No/Such", "(nothing)", "../etc/passwd"} {
		_, err := zone(name)
		require.Error(t, err, "%q", name)
	}
}

func TestWithin(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2025, 11, 25, h, 0, 0, 0, time.UTC) }
	all := []broker.Session{{Open: at(1), Close: at(2)}, {Open: at(3), Close: at(4)}, {Open: at(5), Close: at(6)}}
	require.Equal(t, all[1:2], within(all, at(2), at(5)))
	require.Equal(t, all, within(all, at(1), at(6)))
	require.NotNil(t, within(all, at(7), at(8)))
	require.Empty(t, within(all, at(7), at(8)))
}

func FuzzParseHours(f *testing.F) {
	for _, s := range []string{"20251125:0930-20251125:1600;20251126:CLOSED", "20251125:0900-1130,1230-1500", "20251125:1700-1600", ";;", "20251125:CLOSED"} {
		f.Add(s)
	}
	loc, err := zone("US/Eastern")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseHours(text, loc)
		if err != nil {
			require.Empty(t, got)
		}
		for i, s := range got {
			require.True(t, s.Open.Before(s.Close))
			require.False(t, i > 0 && s.Open.Before(got[i-1].Close), "overlap")
		}
	})
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"20251125 14:30:00 US/Eastern":        "2025-11-25T19:30:00Z",
		"20251125  14:30:00 America/New_York": "2025-11-25T19:30:00Z",
		"20250701 14:30:00 EST":               "2025-07-01T18:30:00Z",
		"20250701 14:30:00 MET":               "2025-07-01T12:30:00Z",
		"20251125-14:30:00":                   "2025-11-25T14:30:00Z",
		"20251125 14:30:00 Asia/Hong_Kong":    "2025-11-25T06:30:00Z",
		"20251125 14:30:00 EST (Eastern)":     "2025-11-25T19:30:00Z",
		"1764081000":                          "2025-11-25T14:30:00Z",
	} {
		got, err := parseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.UTC().Format(time.RFC3339), text)
	}
	for _, text := range []string{
		"", "20251125", "20251125 14:30:00", "20251125 14:30:00 No/Where", "20251325 14:30:00 UTC", "19700101-00:00:00", "99999999999", "14:30:00", "0",
	} {
		_, err := parseTime(text)
		require.Error(t, err, "%q", text)
	}
}

func FuzzClock(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x1b176\x0020261125 10:00:00 EST\x00"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, welcome []byte) {
		if ahead, ok := parseClock(welcome, now()); ok {
			require.LessOrEqual(t, ahead.Abs(), 15*time.Hour)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"20251125 14:30:00 US/Eastern", "20251125-14:30:00", "1764081000", "20251125 14:30:00 EST (Eastern Time)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text)
		if err == nil {
			require.False(t, got.Before(earliest) || got.After(latest))
		}
	})
}
