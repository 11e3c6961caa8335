package redisimport

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options say where the old events are and what becomes of them. The zero value
// is the old system as it is delivered.
type Options struct {
	// The keys of the old system. Defaults: "rebalance_queue",
	// "rebalance_retry_set", "delayed_execution_set", "active_events_set".
	Queue, Retry, Delayed, Active string
	// Marks is a hash in the old database that remembers what was imported.
	// Default: "evenkeel_imported".
	Marks string
	// Target names the new queue in those notes: what was imported into one queue
	// can be imported into another one under its own name. Default: "".
	Target string
	// RetryDelay is how long after its failure an event is tried again.
	// Default: 5 minutes.
	RetryDelay time.Duration
	// Commands maps old commands to new ones. Default: rebalance and
	// cancel-orders to themselves, print-rebalance to preview, the other print-*
	// to snapshot, health-check to health.
	Commands map[string]string
	// Lost says to publish an event for each that was in work when its worker
	// died. Default: they are only reported.
	Lost bool
	// SkipFaults says to import the rest if some events cannot be. Default:
	// nothing is imported.
	SkipFaults bool
	// Limit is how many old events are read at most. Default: 100,000.
	Limit int
}

// commands are the old system's, under their new names.
var commands = map[string]string{
	"rebalance":       "rebalance",
	"print-rebalance": "preview",
	"print-positions": "snapshot",
	"print-equity":    "snapshot",
	"print-orders":    "snapshot",
	"cancel-orders":   "cancel_orders",
	"health-check":    "health",
}

// importer is one look at the old system.
type importer struct {
	Options
	client redis.UniversalClient
}

// newImporter fills in the defaults.
func newImporter(client redis.UniversalClient, opts *Options) (*importer, error) {
	if client == nil {
		return nil, errors.New("redisimport: client is nil")
	}
	m := &importer{client: client}
	if opts != nil {
		m.Options = *opts
	}
	m.Queue = cmp.Or(m.Queue, "rebalance_queue")
	m.Retry = cmp.Or(m.Retry, "rebalance_retry_set")
	m.Delayed = cmp.Or(m.Delayed, "delayed_execution_set")
	m.Active = cmp.Or(m.Active, "active_events_set")
	m.Marks = cmp.Or(m.Marks, "evenkeel_imported")
	m.RetryDelay = cmp.Or(m.RetryDelay, 5*time.Minute)
	m.Limit = cmp.Or(m.Limit, 100_000)
	if m.Commands == nil {
		m.Commands = commands
	}
	return m, m.check()
}

// check returns every fault of the options.
func (m *importer) check() error {
	var faults []error
	if m.RetryDelay < 0 {
		faults = append(faults, fmt.Errorf("RetryDelay %s is negative", m.RetryDelay))
	}
	if m.Limit < 0 {
		faults = append(faults, fmt.Errorf("Limit %d is negative", m.Limit))
	}
	for from, to := range m.Commands {
		if strings.TrimSpace(to) == "" {
			faults = append(faults, fmt.Errorf("Commands maps %q to nothing", from))
		}
	}
	seen := map[string]bool{}
	for _, key := range []string{m.Queue, m.Retry, m.Delayed, m.Active, m.Marks} {
		if seen[key] {
			faults = append(faults, fmt.Errorf("key %q is used twice", key))
		}
		seen[key] = true
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("redisimport: options: %w", errors.Join(faults...))
}
