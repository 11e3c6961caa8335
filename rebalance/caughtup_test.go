package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// restedSale is a rig whose process died right after it had sent the sale of 400
// A. A minute later the sale filled; the positions show it only after lag. It is
// then 90 s after the send.
func restedSale(t *testing.T, lag time.Duration) *rig {
	t.Helper()
	k := &killer{}
	r := killedRig(t, k, func(sim *fake.Config) { sim.Fill = fake.Delayed{By: time.Minute} })
	require.NoError(t, r.broker.Deposit(account, broker.Money{Amount: num("1"), Currency: "USD"}))
	r.broker.Inject(fake.LagPositions{N: 1, For: lag})
	k.n = pointNamed(t, "after broker place")
	_, died := r.runKilled("e1")
	require.NotEmpty(t, died)
	k.n = 0
	r.restart()
	time.Sleep(90 * time.Second)
	require.Equal(t, "600", r.held("A"))
	return r
}

// TestASnapshotThatLagsBehindAnEarlierRun: an order that rested while its process
// was dead is settled by a reconcile; the run after that, in the same second, waits
// until the positions show the fill instead of selling once more.
func TestASnapshotThatLagsBehindAnEarlierRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := restedSale(t, 50*time.Second)
		res := r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, journal.Filled, res.Findings[0].Outcome)

		took := elapsed(func() { res = r.run("e2") })
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "600", r.held("A"), "sold once")
		require.Equal(t, "699", r.held("B"))
		require.GreaterOrEqual(t, took, 20*time.Second, "it waited for the positions")
	})
}

// TestASnapshotThatLagsBehindTheResolveStep: the run itself finds out that an
// earlier order filled.
func TestASnapshotThatLagsBehindTheResolveStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := restedSale(t, 50*time.Second)
		res := r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "600", r.held("A"), "sold once")
	})
}

// TestASnapshotThatLagsBehindAFinishedRun: the run whose order rested ended
// early, so only what it left behind tells of the fill.
func TestASnapshotThatLagsBehindAFinishedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := restedSale(t, 50*time.Second)
		blocked := time.Now()
		require.NoError(t, r.journal.Block(t.Context(), journal.Block{Account: account, Reason: "drill", Time: blocked}))
		require.NoError(t, r.journal.Unblock(t.Context(), journal.Unblock{Account: account, Operator: "ann", Reason: "over", Time: blocked, Block: blocked}))
		require.Equal(t, rebalance.ReasonUnblocked, r.run("e1").Reason)
		r.restart() // nothing is left in memory

		res := r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "600", r.held("A"), "sold once")
		require.Equal(t, "699", r.held("B"))
	})
}

// TestAForeignTradeIsNotALagForEver: the positions will never be what the fill
// makes them. The event is put off once, then the account is taken as it is.
func TestAForeignTradeIsNotALagForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := restedSale(t, time.Second)
		r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile})
		require.NoError(t, r.broker.TradeByHand(account, "A", broker.Sell, num("7")))
		var res *rebalance.Result
		took := elapsed(func() { res = r.run("e2") })
		require.Equal(t, 30*time.Second, took.Round(time.Second))
		require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonPositionsLag, res.Reason)
		require.Contains(t, res.Detail, "position 600, the broker still says 593")
		require.Equal(t, time.Minute, time.Until(res.Until).Round(time.Second))

		time.Sleep(time.Until(res.Until))
		took = elapsed(func() { res = r.run("e2") })
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Less(t, took, 10*time.Minute)
	})
}

// TestAgreementEndsTheWait: after a run that saw the positions agree, a trade by
// hand delays nothing.
func TestAgreementEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		require.NoError(t, r.broker.TradeByHand(account, "A", broker.Sell, num("100")))
		var res *rebalance.Result
		took := elapsed(func() { res = r.run("e2") })
		require.NotEqual(t, rebalance.ReasonPositionsLag, res.Reason, res.Detail)
		require.Less(t, took, time.Second)
	})
}
