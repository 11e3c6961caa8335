package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// fee is what one fill cost; none is a fee that is not known yet.
type fee struct {
	amount   string
	currency broker.Currency
}

// twoFills is a rig whose sale of A fills 100 at 50 and 300 at 51, at these fees.
func twoFills(t *testing.T, first, second fee) *rig {
	t.Helper()
	r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
		sim.FX = map[fake.Pair]decimal.Decimal{{From: "HKD", To: "USD"}: num("0.1")}
		sim.Accounts[0].Cash["HKD"] = num("1")
	})
	edit := func(s *broker.OrderState) {
		if s.Order.Instrument != "A" || len(s.Fills) != 1 {
			return
		}
		a, b := s.Fills[0], s.Fills[0]
		a.Quantity, b.Quantity = num("100"), num("300")
		b.ID, b.Price = b.ID+"x", num("51")
		for f, cost := range map[*broker.Fill]fee{&a: first, &b: second} {
			f.Fee, f.FeeCurrency = decimal.NullDecimal{}, cost.currency
			if cost.amount != "" {
				f.Fee = decimal.NewNullDecimal(num(cost.amount))
			}
		}
		s.Fills = []broker.Fill{a, b}
	}
	r.with(func(cfg *rebalance.Config) { cfg.Broker = edited{Broker: r.broker, state: edit} })
	return r
}

// TestFeesOfAnOrder: they are the sum of what its fills cost, in one currency. What
// cannot be added is named.
func TestFeesOfAnOrder(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second fee
		fees          string
		currency      broker.Currency
		inBase        string
		missing       string
	}{
		{"a free fill of no currency", fee{"5", "USD"}, fee{"0", ""}, "5", "USD", "5", ""},
		{"a free fill comes first", fee{"0", "HKD"}, fee{"5", "USD"}, "5", "USD", "5", ""},
		{"two currencies", fee{"5", "USD"}, fee{"100", "HKD"}, "5", "USD", "5", "a further fee is 100 HKD"},
		{"another currency", fee{"50", "HKD"}, fee{"50", "HKD"}, "100", "HKD", "10", ""},
		{"not known", fee{}, fee{}, "0", "", "0", "the fee of 2 of 2 fills is not known yet"},
		{"one not known", fee{"5", "USD"}, fee{}, "5", "USD", "5", "the fee of 1 of 2 fills is not known yet"},
		{"a rebate", fee{"-2.5", "USD"}, fee{"-2.5", "USD"}, "-5", "USD", "-5", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				res := twoFills(t, c.first, c.second).run("e1")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				o := order(t, res, "A")
				require.Equal(t, c.fees, o.Fees.String())
				require.Equal(t, c.currency, o.FeeCurrency)
				require.Equal(t, c.missing, o.Reason)
				require.Equal(t, c.inBase, res.Costs.Fees.String())
				require.Equal(t, "50.75", o.AveragePrice.String())
			})
		})
	}
}

// TestAFeeWithoutARateStopsTheBuys: what is left to buy with is not known.
func TestAFeeWithoutARateStopsTheBuys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := twoFills(t, fee{"50", "XXX"}, fee{"50", "XXX"})
		res := r.run("e1")
		require.Equal(t, rebalance.Failed, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonMissingFX, res.Reason)
		require.Equal(t, "100", order(t, res, "A").Fees.String())
		require.Equal(t, 1, r.sent())
		require.Empty(t, r.standing().Open)
	})
}

// TestALateFeeIsPaidFor: it is not known when the buys are funded, nor when the order is
// settled, which says so. The policy's estimate keeps cash for it.
func TestALateFeeIsPaidFor(t *testing.T) {
	for _, kind := range []broker.AccountType{broker.Margin, broker.Cash} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					sim.Accounts[0].Type = kind
					sim.Accounts[0].Cash["USD"] = decimal.Zero
					sim.Fees = fake.Commission{Minimum: num("500")}
					cfg.Accounts[0].Policy.Fee.Minimum = num("500")
					cfg.Accounts[0].Policy.Reserve.Fraction = decimal.Zero
				})
				r.broker.Inject(fake.LateFee{N: 1, For: 10 * time.Minute})
				res := r.run("e1")
				require.True(t, res.Outcome.Ended(), "%s %s", res.Outcome, res.Detail)
				require.Equal(t, "the fee of 1 of 1 fills is not known yet", order(t, res, "A").Reason)
				require.False(t, num(r.cash()).IsNegative(), "cash is %s", r.cash())
				time.Sleep(time.Hour)
				require.False(t, num(r.cash()).IsNegative(), "cash is %s", r.cash())
				require.Equal(t, "0", order(t, r.run("e1"), "A").Fees.String(), "a settlement stays as it is")
			})
		})
	}
}
