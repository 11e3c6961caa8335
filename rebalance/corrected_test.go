package rebalance_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// unblocked lets the account go on.
func (r *rig) unblocked() {
	r.t.Helper()
	res := r.do(rebalance.Request{
		Account: account, Command: rebalance.CommandUnblock, Arguments: rebalance.Arguments{Operator: "ann", Reason: "seen the statement"},
	})
	require.Equal(r.t, rebalance.Completed, res.Outcome, res.Detail)
}

// TestWhatFillsAfterItsSettlementBlocks: the outcome of an order stays what it was
// settled as, but the next run does not go on as if nothing had happened.
func TestWhatFillsAfterItsSettlementBlocks(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault fake.Fault
		fill  fake.FillModel
		text  string
	}{
		{
			"a fill after the cancel",
			fake.FillAfterCancel{After: 30 * time.Second},
			fake.Delayed{By: time.Hour},
			"settled as cancelled with 0 filled, the broker now says 400",
		},
		{
			"a correction",
			fake.CorrectFill{After: time.Minute, Quantity: num("399")},
			fake.Immediate{},
			"settled as filled with 400 filled, the broker now says 399",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = c.fill })
				r.broker.Inject(c.fault)
				first := r.run("e1")
				require.True(t, first.Outcome.Ended(), first.Detail)
				time.Sleep(10 * time.Minute)
				sent := r.sent()

				res := r.run("e2")
				require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
				require.Equal(t, rebalance.ReasonCorrected, res.Reason)
				require.Contains(t, res.Detail, c.text)
				require.NotEmpty(t, res.Differences)
				require.Equal(t, sent, r.sent(), "nothing more was sent")
				standing, err := r.journal.Account(t.Context(), account)
				require.NoError(t, err)
				require.Contains(t, string(standing.Block.Evidence), c.text)

				r.unblocked()
				res = r.run("e2")
				require.NotEqual(t, rebalance.Blocked, res.Outcome, "the operator has looked: %s", res.Detail)
				require.NotEmpty(t, res.Differences, "it stays on record")
			})
		})
	}
}

// TestAFillThatIsToldLateBlocks: the position moves after the order was settled, and
// a run sees that while the broker still shows the order as it was; only later does it
// tell the fill. That run may even have been cut off and taken up again.
func TestAFillThatIsToldLateBlocks(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			kill := false
			r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
				sim.Fill = fake.Delayed{By: time.Hour}
				sim.OnCall = func(c fake.Call) error {
					if kill && c.Method == fake.MethodPlace && c.After {
						kill = false
						panic("killed")
					}
					return nil
				}
			})
			r.broker.Inject(fake.FillAfterCancel{After: 30 * time.Second}, fake.StatusWithoutFills{For: 10 * time.Minute})
			require.True(t, r.run("e1").Outcome.Ended())
			time.Sleep(time.Minute)

			if kill = resumed; kill {
				require.PanicsWithValue(t, "killed", func() { r.run("e2") })
				r.restart()
			}
			second := r.run("e2")
			require.True(t, second.Outcome.Ended(), second.Detail)
			require.NotEmpty(t, second.Differences, "the position is another, and nobody says why")

			time.Sleep(time.Hour)
			res := r.run("e3")
			require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
			require.Equal(t, rebalance.ReasonCorrected, res.Reason)
			require.Contains(t, res.Detail, "settled as cancelled with 0 filled, the broker now says 400")
			r.unblocked()
			require.NotEqual(t, rebalance.Blocked, r.run("e4").Outcome)
		})
	}
}

// TestATradeByHandBetweenRunsIsRecorded: it blocks nothing.
func TestATradeByHandBetweenRunsIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		time.Sleep(time.Hour)
		require.NoError(t, r.broker.TradeByHand(account, "A", broker.Sell, num("100")))
		res := r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Len(t, res.Differences, 1)
		require.Equal(t, broker.InstrumentID("A"), res.Differences[0].Symbol)
		require.Equal(t, "600", res.Differences[0].Expected.String())
		require.Equal(t, "500", res.Differences[0].Found.String())
		require.Empty(t, r.run("e3").Differences)
	})
}

// TestARunThatWasPutDownLeavesNoDifference: what an unfinished run traded is known.
func TestARunThatWasPutDownLeavesNoDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stoppedRig(t, nil)
		time.Sleep(time.Hour)
		require.Equal(t, "600", r.held("A"))
		res := r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Empty(t, res.Differences)
		require.Empty(t, r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile}).Differences)
	})
}

// slowSettle takes its time to settle.
type slowSettle struct{ journal.Journal }

func (j slowSettle) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	defer time.Sleep(2 * time.Second)
	return j.Journal.Settle(ctx, g, s...)
}

// TestADeadRunDoesNotSwallowADifference: a run that saw a position which its fills
// do not explain, and failed before it could say so, leaves to the next one what
// the position must be.
func TestADeadRunDoesNotSwallowADifference(t *testing.T) {
	for attempts := range 2 {
		synctest.Test(t, func(t *testing.T) {
			var down, up bool
			var r *rig
			r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
				cfg.Events.Attempts = attempts + 1
				cfg.Journal = slowSettle{cfg.Journal}
				sim.Fill = fake.Delayed{By: time.Hour}
				sim.OnCall = func(c fake.Call) error {
					if c.Method != fake.MethodSnapshot || up {
						return nil
					}
					if !c.After && down {
						return &broker.Error{Op: "snapshot", Err: errors.New("hiccup")}
					}
					down = r.held("A") == "600"
					return nil
				}
			})
			r.broker.Inject(fake.FillAfterCancel{After: time.Second})
			id := r.publish(queue.Event{})
			r.serve(func() bool { return r.entry(id).State == queue.Dead })
			up = true
			require.Equal(t, "600", r.held("A"))
			res := r.run("e2")
			require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
			require.Equal(t, rebalance.ReasonCorrected, res.Reason)
		})
	}
}

// TestWhatAFirstRunTradedIsCompared: no run has ended yet that could say how the
// account was, but what this one's orders made of it is known.
func TestWhatAFirstRunTradedIsCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stoppedRig(t, nil)
		time.Sleep(24 * time.Hour)
		require.NoError(t, r.broker.TradeByHand(account, "A", broker.Sell, num("50")))
		res := r.run("e2")
		require.Len(t, res.Differences, 1, "what was held before that run is not known, so of B nothing is said")
		require.Equal(t, "600", res.Differences[0].Expected.String())
		require.Equal(t, "550", res.Differences[0].Found.String())
	})
}
