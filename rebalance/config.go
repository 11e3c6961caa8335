package rebalance

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/retry"
)

// Config composes an [Engine]. [New] fills in the defaults, then validates and
// reports every fault at once.
type Config struct {
	// Broker, Allocations, Prices and Journal are required.
	Broker      broker.Broker
	Allocations allocation.AllocationSource
	Prices      marketdata.PriceSource
	Journal     journal.Journal
	// Queue is where [Engine.Run] takes events from; nothing else needs it.
	Queue queue.EventQueue
	// Accounts are the accounts that the engine may act for. At least one.
	Accounts []Account

	// Planner makes the trade lists. Default: [NewPlanner].
	Planner Planner
	// Rules says which allocations are accepted. Default: as [allocation.Rules].
	Rules allocation.Rules
	// Policies surround the calls to dependencies. Default: see [Policies].
	Policies Policies
	// Timing bounds the waits of a run. Default: see [Timing].
	Timing Timing
	// Limits stop a run that goes wrong. Default: see [Limits].
	Limits Limits
	// Events says how failed events are tried again. Default: see [EventPolicy].
	Events EventPolicy
	// Workers is how many accounts are worked on at once by Run. Default: 4.
	Workers int
	// Tracker observes steps, orders and results. Default: none.
	Tracker Tracker
	// Logger gets one line an outcome, and warnings. Default: discards.
	Logger *slog.Logger
	// Now is the time in the market. A backtest gives its own clock, the same as
	// its broker's. Default: time.Now.
	Now func() time.Time
	// WithTimeout bounds the waits of a run. A simulation gives that of its own
	// clock. Default: context.WithTimeout.
	WithTimeout func(context.Context, time.Duration) (context.Context, context.CancelFunc)
	// NewID names runs that no event asked for. It must never repeat. Default:
	// random.
	NewID func() string
}

// Account is an account that the engine may act for.
type Account struct {
	ID broker.AccountID
	// Mode is what the broker must say of the account, so that live and paper
	// are never mixed up. Required.
	Mode broker.Mode
	// Strategy names the allocation that the account follows. Required.
	Strategy string
	// Policy says how it is kept. Default: [DefaultPolicy].
	Policy *Policy
	// Trigger says when automatic events rebalance. Default: always, but at most
	// one of them trades a day.
	Trigger *Trigger
	// Partial says what happens when some orders of a run did not fill. Default:
	// roll forward.
	Partial Partial
	// IgnoreOther leaves positions that are not stocks alone instead of refusing
	// to trade the account. Default: false.
	IgnoreOther bool
}

// Policies surround the calls to dependencies. None ever surrounds the sending
// of an order. The defaults of the first three hold a breaker, see
// [Engine.Breakers], and a budget: the retries of all runs together are at most
// 20 % of the calls of a minute, or 3 if that is more. Both are one for each
// dependency and engine. Resolve has neither: what became of an order is looked
// for in any case.
type Policies struct {
	// Allocation surrounds one fetch of targets. Default: 3 retries, 1 s ×2,
	// each try 30 s at most.
	Allocation retry.Policy
	// Prices surrounds one fetch of quotes. Default: 2 retries, 1 s ×2 up to 10 s,
	// each try 30 s at most.
	Prices retry.Policy
	// Broker surrounds reads of the broker. Default: 2 retries, 1 s ×2 up to 10 s,
	// each try 30 s at most.
	Broker retry.Policy
	// Resolve surrounds reads of the broker after a doubt, and waits for a lost
	// session to come back. Default: 1 s ×2 up to 10 s, for a minute, each try 30 s
	// at most.
	Resolve retry.Policy
}

// Timing bounds the waits of a run. Zero fields take their defaults.
type Timing struct {
	// Acknowledge is how long an order may stay pending before it is resolved.
	// Default: 10 s.
	Acknowledge time.Duration
	// Complete is how long orders may work before they are cancelled. Default: 2 min.
	Complete time.Duration
	// Cancel is how long the confirmation of a cancel is waited for. Default: 60 s.
	Cancel time.Duration
	// Settle is how long positions may lag behind fills. Default: 30 s.
	Settle time.Duration
	// Sweep is the pause between two looks for an order that cannot be found.
	// Default: 15 s.
	Sweep time.Duration
	// LeaseMargin is what must be left of the lease when an order is written; a third
	// of the lease if that is more. Default: 10 s.
	LeaseMargin time.Duration
	// CloseMargin is how long before a market's close no run begins to trade
	// there. Default: 10 min.
	CloseMargin time.Duration
	// PlanLife is how long a plan of which nothing was sent is still carried out
	// when its run is resumed; later it is made anew. Default: 60 s.
	PlanLife time.Duration
	// Drain is how long runs may go on once Run was told to stop. Default: 30 s.
	Drain time.Duration
}

