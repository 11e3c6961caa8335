package rebalance_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestASourceMayReuseItsList: what a run remembers of its targets is its own, so the
// guard against a sudden shift sees one also when the source changes its list in place.
func TestASourceMayReuseItsList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model("core", "A", "0.3", "B", "0.7")
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Allocations = sourceFunc(func() (allocation.Allocation, error) { return m, nil })
			cfg.Accounts[0].Policy.Guards.MaxAllocationShift = decimal.NewNullDecimal(num("0.2"))
		})
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		m.Targets[0].Weight, m.Targets[1].Weight = num("0.9"), num("0.1")
		res := r.run("e2")
		require.Equal(t, rebalance.Held, res.Outcome, "%s %s", res.Reason, res.Detail)
	})
}

// TestATrackerMayKeepTheResult: it may read it at its leisure, and change it, while
// the engine goes on with its own. It is the race detector that sees the first.
func TestATrackerMayKeepTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readers sync.WaitGroup
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Events = rebalance.EventPolicy{Attempts: 1}
			cfg.Tracker = rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) {
				if p.Result == nil {
					return
				}
				if p.Result.Before != nil {
					p.Result.Orders[0].Symbol, p.Result.Before.Holdings[0].Symbol = "spoilt", "spoilt"
				}
				readers.Go(func() {
					for range 1000 {
						_, err := rebalance.EncodeResult(p.Result)
						if err != nil {
							t.Error(err)
						}
					}
				})
			})
		})
		id := r.publish(queue.Event{})
		r.serve(func() bool { return r.entry(id).State == queue.Done })
		res := r.run(id)
		require.Equal(t, "A", string(res.Orders[0].Symbol))
		require.Equal(t, "A", string(res.Before.Holdings[0].Symbol))

		r.cfg.Allocations = sourceFunc(down)
		r.restart()
		id = r.publish(queue.Event{Payload: []byte(`{"force":true}`)})
		r.serve(func() bool { return r.entry(id).State == queue.Dead })
		readers.Wait()
	})
}
