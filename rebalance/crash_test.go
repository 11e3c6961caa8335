package rebalance_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// inParts fills orders little by little, never at the instant of another wait.
func inParts(sim *fake.Config) {
	sim.Fill = fake.Partial{Lots: 150, Every: 5100 * time.Millisecond}
}

// TestCrashAtEveryPoint kills a run right before and right after each write of
// the journal and each call of the broker, restarts it, and compares what the
// account holds in the end with an undisturbed run.
func TestCrashAtEveryPoint(t *testing.T) {
	for _, world := range []struct {
		name   string
		change func(*fake.Config)
	}{
		{"fills at once", nil},
		{"fills in parts", inParts},
		{"a position is sold to its last unit", func(sim *fake.Config) { sim.Accounts[0].Positions["C"] = num("2000") }},
	} {
		t.Run(world.name, func(t *testing.T) {
			calm := undisturbed(t, world.change)
			require.Greater(t, len(calm.points), 40)
			for n, name := range calm.points {
				t.Run(fmt.Sprintf("%03d %s", n+1, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { crashAt(t, n+1, name, world.change, calm.end) })
				})
			}
		})
	}
}

// calmRun is a run that nobody kills: its points, and what the account has then.
type calmRun struct {
	points []string
	end    string
}

func undisturbed(t *testing.T, change func(*fake.Config)) (calm calmRun) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &killer{}
		r := killedRig(t, k, change)
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		calm = calmRun{k.names, r.end()}
	})
	return calm
}

// end is what the account has, and how many orders that took.
func (r *rig) end() string {
	r.t.Helper()
	return fmt.Sprintf("A %s, B %s, C %s, cash %s, orders %d", r.held("A"), r.held("B"), r.held("C"), r.cash(), r.sent())
}

func crashAt(t *testing.T, n int, name string, change func(*fake.Config), end string) {
	t.Helper()
	k := &killer{n: n}
	r := killedRig(t, k, change)
	_, died := r.runKilled("e1")
	require.Equal(t, name, died)
	k.n = 0
	r.restart()
	result, died := r.runKilled("e1")
	require.Empty(t, died)

	require.Equal(t, rebalance.Completed, result.Outcome, result.Detail)
	require.Equal(t, end, r.end())
	r.requireNoOrderTwice()
	standing := r.standing()
	require.Empty(t, standing.Open)
	require.Empty(t, standing.Unfinished)
	again := r.run("e1")
	require.Equal(t, result.PlanHash, again.PlanHash, "one result")
}
