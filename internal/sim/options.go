package sim

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Options choose a world and how it may be made smaller. Only Seed is needed.
type Options struct {
	Seed uint64
	// Without turns faults off. Default: none.
	Without []Fault
	// Processes, Workers, Accounts and Days are upper limits. Default: none.
	Processes, Workers, Accounts, Days int
	// Patience is how long the world may take in real time; a world that hangs
	// breaks I-20. Default: for ever.
	Patience time.Duration
	// Log gets each step as a line. Default: nobody.
	Log io.Writer
}

// Args are the arguments of the command that repeats the world.
func (o Options) Args() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-seed %d", o.Seed)
	for _, f := range []struct {
		name  string
		value int
	}{{"processes", o.Processes}, {"workers", o.Workers}, {"accounts", o.Accounts}, {"days", o.Days}} {
		if f.value > 0 {
			fmt.Fprintf(&b, " -%s %d", f.name, f.value)
		}
	}
	if len(o.Without) > 0 {
		names := make([]string, len(o.Without))
		for i, f := range o.Without {
			names[i] = string(f)
		}
		b.WriteString(" -without " + strings.Join(names, ","))
	}
	return b.String()
}

// Result is what came of a seed.
type Result struct {
	Options    Options
	Hash       uint64 // of the trace
	Steps      int
	Violations []Violation
	Fired      map[Fault]int
	Tally      map[string]int // of what happened: orders, runs by outcome, …
	Virtual    time.Duration
}

// Violation is a promise that was broken.
type Violation struct {
	Promise string // "I-1"
	Seed    uint64
	Step    int
	Time    time.Time // virtual
	Account string
	Detail  string
}

// String is one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: seed %d, step %d, %s, account %s: %s",
		v.Promise, v.Seed, v.Step, v.Time.UTC().Format("2006-01-02 15:04:05.000"), v.Account, v.Detail)
}

// shape is how large a world is.
type shape struct {
	processes, workers, accounts, instruments, days int
}

// shapeOf draws the size of a world, within the limits.
func shapeOf(o Options) shape {
	r := stream(o.Seed, "shape")
	s := shape{
		processes: pick(r, []int{1, 1, 2, 2, 3, 4}), workers: pick(r, []int{1, 1, 1, 2, 3}),
		accounts: pick(r, []int{1, 2, 3, 4, 6}), instruments: 3 + r.IntN(6),
		days: pick(r, []int{1, 1, 1, 1, 1, 2, 2, 3, 5}),
	}
	for _, limit := range []struct {
		value *int
		most  int
	}{{&s.processes, o.Processes}, {&s.workers, o.Workers}, {&s.accounts, o.Accounts}, {&s.days, o.Days}} {
		if limit.most > 0 {
			*limit.value = min(*limit.value, limit.most)
		}
	}
	return s
}
