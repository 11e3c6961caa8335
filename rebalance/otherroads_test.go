package rebalance_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// road is what a run does beside selling and buying as planned.
type road struct {
	name    string
	partial rebalance.Partial
	faults  []fake.Fault
	// mayBlock: a process that was dead at the wrong moment cannot tell what happened
	// from somebody else's trade.
	mayBlock bool
}

var roads = []road{
	{name: "cancel the sell", faults: []fake.Fault{fake.PartialThenStop{N: 1, Quantity: num("100")}}},
	{name: "cancel the buy", faults: []fake.Fault{fake.PartialThenStop{N: 2, Quantity: num("100")}}},
	{name: "prove that the sell was lost", faults: []fake.Fault{fake.LoseOrder{N: 1}}},
	{name: "prove that the buy was swallowed", faults: []fake.Fault{fake.SwallowOrder{N: 2}}},
	{name: "buy less for want of margin", faults: []fake.Fault{fake.RejectOrder{N: 2, Refusal: broker.RefusedMargin}}},
	{
		name: "fill after the cancel", mayBlock: true,
		faults: []fake.Fault{
			fake.PartialThenStop{N: 1, Quantity: num("100")},
			fake.FillAfterCancel{N: 1, After: 3 * time.Second, Quantity: num("50")},
		},
	},
	{
		name: "buy back what was sold in vain", faults: []fake.Fault{fake.RejectOrder{N: 2}},
		partial: rebalance.Partial{
			Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}}, MaxNotional: num("100000"),
		},
	},
}

// rig is a rig that goes the road, and can be killed on it.
func (w *road) rig(t *testing.T, k *killer) *rig {
	t.Helper()
	r := killedRig(t, k, nil)
	r.with(func(cfg *rebalance.Config) { cfg.Accounts[0].Partial = w.partial })
	r.broker.Inject(w.faults...)
	return r
}

// TestCrashAtEveryPointOfOtherRoads is the crash at every point for what a smooth run
// does not do: the end is that of an undisturbed run, and nothing is sent twice.
func TestCrashAtEveryPointOfOtherRoads(t *testing.T) {
	for i := range roads {
		w := &roads[i]
		t.Run(w.name, func(t *testing.T) {
			var calm calmRun
			synctest.Test(t, func(t *testing.T) {
				k := &killer{}
				r := w.rig(t, k)
				require.True(t, r.run("e1").Outcome.Ended())
				calm = calmRun{k.names, r.end()}
			})
			for n, at := range calm.points {
				t.Run(fmt.Sprintf("%03d %s", n+1, at), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { w.crashAt(t, n+1, at, calm.end) })
				})
			}
		})
	}
}

func (w *road) crashAt(t *testing.T, n int, at, end string) {
	t.Helper()
	k := &killer{n: n}
	r := w.rig(t, k)
	_, died := r.runKilled("e1")
	require.Equal(t, at, died)
	k.n = 0
	r.restart()
	res := r.persist("e1", 6)
	r.requireNoOrderTwice()
	require.Empty(t, r.standing().Open)
	if w.mayBlock && res.Outcome == rebalance.Blocked {
		require.Equal(t, rebalance.ReasonAccountBlocked, res.Reason)
		return
	}
	require.True(t, res.Outcome.Ended(), "%s %s %s", res.Outcome, res.Reason, res.Detail)
	require.Equal(t, end, r.end(), "%s %s", res.Outcome, res.Reason)
}
