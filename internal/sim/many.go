package sim

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// Batch is a number of seeds to run.
type Batch struct {
	// First is the first seed, Seeds how many there are.
	First uint64
	Seeds int
	// Twice says that each Twice-th seed is run a second time, and must leave the
	// same trace. Default: none is.
	Twice int
	// Stop ends the batch soon after the first seed that fails. Default: false.
	Stop bool
	// World is what the seeds have in common.
	World Options
}

// Report is what came of a batch.
type Report struct {
	Seeds, Reruns int
	Took          time.Duration // real
	Virtual       time.Duration
	Steps         int
	Failed        []Result // those with violations, by seed
	Fired         map[Fault]int
	Tally         map[string]int
}

// RunMany runs a batch on all cores.
func RunMany(t *testing.T, b Batch) *Report {
	t.Helper()
	r := &Report{Fired: map[Fault]int{}, Tally: map[string]int{}}
	began := time.Now()
	seeds := make(chan int)
	var mu sync.Mutex
	var runners sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		runners.Go(func() {
			for n := range seeds {
				result, reruns := b.one(t, n)
				mu.Lock()
				r.add(&result, reruns)
				mu.Unlock()
			}
		})
	}
	for n := range b.Seeds {
		mu.Lock()
		over := b.Stop && len(r.Failed) > 0
		mu.Unlock()
		if over {
			break
		}
		seeds <- n
	}
	close(seeds)
	runners.Wait()
	r.Took = time.Since(began)
	slices.SortFunc(r.Failed, func(a, b Result) int { return int(int64(a.Options.Seed - b.Options.Seed)) })
	return r
}

// one runs one seed of the batch, perhaps twice.
func (b *Batch) one(t *testing.T, n int) (result Result, reruns int) {
	t.Helper()
	o := b.World
	o.Seed = b.First + uint64(n)
	result = Run(t, o)
	if b.Twice == 0 || n%b.Twice != 0 {
		return result, 0
	}
	if again := Run(t, o); again.Hash != result.Hash {
		result.Violations = append(result.Violations, Violation{
			Promise: "I-22", Seed: o.Seed,
			Detail: fmt.Sprintf("two runs left the traces %016x (%d steps) and %016x (%d steps)", result.Hash, result.Steps, again.Hash, again.Steps),
		})
	}
	return result, 1
}

// add adds a seed.
func (r *Report) add(result *Result, reruns int) {
	r.Seeds++
	r.Reruns += reruns
	r.Steps += result.Steps
	r.Virtual += result.Virtual
	for f, n := range result.Fired {
		r.Fired[f] += n
	}
	for name, n := range result.Tally {
		r.Tally[name] += n
	}
	if len(result.Violations) > 0 {
		r.Failed = append(r.Failed, *result)
	}
}

// Rare returns the faults that fired less often than that.
func (r *Report) Rare(least int) []Fault {
	var rare []Fault
	for _, f := range Faults() {
		if r.Fired[f] < least {
			rare = append(rare, f)
		}
	}
	return rare
}

// Print writes the report: the faults, what happened, the violations.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%-24s %9s\n", "fault", "fired")
	total := 0
	for _, f := range Faults() {
		fmt.Fprintf(w, "%-24s %9d\n", f, r.Fired[f])
		total += r.Fired[f]
	}
	fmt.Fprintf(w, "%-24s %9d\n\n", "all", total)
	for _, name := range slices.Sorted(maps.Keys(r.Tally)) {
		fmt.Fprintf(w, "%9d  %s\n", r.Tally[name], name)
	}
	perMinute := 0
	if ms := int(r.Took.Milliseconds()); ms > 0 {
		perMinute = r.Seeds * 60_000 / ms
	}
	fmt.Fprintf(w, "\n%d seeds (%d of them twice) in %s: %d seeds a minute, %d steps, %d virtual days, %d faults\n",
		r.Seeds, r.Reruns, r.Took.Round(time.Millisecond), perMinute, r.Steps, int(r.Virtual.Hours()/24), total)
	for i := range r.Failed {
		f := &r.Failed[i]
		fmt.Fprintf(w, "FAILED %s\n       replay: go run ./internal/sim/cmd/sim %s -v\n", f.Violations[0], f.Options.Args())
	}
}
