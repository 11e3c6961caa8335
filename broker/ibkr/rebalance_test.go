package ibkr_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// A whole rebalance over the wire: sell AAPL, buy MSFT, and then nothing more.
func TestRebalanceOverTheWire(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		g := gateway(t, func(cfg *gatewaysim.Config) {
			cfg.ServerVersion = version
			overweight(cfg)
			cfg.Fill = gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 3, Every: 5 * time.Millisecond}
		})
		e := engine(t, g)
		result, err := e.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "first"})
		require.NoError(t, err)
		require.Equal(t, rebalance.Completed, result.Outcome, "%s: %v", result.Reason, result)

		state, err := g.Exchange().Account(string(account))
		require.NoError(t, err)
		require.True(t, state.Positions["AAPL"].GreaterThan(dec("380")) && state.Positions["AAPL"].LessThan(dec("420")), "AAPL is %s", state.Positions["AAPL"])
		require.True(t, state.Positions["MSFT"].GreaterThan(dec("770")) && state.Positions["MSFT"].LessThan(dec("830")), "MSFT is %s", state.Positions["MSFT"])
		require.True(t, state.Cash["USD"].Sign() > 0, "cash is %s", state.Cash["USD"])
		require.Len(t, g.Exchange().Orders(), 2)

		again, err := e.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "second"})
		require.NoError(t, err)
		require.Equal(t, rebalance.NoTrade, again.Outcome, "%s: %v", again.Reason, again)
		require.Len(t, g.Exchange().Orders(), 2, "a second run on the same targets sends nothing")
	})
}

// The connection breaks after the gateway took the first order and before it
// answered: the engine finds out what became of it and goes on.
func TestRebalanceSurvivesACutInTheSend(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		g := gateway(t, func(cfg *gatewaysim.Config) {
			cfg.ServerVersion = version
			overweight(cfg)
		})
		_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultCutAfterAccept})
		require.NoError(t, err)
		e := engine(t, g)
		result, err := e.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "first"})
		require.NoError(t, err)
		for n := 0; result.Outcome != rebalance.Completed && n < 5; n++ {
			result, err = e.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "first"})
			require.NoError(t, err)
		}
		require.Equal(t, rebalance.Completed, result.Outcome, "%s: %v", result.Reason, result)
		require.Len(t, g.Exchange().Orders(), 2, "one sell and one buy, each once")
		require.Equal(t, 1, g.Fired(gatewaysim.FaultCutAfterAccept))
	})
}

