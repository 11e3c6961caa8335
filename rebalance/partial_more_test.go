package rebalance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestAFailedBuyIsPaidBackOnce: two sales are paired with one buy that fills in part,
// and another failed buy leaves enough cash to pay for both.
func TestAFailedBuyIsPaidBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			sim.Instruments = append(sim.Instruments, broker.Instrument{ID: "D"})
			sim.Quotes["D"] = at("10")
			sim.Accounts[0].Positions["C"] = num("1000")
			cfg.Accounts[0].Partial = rebalance.Partial{
				Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}, {Sell: "C", Buy: "B"}}, MaxNotional: num("1000000"),
			}
		})
		require.NoError(t, r.targets.Set(model("core", "A", "0.2", "B", "0.6", "D", "0.2")))
		require.NoError(t, r.broker.Deposit(account, broker.Money{Amount: num("30000"), Currency: "USD"}))
		r.broker.Inject(fake.On("B", fake.PartialThenCancel{N: 1, Quantity: num("200")}), fake.On("D", fake.RejectOrder{N: 1}))
		res := r.run("e1")
		missing, back := num("0"), num("0")
		for _, o := range res.Orders {
			if o.Why == rebalance.ReasonCompensate {
				back = back.Add(o.Filled.Mul(o.AveragePrice))
			} else if o.Symbol == "B" {
				missing = missing.Add(o.Planned.Sub(o.Filled).Mul(o.Limit))
			}
		}
		require.True(t, back.IsPositive(), "something is bought back")
		require.True(t, back.LessThanOrEqual(missing), "bought back for %s, the buy lacked %s", back, missing)
	})
}

// TestNothingIsBoughtBackBeyondTheLossLimit: the account loses a fifth between its
// sale and its buy.
func TestNothingIsBoughtBackBeyondTheLossLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Partial = rebalance.Partial{
				Then: rebalance.Compensate, Pairs: []rebalance.Pair{{Sell: "A", Buy: "B"}}, MaxNotional: num("100000"),
			}
			cfg.Limits.Collar = num("0.5")
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && r.sent() == 1 {
					require.NoError(t, r.broker.SetQuote("B", num("80"), num("80")))
					require.NoError(t, r.broker.SetQuote("A", num("40"), num("40")))
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Contains(t, order(t, res, "B").Reason, "net liquidation fell")
		require.Equal(t, 1, r.sent(), "only the sale")
	})
}

// TestNoSmallerBuyBeyondTheLossLimit: the buy is rejected for want of margin, and then
// the account loses more than the limit.
func TestNoSmallerBuyBeyondTheLossLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			cfg.Limits.Loss = num("0.0001")
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && r.sent() == 2 {
					require.NoError(t, r.broker.SetQuote("B", num("99.9"), num("99.9")))
				}
				return nil
			}
		})
		r.broker.Inject(fake.RejectOrder{N: 2, Refusal: broker.RefusedMargin})
		r.run("e1")
		require.Equal(t, 2, r.sent())
	})
}

// diesAfter is a journal whose process dies once, right after it wrote something.
type diesAfter struct {
	journal.Journal
	step    string               // the checkpoint
	settled journal.OrderOutcome // or the settlement
	armed   *bool
}

func (j diesAfter) die(when bool) {
	if when && *j.armed {
		*j.armed = false
		panic(crash{j.step})
	}
}

func (j diesAfter) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	err := j.Journal.Checkpoint(ctx, g, s)
	j.die(s.Name == j.step)
	return err
}

func (j diesAfter) Settle(ctx context.Context, g journal.Grant, list ...journal.Settlement) error {
	err := j.Journal.Settle(ctx, g, list...)
	for i := range list {
		j.die(j.settled != "" && list[i].Outcome == j.settled)
	}
	return err
}

// TestSmallerBuysSurviveACrash: the process dies between a margin rejection and the
// smaller buy.
func TestSmallerBuysSurviveACrash(t *testing.T) {
	held := func(t *testing.T, j diesAfter, armed bool) (b string, sent int) {
		synctest.Test(t, func(t *testing.T) {
			j.armed = &armed
			r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
				j.Journal = cfg.Journal
				cfg.Journal = j
			})
			r.broker.Inject(fake.RejectOrder{N: 2, Refusal: broker.RefusedMargin})
			id := r.publish(queue.Event{})
			r.serve(func() bool { return r.entry(id).State == queue.Done })
			require.False(t, armed, "it died")
			b, sent = r.held("B"), r.sent()
		})
		return b, sent
	}
	calm, orders := held(t, diesAfter{}, false)
	require.Equal(t, 3, orders)
	for name, j := range map[string]diesAfter{
		"after they were decided":       {step: "smaller"},
		"after the rejection was noted": {settled: journal.Rejected},
		"after they were settled":       {step: "buy"},
	} {
		t.Run(name, func(t *testing.T) {
			b, sent := held(t, j, true)
			require.Equal(t, calm, b)
			require.Equal(t, orders, sent)
		})
	}
}

