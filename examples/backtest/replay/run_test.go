package replay_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// factors is a backtest of the five ETFs, all equal.
func factors(tb testing.TB) replay.Config {
	tb.Helper()
	h := load(tb, "factors.csv.gz")
	targets, err := replay.Equal(h.Symbols()...)
	require.NoError(tb, err)
	return replay.Config{Prices: h, Strategy: replay.Fixed(targets...), Cash: num("100000")}
}

// sentOn are the days on which orders were sent.
func sentOn(days []*replay.Day) []marketdata.Day {
	var on []marketdata.Day
	for _, day := range days {
		if slices.ContainsFunc(day.Results, func(r *rebalance.Result) bool { return replay.Sent(r) > 0 }) {
			on = append(on, day.Date)
		}
	}
	return on
}

func TestTheTriggerDecidesTheDays(t *testing.T) {
	config := factors(t)
	config.To = "2014-12-31"
	config.Trigger = &rebalance.Trigger{Calendar: rebalance.Quarterly, Zone: "UTC"}
	days, m := play(t, config)
	require.Equal(t, []marketdata.Day{"2014-01-02", "2014-04-01", "2014-07-01", "2014-10-01"}, sentOn(days))
	require.Equal(t, 4, m.Rebalanced)
	require.Equal(t, 252, m.Runs, "each day is an event")

	config.Trigger = &rebalance.Trigger{DriftAbsolute: decimal.NewNullDecimal(num("0.01")), Zone: "UTC"}
	config.To = ""
	days, _ = play(t, config)
	on := sentOn(days)
	require.Greater(t, len(on), 3)
	require.Less(t, len(on), 40)
	for i, day := range days {
		drift := 0.0
		if i > 0 { // the day before's shares at today's prices
			drift = furthest(days[i-1], day)
		}
		require.Equal(t, drift > 0.01 || i == 0, slices.Contains(on, day.Date), "%s: drift %v", day.Date, drift)
	}
}

// furthest is the largest distance of a weight from 0.2.
func furthest(before, day *replay.Day) float64 {
	value := day.Value.InexactFloat64()
	most := 0.0
	for i, h := range before.Holdings {
		away := h.Quantity.Mul(day.Holdings[i].Price).InexactFloat64()/value - 0.2
		most = max(most, away, -away)
	}
	return most
}

func TestBandsKeepSmallDifferencesAlone(t *testing.T) {
	config := factors(t)
	policy := replay.DefaultPolicy()
	policy.Band = rebalance.Band{Absolute: decimal.NewNullDecimal(num("0.01"))}
	config.Policy = &policy
	days, m := play(t, config)
	require.Greater(t, m.Rebalanced, 3)
	require.Less(t, m.Rebalanced, 60)
	require.Equal(t, m.Days, m.Runs)
	require.Equal(t, rebalance.ReasonWithinBand, days[1].Results[0].Reason)
}

func TestHoldBuysOnceAndInvestsDeposits(t *testing.T) {
	config := factors(t)
	config.Hold = true
	config.To = "2015-01-05"
	config.Flows = []replay.Flow{{Day: "2014-06-01", Amount: num("10000")}} // a Sunday
	days, m := play(t, config)
	require.Equal(t, []marketdata.Day{"2014-01-02", "2014-06-02"}, sentOn(days))
	require.Equal(t, 2, m.Runs)
	require.Equal(t, "10000", m.PaidIn.String())

	config.HoldDeposits = true
	days, _ = play(t, config)
	require.Equal(t, []marketdata.Day{"2014-01-02"}, sentOn(days))
	require.True(t, days[len(days)-1].Cash.GreaterThan(num("10000")))
}

func TestFlowsAreNoReturns(t *testing.T) {
	config := factors(t)
	config.Trigger = &rebalance.Trigger{Calendar: rebalance.Monthly, Zone: "UTC"}
	config.Lot = num("0.000001")
	_, plain := play(t, config)
	config.Monthly = num("-300")
	config.Flows = []replay.Flow{{Day: "2016-05-03", Amount: num("50000")}, {Day: "2019-05-03", Amount: num("-60000")}}
	days, m := play(t, config)
	require.Equal(t, "50000", m.PaidIn.String())
	require.Equal(t, num("60000").Add(num("300").Mul(num("107"))).String(), m.PaidOut.String())
	require.InDelta(t, plain.CAGR, m.CAGR, 0.0002)
	require.InDelta(t, plain.Volatility, m.Volatility, 0.0005)
	for _, day := range days {
		require.False(t, day.Cash.IsNegative(), day.Date)
	}
}

func TestTooLargeAWithdrawalIsAnError(t *testing.T) {
	config := factors(t)
	config.Flows = []replay.Flow{{Day: "2014-02-03", Amount: num("-120000")}}
	days, err := fault(t, t.Context(), config)
	require.Equal(t, 21, days)
	require.ErrorContains(t, err, "replay: 2014-02-03: withdrawal of 120000: the account is worth 9")
	require.ErrorContains(t, err, ", nothing would be left")

	// What restrictions keep cannot be paid out.
	policy := replay.DefaultPolicy()
	policy.Restrictions = map[broker.InstrumentID]rebalance.Restriction{"MTUM": rebalance.DoNotSell}
	config.Policy = &policy
	config.Flows[0].Amount = num("-90000")
	_, err = fault(t, t.Context(), config)
	require.ErrorContains(t, err, "could be turned into cash")
}

