package otel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
	"github.com/evenkeel/evenkeel/retry"

	"github.com/evenkeel/evenkeel/broker/fake"
)

// watching starts a watch, and returns what stops it and waits.
func watching(t *testing.T, s *seen, r *rig, opts otel.WatchOptions) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- otel.Watch(ctx, r.Engine, s.meters, opts) }()
	synctest.Wait()
	return func() {
		t.Helper()
		cancel()
		require.NoError(t, <-ended)
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, nil, nil)
		stop := watching(t, s, r, otel.WatchOptions{})
		const needed, other = "evenkeel.check=broker,evenkeel.check.needed=true", "evenkeel.check=breakers,evenkeel.check.needed=false"
		require.EqualValues(t, 1, s.values("evenkeel.ready")[""])
		require.EqualValues(t, 1, s.values("evenkeel.live")[""])
		require.Len(t, s.values("evenkeel.health.check"), 8)
		require.EqualValues(t, 1, s.values("evenkeel.health.check")[needed])
		require.EqualValues(t, 1, s.values("evenkeel.health.check")[other])
		require.Equal(t, map[string]int64{
			"evenkeel.dependency=broker": 0, "evenkeel.dependency=prices": 0, "evenkeel.dependency=allocations": 0,
			"evenkeel.dependency=queue": 0, "evenkeel.dependency=journal": 0,
		}, s.values("evenkeel.breaker.state"))
		require.NotNil(t, s.metric("evenkeel.health.check.duration"))

		require.NoError(t, r.ForceBreaker(rebalance.BreakerPrices, retry.ForceOpen))
		require.EqualValues(t, 2, s.values("evenkeel.breaker.state")["evenkeel.dependency=prices"], "seen at once")
		require.EqualValues(t, 1, s.values("evenkeel.health.check")[other], "not looked at again yet")
		r.broker.Inject(fake.CutSession{For: time.Hour})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.EqualValues(t, 0, s.values("evenkeel.health.check")[other])
		require.EqualValues(t, 0, s.values("evenkeel.health.check")[needed])
		require.EqualValues(t, 0, s.values("evenkeel.ready")[""])

		stop()
		for _, gauge := range []string{"evenkeel.ready", "evenkeel.live", "evenkeel.health.check", "evenkeel.breaker.state"} {
			require.Empty(t, s.values(gauge), "%s tells of a state that nobody looks at", gauge)
		}
	})
}

func TestWatchWithoutChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, nil, nil)
		stop := watching(t, s, r, otel.WatchOptions{Every: -1})
		time.Sleep(time.Hour)
		require.Len(t, s.values("evenkeel.breaker.state"), 5)
		require.Len(t, s.values("evenkeel.live"), 1)
		require.Empty(t, s.values("evenkeel.ready"))
		require.Empty(t, s.values("evenkeel.health.check"))
		stop()
	})
}

// slow is an allocation source that answers late.
type slow struct {
	allocation.AllocationSource
	asked chan struct{}
}

func (s slow) Allocation(ctx context.Context, q allocation.Query) (allocation.Allocation, error) {
	s.asked <- struct{}{}
	select {
	case <-ctx.Done():
		return allocation.Allocation{}, ctx.Err()
	case <-time.After(5 * time.Second):
		return s.AllocationSource.Allocation(ctx, q)
	}
}

// TestCollectingNeverWaits: neither for a dependency, nor at the end, and checks
// that are broken off are no failure.
func TestCollectingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		asked := make(chan struct{}, 100)
		r := newRig(t, nil, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Allocations = slow{cfg.Allocations, asked} })
		stop := watching(t, s, r, otel.WatchOptions{Every: 10 * time.Second})
		began := time.Now()
		require.Len(t, asked, 1)
		require.Empty(t, s.values("evenkeel.ready"), "the first round is not over")
		require.Len(t, s.values("evenkeel.breaker.state"), 5)
		require.Zero(t, time.Since(began))

		time.Sleep(6 * time.Second)
		require.EqualValues(t, 1, s.values("evenkeel.ready")[""])
		require.Len(t, asked, 1, "however often it is collected")
		time.Sleep(10 * time.Second) // in the middle of the second round
		require.Len(t, asked, 2)
		began = time.Now()
		stop()
		require.Zero(t, time.Since(began))
	})
}

func TestWatchNeedsBoth(t *testing.T) {
	s := newSeen(t, otel.Options{})
	require.ErrorContains(t, otel.Watch(t.Context(), nil, s.meters, otel.WatchOptions{}), "engine or the meter provider is nil")
	require.ErrorContains(t, otel.Watch(t.Context(), newRig(t, nil, nil).Engine, nil, otel.WatchOptions{}), "is nil")
}
