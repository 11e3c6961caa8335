package rebalance_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// withOption gives the account a position that is no stock, and leaves it alone.
func withOption(quantity string, more func(*fake.Config, *rebalance.Config)) func(*fake.Config, *rebalance.Config) {
	return func(sim *fake.Config, cfg *rebalance.Config) {
		sim.Instruments = append(sim.Instruments, broker.Instrument{ID: "OPT", Kind: broker.Other})
		sim.Quotes["OPT"] = at("100")
		sim.Accounts[0].Positions["OPT"] = num(quantity)
		cfg.Accounts[0].IgnoreOther = true
		if more != nil {
			more(sim, cfg)
		}
	}
}

func TestAnAccountWithIgnoredPositionsIsRebalanced(t *testing.T) {
	for _, quantity := range []string{"-100", "1000"} {
		t.Run(quantity, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, withOption(quantity, nil))
				res := r.run("e1")
				require.Equal(t, rebalance.Completed, res.Outcome, "%s: %s %+v", res.Reason, res.Detail, res.Orders)
				require.Equal(t, 2, r.sent())
				require.Equal(t, quantity, r.held("OPT"))
			})
		})
	}
}

func TestTheLossLimitSeesALossOfAnAccountWithIgnoredPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, withOption("1000", func(sim *fake.Config, cfg *rebalance.Config) {
			cfg.Limits.Collar = num("0.5")
			sim.OnCall = func(c fake.Call) error {
				if c.Method != fake.MethodPlace || !c.After || r.sent() != 1 {
					return nil
				}
				return errors.Join(r.broker.SetQuote("B", num("95"), num("95")), r.broker.SetQuote("OPT", num("60"), num("60")))
			}
		}))
		res := r.run("e1")
		require.Contains(t, order(t, res, "B").Reason, "net liquidation fell from 201000")
		for _, o := range r.broker.Ledger().Orders {
			require.NotEqual(t, broker.Buy, o.Sent.Side)
		}
	})
}

func TestATradeOfWhatIsIgnoredBlocksNobody(t *testing.T) {
	for name, quantity := range map[string]string{"some": "1", "all": "10"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *rig
				once := false
				r = newRig(t, withOption("10", func(sim *fake.Config, _ *rebalance.Config) {
					sim.OnCall = func(c fake.Call) error {
						if c.Method == fake.MethodPlace && c.After && !once {
							once = true
							return r.broker.TradeByHand(account, "OPT", broker.Sell, num(quantity))
						}
						return nil
					}
				}))
				res := r.run("e1")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				time.Sleep(time.Hour)
				require.NoError(t, r.targets.Set(model("core", "A", "0.5", "B", "0.5")))
				res = r.run("e2")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				require.Empty(t, res.Differences)
			})
		})
	}
}

// restingBuy places a person's order to buy that does not fill yet.
func (r *rig) restingBuy(symbol, quantity, limit string) {
	r.t.Helper()
	_, err := r.broker.PlaceByHand(broker.Order{
		Account: account, Instrument: broker.InstrumentID(symbol), Ref: "SIM." + symbol, Side: broker.Buy,
		Quantity: num(quantity), Type: broker.Limit, Limit: num(limit), TIF: broker.Day,
	})
	require.NoError(r.t, err)
}

func TestSomebodysOrderForAnotherSymbolIsPaidFor(t *testing.T) {
	for _, foreign := range []rebalance.ForeignOrders{rebalance.ForeignBlock, rebalance.ForeignCount} {
		t.Run(string(foreign), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
					sim.AllowMargin = true
					sim.Accounts[0].Positions["B"] = num("100")
					sim.Accounts[0].Cash["USD"] = num("60000")
					cfg.Accounts[0].Policy.ForeignOrders = foreign
				})
				r.restingBuy("C", "1000", "19")
				res := r.run("e1")
				require.True(t, res.Outcome.Ended(), "%s %s", res.Outcome, res.Detail)
				require.NotEqual(t, rebalance.ReasonMissingPrice, res.Reason)
				require.NotZero(t, r.sent())
				require.NoError(t, r.broker.SetQuote("C", num("18"), num("18")))
				require.False(t, num(r.cash()).IsNegative(), "cash is %s once the other order filled", r.cash())
			})
		})
	}
}

func TestSomebodysOrderForWhatIsIgnoredStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withOption("10", func(sim *fake.Config, _ *rebalance.Config) { sim.AllowMargin = true }))
		r.restingBuy("OPT", "1", "1")
		res := r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, "%s: %s", res.Reason, res.Detail)
	})
}

func TestADayCountsWhatAnUnfinishedRunSoldInItsCurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			sim.Instruments = append(sim.Instruments, broker.Instrument{ID: "Y", Currency: "JPY"})
			sim.Quotes["Y"] = at("1500")
			sim.FX = map[fake.Pair]decimal.Decimal{{From: "JPY", To: "USD"}: num("0.0066")}
			sim.Accounts[0].Positions["Y"] = num("1000") // 1.5 M yen, 9,900 dollars
			cfg.Policies.Prices = onlyOnce{}
		})
		n := 0
		r.with(func(cfg *rebalance.Config) {
			cfg.Prices = pricesAfter{r.broker, func() error {
				if n++; n == 2 {
					return errors.New("hiccup")
				}
				return nil
			}}
		})
		require.Equal(t, rebalance.Failed, r.run("e1").Outcome)
		require.Equal(t, "0", r.held("Y"))
		time.Sleep(time.Minute)
		res := r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, "%s: %s", res.Reason, res.Detail)
	})
}