// EventPolicy says how failed events are tried again. Zero fields take their
// defaults.
type EventPolicy struct {
	// Attempts is how often an event may fail before it is a dead letter. Default: 5.
	Attempts int
	// First is the delay before the second attempt, each further one is Factor
	// times longer, up to Longest. Default: 30 s, 4, 15 min.
	First   time.Duration
	Factor  int
	Longest time.Duration
	// MaxAge is how long an event may be deferred because a dependency is down or
	// asks to wait. The time until a market opens does not count. Default: 24 h.
	MaxAge time.Duration
	// Recheck is when an event of a blocked account, or of one whose stores do
	// not answer, is looked at again. Default: 1 min.
	Recheck time.Duration
}

// delay returns the wait after the given failed attempt of an event. A fifth of it
// depends on the event, so that those which failed together do not come back together.
func (p *EventPolicy) delay(event string, attempt int) time.Duration {
	d := p.First
	for range attempt - 1 {
		if d *= time.Duration(p.Factor); d >= p.Longest {
			break
		}
	}
	d = min(d, p.Longest)
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, event) //nolint:errcheck // a hash takes all
	return d - d/5*time.Duration(hash.Sum32()%1024)/1024
}

// waitClock is what waits are measured by, before the defaults are filled in: the
// clock that ends them. That is the process's own, which nobody can set, whatever
// Now says; only a simulation has its own for both.
func (c *Config) waitClock() func() time.Time {
	if c.WithTimeout != nil && c.Now != nil {
		return c.Now
	}
	return time.Now
}

