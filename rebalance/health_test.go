package rebalance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// check finds a check of a report.
func check(t *testing.T, r *rebalance.Report, name string) rebalance.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return rebalance.Check{}
}

func TestHealthLooksEndToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.publish(queue.Event{})
		report := r.Health(t.Context())
		require.True(t, report.Ready)
		require.True(t, report.Live)
		for _, c := range report.Checks {
			require.True(t, c.OK, "%s: %s", c.Name, c.Detail)
			require.False(t, c.LastSuccess.IsZero())
		}
		require.Contains(t, check(t, &report, rebalance.CheckQueue).Detail, "1 queued")
		require.Contains(t, check(t, &report, rebalance.CheckPrices).Detail, "A is live")
		require.Contains(t, check(t, &report, rebalance.CheckPlacement).Detail, "answered")
		require.Zero(t, r.sent(), "a health check places nothing")
		require.Equal(t, rebalance.Completed, r.do(rebalance.Request{Account: account, Command: rebalance.CommandHealth}).Outcome)
	})
}

func TestHealthSaysWhatFailedAndWhenItLastWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.Health(t.Context())
		worked := time.Now()
		time.Sleep(time.Minute)
		r.broker.Inject(fake.CutSession{For: time.Hour})
		report := r.Health(t.Context())
		require.False(t, report.Ready)
		c := check(t, &report, rebalance.CheckBroker)
		require.False(t, c.OK)
		require.Equal(t, worked, c.LastSuccess)
		require.NotEmpty(t, c.LastError)
		require.True(t, check(t, &report, rebalance.CheckJournal).OK)

		time.Sleep(2 * time.Hour)
		report = r.Health(t.Context())
		require.True(t, report.Ready)
		require.NotEmpty(t, check(t, &report, rebalance.CheckBroker).LastError, "what failed stays visible")
	})
}

func TestAnIdleEngineIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- r.Run(ctx) }()
		time.Sleep(5 * time.Hour)
		require.True(t, r.Live())
		cancel()
		require.NoError(t, <-stopped)
		time.Sleep(5 * time.Hour)
		require.True(t, r.Live(), "no loop runs that could hang")
	})
}

func TestBreakersAreVisibleAndForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.Len(t, r.Breakers(), 5)
		require.ErrorContains(t, r.ForceBreaker("coffee", retry.ForceOpen), "coffee")
		require.NoError(t, r.ForceBreaker(rebalance.BreakerAllocations, retry.ForceOpen))
		res := r.run("e1")
		require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
		require.NoError(t, r.ForceBreaker(rebalance.BreakerAllocations, retry.Auto))
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
	})
}

// TestAnOpenBreakerNeverStandsBeforeResolving: with every breaker forced open,
// what was sent is still watched to its end.
func TestAnOpenBreakerNeverStandsBeforeResolving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Fill = fake.Delayed{By: 3 * time.Second}
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After {
					for name := range r.Breakers() {
						require.NoError(t, r.ForceBreaker(name, retry.ForceOpen))
					}
				}
				return nil
			}
		})
		r.broker.Inject(fake.LoseAck{N: 1})
		res := r.run("e1")
		require.Equal(t, "400", order(t, res, "A").Filled.String(), res.Detail)
	})
}

func TestTheQueueIsNotAskedWhileItsBreakerIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.NoError(t, r.ForceBreaker(rebalance.BreakerJournal, retry.ForceOpen))
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- r.Run(ctx) }()
		id := r.publish(queue.Event{})
		time.Sleep(time.Hour)
		require.Equal(t, queue.Queued, r.entry(id).State)
		require.NoError(t, r.ForceBreaker(rebalance.BreakerJournal, retry.Auto))
		time.Sleep(time.Minute)
		require.Equal(t, queue.Done, r.entry(id).State)
		cancel()
		require.NoError(t, <-stopped)
	})
}

var _ broker.Prober = (*fake.Broker)(nil)
