package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// Slots of a process: one for itself, two for each worker and its keeper.
const (
	slotsPerProcess = 8
	slotMarket      = 60
	slotProducer    = 64
	slotOperator    = 72
	slotRoot        = 61
)

// process is one life of an operating system process: an engine with its
// workers. When it is dead, each of its goroutines ends at its next call.
type process struct {
	w      *world
	name   string // with the number of the life
	slot   int
	mortal bool
	engine *rebalance.Engine
	single bool // it has one worker

	mu          sync.Mutex
	goroutines  map[uint64]*worker
	contexts    map[context.Context]*worker
	died        time.Time // zero while it lives
	pausedUntil time.Time
}

// worker is one worker of a process, with what it was last told.
type worker struct {
	actor, keeper *actor
	bad           map[broker.InstrumentID]string          // symbols whose last price was bad, and why
	positions     map[broker.InstrumentID]string          // as the last snapshot had them
	prices        map[broker.InstrumentID]decimal.Decimal // as it was last told
}

// newProcess makes a process; only mortal ones crash and pause.
func newProcess(w *world, slot int, name string, mortal bool) (*process, error) {
	p := &process{w: w, name: name, slot: slot, mortal: mortal, single: !mortal || w.shape.workers == 1}
	p.newborn()
	cfg := w.config
	cfg.Policies = p.policies()
	cfg.WithTimeout = p.withTimeout
	cfg.Broker = p.brokerage()
	cfg.Prices = simPrices{p}
	cfg.Journal = simJournal{Journal: w.journal, p: p}
	cfg.Queue = simQueue{p}
	cfg.Allocations = simAllocations{p}
	cfg.Tracker = rebalance.TrackerFunc(p.track)
	var err error
	p.engine, err = rebalance.New(cfg)
	return p, err
}

// who is the worker who is calling. Workers show up by calling; until then they
// are all alike.
func (p *process) who(ctx context.Context) *worker {
	if wk := p.known(ctx); wk != nil {
		return wk
	}
	id := uint64(0)
	if !p.single {
		id = goid()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wk := p.goroutines[id]
	if wk == nil {
		n := len(p.goroutines)
		name := fmt.Sprintf("%s.%d", p.name, n+1)
		wk = &worker{
			actor:  newActor(p.w.opts.Seed, p.slot+1+2*n, name),
			keeper: newActor(p.w.opts.Seed, p.slot+2+2*n, name+"k"),
		}
		p.goroutines[id] = wk
	}
	return wk
}

// workerKey is under which a context names its worker.
type workerKey struct{}

// newborn forgets all workers.
func (p *process) newborn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goroutines, p.contexts = map[uint64]*worker{}, map[context.Context]*worker{}
}

// known is the worker of a context, if that is known: it saves asking the runtime.
func (p *process) known(ctx context.Context) *worker {
	if wk, ok := ctx.Value(workerKey{}).(*worker); ok {
		return wk
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contexts[ctx]
}

// learn remembers the worker of a context.
func (p *process) learn(ctx context.Context, wk *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contexts[ctx] = wk
}

// withWorker is a context that names its worker, if that is known.
func (p *process) withWorker(ctx context.Context) context.Context {
	if wk := p.known(ctx); wk != nil {
		return context.WithValue(ctx, workerKey{}, wk)
	}
	return ctx
}

// withTimeout is [rebalance.Config.WithTimeout].
func (p *process) withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.withWorker(ctx), d)
}

// policy is a policy that keeps the worker in the context.
type policy struct {
	retry.Policy
	p *process
}

// Do implements [retry.Policy].
func (p policy) Do(ctx context.Context, f func(context.Context) error) error {
	return p.Policy.Do(p.p.withWorker(ctx), f)
}

// die ends the process; the calling goroutine at once.
func (p *process) die() {
	p.mu.Lock()
	if p.died.IsZero() {
		p.died = time.Now()
	}
	p.mu.Unlock()
	runtime.Goexit()
}

// gone reports whether the process died before this very instant, at which it is
// left to chance who hears of it. The caller holds mu.
func (p *process) gone() bool { return !p.died.IsZero() && time.Now().After(p.died) }

