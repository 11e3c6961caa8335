package ibkr

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the exchanges' zones must load on any machine

	"github.com/evenkeel/evenkeel/broker"
)

const (
	hoursLayout = "20060102:1504"
	dayLayout   = "20060102"
	// maxHours bounds what is read of one text of hours; a real one has some 200 bytes.
	maxHours = 16 << 10
)

// parseHours reads trading or liquid hours as contract details write them:
//
//	20251128:0930-20251128:1300;20251129:CLOSED
//
// Older gateways write 20251128:0930-1300 and several spans of a day with commas.
// The times are on the clocks of the zone. The result is in order; spans that
// overlap are an error.
func parseHours(text string, zone *time.Location) ([]broker.Session, error) {
	if len(text) > maxHours {
		return nil, fmt.Errorf("ibkr: hours of %d bytes are not believable", len(text))
	}
	var all []broker.Session
	for day := range strings.SplitSeq(text, ";") {
		day = strings.TrimSpace(day)
		if day == "" {
			continue
		}
		date, rest, ok := strings.Cut(day, ":")
		if _, err := time.Parse(dayLayout, date); !ok || err != nil {
			return nil, fmt.Errorf("ibkr: hours %.60q: want 20251128:0930-20251128:1300 or 20251128:CLOSED", day)
		}
		if rest == "CLOSED" {
			continue
		}
		for span := range strings.SplitSeq(rest, ",") {
			one, err := parseSpan(date, span, zone)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b broker.Session) int { return a.Open.Compare(b.Open) })
	for i := 1; i < len(all); i++ {
		if all[i].Open.Before(all[i-1].Close) {
			return nil, fmt.Errorf("ibkr: hours %.120q overlap", text)
		}
	}
	return all, nil
}

// parseSpan reads one span of a day, such as 0930-20251128:1300, or 1700-1600,
// which began the evening before in the older form.
func parseSpan(date, span string, zone *time.Location) (broker.Session, error) {
	from, to, ok := strings.Cut(span, "-")
	if !ok {
		return broker.Session{}, fmt.Errorf("ibkr: hours %.60q of %s have no end", span, date)
	}
	dated := func(s string) string {
		if strings.Contains(s, ":") {
			return s
		}
		return date + ":" + s
	}
	opening, err := time.ParseInLocation(hoursLayout, dated(from), zone)
	if err != nil {
		return broker.Session{}, fmt.Errorf("ibkr: hours of %s: %w", date, err)
	}
	closing, err := time.ParseInLocation(hoursLayout, dated(to), zone)
	if err != nil {
		return broker.Session{}, fmt.Errorf("ibkr: hours of %s: %w", date, err)
	}
	if !closing.After(opening) && !strings.Contains(to, ":") {
		opening = opening.AddDate(0, 0, -1)
	}
	if d := closing.Sub(opening); d <= 0 || d > 7*24*time.Hour {
		return broker.Session{}, fmt.Errorf("ibkr: hours of %s last from %s to %s", date, opening, closing)
	}
	return broker.Session{Open: opening, Close: closing}, nil
}

// within returns the sessions that end after from and begin before to.
func within(all []broker.Session, from, to time.Time) []broker.Session {
	picked := []broker.Session{}
	for _, s := range all {
		if s.Close.After(from) && s.Open.Before(to) {
			picked = append(picked, s)
		}
	}
	return picked
}

// zoneNames are names that gateways write for zones and that IANA does not know,
// or knows as a zone without daylight saving time.
var zoneNames = map[string]string{
	"EST": "America/New_York", "EDT": "America/New_York", "EST5EDT": "America/New_York",
	"CST": "America/Chicago", "CDT": "America/Chicago", "CST6CDT": "America/Chicago",
	"MST": "America/Denver", "MDT": "America/Denver", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
	"GMT": "Europe/London", "BST": "Europe/London", "MET": "Europe/Berlin", "CET": "Europe/Berlin",
	"JST": "Asia/Tokyo", "HKT": "Asia/Hong_Kong", "AEST": "Australia/Sydney", "IST": "Asia/Kolkata",
}

// zone loads a time zone as gateways name it: an IANA name, or an abbreviation
// that words in parentheses may follow.
func zone(name string) (*time.Location, error) {
	short, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	if iana, ok := zoneNames[short]; ok {
		short = iana
	}
	if short == "" || short == "Local" {
		return nil, fmt.Errorf("ibkr: time zone %.40q is none", name)
	}
	loc, err := time.LoadLocation(short)
	if err != nil {
		return nil, fmt.Errorf("ibkr: time zone %.40q: %w", name, err)
	}
	return loc, nil
}
