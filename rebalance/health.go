package rebalance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
)

// Report says whether the engine can do its work.
type Report struct {
	Time time.Time `json:"time"`
	// Ready is false if a check failed without which nothing should be claimed.
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is the state of one dependency.
type Check struct {
	Name    string        `json:"name"`
	OK      bool          `json:"ok"`
	Latency time.Duration `json:"latency_ns"`
	// Detail is what was seen, or what failed.
	Detail string `json:"detail,omitempty"`
}

// checkTimeout bounds one check.
const checkTimeout = 10 * time.Second

// Health asks every dependency, one after another, without a side effect. It
// blocks for at most 10 s a check.
func (e *Engine) Health(ctx context.Context) Report {
	report := Report{Time: e.cfg.Now(), Ready: true}
	for _, c := range [...]struct {
		name string
		look func(context.Context) (string, error)
	}{
		{"broker", e.checkBroker}, {"journal", e.checkJournal}, {"queue", e.checkQueue},
	} {
		began := e.cfg.Now()
		bounded, cancel := e.cfg.WithTimeout(ctx, checkTimeout)
		detail, err := c.look(bounded)
		cancel()
		check := Check{Name: c.name, OK: err == nil, Latency: e.cfg.Now().Sub(began), Detail: detail}
		if err != nil {
			check.Detail, report.Ready = err.Error(), false
		}
		report.Checks = append(report.Checks, check)
	}
	return report
}

// faults returns an error for each check that failed.
func (r *Report) faults() []error {
	var faults []error
	for _, c := range r.Checks {
		if !c.OK {
			faults = append(faults, errors.New(c.Name+": "+c.Detail))
		}
	}
	return faults
}

// checkBroker makes one round trip, and counts the accounts that are there.
func (e *Engine) checkBroker(ctx context.Context) (string, error) {
	detail := ""
	if p, ok := broker.As[broker.Prober](e.cfg.Broker); ok {
		probe, err := p.Probe(ctx)
		if err != nil {
			return "", err
		}
		detail = fmt.Sprintf("session %d, clock %s off, ", probe.Epoch, probe.Time.Sub(e.cfg.Now()).Round(time.Millisecond))
	}
	accounts, err := e.cfg.Broker.Accounts(ctx)
	if err != nil {
		return "", err
	}
	there := make(map[broker.AccountID]broker.Mode, len(accounts))
	for _, a := range accounts {
		there[a.ID] = a.Mode
	}
	for _, a := range e.cfg.Accounts {
		if there[a.ID] != a.Mode {
			return "", fmt.Errorf("account %s is configured as %s, the session says %q", a.ID, a.Mode, there[a.ID])
		}
	}
	return fmt.Sprintf("%s%d accounts", detail, len(e.cfg.Accounts)), nil
}

// checkJournal reads the standing of each account and reports who is stopped.
func (e *Engine) checkJournal(ctx context.Context) (string, error) {
	var open, blocked, killed int
	for _, a := range e.cfg.Accounts {
		s, err := e.cfg.Journal.Account(ctx, a.ID)
		if err != nil {
			return "", err
		}
		open += len(s.Open)
		if s.Block != nil {
			blocked++
		}
		if s.Kill != nil {
			killed++
		}
	}
	return fmt.Sprintf("%d open intents, %d accounts blocked, %d killed", open, blocked, killed), nil
}

// checkQueue counts the events, if the queue can.
func (e *Engine) checkQueue(ctx context.Context) (string, error) {
	if e.cfg.Queue == nil {
		return "none", nil
	}
	admin, ok := e.cfg.Queue.(queue.Admin)
	if !ok {
		return "no statistics", nil
	}
	stats, err := admin.Stats(ctx)
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%d queued, %d leased, %d dead", stats.Counts[queue.Queued], stats.Counts[queue.Leased], stats.Counts[queue.Dead])
	if !stats.OldestDue.IsZero() {
		detail += ", oldest due for " + e.cfg.Now().Sub(stats.OldestDue).Round(time.Second).String()
	}
	return detail, nil
}