// TestFollowUpAfterEquityMovedSurvivesACrash: the process dies right after it saw that
// the plan must be made again.
func TestFollowUpAfterEquityMovedSurvivesACrash(t *testing.T) {
	for _, step := range []string{"", "fund", "buy", "verify"} {
		t.Run("dies after "+step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				armed := step != ""
				var r *rig
				r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					cfg.Limits.Collar, cfg.Limits.Loss = num("0.9"), num("0.9")
					cfg.Journal = diesAfter{Journal: cfg.Journal, step: step, armed: &armed}
					sim.OnCall = func(c fake.Call) error {
						if c.Method == fake.MethodPlace && c.After && r.sent() == 1 {
							require.NoError(t, r.broker.SetQuote("B", num("60"), num("60")))
						}
						return nil
					}
				})
				id := r.publish(queue.Event{})
				r.serve(func() bool { return r.entry(id).State == queue.Done })
				require.False(t, armed)
				require.Equal(t, 1, r.followUps(id))
			})
		})
	}
}

// followUps counts the events that name another one as their origin.
func (r *rig) followUps(origin string) int {
	r.t.Helper()
	n := 0
	for _, state := range []queue.State{queue.Queued, queue.Delayed, queue.Leased, queue.Done} {
		for e, err := range r.queue.Entries(r.t.Context(), state) {
			require.NoError(r.t, err)
			if e.Event.Origin == origin {
				n++
			}
		}
	}
	return n
}

// again asks for a dead letter once more.
func (r *rig) again(id string) string {
	r.t.Helper()
	receipt, err := r.queue.Operator(r.t.Context(), queue.Action{Verb: queue.Requeue, ID: id, Operator: "ann", Reason: "again"})
	require.NoError(r.t, err)
	return receipt.ID
}

// TestADeadLetterThatIsAskedForAgainHasItsFollowUp: but the follow-up of a follow-up
// is none, also when that was asked for again.
func TestADeadLetterThatIsAskedForAgainHasItsFollowUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := true
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Partial.FollowUp = true
			cfg.Events.Attempts = 1
		})
		r.cfg.Allocations = sourceFunc(func() (allocation.Allocation, error) {
			if bad {
				return down()
			}
			return model("core", "A", "0.3", "B", "0.7"), nil
		})
		r.restart()
		id := r.publish(queue.Event{})
		r.serve(func() bool { return r.entry(id).State == queue.Dead })
		bad = false
		again := r.again(id)
		r.broker.Inject(fake.On("B", fake.RejectOrder{N: 1}))
		r.serve(func() bool { return r.entry(again).State == queue.Done })
		require.Equal(t, 1, r.followUps(again))

		follow := ""
		for e, err := range r.queue.Entries(t.Context(), queue.Delayed) {
			require.NoError(t, err)
			follow = e.Event.ID
		}
		bad = true
		r.serve(func() bool { return r.entry(follow).State == queue.Dead })
		bad = false
		again = r.again(follow)
		r.broker.Inject(fake.On("B", fake.RejectOrder{N: 1}))
		r.serve(func() bool { return r.entry(again).State == queue.Done })
		require.Zero(t, r.followUps(again))
	})
}

// TestAPanicThrowsNoOpenOrderAway: an event whose order works is no dead letter,
// however often it panics.
func TestAPanicThrowsNoOpenOrderAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		broken := true
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Fill = fake.Delayed{By: 3 * time.Hour}
			sim.OnCall = func(c fake.Call) error {
				if broken && r.sent() > 0 && (c.Method == fake.MethodAwait || c.Method == fake.MethodOrders) {
					panic("adapter bug")
				}
				return nil
			}
		})
		id := r.publish(queue.Event{})
		began := time.Now()
		r.serve(func() bool { return time.Since(began) > 90*time.Minute })
		require.NotEqual(t, queue.Dead, r.entry(id).State)
		require.Contains(t, r.entry(id).History[len(r.entry(id).History)-1].Detail, "stand open")
		broken = false
		r.serve(func() bool { return r.entry(id).State == queue.Done })
		s, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Empty(t, s.Open)
	})
}
