package rebalance

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Report says whether the engine can do its work, end to end.
type Report struct {
	Time time.Time `json:"time"`
	// Live is false if the service loop runs and none of its workers has come
	// round, or moved a run, for too long.
	Live bool `json:"live"`
	// Ready is false if a check failed without which nothing should be claimed:
	// broker, accounts, journal, queue. Nothing is claimed then, before they are well
	// again; what was sent is resolved all the same.
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is the state of one dependency or store.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Needed is set for checks that decide whether the engine is ready.
	Needed  bool          `json:"needed"`
	Latency time.Duration `json:"latency_ns"`
	// Detail is what was seen, or what failed.
	Detail string `json:"detail,omitempty"`
	// LastSuccess and LastFailure are of this check in this process, LastError
	// what failed then.
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
}

// The checks, in the order in which they are made.
const (
	CheckBroker      = "broker"
	CheckAccounts    = "accounts"
	CheckJournal     = "journal"
	CheckQueue       = "queue"
	CheckBreakers    = "breakers"
	CheckAllocations = "allocations"
	CheckPrices      = "prices"
	CheckPlacement   = "placement"
)

// checkTimeout bounds one check.
const checkTimeout = 10 * time.Second

// probe is what the checks of one report hand on.
type probe struct {
	e      *Engine
	symbol broker.InstrumentID // of the first account's allocation
}

// checks are made one after another; a later one may use what an earlier found.
var checks = [...]struct {
	name   string
	needed bool
	look   func(*probe, context.Context) (string, error)
}{
	{CheckBroker, true, (*probe).broker},
	{CheckAccounts, true, (*probe).accounts},
	{CheckJournal, true, (*probe).journal},
	{CheckQueue, true, (*probe).queue},
	{CheckBreakers, false, (*probe).breakers},
	{CheckAllocations, false, (*probe).allocations},
	{CheckPrices, false, (*probe).prices},
	{CheckPlacement, false, (*probe).placement},
}

// Health asks every dependency, one after another, without a side effect: no
// order is ever placed, a preview at the broker at most. It blocks for at most
// 10 s a check.
func (e *Engine) Health(ctx context.Context) Report {
	report := Report{Time: e.cfg.Now(), Live: e.Live(), Ready: true}
	p := &probe{e: e}
	for i := range checks {
		c := p.check(ctx, i)
		report.Ready = report.Ready && (c.OK || !c.Needed)
		report.Checks = append(report.Checks, c)
	}
	if !report.Ready && ctx.Err() == nil {
		e.unready.Store(true)
	}
	return report
}

// check makes one check and remembers how it went.
func (p *probe) check(ctx context.Context, i int) Check {
	e, began := p.e, p.e.cfg.Now()
	bounded, cancel := e.cfg.WithTimeout(ctx, checkTimeout)
	detail, err := checks[i].look(p, bounded)
	cancel()
	now := e.cfg.Now()

	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.checked[checks[i].name]
	c.Name, c.Needed, c.OK, c.Latency, c.Detail = checks[i].name, checks[i].needed, err == nil, now.Sub(began), detail
	if err == nil {
		c.LastSuccess = now
	} else {
		c.LastFailure, c.LastError, c.Detail = now, err.Error(), err.Error()
	}
	e.checked[c.Name] = c
	return c
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

// Live reports whether the service loop moves: false if it runs and no worker
// has come round for ten minutes longer than a run may take. It blocks never.
func (e *Engine) Live() bool {
	moved := e.moved.Load()
	return !e.serving.Load() || e.cfg.Now().Sub(time.Unix(0, moved)) < e.longestWait()
}

// longestWait is how long a worker may be silent.
func (e *Engine) longestWait() time.Duration {
	t := &e.cfg.Timing
	return 10*time.Minute + 2*(t.Complete+2*t.Cancel+t.Settle+2*t.Sweep)
}

// move notes that a worker of the service loop came round or a run moved on.
func (e *Engine) move() {
	if e.serving.Load() {
		e.moved.Store(e.cfg.Now().UnixNano())
	}
}
