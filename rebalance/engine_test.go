package rebalance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// publish puts an event for the account into the queue.
func (r *rig) publish(e queue.Event) string {
	r.t.Helper()
	if e.Account == "" {
		e.Account = string(account)
	}
	if e.Command == "" {
		e.Command = "rebalance"
	}
	receipt, err := r.queue.Publish(r.t.Context(), e)
	require.NoError(r.t, err)
	return receipt.ID
}

// entry is what the queue knows of an event.
func (r *rig) entry(id string) queue.Entry {
	r.t.Helper()
	e, err := r.queue.Entry(r.t.Context(), id)
	require.NoError(r.t, err)
	return e
}

// until serves until the event is in the state.
func (r *rig) until(id string, state queue.State) queue.Entry {
	r.t.Helper()
	r.serve(func() bool { return r.entry(id).State == state })
	return r.entry(id)
}

// history is what happened to an event, in words.
func history(e queue.Entry) string {
	var words []string
	for _, h := range e.History {
		words = append(words, strings.TrimSpace(h.What+" "+h.Class))
	}
	return strings.Join(words, ", ")
}

func TestAnEventTravelsFromTheQueueToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		e := r.until(r.publish(queue.Event{}), queue.Done)
		require.Equal(t, "published, delivered, ack completed", history(e))
		require.Equal(t, "600", r.held("A"))
	})
}

// down is an allocation source that is down for good.
func down() (allocation.Allocation, error) {
	return allocation.Allocation{}, &allocation.Error{Code: "500", Err: errors.New("internal error")}
}

func TestAFailingDependencyEndsInTheDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Allocations, cfg.Policies.Allocation = sourceFunc(down), retry.None
		})
		e := r.until(r.publish(queue.Event{}), queue.Dead)
		require.Equal(t, 5, e.Attempt)
		require.Contains(t, e.History[len(e.History)-1].Detail, "internal error")
		require.Zero(t, r.sent())
	})
}

// TestAnOpenBreakerUsesNoAttempt: while the source is known to be down its events
// wait for the next probe, but not for ever.
func TestAnOpenBreakerUsesNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Allocations = sourceFunc(down)
			cfg.Events.MaxAge = 2 * time.Hour
		})
		id := r.publish(queue.Event{})
		r.serve(func() bool { return r.Breakers()[rebalance.BreakerAllocations] == retry.Open })
		e := r.until(id, queue.Dead)
		require.Less(t, e.Attempt, 5)
		require.Contains(t, history(e), "event_too_old")
	})
}

func TestBadEventsAreDeadAtOnce(t *testing.T) {
	for name, event := range map[string]queue.Event{
		"unknown command": {Command: "sell_all"},
		"unknown account": {Account: "U9"},
		"unknown field":   {Payload: []byte(`{"strateg":"x"}`)},
		"newer arguments": {Payload: []byte(`{"schema":9}`)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				e := r.until(r.publish(event), queue.Dead)
				require.Equal(t, 1, e.Attempt)
				require.Zero(t, r.sent())
			})
		})
	}
}

func TestANewerEventWaitsForANewerWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		id := r.publish(queue.Event{Schema: queue.Schema + 1})
		r.serve(func() bool { return len(r.entry(id).History) > 6 })
		require.Equal(t, queue.Delayed, r.entry(id).State)
		require.Equal(t, 1, r.entry(id).Attempt, "it uses no attempt")
	})
}

func TestAPanicUsesAnAttemptAndKillsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Allocations = sourceFunc(func() (allocation.Allocation, error) { panic("boom") })
		})
		e := r.until(r.publish(queue.Event{}), queue.Dead)
		require.Equal(t, 5, e.Attempt)
		require.Contains(t, e.History[len(e.History)-1].Detail, "boom")
	})
}

func TestAFailureIsRetriedAndThenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var r *rig
		r = newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Allocations = sourceFunc(func() (allocation.Allocation, error) {
				if calls++; calls < 6 {
					return allocation.Allocation{}, &allocation.Error{Code: "503", Err: errors.New("busy")}
				}
				return r.targets.Allocation(t.Context(), allocation.Query{Strategy: "core"})
			})
		})
		e := r.until(r.publish(queue.Event{}), queue.Done)
		require.Greater(t, e.Attempt, 1)
		require.Equal(t, "600", r.held("A"))
	})
}

