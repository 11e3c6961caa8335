package marketdata

import (
	"fmt"
	"time"
)

// Day is a trading day as a date without time or zone, in the form 2006-01-02.
// Days compare as text. Make one with [ParseDay].
type Day string

// ParseDay checks that s is a date in the form 2006-01-02.
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("marketdata: %.20q is not a date such as 2006-01-02", s)
	}
	return Day(s), nil
}

// at returns the instant on that day at which clocks in zone show the time of
// day. The zero time is returned for a day that is not valid.
func (d Day) at(clock time.Duration, zone *time.Location) time.Time {
	midnight, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	wall := midnight.Add(clock) // on the clock of a zone without changes
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
}
