package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// world is all of one seed.
type world struct {
	opts   Options
	shape  shape
	rng    *rand.Rand // of the building; actors have their own
	chance map[Fault]int

	broker  *fake.Broker
	queue   *memqueue.Queue
	journal *journal.Memory
	hours   fake.Hours
	prover  bool // the broker can prove that an order is absent
	fees    bool // orders cost something
	// settling are the accounts in which the proceeds of a sale buy nothing in the
	// same run.
	settling map[broker.AccountID]bool
	// foreign are the instruments in EUR, fx is what one EUR is worth in USD.
	foreign map[broker.InstrumentID]bool
	fx      decimal.Decimal

	accounts    []rebalance.Account
	instruments []broker.InstrumentID
	models      *models
	config      rebalance.Config // of every engine, but for the wrappers
	queueing    memqueue.Options

	check *checker

	mu     sync.Mutex // guards all below, and the checker; never held across a wait
	trace  trace
	fired  map[Fault]int
	tally  map[string]int
	broken []Violation
	quiet  bool
	ended  bool // everybody goes home
	bell   chan struct{}
	alarms map[string]time.Time // when time alone may change the queue, by event
	dry    bool                 // nothing is due in the queue, as of
	looked time.Time            // then
	looks  int                  // in vain
	down   outages
	prices map[broker.InstrumentID]decimal.Decimal
	halted map[broker.InstrumentID]time.Time
}

// newWorld builds a world. It must be called inside of its bubble.
func newWorld(o Options) (*world, error) {
	w := &world{
		opts: o, shape: shapeOf(o), rng: stream(o.Seed, "world"), chance: chances(o.Seed, o.Without),
		trace: trace{log: o.Log, sum: o.Seed},
		fired: map[Fault]int{}, tally: map[string]int{}, bell: make(chan struct{}),
		alarms: map[string]time.Time{}, halted: map[broker.InstrumentID]time.Time{},
		settling: map[broker.AccountID]bool{}, foreign: map[broker.InstrumentID]bool{},
		journal: journal.NewMemory(journal.MemoryOptions{KeepRuns: -1}),
		hours:   fake.NYSE(),
	}
	w.check = newChecker(w)
	w.prover = w.rng.IntN(5) > 0
	w.start()
	if err := w.openBrokerage(); err != nil {
		return nil, err
	}
	w.openQueue()
	w.models = newModels(w)
	w.configure()
	return w, nil
}

// start lets virtual time pass until a moment of a weekday in January 2000.
func (w *world) start() {
	day := time.Date(2000, 1, 3+w.rng.IntN(5), 13, 0, 0, 0, time.UTC) // 8:00 in New York
	time.Sleep(time.Until(day.Add(time.Duration(w.rng.IntN(8*60)) * time.Minute)))
}

// openQueue makes the queue. A lease is not a whole number of milliseconds, see
// leaseRest.
func (w *world) openQueue() {
	n := 0
	w.queueing = memqueue.Options{
		Lease:      pick(w.rng, []time.Duration{30 * time.Second, 30 * time.Second, 45 * time.Second}) + 3*leaseRest,
		MaxCrashes: pick(w.rng, []int{3, 5, 8}),
		NewID:      func() string { n++; return fmt.Sprintf("e%d", n) },
	}
	w.queue = memqueue.New(w.queueing)
}

// isQuiet reports whether the faults have stopped.
func (w *world) isQuiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.quiet
}

// isOver reports whether everybody goes home.
func (w *world) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// goHome ends the world.
func (w *world) goHome() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.ring()
}

// calm stops the faults.
func (w *world) calm() {
	w.mu.Lock()
	w.quiet = true
	w.down = outages{}
	w.mu.Unlock()
	w.broker.ClearFaults()
}

// ring wakes those who wait for the queue. The caller holds mu.
func (w *world) ring() {
	w.dry = false
	close(w.bell)
	w.bell = make(chan struct{})
}

// note adds a step to the trace.
func (w *world) note(a *actor, what, account string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace.step(time.Now(), a.name, what, account, err)
}

// count adds to the tally.
func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally[what]++
}

// violate notes a broken promise and ends the world. The caller holds mu.
func (w *world) violate(promise string, account broker.AccountID, format string, args ...any) {
	v := Violation{
		Promise: promise, Seed: w.opts.Seed, Step: w.trace.steps, Time: time.Now(), Account: string(account),
		Detail: fmt.Sprintf(format, args...),
	}
	if w.trace.log != nil {
		fmt.Fprintln(w.trace.log, "VIOLATION", v)
	}
	w.broken = append(w.broken, v)
	w.ended = true
	w.ring()
}

// background is the context of everything that is not an engine's.
func background() context.Context { return context.Background() }
