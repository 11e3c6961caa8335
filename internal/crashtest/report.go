package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// tally is what many runs came to.
type tally struct {
	runs, events, publishes, orders, starts, violations int
	byKind                                              map[string]int
	fired, reached                                      map[string]int
	counts                                              map[string]int
	failed                                              []failedRun
	took                                                time.Duration // of all runs together
}

// failedRun is a run that broke a promise.
type failedRun struct {
	kind, only string
	seed       uint64
	violations []string
	plan       []string
}

func newTally() *tally {
	return &tally{byKind: map[string]int{}, fired: map[string]int{}, reached: map[string]int{}, counts: map[string]int{}}
}

// add adds a run.
func (t *tally) add(r *result) {
	t.runs++
	t.byKind[r.kind]++
	t.events += r.events
	t.publishes += r.publishes
	t.orders += r.orders
	t.starts += r.starts
	t.violations += len(r.violations)
	t.took += r.took
	for n, k := range r.fired {
		t.fired[n] += k
	}
	for n, k := range r.reached {
		t.reached[n] += k
	}
	for n, k := range r.counts {
		t.counts[n] += k
	}
	if len(r.violations) > 0 {
		t.failed = append(t.failed, failedRun{r.kind, r.only, r.seed, r.violations, r.plan})
	}
}

// known is how many points of the catalogue were reached.
func (t *tally) known() int {
	n := 0
	for _, p := range slices.Concat(brokerPoints(), storePoints()) {
		if t.reached[p] > 0 {
			n++
		}
	}
	return n
}

// print writes the table.
func (t *tally) print(w io.Writer, wall time.Duration, detail bool) {
	for _, f := range t.failed {
		only := ""
		if f.only != "" {
			only = fmt.Sprintf(" -only %q", f.only)
		}
		fmt.Fprintf(w, "FAIL: repeat with: go run ./internal/crashtest -store %s -seed %d%s -runs 1 -v\n", f.kind, f.seed, only)
		for _, p := range f.plan {
			fmt.Fprintf(w, "    fault: %s\n", p)
		}
		for _, v := range f.violations {
			fmt.Fprintf(w, "    %s\n", v)
		}
	}
	byFault := map[string]int{}
	for n, k := range t.fired {
		fault, _, _ := strings.Cut(n, " at ")
		byFault[fault] += k
	}
	fmt.Fprintf(w, "%-40s %8s\n", "injected", "times")
	total := 0
	for _, n := range slices.Sorted(maps.Keys(byFault)) {
		fmt.Fprintf(w, "%-40s %8d\n", n, byFault[n])
		total += byFault[n]
	}
	fmt.Fprintf(w, "%-40s %8d\n", "all faults", total)
	if detail {
		fmt.Fprintf(w, "\n%-64s %8s\n", "fault at point", "times")
		for _, n := range slices.Sorted(maps.Keys(t.fired)) {
			fmt.Fprintf(w, "%-64s %8d\n", n, t.fired[n])
		}
		fmt.Fprintf(w, "\n%-64s %8s\n", "point", "reached")
		for _, n := range slices.Sorted(maps.Keys(t.reached)) {
			fmt.Fprintf(w, "%-64s %8d\n", n, t.reached[n])
		}
	}
	fmt.Fprintln(w)
	for _, n := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(w, "%-40s %8d\n", n, t.counts[n])
	}
	kinds := make([]string, 0, len(t.byKind))
	for _, k := range slices.Sorted(maps.Keys(t.byKind)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, t.byKind[k]))
	}
	fmt.Fprintf(w, "runs %d (%s), points reached %d of %d, worker processes %d, events accepted %d (published %d times), orders %d, violations %d, time %v (%v a run)\n",
		t.runs, strings.Join(kinds, ", "), t.known(), len(brokerPoints())+len(storePoints()), t.starts, t.events, t.publishes, t.orders,
		t.violations, wall.Round(time.Millisecond), (t.took / time.Duration(max(t.runs, 1))).Round(time.Millisecond))
}
