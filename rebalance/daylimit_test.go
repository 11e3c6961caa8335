package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// dayRig changes the model with each run, so that each turns over 40 % or so. It
// begins at noon.
func dayRig(t *testing.T, change func(*rebalance.Config)) (r *rig, flip func(event string) *rebalance.Result) {
	t.Helper()
	time.Sleep(12 * time.Hour)
	r = newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { change(cfg) })
	n := 0
	return r, func(event string) *rebalance.Result {
		n++
		if n%2 == 0 {
			require.NoError(t, r.targets.Set(model("core", "A", "0.5", "B", "0.5")))
		} else {
			require.NoError(t, r.targets.Set(model("core", "A", "0.3", "B", "0.7")))
		}
		return r.run(event)
	}
}

func TestADayHasALimit(t *testing.T) {
	for name, change := range map[string]func(*rebalance.Config){
		"turnover": func(cfg *rebalance.Config) { cfg.Limits.DayTurnover = num("1") },
		"orders":   func(cfg *rebalance.Config) { cfg.Limits.DayOrders = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, flip := dayRig(t, change)
				require.Equal(t, rebalance.Completed, flip("e1").Outcome)
				require.Equal(t, rebalance.Completed, flip("e2").Outcome)
				r.restart() // the count survives the process
				sent := r.sent()
				res := flip("e3")
				require.Equal(t, rebalance.Held, res.Outcome, res.Detail)
				require.Equal(t, rebalance.ReasonDayLimit, res.Reason)
				require.Equal(t, sent, r.sent(), "nothing of the plan was sent")

				res = r.do(rebalance.Request{Account: account, Event: "out", Arguments: rebalance.Arguments{Mode: rebalance.LiquidateAll}})
				require.Equal(t, rebalance.Completed, res.Outcome, "a liquidation is not limited: %s", res.Detail)
				time.Sleep(12 * time.Hour)
				require.Equal(t, rebalance.Completed, r.run("e3").Outcome, "tomorrow is another day")
			})
		})
	}
}

// TestADayCountsRunsThatWerePutDown: the first run was stopped by the kill switch
// after its sale.
func TestADayCountsRunsThatWerePutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour)
		r := stoppedRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Limits.DayOrders = 2 })
		require.NoError(t, r.targets.Set(model("core", "A", "0.2", "B", "0.8")))
		res := r.run("e2")
		require.Equal(t, rebalance.ReasonDayLimit, res.Reason, res.Detail)
		require.Contains(t, res.Detail, "has sent 1 orders today and the plan has 2 more")
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome, "what it began it may end")
		require.Equal(t, 2, r.sent())
	})
}

// TestTheDaysLimitStopsWhatNoPlanHas: an order that compensates comes on top of the
// plan, and is refused.
func TestTheDaysLimitStopsWhatNoPlanHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{
			Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}}, MaxNotional: num("10000"),
		})
		r.cfg.Limits.DayOrders = 2
		r.restart()
		r.broker.Inject(fake.RejectOrder{N: 2})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Len(t, res.Orders, 3)
		require.Equal(t, journal.NotSent, res.Orders[2].Outcome)
		require.Contains(t, res.Orders[2].Reason, "today's limit leaves")
		require.Equal(t, 2, r.sent())
	})
}
