package gatewaysim

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the gateway's zones must load anywhere
)

// openTime is a stretch of time in which a market is open.
type openTime struct{ from, to time.Time }

const hoursLayout = "20060102:1504"

// parseHours reads hours as the gateway writes them.
func parseHours(text string, zone *time.Location) ([]openTime, error) {
	var all []openTime
	for part := range strings.SplitSeq(text, ";") {
		if part == "" || strings.HasSuffix(part, ":CLOSED") {
			continue
		}
		a, b, ok := strings.Cut(part, "-")
		if !ok {
			return nil, fmt.Errorf("gatewaysim: hours %.60q: want 20251125:0930-20251125:1600 or 20251125:CLOSED", part)
		}
		from, err := time.ParseInLocation(hoursLayout, a, zone)
		if err != nil {
			return nil, fmt.Errorf("gatewaysim: hours %.60q: %w", part, err)
		}
		to, err := time.ParseInLocation(hoursLayout, b, zone)
		if err != nil {
			return nil, fmt.Errorf("gatewaysim: hours %.60q: %w", part, err)
		}
		if !to.After(from) {
			return nil, fmt.Errorf("gatewaysim: hours %.60q end before they begin", part)
		}
		all = append(all, openTime{from, to})
	}
	return all, nil
}

// WeekHours writes the hours of a week from the day of a time on, in the time's
// zone: each working day from an opening to a close, written as "0930" and
// "1600", and closed on Saturdays and Sundays.
func WeekHours(from time.Time, opening, closing string) string {
	var days []string
	for i := range 7 {
		d := from.AddDate(0, 0, i)
		day := d.Format("20060102")
		if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
			days = append(days, day+":CLOSED")
			continue
		}
		days = append(days, day+":"+opening+"-"+day+":"+closing)
	}
	return strings.Join(days, ";")
}

// alwaysOpen writes hours that never end.
func alwaysOpen(now time.Time) string {
	var days []string
	for i := range 6 {
		days = append(days, now.AddDate(0, 0, i).Format("20060102")+":0000-"+now.AddDate(0, 0, i+1).Format("20060102")+":0000")
	}
	return strings.Join(days, ";")
}

// open reports whether the contract trades at a time, and if not when it opens
// next, if the hours tell. Orders that may trade outside regular hours use the
// trading hours, others the liquid hours.
func (c *Contract) open(now time.Time, text string) (bool, time.Time) {
	if text == "" {
		return true, time.Time{}
	}
	hours, err := parseHours(text, c.zone())
	if err != nil {
		return false, time.Time{}
	}
	var next time.Time
	for _, h := range hours {
		if !now.Before(h.from) && now.Before(h.to) {
			return true, h.from
		}
		if h.from.After(now) && (next.IsZero() || h.from.Before(next)) {
			next = h.from
		}
	}
	return false, next
}

// closing returns the end of the liquid session that contains a time.
func (c *Contract) closing(now time.Time) time.Time {
	hours, err := parseHours(c.LiquidHours, c.zone())
	if err != nil {
		return time.Time{}
	}
	for _, h := range hours {
		if !now.Before(h.from) && now.Before(h.to) {
			return h.to
		}
	}
	return time.Time{}
}
