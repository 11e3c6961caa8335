package sim_test

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/sim"
	"github.com/evenkeel/evenkeel/internal/sim/mutants"
)

// TestMain collects less garbage: worlds are short.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// TestSeeds runs SIM_SEEDS seeds, 100 by default, from SIM_FIRST on. The long run
// demands that every fault has fired, too.
func TestSeeds(t *testing.T) {
	b := sim.Batch{First: uint64(number(t, "SIM_FIRST", 1)), Seeds: number(t, "SIM_SEEDS", 100), Twice: 10}
	if testing.Short() {
		b.Seeds = min(b.Seeds, 40)
	}
	b.World.Patience = 2 * time.Minute
	report := sim.RunMany(t, b)
	var text strings.Builder
	report.Print(&text)
	t.Log("\n" + text.String())
	if len(report.Failed) > 0 {
		if report.Failed[0].Violations[0].Promise != "I-22" {
			small := sim.Shrink(t, report.Failed[0], 60)
			t.Logf("smallest: %s\nreplay: go run ./internal/sim/cmd/sim %s -v", small.Violations[0], small.Options.Args())
		}
		t.Fatalf("%d of %d seeds broke a promise", len(report.Failed), report.Seeds)
	}
	if b.Seeds >= 5000 {
		require.Empty(t, report.Rare(20), "faults that fired less than 20 times")
	}
}

// number reads a number from the environment of the test.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

func TestRegressions(t *testing.T) {
	for _, r := range sim.Regressions() {
		t.Run(r.Name, func(t *testing.T) {
			require.Empty(t, sim.Run(t, r.World).Violations)
		})
	}
}

// TestOneSeedIsOneWorld runs seeds of every size twice.
func TestOneSeedIsOneWorld(t *testing.T) {
	for seed := range uint64(10) {
		o := sim.Options{Seed: 9000 + seed}
		require.Equal(t, sim.Run(t, o).Hash, sim.Run(t, o).Hash, "seed %d", o.Seed)
	}
}

func TestFaultsCanBeLeftOut(t *testing.T) {
	o := sim.Options{Seed: 5, Without: sim.Faults(), Days: 1, Processes: 1, Workers: 1, Accounts: 1}
	r := sim.Run(t, o)
	require.Empty(t, r.Violations)
	require.Empty(t, r.Fired)
	require.Contains(t, o.Args(), "-seed 5 -processes 1 -workers 1 -accounts 1 -days 1 -without crash_before,")
}

// TestMutantsFit: the text that each mutant replaces is in its file once. The
// hunt itself is a command: it takes minutes.
func TestMutantsFit(t *testing.T) {
	all := mutants.All()
	require.GreaterOrEqual(t, len(all), 30)
	for _, m := range all {
		_, err := m.Apply("../..")
		require.NoError(t, err)
	}
}
