package rebalance_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestTrackersHearEverythingAndHarmNothing: one of them panics all the time.
func TestTrackersHearEverythingAndHarmNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, last []rebalance.Progress
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Tracker = rebalance.Trackers(
				rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) { first = append(first, p) }),
				rebalance.TrackerFunc(func(context.Context, rebalance.Progress) { panic("boom") }),
				rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) { last = append(last, p) }),
			)
		})
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		require.Equal(t, first, last)

		var steps []rebalance.Step
		orders := 0
		for _, p := range first {
			require.Equal(t, rebalance.CommandRebalance, p.Command)
			switch {
			case p.Step != "":
				steps = append(steps, p.Step)
			case p.Order != nil:
				orders++
			}
		}
		require.Equal(t, []rebalance.Step{
			rebalance.StepClaim, rebalance.StepReady, rebalance.StepResolve, rebalance.StepAllocation, rebalance.StepInstruments,
			rebalance.StepSnapshot, rebalance.StepCancel, rebalance.StepPrices, rebalance.StepPlan, rebalance.StepSell,
			rebalance.StepSettle, rebalance.StepBuy, rebalance.StepVerify, rebalance.StepFinish,
		}, steps, "all fourteen, in their order")
		require.Equal(t, 4, orders, "each order when it was sent and when it ended")
		require.Equal(t, rebalance.Completed, first[len(first)-1].Result.Outcome)
	})
}
