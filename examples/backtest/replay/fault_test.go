package replay_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestNonsenseOfAStrategyIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		decide func(replay.View) ([]allocation.Target, error)
		want   string
	}{
		"error": {
			func(replay.View) ([]allocation.Target, error) { return nil, errors.New("no idea today") },
			`replay: 2014-01-03: strategy "mine": no idea today`,
		},
		"panic": {
			func(replay.View) ([]allocation.Target, error) { panic("division by zero") },
			`replay: 2014-01-03: strategy "mine": it panicked: division by zero`,
		},
		"nothing": {func(replay.View) ([]allocation.Target, error) { return nil, nil }, "it has no targets"},
		"half":    {gives(t, "MTUM", "0.5"), "the weights sum to 0.5, want 0.99 to 1.01"},
		"double":  {gives(t, "MTUM", "1", "QUAL", "1"), "the weights sum to 2, want 0.99 to 1.01"},
		"short":   {gives(t, "MTUM", "1.5", "QUAL", "-0.5"), `weight of "QUAL" is -0.5, want 0 to 1.01`},
		"twice":   {gives(t, "MTUM", "0.5", "MTUM", "0.5"), `symbol "MTUM" is there twice`},
		"unknown": {gives(t, "MTUM", "0.5", "GOLD", "0.5"), `strategy "mine": it wants "GOLD", which is not one of the symbols that are traded: [MTUM QUAL SIZE USMV VLUE]`},
	} {
		t.Run(name, func(t *testing.T) {
			config := factors(t)
			good := config.Strategy.Decide
			calls := 0
			config.Strategy = replay.Strategy{Name: "mine", Decide: func(v replay.View) ([]allocation.Target, error) {
				if calls++; calls == 1 {
					return good(v)
				}
				return c.decide(v)
			}}
			days, err := fault(t, t.Context(), config)
			require.Equal(t, 1, days)
			require.ErrorContains(t, err, "replay: 2014-01-03: ")
			require.ErrorContains(t, err, c.want)
		})
	}
}

// gives is a strategy that always wants the same.
func gives(tb testing.TB, pairs ...string) func(replay.View) ([]allocation.Target, error) {
	tb.Helper()
	targets := weights(tb, pairs...)
	return func(replay.View) ([]allocation.Target, error) { return targets, nil }
}

func TestARunThatDoesNotEndWellStopsTheBacktest(t *testing.T) {
	config := factors(t)
	policy := replay.DefaultPolicy()
	policy.Guards = rebalance.DefaultPolicy().Guards
	config.Policy = &policy
	config.Strategy = replay.Momentum(60, 1)
	_, err := fault(t, t.Context(), config)
	var run *replay.RunError
	require.ErrorAs(t, err, &run)
	require.Equal(t, rebalance.Held, run.Result.Outcome)
	require.ErrorContains(t, err, "is held: allocation_shift: ")
}

func TestMissingPricesAreFoundFirst(t *testing.T) {
	rows := []string{"Date,A,B,C", "2024-01-01,1,,5", "2024-01-02,2,,5", "2024-01-03,3,7,5", "2024-01-04,,8,5", "2024-01-05,5,9,5"}
	config := replay.Config{Prices: prices(t, rows...), Strategy: replay.Fixed(weights(t, "A", "1")...), Cash: num("1000")}
	n, err := fault(t, t.Context(), config)
	require.Zero(t, n)
	require.EqualError(t, err, "replay: prices: line 2: column 3 (B): no price on 2024-01-01: "+
		"fill the gap, leave B out, or begin later (it has a price on every day from 2024-01-03 on)")
	config.Symbols = config.Prices.Symbols()[:1]
	_, err = fault(t, t.Context(), config)
	require.ErrorContains(t, err, "line 5: column 2 (A): no price on 2024-01-04")
	var gap *replay.GapError
	require.ErrorAs(t, err, &gap)
	config.To = "2024-01-04"
	_, err = fault(t, t.Context(), config)
	require.EqualError(t, err, "replay: prices: line 5: column 2 (A): no price on 2024-01-04: fill the gap, or leave A out")
	config.To = "2024-01-03"
	_, m := play(t, config)
	require.Equal(t, 3, m.Days)
}

func TestFaultsOfTheConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*replay.Config)
		want   string
	}{
		"no prices":      {func(c *replay.Config) { c.Prices = nil }, "Prices is nil"},
		"no strategy":    {func(c *replay.Config) { c.Strategy.Decide = nil }, "Strategy.Decide is nil"},
		"no cash":        {func(c *replay.Config) { c.Cash = num("0") }, "Cash is 0: want more than 0"},
		"negative fee":   {func(c *replay.Config) { c.Costs.PerUnit = num("-1") }, "Costs.PerUnit is -1"},
		"slippage":       {func(c *replay.Config) { c.Costs.Slippage = num("5") }, "Costs.Slippage is 5"},
		"lot":            {func(c *replay.Config) { c.Lot = num("-1") }, "Lot is -1"},
		"unknown symbol": {func(c *replay.Config) { c.Symbols = append(c.Prices.Symbols(), "GOLD") }, "Symbols[5] is GOLD, which has no column"},
		"symbol twice":   {func(c *replay.Config) { c.Symbols = append(c.Prices.Symbols(), "MTUM") }, "Symbols[5] is MTUM, which is there twice"},
		"too early":      {func(c *replay.Config) { c.From = "2013-01-02" }, "From is 2013-01-02: the prices go from 2014-01-02 to 2022-12-28"},
		"too late":       {func(c *replay.Config) { c.To = "2023-01-02" }, "To is 2023-01-02: the prices go from"},
		"backwards":      {func(c *replay.Config) { c.From, c.To = "2016-01-04", "2015-01-02" }, "From is 2016-01-04, after To, which is 2015-01-02"},
		"one day":        {func(c *replay.Config) { c.From, c.To = "2016-01-04", "2016-01-04" }, "fewer than 2 trading days"},
		"flow":           {func(c *replay.Config) { c.To, c.Flows = "2016-01-04", []replay.Flow{{Day: "2016-01-05"}} }, "Flows[0] is on 2016-01-05: want a day from 2014-01-02 to 2016-01-04"},
		"warm-up":        {func(c *replay.Config) { c.From, c.Strategy = "2014-01-03", replay.Momentum(60, 1) }, "needs 61 days of prices before, there are 1: begin on 2014-04-01 or later"},
		"long warm-up":   {func(c *replay.Config) { c.Strategy = replay.Momentum(5000, 1) }, "fewer than 2 trading days"},
		"policy":         {func(c *replay.Config) { p := replay.DefaultPolicy(); p.Mode = "both"; c.Policy = &p }, `mode is "both"`},
	} {
		t.Run(name, func(t *testing.T) {
			config := factors(t)
			c.change(&config)
			n, err := fault(t, t.Context(), config)
			require.Zero(t, n)
			require.ErrorContains(t, err, c.want)
		})
	}
}
