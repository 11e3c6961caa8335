package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestFaults runs one rebalance (order 1 sells A, order 2 buys B) into one fault
// each, and says what must come of it.
func TestFaults(t *testing.T) {
	type want struct {
		outcome rebalance.Outcome
		a, b    journal.OrderOutcome // of the two orders
		heldA   string
		heldB   string
		sent    int
	}
	undisturbed := want{rebalance.Completed, journal.Filled, journal.Filled, "600", "699", 2}
	for _, tc := range []struct {
		name  string
		fault fake.Fault
		want  want
	}{
		{"reject the sell", fake.RejectOrder{N: 1}, want{rebalance.CompletedAdjusted, journal.Rejected, journal.NotSent, "1000", "500", 1}},
		{"reject the buy", fake.RejectOrder{N: 2}, want{rebalance.CompletedAdjusted, journal.Filled, journal.Rejected, "600", "500", 2}},
		{"lose the acknowledgement of the sell", fake.LoseAck{N: 1}, undisturbed},
		{"lose the acknowledgement of the buy", fake.LoseAck{N: 2}, undisturbed},
		{"lose the sell on the way", fake.LoseOrder{N: 1}, undisturbed},
		{"lose the buy on the way", fake.LoseOrder{N: 2}, undisturbed},
		{"swallow the sell", fake.SwallowOrder{N: 1}, undisturbed},
		{"the sell stops half-way", fake.PartialThenStop{N: 1, Quantity: num("100")}, want{
			rebalance.CompletedAdjusted, journal.PartiallyFilled, journal.Filled, "900", "549", 2,
		}},
		{"the exchange cancels the rest of the sell", fake.PartialThenCancel{N: 1, Quantity: num("100")}, want{
			rebalance.CompletedAdjusted, journal.PartiallyFilled, journal.Filled, "900", "549", 2,
		}},
		{"status filled long before the fills", fake.StatusWithoutFills{N: 1, For: 5 * time.Second}, undisturbed},
		{"fills without a status", fake.FillsWithoutStatus{N: 1}, undisturbed},
		{"positions lag behind fills", fake.LagPositions{N: 2, For: 10 * time.Second}, undisturbed},
		{"news twice", fake.DuplicateNews{N: 3}, undisturbed},
		{"news in another order", fake.ReorderNews{N: 3}, undisturbed},
		{"session cut before the sell", fake.CutSession{Before: 1, For: 5 * time.Second}, want{outcome: rebalance.Deferred, heldA: "1000", heldB: "500"}},
		{"session cut after the sell", fake.CutSession{After: 1, For: 5 * time.Second}, undisturbed},
		{"session cut after the buy", fake.CutSession{After: 2, For: 5 * time.Second}, undisturbed},
		{"held by the broker for a while", fake.HoldOrder{N: 1, For: 30 * time.Second}, undisturbed},
		{"no net liquidation", fake.RefuseSnapshotTag{N: 1}, undisturbed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				r.broker.Inject(tc.fault)
				res := r.run("e1")
				require.Equal(t, tc.want.outcome, res.Outcome, res.Detail)
				require.Equal(t, tc.want.heldA, r.held("A"))
				require.Equal(t, tc.want.heldB, r.held("B"))
				require.Equal(t, tc.want.sent, r.sent())
				if tc.want.a != "" {
					require.Equal(t, tc.want.a, order(t, res, "A").Outcome, order(t, res, "A").Reason)
					require.Equal(t, tc.want.b, order(t, res, "B").Outcome, order(t, res, "B").Reason)
				}
				requireTruth(t, r, res)
			})
		})
	}
}

// requireTruth compares what the result says of each order with the ledger.
func requireTruth(t *testing.T, r *rig, res *rebalance.Result) {
	t.Helper()
	ledger := r.broker.Ledger()
	for _, o := range res.Orders {
		if o.Outcome == journal.Unknown {
			continue
		}
		filled := decimal.Zero
		if l := ledger.Order(o.Ref); l != nil && o.Outcome != journal.NotSent {
			filled = l.Filled()
		}
		require.Equal(t, filled.String(), o.Filled.String(), "%s %s", o.Side, o.Symbol)
	}
	require.False(t, num(r.cash()).IsNegative(), "cash %s", r.cash())
}