// withDefaults returns the configuration with every optional field filled in.
func (c Config) withDefaults() Config {
	if c.Planner == nil {
		c.Planner = NewPlanner()
	}
	if c.Tracker == nil {
		c.Tracker = noTracker{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.WithTimeout == nil {
		c.WithTimeout = context.WithTimeout
	}
	if c.NewID == nil {
		c.NewID = rand.Text
	}
	c.Workers = cmp.Or(c.Workers, 4)
	t := &c.Timing
	t.Acknowledge = cmp.Or(t.Acknowledge, 10*time.Second)
	t.Complete = cmp.Or(t.Complete, 2*time.Minute)
	t.Cancel = cmp.Or(t.Cancel, time.Minute)
	t.Settle = cmp.Or(t.Settle, 30*time.Second)
	t.Sweep = cmp.Or(t.Sweep, 15*time.Second)
	t.LeaseMargin = cmp.Or(t.LeaseMargin, 10*time.Second)
	t.CloseMargin = cmp.Or(t.CloseMargin, 10*time.Minute)
	t.PlanLife = cmp.Or(t.PlanLife, time.Minute)
	t.Drain = cmp.Or(t.Drain, 30*time.Second)
	c.Limits.Rejects = cmp.Or(c.Limits.Rejects, 3)
	if c.Limits.Collar.IsZero() {
		c.Limits.Collar = decimal.New(5, -2)
	}
	if c.Limits.Loss.IsZero() {
		c.Limits.Loss = decimal.New(5, -2)
	}
	if c.Limits.DayTurnover.IsZero() {
		c.Limits.DayTurnover = decimal.New(3, 0)
	}
	c.Limits.DayOrders = cmp.Or(c.Limits.DayOrders, 500)
	ev := &c.Events
	ev.Attempts = cmp.Or(ev.Attempts, 5)
	ev.First = cmp.Or(ev.First, 30*time.Second)
	ev.Factor = cmp.Or(ev.Factor, 4)
	ev.Longest = cmp.Or(ev.Longest, 15*time.Minute)
	ev.MaxAge = cmp.Or(ev.MaxAge, 24*time.Hour)
	ev.Recheck = cmp.Or(ev.Recheck, time.Minute)
	return c
}

// withDefaults fills in what is not set, each with its breaker next to the call,
// except around what must never be gated.
func (p Policies) withDefaults(b breakers) Policies {
	if p.Allocation == nil {
		p.Allocation = retry.Compose(budgeted(retry.AllocationOptions()), b[BreakerAllocations], retry.Timeout(tryTimeout))
	}
	if p.Prices == nil {
		p.Prices = retry.Compose(budgeted(retry.PreparationOptions()), b[BreakerPrices], retry.Timeout(tryTimeout))
	}
	if p.Broker == nil {
		p.Broker = retry.Compose(budgeted(retry.PreparationOptions()), b[BreakerBroker], retry.Timeout(tryTimeout))
	}
	if p.Resolve == nil {
		p.Resolve = retry.Compose(retry.ResolveBackoff(), retry.Timeout(tryTimeout))
	}
	return p
}

// tryTimeout bounds one try of a read: what hangs is asked again, and then failed.
const tryTimeout = 30 * time.Second

// budgeted is a backoff with a budget of its own, which all runs of the engine
// share: a dependency in trouble gets at most a fifth more calls than usual.
func budgeted(o retry.BackoffOptions) retry.Policy {
	o.Budget = retry.NewBudget(retry.BudgetOptions{})
	return retry.NewBackoff(o)
}

// validate returns every fault of the configuration.
func (c *Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, f := range [...]struct {
		name    string
		missing bool
	}{
		{"Broker", c.Broker == nil},
		{"Allocations", c.Allocations == nil},
		{"Prices", c.Prices == nil},
		{"Journal", c.Journal == nil},
	} {
		if f.missing {
			fault("%s is nil: it is required", f.name)
		}
	}
	if err := c.Rules.Validate(); err != nil {
		fault("Rules: %w", err)
	}
	if c.Workers < 0 {
		fault("Workers is %d: want 1 or more", c.Workers)
	}
	for _, f := range [...]struct {
		name  string
		value time.Duration
	}{
		{"Timing.Acknowledge", c.Timing.Acknowledge},
		{"Timing.Complete", c.Timing.Complete},
		{"Timing.Cancel", c.Timing.Cancel},
		{"Timing.Settle", c.Timing.Settle},
		{"Timing.Sweep", c.Timing.Sweep},
		{"Timing.LeaseMargin", c.Timing.LeaseMargin},
		{"Timing.CloseMargin", c.Timing.CloseMargin},
		{"Timing.Drain", c.Timing.Drain},
		{"Timing.PlanLife", c.Timing.PlanLife},
		{"Events.First", c.Events.First},
		{"Events.Longest", c.Events.Longest},
		{"Events.MaxAge", c.Events.MaxAge},
		{"Events.Recheck", c.Events.Recheck},
	} {
		if f.value < 0 {
			fault("%s is %s: want a positive duration", f.name, f.value)
		}
	}
	if c.Timing.Sweep <= c.Timing.Acknowledge {
		// An order may be written until its deadline; two looks must lie around it.
		fault("Timing.Sweep is %s: want more than Timing.Acknowledge, which is %s", c.Timing.Sweep, c.Timing.Acknowledge)
	}
	if c.Limits.Rejects < 0 {
		fault("Limits.Rejects is %d: want 1 or more", c.Limits.Rejects)
	}
	for _, f := range [...]struct {
		name  string
		value decimal.Decimal
	}{{"Limits.Collar", c.Limits.Collar}, {"Limits.Loss", c.Limits.Loss}} {
		if f.value.Sign() < 0 || f.value.GreaterThan(decimal.New(1, 0)) {
			fault("%s is %s: want a fraction from 0 to 1", f.name, f.value)
		}
	}
	if c.Limits.DayTurnover.Sign() < 0 {
		fault("Limits.DayTurnover is %s: want more than 0", c.Limits.DayTurnover)
	}
	if c.Limits.DayOrders < 0 {
		fault("Limits.DayOrders is %d: want 1 or more", c.Limits.DayOrders)
	}
	if c.Events.Attempts < 0 {
		fault("Events.Attempts is %d: want 1 or more", c.Events.Attempts)
	}
	if c.Events.Factor < 0 {
		fault("Events.Factor is %d: want 1 or more", c.Events.Factor)
	}
	faults = append(faults, c.validateAccounts()...)
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("rebalance: configuration has %d faults:\n%w", len(faults), errors.Join(faults...))
}

// validateAccounts returns the faults of the accounts.
func (c *Config) validateAccounts() []error {
	if len(c.Accounts) == 0 {
		return []error{errors.New("Accounts is empty: name the accounts that the engine may act for")}
	}
	var faults []error
	seen := make(map[broker.AccountID]bool, len(c.Accounts))
	for i := range c.Accounts {
		a := &c.Accounts[i]
		fault := func(format string, args ...any) {
			where := fmt.Sprintf("Accounts[%d] (%q): ", i, a.ID)
			faults = append(faults, fmt.Errorf(where+format, args...))
		}
		if a.ID == "" {
			fault("ID is empty")
		} else if seen[a.ID] {
			fault("ID is there twice: an account has one strategy and one policy")
		}
		seen[a.ID] = true
		if a.Mode != broker.Live && a.Mode != broker.Paper && a.Mode != broker.Simulated {
			fault("Mode is %q: want live, paper or simulated", a.Mode)
		}
		if a.Strategy == "" {
			fault("Strategy is empty: name the allocation to follow")
		}
		if a.Policy != nil {
			if err := a.Policy.Check(); err != nil {
				fault("Policy: %w", err)
			}
		}
		if err := a.Partial.Check(); err != nil {
			fault("Partial: %w", err)
		}
		if a.Partial.FollowUp && c.Queue == nil {
			fault("Partial.FollowUp is set and Queue is nil: a follow-up needs a queue")
		}
		if a.Trigger != nil {
			if err := a.Trigger.Check(); err != nil {
				fault("Trigger: %w", err)
			}
		}
	}
	return faults
}
