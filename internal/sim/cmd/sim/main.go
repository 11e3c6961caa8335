// Command sim runs seeds of the simulator and prints what came of them.
//
//	go run ./internal/sim/cmd/sim -seeds 1000
//	go run ./internal/sim/cmd/sim -seed 42 -v
//
// It ends with status 1 if a promise was broken.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/sim"
)

// flags are the arguments of the command.
type flags struct {
	batch   sim.Batch
	without string
	verbose bool
	shrink  int
	least   int
}

func main() {
	testing.Init()
	var f flags
	flag.Uint64Var(&f.batch.First, "seed", 1, "the seed, or the first one")
	flag.IntVar(&f.batch.Seeds, "seeds", 1, "how many seeds")
	flag.IntVar(&f.batch.Twice, "twice", 10, "run each so-many-th seed twice and compare the traces; 0 is never")
	flag.DurationVar(&f.batch.World.Patience, "patience", time.Minute, "how long a seed may take in real time")
	flag.BoolVar(&f.batch.Stop, "stop", false, "stop at the first seed that fails")
	flag.StringVar(&f.without, "without", "", "faults to leave out, with commas between")
	flag.IntVar(&f.batch.World.Processes, "processes", 0, "at most so many processes")
	flag.IntVar(&f.batch.World.Workers, "workers", 0, "at most so many workers in each")
	flag.IntVar(&f.batch.World.Accounts, "accounts", 0, "at most so many accounts")
	flag.IntVar(&f.batch.World.Days, "days", 0, "at most so many days")
	flag.BoolVar(&f.verbose, "v", false, "print each step of the seed")
	flag.IntVar(&f.shrink, "shrink", 150, "how many worlds to try for a smaller one that fails as well")
	flag.IntVar(&f.least, "least", 0, "fail unless every fault struck at least so often")
	flag.Parse()
	if err := f.check(); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(400)
	// A bubble of virtual time needs a test around it. Main ends the program.
	testing.Main(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "sim", F: f.run}}, nil, nil)
}

// check reads the names of faults.
func (f *flags) check() error {
	if f.without == "" {
		return nil
	}
	for name := range strings.SplitSeq(f.without, ",") {
		if !slices.Contains(sim.Faults(), sim.Fault(name)) {
			return fmt.Errorf("-without: there is no fault %q", name)
		}
		f.batch.World.Without = append(f.batch.World.Without, sim.Fault(name))
	}
	return nil
}

// run runs the seeds.
func (f *flags) run(t *testing.T) {
	if f.verbose && f.batch.Seeds == 1 {
		f.batch.World.Log = os.Stdout
		f.batch.Twice = 0
	}
	report := sim.RunMany(t, f.batch)
	report.Print(os.Stdout)
	if rare := report.Rare(f.least); len(rare) > 0 {
		fmt.Printf("TOO RARE struck less than %d times: %v\n", f.least, rare)
		t.Fail()
	}
	if len(report.Failed) == 0 {
		return
	}
	t.Fail()
	failed := report.Failed[0]
	if f.shrink > 0 && !f.verbose && len(failed.Violations) > 0 && failed.Violations[0].Promise != "I-22" {
		small := sim.Shrink(t, failed, f.shrink)
		fmt.Printf("SMALLEST %s\n       replay: go run ./internal/sim/cmd/sim %s -v\n", small.Violations[0], small.Options.Args())
	}
}