// isDead reports whether the process has died, or its world.
func (p *process) isDead() bool {
	p.mu.Lock()
	dead := p.gone()
	p.mu.Unlock()
	return dead || p.w.isOver()
}

// alive returns once the process runs, and not at all if it is dead.
func (p *process) alive(a *actor, rank time.Duration) {
	for {
		p.mu.Lock()
		dead, until := p.gone(), p.pausedUntil
		p.mu.Unlock()
		if dead || p.w.isOver() {
			p.die()
		}
		if !time.Now().Before(until.Add(rank)) {
			return
		}
		a.sleepUntil(until.Add(rank)) // keepers first, so that no order is left to chance
	}
}

// pauseFor stops the whole process.
func (p *process) pauseFor(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.pausedUntil) {
		p.pausedUntil = until
	}
}

// call is a call of a wrapper under way.
type call struct {
	p       *process
	a       *actor
	what    string
	account broker.AccountID
	rank    time.Duration
}

// enter is the way to a dependency. It may be the last one.
func (p *process) enter(ctx context.Context, what string, account broker.AccountID) call {
	c := call{p: p, a: p.who(ctx).actor, what: what, account: account, rank: 2 * quantum}
	c.reach(ctx, c.a.between(0, 8*quantum))
	return c
}

// reach is enter after a wait.
func (c *call) reach(ctx context.Context, d time.Duration) {
	c.p.alive(c.a, c.rank)
	c.a.sleep(d)
	c.p.alive(c.a, c.rank)
	if c.p.mortal && c.p.w.strikes(c.a, CrashBefore) {
		c.p.w.note(c.a, "CRASH before "+c.what, string(c.account), nil)
		c.p.die()
	}
	if c.p.mortal && c.p.w.strikes(c.a, Pause) {
		c.p.w.note(c.a, "PAUSE before "+c.what, string(c.account), nil)
		c.p.pauseFor(c.a.between(20*time.Second, 2*time.Minute))
		c.p.alive(c.a, c.rank)
	}
	c.a.beyond(ctx)
}

// leave is the way back. Nobody may ever hear the answer.
func (c *call) leave(ctx context.Context, err error) {
	c.done(err)
	if c.p.mortal && c.p.w.strikes(c.a, CrashAfter) {
		c.p.w.note(c.a, "CRASH after "+c.what, string(c.account), nil)
		c.p.die()
	}
	c.p.alive(c.a, c.rank)
	c.a.sleep(c.a.between(0, 8*quantum))
	c.p.alive(c.a, c.rank)
	c.a.beyond(ctx)
}

// done notes the step.
func (c *call) done(err error) { c.p.w.note(c.a, c.what, string(c.account), err) }

// lives is the whole existence of a process: it is started again and again.
func (w *world) lives(ctx context.Context, n int, faults chan<- error) {
	slot := n * slotsPerProcess
	me := newActor(w.opts.Seed, slot, fmt.Sprintf("p%d", n+1))
	me.sleep(me.between(0, time.Minute))
	for life := 1; !w.isOver(); life++ {
		p, err := newProcess(w, slot, fmt.Sprintf("p%d.%d", n+1, life), true)
		if err != nil {
			faults <- err
			return
		}
		ended := make(chan error, 1)
		go p.run(ctx, me, ended)
		for err := range ended {
			if err != nil && !errors.Is(err, context.Canceled) {
				faults <- err
			}
		}
		if ctx.Err() != nil {
			return
		}
		me.sleep(me.between(time.Second, 5*time.Minute))
	}
}

// run is one life. It closes ended.
func (p *process) run(ctx context.Context, me *actor, ended chan<- error) {
	defer close(ended)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if p.w.strikes(me, Deploy) {
		told := time.AfterFunc(me.aligned(me.between(time.Minute, 6*time.Hour)), stop)
		defer told.Stop()
	}
	if _, err := p.engine.Recover(ctx); err != nil && ctx.Err() == nil {
		p.w.count("recover failed")
	}
	p.newborn()
	ended <- p.engine.Run(ctx)
}

// track is the tracker of the engine.
func (p *process) track(_ context.Context, progress rebalance.Progress) {
	p.w.check.tracked(progress)
}
