package rebalance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// partially is a rig whose account has a policy for partial failures.
func partially(t *testing.T, p rebalance.Partial) *rig {
	return newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Accounts[0].Partial = p })
}

func TestHaltBlocksAfterAPartialFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{Then: rebalance.Halt})
		r.broker.Inject(fake.RejectOrder{N: 2, Code: "201", Reason: "no permission"})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Contains(t, res.Detail, "199 of B")
		require.Equal(t, rebalance.Blocked, r.run("e2").Outcome)
	})
}

func TestCompensateBuysBackWhatWasSoldInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{
			Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}}, MaxNotional: num("10000"),
		})
		r.broker.Inject(fake.RejectOrder{N: 2})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Len(t, res.Orders, 3)
		back := res.Orders[2]
		require.Equal(t, rebalance.ReasonCompensate, back.Why)
		require.Equal(t, broker.Buy, back.Side)
		require.Equal(t, journal.Filled, back.Outcome)
		require.Equal(t, "200", back.Filled.String(), "10,000 at 50: the limit, not all of the 400")
		require.Equal(t, "800", r.held("A"))
		requireTruth(t, r, res)
	})
}

func TestNothingIsCompensatedAfterAnUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{
			Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}}, MaxNotional: num("10000"),
		})
		r.broker.Inject(fake.LoseOrder{N: 2}, fake.DoubtAbsence{N: 1}, fake.DoubtAbsence{N: 2})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Len(t, res.Orders, 2)
		require.Equal(t, "600", r.held("A"))
	})
}

func TestFollowUpIsPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{FollowUp: true})
		r.broker.Inject(fake.RejectOrder{N: 2}, fake.RejectOrder{N: 3})
		id := r.publish(queue.Event{})
		var followUp string
		r.serve(func() bool {
			followUp = ""
			for e, err := range r.queue.Entries(t.Context(), queue.Done) {
				require.NoError(t, err)
				if e.Event.Origin == id {
					followUp = e.Event.ID
				}
			}
			return followUp != ""
		})
		// The follow-up was cut short too (order 3), and is not followed up again.
		stats, err := r.queue.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, stats.Counts[queue.Done])
		require.Zero(t, stats.Counts[queue.Queued]+stats.Counts[queue.Delayed])
		require.Equal(t, rebalance.CompletedAdjusted, r.run(followUp).Outcome)
	})
}

func TestAMarginRejectionIsTriedOnceMoreAndSmaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.RejectOrder{N: 2, Code: "201", Reason: "margin", Refusal: broker.RefusedMargin})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		bought := order(t, res, "B")
		require.Equal(t, journal.Filled, bought.Outcome)
		require.Equal(t, "179", bought.Filled.String(), "nine tenths of 199")
		require.Equal(t, 3, r.sent())
		requireTruth(t, r, res)
	})
}

func TestPartialPolicyIsChecked(t *testing.T) {
	p := rebalance.Partial{Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "A"}, {Sell: "A", Buy: "B"}}}
	err := p.Check()
	require.ErrorContains(t, err, "MaxNotional is 0")
	require.ErrorContains(t, err, `{"A", "A"}`)
	require.ErrorContains(t, err, "twice")
	p = rebalance.Partial{Then: "undo"}
	require.ErrorContains(t, p.Check(), "undo")
	p = rebalance.Partial{Then: rebalance.Compensate}
	require.ErrorContains(t, p.Check(), "named pairs")
}

// TestEquityThatMovedIsPlannedAgainOnce: between the sells and the buys the price
// of what was kept falls by far; the buys wait for a new plan.
func TestEquityThatMovedIsPlannedAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && r.sent() == 1 {
					return r.broker.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"A": at("44")})
				}
				return nil
			}
		})
		id := r.publish(queue.Event{})
		var followUp *queue.Entry
		r.serve(func() bool {
			for e, err := range r.queue.Entries(t.Context(), queue.Done) {
				require.NoError(t, err)
				if e.Event.Origin == id {
					followUp = &e
				}
			}
			return followUp != nil
		})
		require.Contains(t, r.run(id).Warnings, string(rebalance.ReasonEquityMoved))
		require.Equal(t, rebalance.Completed, r.run(followUp.Event.ID).Outcome)
		require.NotEqual(t, "500", r.held("B"))
	})
}
