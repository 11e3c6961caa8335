package config

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

var weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}

func (r *reader) schedules(c *Config, s *section) {
	seen := map[string]bool{}
	for _, item := range s.items("schedules") {
		in := r.open(item.node, item.name)
		one := r.schedule(c, in)
		if seen[one.Name] {
			r.fault(in.line(), in.at("name"), "%q is there twice", one.Name)
		}
		seen[one.Name] = true
		c.Schedules = append(c.Schedules, one)
	}
}

func (r *reader) schedule(c *Config, s *section) Schedule {
	one := Schedule{Command: rebalance.CommandRebalance, Days: weekdays, Zone: newYork(), CatchUp: time.Hour}
	name := text(s, "name", &one.Name)
	choice(s, "command", &one.Command, rebalance.CommandRebalance, rebalance.CommandPreview, rebalance.CommandSnapshot,
		rebalance.CommandReconcile, rebalance.CommandHealth, rebalance.CommandCancelOrders)
	at := s.clock("at", &one.At)
	s.span("every", &one.Every)
	if days := r.days(s); days != nil {
		one.Days = days
	}
	s.zone("zone", &one.Zone)
	s.flag("at_start", &one.AtStart)
	s.span("catch_up", &one.CatchUp)
	one.Accounts = r.named(c, s)
	s.done()

	s.need("name", one.Name)
	if name != nil && (len(one.Name) > 40 || strings.ContainsFunc(one.Name, func(c rune) bool { return c <= ' ' || c > '~' })) {
		r.fault(name, s.at("name"), "%q: want at most 40 printable ASCII characters without spaces", one.Name)
	}
	switch {
	case at != nil && one.Every > 0:
		r.fault(at, s.at("at"), "stands beside every: a schedule has one of them")
	case at == nil && one.Every == 0 && !one.AtStart:
		s.need("at", "")
	case one.Every > 0 && one.Every < time.Second:
		r.fault(s.line(), s.at("every"), "%s: want 1s or more", one.Every)
	}
	if at == nil {
		one.At = -1
	}
	return one
}

// days reads the names of weekdays, nil if there are none.
func (r *reader) days(s *section) []time.Weekday {
	var all []time.Weekday
	for _, item := range s.items("days") {
		day := strings.ToLower(item.node.Value)
		i := slices.IndexFunc([]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}, func(name string) bool {
			return len(day) >= 3 && strings.HasPrefix(name, day)
		})
		if i < 0 {
			r.fault(item.node, item.name, "%q is none of mon, tue, wed, thu, fri, sat, sun", item.node.Value)
			continue
		}
		all = append(all, time.Weekday(i))
	}
	return all
}

// named reads the accounts of a schedule; none are all.
func (r *reader) named(c *Config, s *section) []broker.AccountID {
	var all []broker.AccountID
	for i := range c.Accounts {
		if id := c.Accounts[i].ID; id != "" && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	if picked := words(s, "accounts", all...); picked != nil {
		return picked
	}
	return all
}

// newYork is the zone of a schedule that names none.
func newYork() *time.Location {
	z, err := time.LoadLocation("America/New_York")
	if err != nil {
		return time.UTC
	}
	return z
}
