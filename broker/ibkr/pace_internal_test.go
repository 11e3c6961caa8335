package ibkr

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// In any second no more messages pass than allowed, whatever the pattern.
func TestBucketKeepsTheRate(t *testing.T) {
	for _, most := range []int{1, 2, 7, 40, 45, 50} {
		random := rand.New(rand.NewPCG(uint64(most), 1))
		at := now()
		b := newBucket(most, at)
		var passed []time.Time
		for len(passed) < 20*most {
			wait := b.take(at)
			if wait == 0 {
				passed = append(passed, at)
				for first := at.Add(-time.Second); passed[0].Before(first) || passed[0].Equal(first); {
					passed = passed[1:]
				}
				require.LessOrEqual(t, len(passed), max(most, 2), "in one second at %d", most)
			}
			at = at.Add(max(wait, time.Duration(random.Int64N(int64(time.Second)/int64(8*most)))))
			if at.Sub(now()) > 20*time.Second {
				break
			}
		}
	}
}

// What may be sent is sent: in a long run hardly less than the allowed rate passes.
func TestBucketUsesTheRate(t *testing.T) {
	for _, most := range []int{5, 40, 45, 50} {
		at := now()
		b := newBucket(most, at)
		passed := 0
		for at.Sub(now()) < 20*time.Second {
			if wait := b.take(at); wait > 0 {
				at = at.Add(wait)
				continue
			}
			passed++
		}
		require.Greater(t, passed, 20*most*97/100, "in 20 s at %d", most)
	}
}

func TestBucketSlower(t *testing.T) {
	at := now()
	b := newBucket(40, at)
	rate := b.rate
	b.slower()
	require.InDelta(t, rate/2, b.rate, 0.001)
	for range 20 {
		b.slower()
	}
	require.InDelta(t, 1, b.rate, 0.001, "never stops")
}

func TestWindowOfRequests(t *testing.T) {
	w := window{most: 3, span: time.Minute}
	at := now()
	for range 3 {
		require.Zero(t, w.take(at))
		at = at.Add(time.Second)
	}
	require.Equal(t, 57*time.Second, w.take(at))
	require.Zero(t, w.take(at.Add(57*time.Second)))
	require.Positive(t, w.take(at.Add(57*time.Second)))
}

func TestPhases(t *testing.T) {
	for _, row := range []struct {
		from phase
		t    turn
		to   phase
		ok   bool
	}{
		{connecting, turnGreeted, handshaken, true},
		{handshaken, turnRead, synchronised, true},
		{synchronised, turnBeat, ready, true},
		{ready, turnLost, frozen, true},
		{frozen, turnBack, handshaken, true},
		{ready, turnBack, handshaken, true},
		{handshaken, turnLost, frozen, true},
		{synchronised, turnLost, frozen, true},
		{synchronised, turnBack, handshaken, true},
		{handshaken, turnBack, handshaken, true},
		{ready, turnEnded, connecting, true},
		{frozen, turnEnded, connecting, true},
		{handshaken, turnEnded, connecting, true},
		// What must not happen.
		{frozen, turnRead, frozen, false},
		{frozen, turnBeat, frozen, false},
		{handshaken, turnBeat, handshaken, false},
		{connecting, turnRead, connecting, false},
		{connecting, turnBeat, connecting, false},
		{connecting, turnBack, connecting, false},
		{ready, turnGreeted, ready, false},
		{ready, turnRead, ready, false},
		{frozen, turnLost, frozen, false},
	} {
		to, ok := row.from.after(row.t)
		require.Equal(t, row.to, to, "%s after turn %d", row.from, row.t)
		require.Equal(t, row.ok, ok, "%s after turn %d", row.from, row.t)
	}
	for from := range turns { // no way to ready but through a complete look
		for what := range turns[from] {
			if to, _ := from.after(what); to == ready {
				require.Equal(t, synchronised, from)
			}
		}
	}
}

func TestWindows(t *testing.T) {
	at := func(s string) time.Time {
		loc, err := time.LoadLocation(newYork)
		require.NoError(t, err)
		v, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
		require.NoError(t, err)
		return v
	}
	night := Window{From: 23 * time.Hour, To: 2 * time.Hour}
	for _, row := range []struct {
		w   Window
		t   string
		in  bool
		end string
	}{
		{defaultRestart, "2025-11-25 23:34", false, ""},
		{defaultRestart, "2025-11-25 23:35", true, "2025-11-25 23:55"},
		{defaultRestart, "2025-11-25 23:55", false, ""},
		{defaultRestart, "2025-11-25 10:00", false, ""},
		{defaultLogin, "2025-11-23 01:30", true, "2025-11-23 03:00"},
		{defaultLogin, "2025-11-24 01:30", false, ""},
		{night, "2025-11-25 23:30", true, "2025-11-26 02:00"},
		{night, "2025-11-25 01:30", true, "2025-11-25 02:00"},
		{night, "2025-11-25 12:00", false, ""},
		{night, "2026-03-08 01:30", true, "2026-03-08 03:00"}, // 2:00 does not exist: clocks go from 2 to 3
		{night, "2025-11-02 00:30", true, "2025-11-02 02:00"},
	} {
		end, in := row.w.contains(at(row.t))
		require.Equal(t, row.in, in, row.t)
		if in {
			require.True(t, end.Equal(at(row.end)), "%s ends at %s", row.t, end)
		}
	}
}
