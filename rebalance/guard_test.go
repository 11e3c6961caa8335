package rebalance_test

import (
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// lyingPlanner makes the plan that it was told, whatever the input.
type lyingPlanner struct {
	rebalance.Planner
	orders []rebalance.PlannedOrder
}

func (p lyingPlanner) Plan(in rebalance.Input) (rebalance.Plan, error) {
	plan, err := p.Planner.Plan(in)
	plan.Outcome, plan.Reason, plan.Orders = rebalance.PlanTrade, "", p.orders
	return plan, err
}

// TestNoOrderThatTheAccountCannotBear gives the engine a planner with a bug: the
// last look before the send must stop it.
func TestNoOrderThatTheAccountCannotBear(t *testing.T) {
	for _, tc := range []struct {
		name  string
		order rebalance.PlannedOrder
		why   string
	}{
		{"more than is held", rebalance.PlannedOrder{Symbol: "A", Side: broker.Sell, Quantity: num("1001"), Limit: num("50")}, "would go short"},
		{"more than the cash", rebalance.PlannedOrder{Symbol: "B", Side: broker.Buy, Quantity: num("5"), Limit: num("100")}, "cash above the reserve"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
					cfg.Planner = lyingPlanner{rebalance.NewPlanner(), []rebalance.PlannedOrder{tc.order}}
				})
				res := r.run("e1")
				require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
				require.Equal(t, journal.NotSent, res.Orders[0].Outcome)
				require.Contains(t, res.Orders[0].Reason, tc.why)
				require.Zero(t, r.sent())
			})
		})
	}
}

// TestCashOfOneCurrencyPaysForNoOther: there is cash enough in base, but nothing is
// converted.
func TestCashOfOneCurrencyPaysForNoOther(t *testing.T) {
	for quantity, outcome := range map[string]journal.OrderOutcome{"10": journal.Filled, "11": journal.NotSent} {
		t.Run(quantity, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					sim.Instruments[2].Currency = "EUR"
					sim.FX = map[fake.Pair]decimal.Decimal{{From: "EUR", To: "USD"}: num("1.1")}
					sim.Accounts[0].Cash = map[broker.Currency]decimal.Decimal{"USD": num("9000"), "EUR": num("200")}
					sim.AllowMargin = true
					cfg.Planner = lyingPlanner{rebalance.NewPlanner(), []rebalance.PlannedOrder{
						{Symbol: "C", Side: broker.Buy, Quantity: num(quantity), Limit: num("20")},
					}}
				})
				require.NoError(t, r.targets.Set(model("core", "A", "0.3", "B", "0.6", "C", "0.1")))
				res := r.run("e1")
				require.Equal(t, outcome, res.Orders[0].Outcome, res.Orders[0].Reason)
				if outcome == journal.NotSent {
					require.Contains(t, res.Orders[0].Reason, "220 EUR, there are 200, and nothing is converted")
				}
			})
		})
	}
}

func TestAPriceThatRanAwayIsNotTraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After { // after the sell B is 10 % up
					require.NoError(t, r.broker.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"B": at("107")}))
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Equal(t, journal.NotSent, order(t, res, "B").Outcome)
		require.Contains(t, order(t, res, "B").Reason+res.Detail, "")
		require.Equal(t, "500", r.held("B"))
	})
}

func TestNothingIsBoughtAfterALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			cfg.Limits.Loss = num("0.01")
			cfg.Limits.Collar = num("0.5")
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After {
					require.NoError(t, r.broker.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"A": at("47")}))
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Contains(t, order(t, res, "B").Reason, "net liquidation fell")
		require.Equal(t, "500", r.held("B"))
	})
}

func TestThreeRejectionsStopTheSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := []broker.InstrumentID{"D", "E", "F", "G", "H"}
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Accounts[0].Cash["USD"] = num("100000")
			for _, id := range ids {
				sim.Instruments = append(sim.Instruments, broker.Instrument{ID: id})
				sim.Quotes[id] = at("10")
			}
		})
		require.NoError(t, r.targets.Set(model("core", "A", "0.25", "B", "0.25", "D", "0.1", "E", "0.1", "F", "0.1", "G", "0.1", "H", "0.1")))
		for n := 1; n <= 5; n++ {
			r.broker.Inject(fake.RejectOrder{N: n})
		}
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		require.Equal(t, 3, r.sent())
		require.Contains(t, order(t, res, "H").Reason, "3 orders of this run were rejected")
	})
}

func TestCashThatCameDuringTheRunIsNotSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodPlace && c.After && r.sent() == 1 {
					return r.broker.Deposit(account, broker.Money{Amount: num("30000"), Currency: "USD"})
				}
				return nil
			}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "699", r.held("B"), "as planned, not more")
	})
}
