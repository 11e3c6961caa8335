package service

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/rebalance"
)

// watcher looks at the accounts and the dependencies from time to time, so that
// neither the page nor a probe waits for a broker.
type watcher struct {
	c        *config.Config
	world    *parts.World
	stores   *parts.Stores
	hub      *web.Hub
	metrics  *metrics
	waiting  func() int
	dryRun   bool
	serving  atomic.Bool
	draining atomic.Bool

	mu       sync.Mutex
	health   *rebalance.Report
	pictures map[broker.AccountID]*ops.Picture
}

// run looks until ctx ends, and at once after a run has ended.
func (w *watcher) run(ctx context.Context, nudge <-chan struct{}) {
	every := time.Minute
	if w.c.Broker.Kind == config.KindFake {
		every = 10 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	session := time.NewTicker(sessionEvery)
	defer session.Stop()
	for ctx.Err() == nil {
		connected := w.world.Connected()
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(every/10, 2*time.Second)): // many runs do not make many looks
		}
		for waits := true; waits; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				waits = false
			case <-nudge:
				waits = false
			case <-session.C: // a session that ended or came back changes all
				waits = w.world.Connected() == connected
			}
		}
	}
}

// sessionEvery is how often it is asked whether there is a session with the
// broker, which costs nothing.
const sessionEvery = time.Second

// look asks everything once.
func (w *watcher) look(ctx context.Context) {
	report := w.world.Engine.Health(ctx)
	pictures := map[broker.AccountID]*ops.Picture{}
	for i := range w.c.Accounts {
		id := w.c.Accounts[i].ID
		picture := &ops.Picture{Time: time.Now()}
		plan, err := w.world.Engine.Plan(ctx, rebalance.Request{Account: id})
		if err != nil {
			picture.Fault = err.Error()
		} else {
			picture.Equity, picture.Lines, picture.Plan, picture.Orders = plan.Equity, plan.Lines, plan.Outcome, len(plan.Orders)
		}
		pictures[id] = picture
	}
	if ctx.Err() != nil {
		return
	}
	if stats, err := w.stores.Queue.Stats(ctx); err == nil {
		w.metrics.count(stats, w.waiting())
	}
	w.mu.Lock()
	w.health, w.pictures = &report, pictures
	w.mu.Unlock()
	w.hub.Tell(web.Change{Time: time.Now(), What: "look"})
}

// ready reports whether events are worked on: as of the last look, but never
// without a session with the broker.
func (w *watcher) ready() bool {
	report := w.report()
	return report != nil && report.Ready && w.serving.Load() && !w.draining.Load()
}

// report is the health as of the last look, and what is known at once: that there
// is no session with the broker now. It is nil before the first look.
func (w *watcher) report() *rebalance.Report {
	w.mu.Lock()
	report := w.health
	w.mu.Unlock()
	if report == nil || !report.Ready || w.world.Connected() {
		return report
	}
	now := *report
	now.Ready, now.Checks = false, slices.Clone(report.Checks)
	for i := range now.Checks {
		if c := &now.Checks[i]; c.Name == rebalance.CheckBroker {
			c.OK, c.Detail = false, noSession
		}
	}
	return &now
}

// noSession is the state of the broker when its session ended since the last look.
const noSession = "there is no session with the broker since the last look: it is being opened again"

// fill adds to a status what only the running engine knows.
func (w *watcher) fill(_ context.Context, s *ops.Status) {
	s.DryRun, s.Paper = w.dryRun, w.c.PaperMoney()
	s.Serving, s.Draining, s.Outbox = w.serving.Load(), w.draining.Load(), w.waiting()
	s.Health = w.report()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range s.Accounts {
		s.Accounts[i].Picture = w.pictures[s.Accounts[i].ID]
	}
}
