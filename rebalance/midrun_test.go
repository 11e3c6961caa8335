package rebalance_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestASplitInTheMiddleOfARunBlocks: the position doubles and its price halves right
// after an order; nothing more is traded on the old numbers.
func TestASplitInTheMiddleOfARunBlocks(t *testing.T) {
	for name, after := range map[string]int{"after the sale": 1, "after the buy": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *rig
				r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
					done := false
					sim.OnCall = func(c fake.Call) error {
						if c.Method != fake.MethodPlace || !c.After || r.sent() != after || done {
							return nil
						}
						done = true
						return errors.Join(r.broker.Transfer(account, "A", num(r.held("A"))), r.broker.SetQuote("A", num("25"), num("25")))
					}
				})
				res := r.run("e1")
				require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
				require.Equal(t, rebalance.ReasonForeignTrade, res.Reason)
				require.Equal(t, after, r.sent())
			})
		})
	}
}

// TestAFillThatIsTakenBackBlocks: the broker corrects a fill of the sale, while the sale
// works or after it was settled. No later run goes on as if nothing had happened.
func TestAFillThatIsTakenBackBlocks(t *testing.T) {
	for _, c := range []struct {
		after         time.Duration
		first, second rebalance.Reason
	}{
		{0, rebalance.ReasonUnknownOutcome, rebalance.ReasonAccountBlocked},
		{time.Second, rebalance.ReasonUnknownOutcome, rebalance.ReasonAccountBlocked},
		{5 * time.Second, rebalance.ReasonUnknownOutcome, rebalance.ReasonAccountBlocked},
		{40 * time.Second, "", rebalance.ReasonCorrected},
		{time.Hour, "", rebalance.ReasonCorrected},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
					sim.Fill = fake.Partial{Lots: 100, Every: 7 * time.Second}
				})
				r.broker.Inject(fake.CorrectFill{N: 1, After: c.after, Quantity: num("1"), Price: num("50")})
				first := r.run("e1")
				require.Equal(t, c.first, first.Reason, first.Detail)
				if c.first == rebalance.ReasonUnknownOutcome {
					require.Contains(t, first.Detail, "the broker calls it filled, but its fills make 301 of 400")
				}
				time.Sleep(2 * time.Hour)
				sent := r.sent()
				res := r.run("e2")
				require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
				require.Equal(t, c.second, res.Reason)
				require.Equal(t, sent, r.sent())
			})
		})
	}
}
