package main

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// options choose the runs.
type options struct {
	runs     int
	seed     uint64 // the first
	stride   uint64 // from one seed to the next, at least 1
	only     string // what the name of each run's first fault contains
	kinds    []string
	parallel int
	verbose  bool
	// patience is how long events may take once the faults have stopped.
	patience time.Duration
}

// result is what came of one run.
type result struct {
	kind, only                        string
	seed                              uint64
	events, publishes, orders, starts int
	fired, reached, counts            map[string]int
	violations, plan                  []string
	took                              time.Duration
}

// runAll runs all seeds, some at a time, each kind of stores in turn.
func runAll(o options, lane func() (*redisWorld, error)) (*tally, error) {
	t := newTally()
	type task struct {
		kind string
		seed uint64
	}
	tasks := make(chan task)
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for range max(o.parallel, 1) {
		all.Go(func() {
			var redis *redisWorld
			for k := range tasks {
				if k.kind == kindRedis && redis == nil {
					r, err := lane()
					if err != nil {
						mu.Lock()
						failed = err
						mu.Unlock()
						continue
					}
					redis = r
				}
				r := runOne(o, k.kind, k.seed, redis)
				mu.Lock()
				t.add(r)
				mu.Unlock()
			}
		})
	}
	for i := range o.runs {
		k := o.kinds[i%len(o.kinds)]
		tasks <- task{k, o.seed + uint64(i/len(o.kinds))*max(o.stride, 1)} //nolint:gosec // not negative
	}
	close(tasks)
	all.Wait()
	return t, failed
}

// newWorld prepares the run of a seed.
func newWorld(o options, kind string, seed uint64, redis *redisWorld) *world {
	s := scenarioOf(seed)
	w := &world{
		kind: kind, seed: seed, verbose: o.verbose, patience: o.patience, scenario: s, plan: planOf(kind, seed, len(s.events), o.only),
		workers: map[string]*process{}, dead: map[string]bool{}, points: map[string]int{}, fired: map[string]int{}, counts: map[string]int{},
	}
	if kind == kindRedis {
		w.redis = redis
	}
	return w
}

// runOne runs one seed.
func runOne(o options, kind string, seed uint64, redis *redisWorld) *result {
	began := time.Now()
	w := newWorld(o, kind, seed, redis)
	var plan []string
	for _, k := range w.plan.strikes {
		plan = append(plan, k.String())
	}
	if err := w.live(); err != nil {
		w.violate("the run itself failed: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts["breakers "+string(w.plan.breakers)]++
	r := &result{
		kind: kind, seed: seed, only: o.only, starts: w.starts, fired: maps.Clone(w.fired), reached: maps.Clone(w.points), counts: maps.Clone(w.counts),
		violations: w.violations, plan: plan, took: time.Since(began),
	}
	if w.exchange != nil {
		r.orders = len(w.exchange.Ledger().Orders)
	}
	if w.jobs != nil {
		for _, e := range w.jobs.events {
			r.publishes += e.asked
			if e.accepted != "" {
				r.events++
			}
		}
	}
	if o.verbose {
		fmt.Printf("%s seed %d: %v, %d violations\n", kind, seed, r.took.Round(time.Millisecond), len(r.violations))
	}
	return r
}

// count adds to what the run came to.
func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}