func TestAnOrderThatCannotBeFoundBlocksTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		// The order is lost on the way, and the broker cannot vouch for that.
		r.broker.Inject(fake.LoseOrder{N: 1}, fake.DoubtAbsence{N: 1}, fake.DoubtAbsence{N: 2}, fake.DoubtAbsence{N: 3})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonUnknownOutcome, res.Reason)
		require.Equal(t, journal.Unknown, order(t, res, "A").Outcome)
		require.Zero(t, r.sent())

		res = r.run("e2")
		require.Equal(t, rebalance.Blocked, res.Outcome)
		require.Equal(t, rebalance.ReasonAccountBlocked, res.Reason)
		require.Zero(t, r.sent(), "a blocked account gets no order")
	})
}

func TestAnOrderThatComesToLightLateBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		// The first look finds nothing and proves nothing: the order is on its way.
		r.broker.Inject(fake.LoseAck{N: 1}, fake.DelayOrder{N: 1, By: 50 * time.Millisecond})
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, journal.Filled, order(t, res, "A").Outcome)
		require.Equal(t, 2, r.sent(), "no order twice")
	})
}

func TestACancelThatIsNeverConfirmedBlocksTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.PartialThenStop{N: 1, Quantity: num("100")}, fake.NeverConfirmCancel{N: 1}, fake.NeverConfirmCancel{N: 2})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Equal(t, "100", order(t, res, "A").Filled.String())
	})
}

func TestAnOrderThatTheBrokerChangedBlocksTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.AlterOrder{N: 1, Change: func(o *broker.Order) { o.Limit = o.Limit.Add(num("1")) }})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Contains(t, res.Detail, "changed the order")
	})
}

func TestAForeignTradeDuringTheRunBlocksTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		traded := false
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && !traded {
					traded = true
					require.NoError(t, r.broker.TradeByHand(account, "B", broker.Sell, num("7")))
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonForeignTrade, res.Reason)
		require.Contains(t, res.Detail, "B: expected 500, found 493")
		require.Equal(t, "493", r.held("B"), "nothing was bought")
	})
}

func TestAFillAfterTheCancelIsFoundOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.PartialThenStop{N: 1, Quantity: num("100")}, fake.FillAfterCancel{N: 1, After: 2 * time.Second, Quantity: num("50")})
		res := r.run("e1")
		require.NotEqual(t, rebalance.Completed, res.Outcome)
		if res.Outcome == rebalance.CompletedAdjusted {
			requireTruth(t, r, res)
		}
	})
}

func TestKillStopsARunUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After {
					require.NoError(t, r.Kill(t.Context(), "", "ann", "fire drill"))
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Cancelled, res.Outcome, res.Detail)
		require.Equal(t, 1, r.sent(), "nothing after the kill")
		require.Contains(t, res.Detail, "ann")

		require.NoError(t, r.Resume(t.Context(), "", "ann", "over"))
		res = r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, 2, r.sent())
	})
}

// TestFillsThatAreReportedAfterTheCancel: an order is cancelled at its deadline
// while fills that happened are not reported yet. The position shows them.
func TestFillsThatAreReportedAfterTheCancel(t *testing.T) {
	for _, tc := range []struct {
		name    string
		hidden  time.Duration
		outcome journal.OrderOutcome
		filled  string
	}{
		{"in time", 130 * time.Second, journal.PartiallyFilled, "100"},
		{"far too late", time.Hour, journal.Unknown, "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				r.broker.Inject(fake.PartialThenStop{N: 1, Quantity: num("100")}, fake.StatusWithoutFills{N: 1, For: tc.hidden})
				res := r.run("e1")
				sold := order(t, res, "A")
				require.Equal(t, tc.outcome, sold.Outcome, res.Detail)
				require.Equal(t, tc.filled, sold.Filled.String())
				require.Equal(t, tc.outcome == journal.Unknown, res.Outcome == rebalance.Blocked)
			})
		})
	}
}

// TestAnApprovedPlanIsNotTradedOnADelayedPrice: the policy on prices holds at the
// send too, not only when the plan was made.
func TestAnApprovedPlanIsNotTradedOnADelayedPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Policy.Guards.MaxOrders = decimal.NewNullDecimal(num("1"))
		})
		held := r.run("e1")
		require.Equal(t, rebalance.Held, held.Outcome, held.Detail)
		res := r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandApprove,
			Arguments: rebalance.Arguments{Hash: held.PlanHash, Operator: "ann", Reason: "fine"},
		})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		q := at("50")
		q.Tier = marketdata.TierDelayed
		r.cfg.Prices = quotes{r.broker, "A", q}
		r.restart()
		res = r.run("e1")
		require.Equal(t, journal.NotSent, order(t, res, "A").Outcome, res.Detail)
		require.Contains(t, order(t, res, "A").Reason, `tier "delayed"`)
	})
}