// TestDrainPutsARunDownAndTheNextProcessContinues stops the engine in the middle
// of a slow sell.
func TestDrainPutsARunDownAndTheNextProcessContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Fill = fake.Delayed{By: 90 * time.Second}
		})
		id := r.publish(queue.Event{})
		took := elapsed(func() { r.serve(func() bool { return r.sent() == 1 }) })
		require.Less(t, took, time.Minute, "the drain is bounded")
		require.Equal(t, queue.Queued, r.entry(id).State, history(r.entry(id)))

		r.restart()
		e := r.until(id, queue.Done)
		require.Equal(t, 1, e.Attempt, "being stopped uses no attempt")
		require.Equal(t, "600", r.held("A"))
		require.Equal(t, "699", r.held("B"))
		require.Equal(t, 2, r.sent())
	})
}

// TestALostLeaseStopsTheRun pauses a worker past its lease in the middle of a
// run: it sends nothing more, and the next delivery finishes the work.
func TestALostLeaseStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var paused atomic.Bool
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			cfg.Queue = deafQueue{cfg.Queue, &paused}
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && !paused.Load() {
					paused.Store(true) // no extension gets through from now on
					time.Sleep(time.Minute)
					paused.Store(false)
				}
				return nil
			}
		})
		e := r.until(r.publish(queue.Event{}), queue.Done)
		require.Equal(t, 1, e.Crashes, history(e))
		require.Equal(t, 1, e.Attempt)
		require.Equal(t, 2, r.sent(), "no order twice")
		require.Equal(t, "699", r.held("B"))
	})
}

func TestManyAccountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 40
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			sim.Accounts, cfg.Accounts = nil, nil
			for i := range n {
				id := broker.AccountID(fmt.Sprintf("U%d", i))
				sim.Accounts = append(sim.Accounts, fake.Account{ID: id, Cash: map[broker.Currency]decimal.Decimal{"USD": num("10000")}})
				cfg.Accounts = append(cfg.Accounts, rebalance.Account{ID: id, Mode: broker.Simulated, Strategy: "core"})
			}
			cfg.Workers = 8
		})
		for i := range n {
			r.publish(queue.Event{Account: fmt.Sprintf("U%d", i)})
		}
		r.serve(func() bool {
			s, err := r.queue.Stats(t.Context())
			require.NoError(t, err)
			return s.Counts[queue.Done] == n
		})
		require.Equal(t, 2*n, r.sent())
	})
}

func TestConfigurationFaultsComeAllAtOnce(t *testing.T) {
	policy := rebalance.DefaultPolicy()
	policy.Slippage = num("-1")
	_, err := rebalance.New(rebalance.Config{
		Workers: -1,
		Timing:  rebalance.Timing{Cancel: -time.Second, Sweep: time.Second},
		Events:  rebalance.EventPolicy{Attempts: -3},
		Accounts: []rebalance.Account{
			{ID: "U1", Mode: "demo", Strategy: ""},
			{ID: "U1", Mode: broker.Paper, Strategy: "core", Policy: &policy, Trigger: &rebalance.Trigger{Calendar: "hourly"}},
		},
	})
	require.Error(t, err)
	for _, fault := range []string{
		"Broker is nil", "Allocations is nil", "Prices is nil", "Journal is nil", "Workers is -1", "Timing.Cancel", "Timing.Sweep",
		"Events.Attempts", `"demo"`, "Strategy is empty", "ID is there twice", "slippage", "hourly",
	} {
		require.ErrorContains(t, err, fault)
	}
}

func TestRunNeedsAQueueAndRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Queue = nil })
		require.ErrorContains(t, r.Run(t.Context()), "Config.Queue is nil")

		r = newRig(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- r.Run(ctx) }()
		synctest.Wait()
		require.ErrorContains(t, r.Run(t.Context()), "runs already")
		cancel()
		require.NoError(t, <-first)
	})
}

func TestRecoverReconcilesWhatWasLeftOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &killer{}
		r := killedRig(t, k, nil)
		k.n = pointNamed(t, "after broker place")
		_, died := r.runKilled("e1")
		require.Equal(t, "after broker place", died)
		k.n = 0
		r.restart()
		found, err := r.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, 1, found[0].Open)
		r.until(found[0].Event, queue.Done)
		standing, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Empty(t, standing.Open)
		require.Len(t, standing.Unfinished, 1, "the run waits for its event")
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, 2, r.sent())
	})
}

var _ journal.Journal = killedJournal{}

// TestAnOldEventIsNotThrownAwayUnseen: the age limit does not count while the
// journal does not answer, because the run may have orders at the broker.
func TestAnOldEventIsNotThrownAwayUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Events.MaxAge = time.Hour
			cfg.Journal = mute{cfg.Journal, time.Now().Add(2 * time.Hour)}
		})
		e := r.until(r.publish(queue.Event{}), queue.Done)
		require.Contains(t, history(e), "defer deferred")
		require.Equal(t, "600", r.held("A"))
	})
}