// TestTheBooksAddUp: what the engine said of each order explains what the broker
// holds, to the last digit.
func TestTheBooksAddUp(t *testing.T) {
	config := factors(t)
	config.Costs = replay.Costs{PerOrder: num("1"), Fraction: num("0.0002"), Slippage: num("0.0005")}
	config.Monthly = num("250")
	config.Strategy = replay.InverseVolatility(60)
	days, m := play(t, config)
	cash, held := num("100000"), map[broker.InstrumentID]decimal.Decimal{}
	fees := decimal.Decimal{}
	for _, day := range days {
		cash = cash.Add(day.Flow)
		for _, res := range day.Results {
			for _, o := range res.Orders {
				sign := decimal.New(o.Side.Sign(), 0)
				cash = cash.Sub(o.Filled.Mul(o.AveragePrice).Mul(sign)).Sub(o.Fees)
				held[o.Symbol] = held[o.Symbol].Add(o.Filled.Mul(sign))
				fees = fees.Add(o.Fees)
				if o.Filled.IsPositive() { // 0.05 % worse than the close, but for less than a tick
					closing, _ := config.Prices.Price(day.Date, o.Symbol)
					worst := closing.Add(closing.Mul(num("0.0005")).Mul(sign))
					spared := worst.Sub(o.AveragePrice).Mul(sign)
					require.True(t, !spared.IsNegative() && spared.LessThan(num("0.0001")), "%s %s %s: %s", day.Date, o.Side, o.Symbol, o.AveragePrice)
				}
			}
		}
		require.True(t, cash.Equal(day.Cash), "%s: %s, want %s", day.Date, day.Cash, cash)
		for _, h := range day.Holdings {
			require.True(t, held[h.Symbol].Equal(h.Quantity), "%s %s", day.Date, h.Symbol)
		}
	}
	require.True(t, fees.Equal(m.Fees))
	require.Greater(t, m.Orders, 4000, "the broker forgot orders on the way")
	require.True(t, m.Slippage.IsPositive())
}

func TestTheSameInputGivesTheSameDays(t *testing.T) {
	config := factors(t)
	config.Strategy = replay.InverseVolatility(40)
	config.To = "2016-12-30"
	one, _ := play(t, config)
	two, _ := play(t, config)
	require.Equal(t, one, two)
}

func TestAStrategySeesNoFuture(t *testing.T) {
	for _, same := range []bool{false, true} {
		config := factors(t)
		config.SameClose = same
		var seen []marketdata.Day
		inner := config.Strategy.Decide
		config.Strategy.Warmup = 3
		config.Strategy.Decide = func(v replay.View) ([]allocation.Target, error) {
			seen = append(seen, v.Day())
			_, future := v.Close("MTUM", -1)
			require.False(t, future)
			_, before := v.Close("MTUM", v.Len())
			require.False(t, before)
			newest, ok := v.Close("MTUM", 0)
			require.True(t, ok)
			want, _ := config.Prices.Price(v.Day(), "MTUM")
			require.Equal(t, want, newest)
			_, err := v.Returns("MTUM", v.Len())
			require.ErrorIs(t, err, replay.ErrTooEarly)
			returns, err := v.Returns("MTUM", 2)
			require.NoError(t, err)
			previous, _ := v.Close("MTUM", 1)
			require.InDelta(t, newest.InexactFloat64()/previous.InexactFloat64()-1, returns[1], 1e-15)
			return inner(v)
		}
		days, _ := play(t, config)
		require.Len(t, seen, len(days))
		all := slices.Collect(config.Prices.Days())
		first := 3
		if same {
			first = 2
		}
		require.Equal(t, all[first], days[0].Date)
		require.Equal(t, all[2], seen[0])
		require.Equal(t, all[len(all)-1-first+2], seen[len(seen)-1])
	}
}

func TestTheNewestTargetsCount(t *testing.T) {
	config := factors(t)
	config.To = "2014-01-10"
	calls := 0
	config.Strategy = replay.Strategy{Name: "to and fro", Decide: func(replay.View) ([]allocation.Target, error) {
		if calls++; calls%2 == 1 {
			return weights(t, "MTUM", "0.7", "QUAL", "0.3"), nil
		}
		return weights(t, "MTUM", "0.3", "QUAL", "0.7"), nil
	}}
	days, m := play(t, config)
	require.Equal(t, len(days), calls, "once a day")
	require.Equal(t, len(days), m.Rebalanced)
	for i, day := range days {
		want := []string{"0.7", "0.3"}[i%2]
		require.Equal(t, want, day.Targets[0].Weight.String())
		held := day.Holdings[0].Value.InexactFloat64() / day.Value.InexactFloat64()
		require.InDelta(t, num(want).InexactFloat64(), held, 0.001)
	}
}

func TestABacktestStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	gone := errors.New("enough")
	n := 0
	var last error
	for _, err := range replay.Run(ctx, factors(t)) {
		if last = err; err == nil {
			if n++; n == 100 {
				cancel(gone)
			}
		}
	}
	require.ErrorIs(t, last, gone)
	require.Equal(t, 100, n)
	for range replay.Run(t.Context(), factors(t)) {
		break // and nothing is left behind
	}
}
