package rebalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// writes counts the durable writes of runs.
type writes struct {
	journal.Journal
	orders int            // writes about orders
	steps  map[string]int // writes about the run, by step
}

func (w *writes) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	w.steps["begin"]++
	return w.Journal.Begin(ctx, c)
}

func (w *writes) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	w.steps[s.Name]++
	return w.Journal.Checkpoint(ctx, g, s)
}

func (w *writes) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	w.orders++
	return w.Journal.Intend(ctx, g, intents...)
}

func (w *writes) Settle(ctx context.Context, g journal.Grant, settlements ...journal.Settlement) error {
	w.orders++
	return w.Journal.Settle(ctx, g, settlements...)
}

func (w *writes) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	w.steps["finish"]++
	return w.Journal.Finish(ctx, g, o)
}

func TestADurableJournalIsWrittenTwicePerOrderAndOncePerStep(t *testing.T) {
	for _, tc := range []struct {
		name string
		fill fake.FillModel
	}{
		{"filled at once", nil},
		{"filled later, in parts", fake.Fraction{Of: num("0.3"), Every: time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const symbols = 10
				w := &writes{steps: map[string]int{}}
				r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					w.Journal = cfg.Journal
					cfg.Journal = w
					sim.Fill = tc.fill
					for i := range symbols {
						id := broker.InstrumentID(fmt.Sprintf("S%d", i))
						sim.Instruments = append(sim.Instruments, broker.Instrument{ID: id})
						sim.Quotes[id] = at("20")
					}
				})
				to := model("core", "A", "0.1")
				for i := range symbols {
					to.Targets = append(to.Targets, allocation.Target{Symbol: broker.InstrumentID(fmt.Sprintf("S%d", i)), Weight: num("0.09")})
				}
				require.NoError(t, r.targets.Set(to))

				res := r.run("e1")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				require.Len(t, res.Orders, symbols+2)
				require.LessOrEqual(t, w.orders, 2*len(res.Orders))
				require.NotZero(t, w.orders)
				for step, n := range w.steps {
					require.Equal(t, 1, n, step)
				}
			})
		})
	}
}
