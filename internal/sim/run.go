package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Run runs a seed in a bubble of its own and returns what came of it. It does
// not fail t.
func Run(t *testing.T, o Options) (result Result) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil { // of the bubble: goroutines that never end
			result.Options = o
			result.Violations = append(result.Violations, Violation{Promise: "I-21", Seed: o.Seed, Detail: fmt.Sprint(v)})
		}
	}()
	var running atomic.Pointer[world]
	if o.Patience > 0 {
		watchdog := time.AfterFunc(o.Patience, func() { running.Load().hangs() })
		defer watchdog.Stop()
	}
	synctest.Test(t, func(*testing.T) { result = live(o, &running) })
	return result
}

// hangs ends a world that takes too long, from outside of its bubble.
func (w *world) hangs() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.broken = append(w.broken, Violation{
		Promise: "I-20", Seed: w.opts.Seed, Step: w.trace.steps, Detail: "it took longer than " + w.opts.Patience.String(),
	})
}

// live is a world from its beginning to its end.
func live(o Options, running *atomic.Pointer[world]) Result {
	began := time.Now()
	w, err := newWorld(o)
	running.Store(w)
	if err != nil {
		return Result{Options: o, Violations: []Violation{{Promise: "sim", Seed: o.Seed, Detail: err.Error()}}}
	}
	if err := w.live(); err != nil {
		w.check.fail("sim", "", "%v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range w.broker.Faults() {
		w.fired[Fault(name)] += n
	}
	return Result{
		Options: o, Hash: w.hash(), Steps: w.trace.steps, Violations: w.broken, Fired: w.fired, Tally: w.tally,
		Virtual: time.Since(began),
	}
}

// live runs all actors through the days of faults and the quiet days after them.
func (w *world) live() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	root := newActor(w.opts.Seed, slotRoot, "root")
	orders, err := newProcess(w, slotOperator, "op", false)
	if err != nil {
		return err
	}
	events, err := newProcess(w, slotProducer, "pub", false)
	if err != nil {
		return err
	}
	m := &market{w: w, a: newActor(w.opts.Seed, slotMarket, "market")}
	op := newOperator(w, orders, m)
	pub := &producer{w: w, p: events, a: newActor(w.opts.Seed, slotProducer, "producer")}

	faults := make(chan error, 64)
	var all sync.WaitGroup
	for n := range w.shape.processes {
		all.Go(func() { w.lives(ctx, n, faults) })
	}
	trading, close := context.WithCancel(ctx)
	defer close()
	all.Go(func() { m.run(trading) })
	all.Go(func() { op.run(ctx) })
	all.Go(func() { pub.run(ctx) })

	w.days(root)
	w.calm()
	w.quietDays(ctx, root, m, close, events)
	w.goHome()
	stop()
	all.Wait()
	root.sleep(10 * time.Minute) // the last goroutines of dead processes notice
	w.mu.Lock()
	fine := len(w.broken) == 0
	w.mu.Unlock()
	if fine {
		w.check.atEnd(context.Background())
	}
	var errs []error
	for len(faults) > 0 {
		errs = append(errs, <-faults)
	}
	return errors.Join(errs...)
}

// days lets the days of faults pass.
func (w *world) days(root *actor) {
	end := time.Now().Add(time.Duration(w.shape.days-1)*24*time.Hour + 7*time.Hour)
	for !w.isOver() && time.Now().Before(end) {
		root.sleep(5 * time.Minute)
	}
}

// hash is that of the trace, with the ledger at its end. The caller holds mu.
func (w *world) hash() uint64 {
	ledger := w.broker.Ledger()
	for i := range ledger.Orders {
		o := &ledger.Orders[i]
		w.trace.step(o.Received, "ledger", fmt.Sprint(o.Sent.ID, o.Sent.Side, o.Sent.Quantity, o.Sent.Instrument, o.Status, o.Filled(), o.Updated.UnixNano()), string(o.Sent.Account), nil)
	}
	return w.trace.sum
}
