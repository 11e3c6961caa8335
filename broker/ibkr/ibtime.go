package ibkr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of the times that are believed.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseTime reads a time as the gateway writes it:
//
//	20251125 14:30:00 US/Eastern    on the clocks of the zone, one or two spaces
//	20251125-14:30:00               UTC
//	1764084600                      seconds since 1970
//
// A time without a zone is an error: nobody can say when it was.
func parseTime(s string) (time.Time, error) {
	t, err := readTime(s)
	if err != nil {
		return time.Time{}, err
	}
	if t.Before(earliest) || t.After(latest) {
		return time.Time{}, fmt.Errorf("ibkr: time %.60q is out of range", s)
	}
	return t, nil
}

// parseClock reads from the answer to the greeting how far the gateway's clocks
// are ahead of UTC.
func parseClock(welcome []byte, now time.Time) (ahead time.Duration, ok bool) {
	fields := strings.Split(string(welcome[min(4, len(welcome)):]), "\x00")
	if len(fields) < 2 {
		return 0, false
	}
	clock := strings.Fields(fields[1])
	if len(clock) < 2 {
		return 0, false
	}
	shown, err := time.Parse("20060102 15:04:05", clock[0]+" "+clock[1]) // names of zones are of no use
	if err != nil {
		return 0, false
	}
	ahead = shown.Sub(now).Round(15 * time.Minute)
	return ahead, ahead.Abs() <= 15*time.Hour
}

func readTime(s string) (time.Time, error) {
	f := strings.Fields(s)
	switch len(f) {
	case 1:
		if t, err := time.Parse("20060102-15:04:05", f[0]); err == nil {
			return t, nil
		}
		if len(f[0]) >= 9 && len(f[0]) <= 11 {
			if n, err := strconv.ParseInt(f[0], 10, 64); err == nil {
				return time.Unix(n, 0), nil
			}
		}
	case 3, 4, 5, 6:
		loc, err := zone(strings.Join(f[2:], " "))
		if err != nil {
			return time.Time{}, fmt.Errorf("ibkr: time %.60q: %w", s, err)
		}
		t, err := time.ParseInLocation("20060102 15:04:05", f[0]+" "+f[1], loc)
		if err != nil {
			return time.Time{}, fmt.Errorf("ibkr: time %.60q: %w", s, err)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("ibkr: time %.60q: want 20251125 14:30:00 US/Eastern", s)
}
