package rebalance_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// The stories below were found by attacking the engine; each once went wrong.

// TestARunThatWasOvertakenDoesNotTradeItsOldPlan: a run is killed after its first
// buy and held; a later event rebalances the account; then the first is released.
func TestARunThatWasOvertakenDoesNotTradeItsOldPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stoppedRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Accounts[0].Positions = nil
			sim.Accounts[0].Cash = map[broker.Currency]decimal.Decimal{"USD": num("100000")}
		})
		time.Sleep(time.Hour)
		require.Equal(t, rebalance.Completed, r.run("e2").Outcome)
		bought := r.held("B")
		require.NoError(t, r.broker.Deposit(account, broker.Money{Amount: num("40000"), Currency: "USD"}))

		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonSuperseded, res.Reason)
		require.Equal(t, bought, r.held("B"))
		require.Equal(t, rebalance.Completed, r.run("e3").Outcome, "the account goes on")
	})
}

// TestAWeekendDoesNotUseUpAnEventsAge: it waited from Saturday to Monday, and is
// still retried when something fails then.
func TestAWeekendDoesNotUseUpAnEventsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 0
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			sim.Hours = fake.NYSE()
			cfg.Policies.Broker = onlyOnce{}
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodSnapshot && !c.After && failures < 2 {
					failures++
					return &broker.Error{Op: "snapshot", Err: errors.New("hiccup")}
				}
				return nil
			}
		})
		id := r.publish(queue.Event{})
		r.serveFor(72*time.Hour, func() bool { return r.entry(id).State == queue.Done })
		require.Equal(t, 3, r.entry(id).Attempt, history(r.entry(id)))
	})
}

// TestMarketsThatAreNeverOpenTogether: nothing can be traded as one plan, and that
// is said instead of waited for.
func TestMarketsThatAreNeverOpenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(10 * time.Hour)
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Hours = fake.HoursFunc(func(i *broker.Instrument, from, to time.Time) []broker.Session {
				open := 8 * time.Hour
				if i.ID == "B" {
					open = 16 * time.Hour
				}
				var list []broker.Session
				for day := from.Truncate(24 * time.Hour).Add(-24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
					if s := (broker.Session{Open: day.Add(open), Close: day.Add(open + 6*time.Hour)}); s.Close.After(from) && s.Open.Before(to) {
						list = append(list, s)
					}
				}
				return list
			})
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Held, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonNeverOpen, res.Reason)
		require.Zero(t, r.sent())
	})
}

// TestAnotherStrategyMayBeOlder: only an older version of the same strategy is a
// sign of a stale source.
func TestAnotherStrategyMayBeOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		dated := func(strategy string, age time.Duration, a, b string) allocation.Allocation {
			m := model(strategy, "A", a, "B", b)
			m.AsOf = time.Now().Add(-age)
			return m
		}
		require.NoError(t, r.targets.Set(dated("core", time.Hour, "0.3", "0.7"), dated("other", 24*time.Hour, "0.4", "0.6")))
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		res := r.do(rebalance.Request{Account: account, Event: "e2", Arguments: rebalance.Arguments{Strategy: "other"}})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.NoError(t, r.targets.Set(dated("other", 48*time.Hour, "0.5", "0.5")))
		res = r.do(rebalance.Request{Account: account, Event: "e3", Arguments: rebalance.Arguments{Strategy: "other"}})
		require.Equal(t, rebalance.ReasonInvalidAllocation, res.Reason)
		require.Contains(t, res.Detail, "older")
	})
}

// TestTargetsThatWereOvertakenAreReadAnew: a run that was cut off before it sent
// anything, and is taken up after another one carried out newer targets, trades those.
func TestTargetsThatWereOvertakenAreReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := true
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if cut && c.Method == fake.MethodQuotes {
					panic("killed")
				}
				return nil
			}
		})
		dated := func(a, b string) {
			m := model("core", "A", a, "B", b)
			m.AsOf = time.Now()
			require.NoError(t, r.targets.Set(m))
		}
		dated("0.3", "0.7")
		require.PanicsWithValue(t, "killed", func() { r.run("e1") })
		cut = false
		r.restart()

		time.Sleep(time.Hour)
		dated("0.5", "0.5")
		require.Equal(t, rebalance.Completed, r.run("e2").Outcome)
		held := r.held("A")
		res := r.run("e1")
		require.Equal(t, rebalance.NoTrade, res.Outcome, "the newer targets are there already")
		require.Equal(t, held, r.held("A"))
		require.Equal(t, rebalance.NoTrade, r.run("e3").Outcome, "and stay the newest that were carried out")
	})
}

