package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
)

// world is one run: the exchange, the stores and the control of the workers, all
// in the parent process, and the worker processes.
type world struct {
	kind     string
	seed     uint64
	verbose  bool
	bug      string // of the workers
	patience time.Duration
	scenario *scenario
	plan     *plan
	dir      string
	store    storeSpec
	memory   *memoryServer // for kindMemory
	redis    *redisWorld   // for kindRedis
	exchange *fake.Broker
	jobs     *jobs
	looks    looks
	began    time.Time

	mu         sync.Mutex
	workers    map[string]*process
	dead       map[string]bool // workers that have ended
	points     map[string]int  // how often each was reached
	fired      map[string]int
	counts     map[string]int // of what happened
	violations []string
	calm       bool // no more faults
	ending     bool
	starts     int
	ways       sync.WaitGroup
}

// violate notes a broken promise.
func (w *world) violate(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.violations) < 20 {
		w.violations = append(w.violations, fmt.Sprintf(format, args...))
	}
}

// lives reports whether a worker has not ended.
func (w *world) lives(worker string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.dead[worker]
}

// isCalm reports whether the faults are over.
func (w *world) isCalm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// live is the run from its begin to the checks at its end.
func (w *world) live() (err error) {
	if w.dir, err = os.MkdirTemp("", "ek"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(w.dir) }()
	if w.exchange, err = w.scenario.exchange(w.scenario.fill, w.scenario.latency); err != nil {
		return err
	}
	close, err := w.open()
	if err != nil {
		return err
	}
	defer close()
	w.began, w.jobs = time.Now(), newJobs(w.scenario, w.plan.gaps)
	timers := w.arm()
	var all sync.WaitGroup
	for n := range w.plan.workers {
		all.Go(func() { w.slot(n) })
	}
	w.wait(1500*time.Millisecond, w.jobs.ended)
	for _, t := range timers {
		t.Stop()
	}
	w.heal()
	if w.plan.manned {
		w.jobs.allow()
	}
	w.mustEnd()
	if w.plan.manned {
		w.jobs.close()
		w.mustEnd()
	}
	w.mu.Lock()
	w.ending = true
	w.mu.Unlock()
	w.jobs.drain()
	all.Wait()
	w.ways.Wait()
	view, err := w.view()
	if err != nil {
		return err
	}
	(&checker{w: w, view: view}).check(context.Background())
	return view.close()
}

// mustEnd waits until all events have ended.
func (w *world) mustEnd() {
	patience := w.patience
	if w.plan.breakers == breakersPatient {
		patience += 70 * time.Second // half a minute, and a minute if a first try came too early
	}
	if !w.wait(patience, w.jobs.ended) {
		w.violate("liveness: %v after the faults had stopped there are %s", patience, w.jobs.state())
	}
}

// open opens everything that the workers need.
func (w *world) open() (close func(), err error) {
	l, err := net.Listen("unix", w.path("x"))
	if err != nil {
		return nil, err
	}
	server := remotebroker.Serve(l, w.exchange, remotebroker.Hooks{Before: w.hook("before"), After: w.hook("after")})
	control, err := serveRPC(w.path("c"), "Control", &Control{w})
	if err != nil {
		return nil, err
	}
	closers := []func(){func() { _ = control.Close(); _ = server.Close() }}
	w.store = storeSpec{Kind: w.kind, Path: w.dir, Shared: w.plan.shared}
	switch w.kind {
	case kindMemory:
		w.memory = newMemoryServer()
		w.store.Path = w.path("m")
		stores, err := serveRPC(w.store.Path, "Store", &Store{w.memory})
		if err != nil {
			return nil, err
		}
		closers = append(closers, func() { _ = stores.Close() })
	case kindRedis:
		if err := w.redis.begin(w.plan.workers, w.plan.lossy); err != nil {
			return nil, err
		}
		w.store.Prefix, w.redis.lost = w.redis.prefix, w.looks.forget
		closers = append(closers, w.redis.end)
	}
	return func() {
		for _, c := range closers {
			c()
		}
	}, nil
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// view opens the stores for the checks, when no worker is left.
func (w *world) view() (*stores, error) {
	switch w.kind {
	case kindMemory:
		return w.memory.view(), nil
	case kindRedis:
		return openRedis(w.redis.server.Addr, w.redis.prefix)
	}
	return w.store.open()
}

// slot keeps one worker running until the end.
func (w *world) slot(n int) {
	store := w.store
	for life := 1; ; life++ {
		w.mu.Lock()
		ending := w.ending
		w.starts++
		w.mu.Unlock()
		if ending {
			return
		}
		if w.kind == kindRedis {
			store.Addr = w.redis.proxies[n].Addr()
		}
		p, err := startProcess(n, childSpec{
			Seed: w.seed, Name: fmt.Sprintf("w%d.%d", n+1, life), Exchange: w.path("x"), Control: w.path("c"),
			Store: store, Breakers: w.plan.breakers, Verbose: w.verbose, Bug: w.bug,
		})
		if err != nil {
			w.violate("%v", err)
			return
		}
		w.mu.Lock()
		w.workers[p.name] = p
		w.mu.Unlock()
		w.attend(p)
		w.mu.Lock()
		delete(w.workers, p.name)
		w.dead[p.name] = true
		w.mu.Unlock()
		w.jobs.died(p.name)
		if w.over(p) {
			return
		}
	}
}

// attend waits for the end of a worker. One that does not stop in good order is
// a violation.
func (w *world) attend(p *process) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var asked time.Time
	for p.Running() {
		select {
		case <-p.Exited():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		ending := w.ending
		w.mu.Unlock()
		switch {
		case !ending:
		case asked.IsZero():
			asked = time.Now()
			p.resume()
		case time.Since(asked) > w.patience:
			w.violate("worker %s does not stop within %v: %s", p.name, w.patience, p.Output())
			p.kill()
		}
	}
}

// over reports whether a worker needs no successor.
func (w *world) over(p *process) bool {
	if p.wasKilled() {
		return false
	}
	switch p.exitCode() {
	case exitDrained:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ending
	case exitNoStore:
		if w.isCalm() && w.kind != kindRedis {
			w.violate("worker %s cannot open its stores: %s", p.name, p.Output())
			return true
		}
		pause(20 * time.Millisecond)
		return false
	default:
		w.violate("worker %s ended by itself with code %d: %s", p.name, p.exitCode(), p.Output())
		return true
	}
}

// wait waits until a condition holds, but not for ever.
func (w *world) wait(most time.Duration, holds func() bool) bool {
	end := time.NewTimer(most)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-end.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
