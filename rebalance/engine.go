package rebalance

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/retry"
)

// Engine keeps accounts at their targets. Make it with [New]. Safe for
// concurrent use; runs of one account must not overlap, which the queue sees to
// for [Engine.Run] and the journal's fence enforces for everyone.
type Engine struct {
	cfg      Config
	accounts map[broker.AccountID]*Account
	breakers breakers
	tick     func() time.Time // measures waits, see waitClock
	running  sync.Mutex       // held while Run runs

	rooms sync.Pool // of *room

	mu       sync.Mutex
	memories map[broker.AccountID]remembered // what the journal keeps, decoded
	checked  map[string]Check                // the last result of each health check
	serving  atomic.Bool                     // while Run runs
	moved    atomic.Int64                    // when a worker last came round
	unready  atomic.Bool                     // a run lost the session, or a check failed that is needed
}

// New returns an engine, or every fault of the configuration in one error.
func New(cfg Config) (*Engine, error) {
	tick := cfg.waitClock()
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	all := newBreakers(func(name string, from, to retry.State) {
		cfg.Logger.Warn("breaker changed", "dependency", name, "from", from.String(), "to", to.String())
	})
	cfg.Policies = cfg.Policies.withDefaults(all)
	cfg.Journal = watchedJournal{cfg.Journal, all}
	e := &Engine{
		cfg:      cfg,
		breakers: all,
		tick:     tick,
		accounts: make(map[broker.AccountID]*Account, len(cfg.Accounts)),
		memories: map[broker.AccountID]remembered{},
		checked:  map[string]Check{},
	}
	for _, a := range cfg.Accounts {
		if a.Policy == nil {
			p := DefaultPolicy()
			a.Policy = &p
		}
		e.accounts[a.ID] = &a
	}
	return e, nil
}

// The reasons why the context of a run ends.
var (
	errDraining  = errors.New("rebalance: the engine is stopping")
	errLeaseLost = errors.New("rebalance: the lease of the event was lost")
)

// Run is the service loop: it takes events from the queue and works on
// Config.Workers accounts at once, until ctx ends or the queue is closed. Then
// it takes no more events, lets the runs under way go on for Timing.Drain, ends
// their waits after that, and returns once all are put down safely: an
// unfinished run continues with the next delivery of its event. Run returns nil
// after a drain. Only one Run at a time.
//
// While a store does not answer, and once a run found the broker's session lost
// until the broker answers again, no event is taken.
func (e *Engine) Run(ctx context.Context) error {
	if e.cfg.Queue == nil {
		return errors.New("rebalance: run: Config.Queue is nil: the service loop needs a queue")
	}
	if !e.running.TryLock() {
		return errors.New("rebalance: run: the engine runs already")
	}
	defer e.running.Unlock()
	e.serving.Store(true)
	defer e.serving.Store(false)

	// Work outlives ctx by the drain time.
	work, abandon := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abandon(nil)
	receive, stopReceiving := context.WithCancel(ctx)
	defer stopReceiving()

	var workers sync.WaitGroup
	for range e.cfg.Workers {
		workers.Go(func() {
			e.worker(receive, work)
			stopReceiving() // the queue was closed, or all are to stop
		})
	}
	drained := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { e.drain(receive, drained, abandon) })
	workers.Wait()
	close(drained)
	watch.Wait()
	return nil
}

// drain waits for the end of receiving, then gives the runs under way their
// time.
func (e *Engine) drain(receive context.Context, drained <-chan struct{}, abandon context.CancelCauseFunc) {
	select {
	case <-receive.Done():
	case <-drained:
		return
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(receive), e.cfg.Timing.Drain)
	defer cancel()
	select {
	case <-limit.Done():
		abandon(errDraining)
	case <-drained:
	}
}

// worker handles one delivery after another, until receiving ends.
func (e *Engine) worker(receive, work context.Context) {
	for receive.Err() == nil {
		e.move()
		wait := e.claimable()
		if wait == 0 && !e.ready(receive) {
			wait = time.Second
		}
		if wait > 0 {
			e.pause(receive, wait)
			continue
		}
		delivery, err := e.receive(receive)
		switch {
		case delivery != nil:
			e.consume(work, delivery)
		case err == nil, receive.Err() != nil: // none came
		case errors.Is(err, queue.ErrClosed):
			return
		default:
			e.cfg.Logger.Warn("receive failed", "err", err)
			e.pause(receive, time.Second)
		}
	}
}

// ready reports whether events may be claimed: once a run ended because the session
// was lost, or a report found the engine not ready, not before every needed check is
// well again. An event that is not claimed stays where it is, for another worker or
// for later. Runs that are under way go on looking for their orders all the same.
func (e *Engine) ready(ctx context.Context) bool {
	if !e.unready.Load() {
		return true
	}
	p := &probe{e: e}
	for i := range checks {
		if !checks[i].needed {
			continue
		}
		if c := p.check(ctx, i); !c.OK {
			e.cfg.Logger.Debug("no event is claimed: the engine is not ready", "check", c.Name, "err", c.Detail)
			return false
		}
	}
	e.unready.Store(false)
	return true
}

// account returns the configuration of an account, or a stop that names it.
func (e *Engine) account(id broker.AccountID) (*Account, error) {
	if a := e.accounts[id]; a != nil {
		return a, nil
	}
	return nil, stopf(Rejected, ReasonUnknownAccount,
		"account %q is not in the configuration, which has %d: add it to Config.Accounts or correct the event", id, len(e.accounts))
}
