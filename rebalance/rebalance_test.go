package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestRebalanceReachesTheTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		res := r.run("e1")

		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		sold, bought := order(t, res, "A"), order(t, res, "B")
		require.Equal(t, journal.Filled, sold.Outcome)
		require.Equal(t, journal.Filled, bought.Outcome)
		require.Equal(t, broker.Sell, res.Orders[0].Side, "sells come first")
		// Equity is 101,000, reserve 1,010: A gets 0.3 of 99,990, B 0.7.
		require.Equal(t, "600", r.held("A"))
		require.Equal(t, "699", r.held("B"))
		require.Equal(t, "1100", r.cash())
		require.True(t, res.After.Drift.LessThan(res.Before.Drift))
		require.Equal(t, "39900", res.Costs.Traded.String())
		require.NotEmpty(t, res.PlanHash)
	})
}

func TestASecondRunFindsNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.run("e1")
		res := r.run("e2")
		require.Equal(t, rebalance.NoTrade, res.Outcome, res.Detail)
		require.Equal(t, 2, r.sent())
	})
}

func TestAskingAgainGivesTheSameResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		first := r.run("e1")
		r.restart()
		again := r.run("e1")
		a, err := rebalance.EncodeResult(first)
		require.NoError(t, err)
		b, err := rebalance.EncodeResult(again)
		require.NoError(t, err)
		require.JSONEq(t, string(a), string(b))
		require.Equal(t, 2, r.sent())
	})
}

func TestPreviewHasNoSideEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		plan, err := r.Plan(t.Context(), rebalance.Request{Account: account})
		require.NoError(t, err)
		require.Equal(t, rebalance.PlanTrade, plan.Outcome)
		require.Len(t, plan.Orders, 2)
		require.Zero(t, r.sent())
		for range r.journal.Runs(t.Context(), account) {
			t.Fatal("a preview leaves no run")
		}
		res := r.run("e1")
		require.Equal(t, plan.Hash, res.PlanHash, "the run trades what the preview showed")
	})
}

func TestBadInputEndsBeforeAnythingIsSent(t *testing.T) {
	for _, tc := range []struct {
		name    string
		request rebalance.Request
		change  func(*rig)
		outcome rebalance.Outcome
		reason  rebalance.Reason
		detail  string
	}{
		{"unknown command", rebalance.Request{Account: account, Command: "sell_all"}, nil, rebalance.Rejected, rebalance.ReasonUnknownCommand, "sell_all"},
		{"unknown account", rebalance.Request{Account: "U9"}, nil, rebalance.Rejected, rebalance.ReasonUnknownAccount, "U9"},
		{
			"unknown strategy",
			rebalance.Request{Account: account, Arguments: rebalance.Arguments{Strategy: "moon"}},
			nil, rebalance.Rejected, rebalance.ReasonUnknownStrategy, "moon",
		},
		{
			"unknown mode",
			rebalance.Request{Account: account, Arguments: rebalance.Arguments{Mode: "yolo"}},
			nil, rebalance.Rejected, rebalance.ReasonBadArguments, "yolo",
		},
		{
			"unknown policy field",
			rebalance.Request{Account: account, Arguments: rebalance.Arguments{Policy: []byte(`{"reserv":{}}`)}},
			nil, rebalance.Rejected, rebalance.ReasonBadArguments, "reserv",
		},
		{"no price", rebalance.Request{Account: account}, func(r *rig) {
			require.NoError(r.t, r.broker.ClearQuote("B"))
		}, rebalance.Failed, "", "B"},
		{"crossed quote and nothing else", rebalance.Request{Account: account}, func(r *rig) {
			q := at("100")
			q.Bid.Decimal, q.Last.Valid = num("101"), false
			r.cfg.Prices = quotes{r.broker, "B", q}
			r.restart()
		}, rebalance.Failed, rebalance.ReasonMissingPrice, "B"},
		{"unknown symbol", rebalance.Request{Account: account}, func(r *rig) {
			require.NoError(r.t, r.targets.Set(model("core", "A", "0.5", "ZZZ", "0.5")))
		}, rebalance.Rejected, rebalance.ReasonUnknownInstrument, "ZZZ"},
		{"paper mixed up with simulated", rebalance.Request{Account: account}, func(r *rig) {
			r.cfg.Accounts[0].Mode = broker.Live
			r.restart()
		}, rebalance.Rejected, rebalance.ReasonWrongMode, "simulated"},
		{"foreign order", rebalance.Request{Account: account}, func(r *rig) {
			_, err := r.broker.PlaceByHand(broker.Order{
				Account: account, Instrument: "A", Side: broker.Sell, Quantity: num("10"), Type: broker.Limit, Limit: num("99"), TIF: broker.Day,
			})
			require.NoError(r.t, err)
		}, rebalance.Held, rebalance.ReasonForeignOpenOrders, "A"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				before := r.sent()
				if tc.change != nil {
					tc.change(r)
					before = r.sent()
				}
				res := r.do(tc.request)
				require.Equal(t, tc.outcome, res.Outcome, res.Detail)
				if tc.reason != "" {
					require.Equal(t, tc.reason, res.Reason)
				}
				require.Contains(t, res.Detail, tc.detail)
				require.Equal(t, before, r.sent())
			})
		})
	}
}

func TestClosedMarketDefersToTheOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a bubble begins on a Saturday
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Hours = fake.NYSE() })
		res := r.run("e1")
		require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonMarketClosed, res.Reason)
		require.Equal(t, "2000-01-03T14:30:00Z", res.Until.UTC().Format(time.RFC3339))
		require.Zero(t, r.sent())

		time.Sleep(time.Until(res.Until))
		res = r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
	})
}

func TestADeferredRunLooksAtNewTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Hours = fake.NYSE() })
		res := r.run("e1")
		require.NoError(t, r.targets.Set(model("core", "A", "0.6", "B", "0.4")))
		time.Sleep(time.Until(res.Until))
		res = r.run("e1")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "1199", r.held("A"))
	})
}
