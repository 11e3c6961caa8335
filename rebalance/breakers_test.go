package rebalance_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	"github.com/evenkeel/evenkeel/retry"
)

// TestRetriesHaveABudget: twenty accounts meet a dependency that is down. Together
// they retry it as often as is allowed for a minute, not twice or three times each.
func TestRetriesHaveABudget(t *testing.T) {
	const accounts = 20
	down := errors.New("down")
	for _, c := range []struct {
		dependency string
		change     func(*rebalance.Config, *fake.Config, func() error)
	}{
		{rebalance.BreakerAllocations, func(cfg *rebalance.Config, _ *fake.Config, called func() error) {
			cfg.Allocations = sourceFunc(func() (allocation.Allocation, error) { return allocation.Allocation{}, called() })
		}},
		{rebalance.BreakerBroker, func(_ *rebalance.Config, sim *fake.Config, called func() error) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodAccounts && !c.After {
					return called()
				}
				return nil
			}
		}},
	} {
		t.Run(c.dependency, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					for n := range accounts - 1 {
						a, b := cfg.Accounts[0], sim.Accounts[0]
						a.ID = broker.AccountID(fmt.Sprintf("V%d", n))
						b.ID = a.ID
						cfg.Accounts, sim.Accounts = append(cfg.Accounts, a), append(sim.Accounts, b)
					}
					c.change(cfg, sim, func() error {
						calls.Add(1)
						return &broker.Error{Op: "call", Err: down}
					})
				})
				require.NoError(t, r.ForceBreaker(c.dependency, retry.ForceClosed)) // it would end the retries first
				for i := range r.cfg.Accounts {
					res := r.do(rebalance.Request{Account: r.cfg.Accounts[i].ID})
					require.Equal(t, rebalance.Failed, res.Outcome, res.Detail)
				}
				require.Equal(t, int64(accounts+4), calls.Load(), "20 %% of 20 calls, all within a minute")
			})
		})
	}
}

// flakyJournal fails each checkpoint of a step.
type flakyJournal struct {
	journal.Journal
	step string
}

func (j flakyJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	if s.Name == j.step {
		return errors.New("hiccup")
	}
	return j.Journal.Checkpoint(ctx, g, s)
}

// TestTheBreakerOfTheJournalCountsSuccesses: one write of many fails in each run.
func TestTheBreakerOfTheJournalCountsSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Journal = flakyJournal{cfg.Journal, string(rebalance.StepPrices)}
		})
		for range 20 {
			require.Equal(t, rebalance.ReasonJournal, r.run("e1").Reason)
		}
		require.Equal(t, retry.Closed, r.Breakers()[rebalance.BreakerJournal])
	})
}

// TestNothingIsClaimedWhileTheSessionIsDown: one event finds it out, the others stay
// in the queue.
func TestNothingIsClaimedWhileTheSessionIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Workers = 1 })
		r.broker.Inject(fake.CutSession{For: 10 * time.Minute})
		first := r.publish(queue.Event{})
		began := time.Now()
		r.serve(func() bool { return r.entry(first).State == queue.Done })
		require.InDelta(t, 10*time.Minute, time.Since(began), float64(90*time.Second))
		require.Equal(t, "published, delivered, defer deferred, delivered, ack completed", history(r.entry(first)))
	})
}

// TestNothingIsClaimedWhileAReportSaysNotReady: it does not take a run to find it out.
func TestNothingIsClaimedWhileAReportSaysNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := time.Now().Add(10 * time.Minute)
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Workers = 1 })
		r.cfg.Broker = skewed{r.broker, wrong}
		r.restart()
		require.False(t, r.Health(t.Context()).Ready, "the broker's clock is an hour off")
		event := r.publish(queue.Event{})
		r.serve(func() bool { return r.entry(event).State == queue.Done })
		require.InDelta(t, 0, time.Since(wrong), float64(90*time.Second))
		require.Equal(t, "published, delivered, ack completed", history(r.entry(event)))
	})
}

// skewed is a broker whose clock is wrong up to an instant.
type skewed struct {
	*fake.Broker
	until time.Time
}

func (b skewed) Probe(ctx context.Context) (broker.Probe, error) {
	p, err := b.Broker.Probe(ctx)
	if time.Now().Before(b.until) {
		p.Time = p.Time.Add(time.Hour)
	}
	return p, err
}
