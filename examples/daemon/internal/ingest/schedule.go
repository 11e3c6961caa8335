package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Schedule publishes the events of one schedule until ctx ends. What was due at a
// time of the day while nobody ran is published if it is not too late; the key of an event names
// the time at which it was due, so several daemons publish it once.
func Schedule(ctx context.Context, g *Gate, s *config.Schedule, logger *slog.Logger) {
	began := time.Now()
	if s.AtStart {
		fire(ctx, g, s, fmt.Sprintf("start:%d", began.UnixNano()), began.Add(patience(s)), logger)
	}
	last := began
	if s.Every == 0 {
		last = began.Add(-s.CatchUp)
	}
	for {
		next, ok := Next(s, last)
		if !ok {
			return
		}
		if !pause(ctx, time.Until(next)) {
			return
		}
		last = next
		if late := time.Since(next); late > patience(s) { // the machine slept, or the queue was away
			logger.Warn("scheduled event left out: it is too late for it", "schedule", s.Name, "due", next, "late", late.Round(time.Second))
			continue
		}
		fire(ctx, g, s, next.UTC().Format(time.RFC3339), next.Add(patience(s)), logger)
	}
}

// patience is how late an event of a schedule may be: the next one of an interval
// makes up for it.
func patience(s *config.Schedule) time.Duration {
	if s.Every > 0 {
		return max(min(s.CatchUp, s.Every), 5*time.Second)
	}
	return max(s.CatchUp, time.Minute)
}

// Next is when a schedule is due after an instant. It is false for one that is
// due at the start only.
func Next(s *config.Schedule, after time.Time) (time.Time, bool) {
	if s.Every > 0 {
		return after.Truncate(s.Every).Add(s.Every), true
	}
	if s.At < 0 || len(s.Days) == 0 {
		return time.Time{}, false
	}
	local := after.In(s.Zone)
	for day := range 8 {
		due := time.Date(local.Year(), local.Month(), local.Day()+day, 0, int(s.At/time.Minute), 0, 0, s.Zone)
		if due.After(after) && slices.Contains(s.Days, due.Weekday()) {
			return due, true
		}
	}
	return time.Time{}, false
}

// fire publishes an event for each account of a schedule, and tries again until it
// is too late for it if the queue does not answer.
func fire(ctx context.Context, g *Gate, s *config.Schedule, when string, until time.Time, logger *slog.Logger) {
	var payload json.RawMessage
	if s.Command == rebalance.CommandRebalance {
		payload = json.RawMessage(`{"automatic":true}`)
	}
	for _, account := range s.Accounts {
		e := ops.NewEvent{
			Account: account, Command: s.Command, Payload: payload, Key: fmt.Sprintf("schedule:%s:%s:%s", s.Name, account, when),
		}
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			receipt, err := g.Publish(ctx, e)
			if err == nil {
				logger.Debug("scheduled", "schedule", s.Name, "account", account, "event", receipt.ID, "duplicate", receipt.Duplicate)
				break
			}
			given := Refused(err) || time.Until(until) < wait
			logger.Error("scheduled event not published", "schedule", s.Name, "account", account, "given_up", given, "err", err)
			if given || !pause(ctx, wait) {
				break
			}
		}
	}
}

// pause waits; it is false if ctx ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