// TestTheFollowUpOfAnAutomaticEventTrades: it is not held up by the rule of one
// automatic run a day.
func TestTheFollowUpOfAnAutomaticEventTrades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{FollowUp: true})
		r.broker.Inject(fake.RejectOrder{N: 2})
		r.publish(queue.Event{Payload: []byte(`{"automatic":true}`)})
		r.serve(func() bool { return r.held("B") == "699" })
	})
}

// TestKillCancelsWhatWorks: the kill switch does not wait for an order's deadline.
func TestKillCancelsWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: 90 * time.Second} })
		go func() {
			time.Sleep(5 * time.Second)
			_ = r.Kill(t.Context(), account, "ann", "drill")
		}()
		var res *rebalance.Result
		took := elapsed(func() { res = r.run("e1") })
		require.Less(t, took, 30*time.Second)
		require.Equal(t, rebalance.Cancelled, res.Outcome, res.Detail)
		require.Equal(t, "1000", r.held("A"))
		require.Len(t, r.broker.Ledger().Cancels, 1)
	})
}

// TestReconcileLeavesWhatWorks: it neither sends nor cancels, and tells what others
// changed.
func TestReconcileLeavesWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &killer{}
		r := killedRig(t, k, func(sim *fake.Config) { sim.Fill = fake.Delayed{By: 60 * time.Second} })
		require.NoError(t, r.broker.Deposit(account, broker.Money{Amount: num("1"), Currency: "USD"}))
		k.n = pointNamed(t, "after broker place")
		_, died := r.runKilled("e1")
		require.NotEmpty(t, died)
		k.n = 0
		r.restart()
		res := r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Len(t, res.Findings, 1)
		require.Contains(t, res.Findings[0].Detail, "works")
		require.Empty(t, r.broker.Ledger().Cancels)
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		require.Equal(t, 2, r.sent())

		require.NoError(t, r.broker.TradeByHand(account, "C", broker.Buy, num("3")))
		res = r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile})
		require.Len(t, res.Differences, 1)
		require.Equal(t, broker.InstrumentID("C"), res.Differences[0].Symbol)
	})
}

// TestACommandBetweenTwoDeliveries: a run is put off in the middle; cancel_orders
// passes it; then it goes on.
func TestACommandBetweenTwoDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: 20 * time.Second} })
		r.broker.Inject(fake.CutSession{After: 1, For: 5 * time.Minute})
		id := r.publish(queue.Event{})
		r.serve(func() bool { return r.entry(id).State == queue.Delayed })
		second := r.publish(queue.Event{Command: "cancel_orders"})
		r.until(second, queue.Done)
		r.until(id, queue.Done)
		require.Equal(t, "600", r.held("A"))
		require.Equal(t, "699", r.held("B"))
	})
}

// TestAnApprovalIsOfOneHash: what was approved is not what is held now.
func TestAnApprovalIsOfOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Policy.Guards.MaxOrders = decimal.NewNullDecimal(num("1"))
		})
		first := r.run("e1")
		require.Equal(t, rebalance.Held, first.Outcome, first.Detail)
		r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandApprove,
			Arguments: rebalance.Arguments{Hash: first.PlanHash, Operator: "ann", Reason: "fine"},
		})
		require.NoError(t, r.broker.TradeByHand(account, "B", broker.Sell, num("10")))
		for range 3 { // all in one instant
			res := r.run("e1")
			require.Equal(t, rebalance.Held, res.Outcome, "the second plan was not approved")
		}
		require.Equal(t, 1, r.sent(), "the trade by hand")
	})
}

// TestASendHasALastInstant: a process without a lease hangs before the write until
// another one has proven that its order never arrived.
func TestASendHasALastInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := false
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && !c.After && !hung {
					hung = true
					res := r.run("e2") // takes over, and has all the time that it needs
					require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				}
				return nil
			}
		})
		_, err := r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
		require.Error(t, err, "fenced")
		require.Equal(t, "600", r.held("A"), "sold once")
	})
}
