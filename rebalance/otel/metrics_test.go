package otel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

func TestMetricsOfRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: 3 * time.Second} })
		began := time.Now()
		require.Equal(t, rebalance.Completed, r.run("first", rebalance.CommandRebalance).Outcome)
		took := time.Since(began).Seconds()
		require.GreaterOrEqual(t, took, 6.0)
		require.Equal(t, rebalance.NoTrade, r.run("second", rebalance.CommandRebalance).Outcome)
		r.run("look", rebalance.CommandSnapshot)

		const completed = "evenkeel.command=rebalance,evenkeel.outcome=completed"
		require.Equal(t, map[string]int64{
			completed: 1,
			"evenkeel.command=rebalance,evenkeel.outcome=no_trade": 1,
			"evenkeel.command=snapshot,evenkeel.outcome=completed": 1,
		}, s.values("evenkeel.runs"))
		require.Equal(t, map[string]int64{
			"evenkeel.order.outcome=filled,evenkeel.order.side=SELL": 1,
			"evenkeel.order.outcome=filled,evenkeel.order.side=BUY":  1,
		}, s.values("evenkeel.orders"))
		require.Equal(t, [2]float64{1, took}, s.durations("evenkeel.run.duration")[completed])
		steps := s.durations("evenkeel.step.duration")
		require.Equal(t, [2]float64{2, 0}, steps["evenkeel.step=plan"])
		require.Equal(t, [2]float64{1, 3}, steps["evenkeel.step=sell"])
		require.NotContains(t, steps, "evenkeel.step=claim")
	})
}

// TestUnknownCommands: whoever publishes events must not be able to make series.
func TestUnknownCommands(t *testing.T) {
	s := newSeen(t, otel.Options{})
	r := newRig(t, s, nil)
	for _, c := range []rebalance.Command{"a", "b", "c"} {
		require.Equal(t, rebalance.Rejected, r.run(string("e-"+c), c).Outcome)
	}
	require.Equal(t, map[string]int64{"evenkeel.command=_OTHER,evenkeel.outcome=rejected": 3}, s.values("evenkeel.runs"))
}

func TestClockSetBack(t *testing.T) {
	s := newSeen(t, otel.Options{})
	messages := script(time.Unix(100, 0), "a", enter(rebalance.StepClaim), enter(rebalance.StepReady), result(rebalance.Completed, ""))
	messages[2].Time = time.Unix(50, 0)
	tell(s, messages)
	require.Equal(t, [2]float64{1, 0}, s.durations("evenkeel.step.duration")["evenkeel.step=ready"])
	require.Equal(t, [2]float64{1, 0}, s.durations("evenkeel.run.duration")["evenkeel.command=rebalance,evenkeel.outcome=completed"])
}
