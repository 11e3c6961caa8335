package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
)

// arm starts the clocks of the strikes that have a time.
func (w *world) arm() []*time.Timer {
	var timers []*time.Timer
	for _, s := range w.plan.strikes {
		if s.point == "" {
			timers = append(timers, time.AfterFunc(s.after, func() { w.strikeAnybody(s) }))
		}
	}
	return timers
}

// hook makes the hook of the exchange before or after calls.
func (w *world) hook(when string) func(context.Context, remotebroker.Call) error {
	return func(_ context.Context, c remotebroker.Call) error {
		return w.reached(c.Client, "broker "+c.Method+" "+when, c.Account)
	}
}

// reached is called when a worker is at a point. It returns when the worker may
// go on; an error cuts it off.
func (w *world) reached(worker, point string, account broker.AccountID) error {
	w.looks.reached(w, worker, point, account)
	w.mu.Lock()
	w.points[point]++
	p := w.workers[worker]
	var due []*strike
	for _, s := range w.plan.strikes {
		if s.point == point && s.n > 0 && !w.calm && p != nil {
			if s.n--; s.n == 0 {
				due = append(due, s)
			}
		}
	}
	if len(due) > 0 {
		w.ways.Add(1)
		defer w.ways.Done()
	}
	w.mu.Unlock()
	for _, s := range due {
		if err := w.strike(s, p); err != nil {
			return err
		}
	}
	return nil
}

// strikeAnybody strikes a worker that is drawn by lot.
func (w *world) strikeAnybody(s *strike) {
	w.mu.Lock()
	names := slices.Sorted(maps.Keys(w.workers))
	var p *process
	if len(names) > 0 {
		p = w.workers[names[int(s.after/time.Millisecond)%len(names)]]
	}
	if w.calm || p == nil {
		w.mu.Unlock()
		return
	}
	w.ways.Add(1)
	w.mu.Unlock()
	defer w.ways.Done()
	_ = w.strike(s, p)
}

// strike lets a fault happen to a worker, or to what it depends on.
func (w *world) strike(s *strike, p *process) error {
	w.mu.Lock()
	w.fired[s.name()]++
	w.mu.Unlock()
	if w.verbose {
		fmt.Printf("%8.3f %s: %s\n", time.Since(w.began).Seconds(), p.name, s)
	}
	switch s.fault {
	case faultKill:
		p.kill()
		return errDead
	case faultPause:
		if err := p.pause(s.lasts); err != nil {
			w.violate("%v", err)
		}
		return nil
	case faultDrain:
		w.jobs.drainOne(p.name)
		return nil
	case faultCutLink:
		return errDead
	case faultSession:
		w.exchange.Inject(fake.CutSession{For: s.lasts})
		return nil
	case faultSwallow:
		w.exchange.Inject(fake.SwallowOrder{})
		return nil
	case faultLate:
		w.exchange.Inject(fake.DelayOrder{By: s.lasts})
		return nil
	}
	if w.redis == nil {
		return nil
	}
	if s.fault == faultFailover { // a replica without anything is another story: the queue refuses it
		w.wait(5*time.Second, func() bool { return w.jobs.accepted() > 0 })
	}
	if err := w.redis.strike(s, p.slot); err != nil {
		w.violate("%v", err)
	}
	if s.fault == faultFailover {
		w.jobs.again()
	}
	return nil
}

// heal ends all faults.
func (w *world) heal() {
	w.mu.Lock()
	w.calm = true
	for _, p := range w.workers {
		p.resume()
	}
	w.mu.Unlock()
	w.ways.Wait()
	w.exchange.ClearFaults()
	if w.redis != nil {
		if err := w.redis.heal(); err != nil {
			w.violate("%v", err)
		}
	}
}
