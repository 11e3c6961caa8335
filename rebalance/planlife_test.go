package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// neverSent is a rig whose session was cut before the first order of e1, for longer than
// a plan lives.
func neverSent(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, nil)
	r.broker.Inject(fake.CutSession{Before: 1, For: 5 * time.Second})
	require.Equal(t, rebalance.Deferred, r.run("e1").Outcome)
	require.Zero(t, r.sent())
	time.Sleep(time.Hour)
	return r
}

// TestAPlanOfWhichNothingWasSentExpires: the model has changed meanwhile.
func TestAPlanOfWhichNothingWasSentExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := neverSent(t)
		require.NoError(t, r.targets.Set(model("core", "A", "0.5", "B", "0.5")))
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "999", r.held("A"), "the new plan, not that of an hour ago")
	})
}

// TestATradeByHandBeforeAnythingWasSentBlocksNobody: a person may trade between runs,
// and a run that sent nothing is none.
func TestATradeByHandBeforeAnythingWasSentBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := neverSent(t)
		require.NoError(t, r.broker.TradeByHand(account, "B", broker.Sell, num("10")))
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, 2, r.sentByUs())
	})
}
