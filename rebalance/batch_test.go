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
	"github.com/evenkeel/evenkeel/rebalance"
)

// batchRig is a rig of two orders of one side. The broker takes nine seconds for the
// first; meanwhile something happens.
func batchRig(t *testing.T, change func(*fake.Config), meanwhile func(*fake.Broker) error) *rig {
	t.Helper()
	places := 0
	var r *rig
	r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
		change(sim)
		sim.OnCall = func(c fake.Call) error {
			if c.Method != fake.MethodPlace || c.After {
				return nil
			}
			if places++; places > 1 {
				return nil
			}
			time.Sleep(9 * time.Second)
			return meanwhile(r.broker)
		}
	})
	return r
}

// twoSales makes the account sell A and C.
func twoSales(sim *fake.Config) {
	sim.AllowShort = true
	sim.Accounts[0].Positions["C"] = num("2500")
}

// TestALongBatchSellsNothingThatIsGone: a person sells all of the second symbol while
// the first order is written.
func TestALongBatchSellsNothingThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := batchRig(t, twoSales, func(b *fake.Broker) error {
			return b.TradeByHand(account, "C", broker.Sell, num("2500"))
		})
		require.NoError(t, r.targets.Set(model("core", "A", "0.1", "B", "0.9")))
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonForeignTrade, res.Reason)
		require.Equal(t, "0", r.held("C"), "short")
		require.Equal(t, 1, r.sentByUs())
	})
}

// TestALongBatchTradesOnNoOldPrice: the price of the second symbol doubles while the
// first order is written, and the collar is 5 %.
func TestALongBatchTradesOnNoOldPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := batchRig(t, twoSales, func(b *fake.Broker) error { return b.SetQuote("C", num("40"), num("40")) })
		require.NoError(t, r.targets.Set(model("core", "A", "0.1", "B", "0.9")))
		res := r.run("e1")
		require.Equal(t, journal.Filled, order(t, res, "A").Outcome)
		require.Equal(t, journal.NotSent, order(t, res, "C").Outcome)
		require.Contains(t, order(t, res, "C").Reason, "collar")
	})
}

// TestALongBatchKeepsTheReserve: half of the cash is withdrawn while the first of two
// buys is written.
func TestALongBatchKeepsTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onlyCash := func(sim *fake.Config) {
			sim.AllowMargin = true
			sim.Accounts[0].Positions = nil
			sim.Accounts[0].Cash = map[broker.Currency]decimal.Decimal{"USD": num("100000")}
		}
		r := batchRig(t, onlyCash, func(b *fake.Broker) error {
			return b.Deposit(account, broker.Money{Amount: num("-50000"), Currency: "USD"})
		})
		res := r.run("e1")
		require.Equal(t, 1, r.sent(), "%s %s %s", res.Outcome, res.Reason, res.Detail)
		require.False(t, num(r.cash()).IsNegative(), "cash is %s", r.cash())
	})
}