// Whatever goes wrong on the wire, no order is sent twice, and a run that says
// that it is complete has reached its targets.
func TestRebalanceUnderFaults(t *testing.T) {
	t.Parallel()
	for _, f := range []gatewaysim.Fault{
		{Name: gatewaysim.FaultCutBeforeAccept},
		{Name: gatewaysim.FaultCutAfterAck},
		{Name: gatewaysim.FaultCutAfterFill},
		{Name: gatewaysim.FaultLoseOrder},
		{Name: gatewaysim.FaultLinkLostMidFill},
		{Name: gatewaysim.FaultFillWithoutStatus},
		{Name: gatewaysim.FaultReorderStatus},
		{Name: gatewaysim.FaultRegressStatus},
		{Name: gatewaysim.FaultDuplicateExec},
		{Name: gatewaysim.FaultRejectOrder},
		{Name: gatewaysim.FaultPartialThenCancel},
		{Name: gatewaysim.FaultHoldOrder},
		{Name: gatewaysim.FaultFillAfterCancel},
		{Name: gatewaysim.FaultDuplicateOrderID},
		{Name: gatewaysim.FaultAlterOrder, Quantity: dec("100")},
		{Name: gatewaysim.FaultPositionLag, For: gatewaysim.Duration(500 * time.Millisecond)},
		{Name: gatewaysim.FaultFrozenValues, For: gatewaysim.Duration(500 * time.Millisecond)},
		{Name: gatewaysim.FaultNeverFill},
		{Name: gatewaysim.FaultInactive, For: gatewaysim.Duration(1500 * time.Millisecond)},
		{Name: gatewaysim.FaultTwoPermIDs},
		{Name: gatewaysim.FaultCorrectExec, Quantity: dec("399")},
		{Name: gatewaysim.FaultStatusWithoutExec, For: gatewaysim.Duration(1500 * time.Millisecond)},
		{Name: gatewaysim.FaultPartialThenStop},
		{Name: gatewaysim.FaultWrongRemaining},
		{Name: gatewaysim.FaultOddExecTime},
		{Name: gatewaysim.FaultCommissionOdd},
		{Name: gatewaysim.FaultCompetingSession, Times: 4},
		{Name: gatewaysim.FaultReadOnly, Times: 1},
		{Name: gatewaysim.FaultAckLate, For: gatewaysim.Duration(1500 * time.Millisecond)},
	} {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			g := gateway(t, overweight)
			_, err := g.Inject(f)
			require.NoError(t, err)
			e := engine(t, g)
			var result *rebalance.Result
			for range 6 {
				result, err = e.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "first"})
				require.NoError(t, err)
				if result.Outcome == rebalance.Completed {
					break
				}
			}
			t.Logf("%s: %s %s", f.Name, result.Outcome, result.Reason)
			refs := map[string]bool{}
			bought, sold := dec("0"), dec("0")
			for _, o := range g.Exchange().Orders() {
				require.False(t, refs[o.Ref], "order %s is there twice", o.Ref)
				refs[o.Ref] = true
				if o.Symbol == "AAPL" {
					sold = sold.Add(o.Filled)
				} else {
					bought = bought.Add(o.Filled)
				}
			}
			require.True(t, sold.LessThan(dec("420")), "sold %s", sold)
			require.True(t, bought.LessThan(dec("830")), "bought %s", bought)
			state, err := g.Exchange().Account(string(account))
			require.NoError(t, err)
			require.True(t, state.Cash["USD"].Sign() >= 0, "cash is %s", state.Cash["USD"])
			if result.Outcome == rebalance.Completed {
				require.True(t, state.Positions["MSFT"].GreaterThan(dec("770")), "MSFT is %s", state.Positions["MSFT"])
			}
		})
	}
}

// overweight is an account that holds AAPL and hardly anything else.
func overweight(cfg *gatewaysim.Config) {
	cfg.Accounts[0].Cash["USD"] = dec("2000")
	cfg.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("800"), AverageCost: dec("90")}}
}

// engine is an engine on the gateway, which wants half of each stock.
func engine(t *testing.T, g *gatewaysim.Gateway) *rebalance.Engine {
	t.Helper()
	return engineOn(t, open(t, config(g)), "0.01", []allocation.Target{{Symbol: "AAPL", Weight: dec("0.5")}, {Symbol: "MSFT", Weight: dec("0.5")}})
}

// engineOn is an engine that keeps the account at its targets, within a band.
func engineOn(tb testing.TB, b *ibkr.Broker, band string, targets []allocation.Target) *rebalance.Engine {
	tb.Helper()
	source, err := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{Schema: allocation.Schema, Strategy: "core", Targets: targets})
	require.NoError(tb, err)
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = dec("0.01")
	policy.Band.Absolute = decimal.NewNullDecimal(dec(band))
	policy.Fee = rebalance.Fee{Minimum: dec("1"), PerUnit: dec("0.005")}
	e, err := rebalance.New(rebalance.Config{
		Broker: b, Prices: b, Allocations: source, Journal: journal.NewMemory(journal.MemoryOptions{}), Queue: memqueue.New(memqueue.Options{}),
		Accounts: []rebalance.Account{{ID: account, Mode: broker.Paper, Strategy: "core", Policy: &policy}},
		Timing: rebalance.Timing{
			Acknowledge: time.Second, Complete: time.Second, Cancel: time.Second, Settle: 3 * time.Second, Sweep: 1100 * time.Millisecond, LeaseMargin: 100 * time.Millisecond,
		},
	})
	require.NoError(tb, err)
	return e
}
