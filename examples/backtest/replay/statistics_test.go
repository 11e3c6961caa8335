package replay_test

import (
	"context"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestStatisticsByHand follows an account of 100 that becomes 110, gets 90, and
// then loses a quarter of its 200 in two days.
func TestStatisticsByHand(t *testing.T) {
	day := func(date, value, flow, price string) *replay.Day {
		return &replay.Day{
			Date: marketdata.Day(date), Value: num(value), Flow: num(flow),
			Holdings: []replay.Holding{{Symbol: "A", Price: num(price)}, {Symbol: "B", Price: num("1")}},
			Targets:  weights(t, "A", "0.5"),
			Results: []*rebalance.Result{{
				Outcome: rebalance.Completed, Orders: []rebalance.OrderResult{{Filled: num("1"), Outcome: "filled"}, {Outcome: "not_sent"}},
				Costs: &rebalance.Costs{Traded: num("40"), Fees: num("1"), Shortfall: num("0.5")},
			}},
		}
	}
	var s replay.Statistics
	points := []replay.Point{
		s.Add(day("2020-01-01", "100", "0", "10")),
		s.Add(day("2020-07-01", "200", "90", "12")), // (200 − 90) / 100 is 10 %
		s.Add(day("2021-01-01", "180", "0", "12")),  // −10 %
		s.Add(day("2022-01-01", "150", "0", "9")),   // −16.67 %
	}
	want := []replay.Point{{Growth: 1}, {Growth: 1.1}, {Growth: 0.99, Drawdown: -0.1}, {Growth: 0.825, Drawdown: -0.25}}
	for i := range want {
		require.InDelta(t, want[i].Growth, points[i].Growth, 1e-12)
		require.InDelta(t, want[i].Drawdown, points[i].Drawdown, 1e-12)
	}
	m := s.Summary()
	require.Equal(t, "150", m.Final.String())
	require.Equal(t, "90", m.PaidIn.String())
	require.InDelta(t, 731/365.25, m.Years, 1e-12)
	require.InDelta(t, math.Pow(0.825, 365.25/731)-1, m.CAGR, 1e-12)
	require.InDelta(t, -0.25, m.Drawdown, 1e-12)
	require.Equal(t, marketdata.Day("2020-07-01"), m.Peak)
	require.Equal(t, marketdata.Day("2022-01-01"), m.Trough)
	require.InDelta(t, deviation(0.1, -0.1, -1.0/6)*math.Sqrt(252), m.Volatility, 1e-12)
	// The targets earn half of what A does: 10 %, 0, −12.5 %.
	require.InDelta(t, deviation(0, -0.1, -1.0/6+0.125)*math.Sqrt(252), m.TrackingError, 1e-12)
	// Three days traded 40 each after the first, on a mean value of 157.5.
	require.InDelta(t, 60/157.5/(731/365.25), m.Turnover, 1e-12)
	require.Equal(t, [...]int{4, 4, 0, 4}, [...]int{m.Runs, m.Rebalanced, m.Adjusted, m.Orders})
	require.Equal(t, "4", m.Fees.String())
	require.Equal(t, "2", m.Slippage.String())
}

func deviation(values ...float64) float64 {
	mean, squares := 0.0, 0.0
	for _, x := range values {
		mean += x / float64(len(values))
	}
	for _, x := range values {
		squares += (x - mean) * (x - mean)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

func TestStrategies(t *testing.T) {
	h := prices(t, "Date,A,B,C", "2024-01-01,100,100,50", "2024-01-02,110,101,50", "2024-01-03,99,99,50", "2024-01-04,108.9,100,50", "2024-01-05,1,1,1")
	wants := func(s replay.Strategy) []allocation.Target {
		t.Helper()
		for day, err := range replay.Run(t.Context(), replay.Config{Prices: h, Strategy: s, Cash: num("1000"), From: "2024-01-04", SameClose: true}) {
			require.NoError(t, err)
			return day.Targets
		}
		return nil
	}
	texts := func(targets []allocation.Target) (list []string) {
		for _, target := range targets {
			list = append(list, string(target.Symbol)+" "+target.Weight.String())
		}
		return list
	}
	// Returns of A: 10 %, −10 %, 10 %; its deviation is 0.11547. Of B: 1 %, −1.98 %,
	// 1.01 %; 0.01722. C did not move.
	a, b := deviation(0.1, -0.1, 0.1), deviation(0.01, 99.0/101-1, 100.0/99-1)
	got := wants(replay.InverseVolatility(3))
	require.InDelta(t, (1/a)/(1/a+1/b), got[0].Weight.InexactFloat64(), 1e-6)
	require.Equal(t, "0", got[2].Weight.String())
	require.Equal(t, "1", got[0].Weight.Add(got[1].Weight).String())
	// In three days A rose by 8.9 %; in the last two it fell by 1 % and B by 0.99 %.
	require.Equal(t, []string{"A 1"}, texts(wants(replay.Momentum(3, 1))))
	require.Equal(t, []string{"B 0.5", "C 0.5"}, texts(wants(replay.Momentum(2, 2))))
}

func TestProportionalSumsToOne(t *testing.T) {
	symbols := prices(t, "Date,A,B,C", "2024-01-01,1,1,1").Symbols()
	targets, err := replay.Proportional(symbols, []decimal.Decimal{num("1"), num("1"), num("1")})
	require.NoError(t, err)
	require.Equal(t, "0.333334", targets[0].Weight.String())
	targets, err = replay.Proportional(symbols, []decimal.Decimal{num("0"), num("5"), num("1")})
	require.NoError(t, err)
	require.Equal(t, "0.833333", targets[1].Weight.String())
	for _, parts := range [][]decimal.Decimal{{num("1")}, {num("0"), num("0"), num("0")}, {num("1"), num("-1"), num("3")}, nil} {
		_, err := replay.Proportional(symbols, parts)
		require.Error(t, err)
	}
}

func TestAProfileMeasuresTheSteps(t *testing.T) {
	config := factors(t)
	config.To = "2014-03-03"
	profile := replay.NewProfile()
	config.Tracker = profile
	began := time.Now()
	play(t, config)
	var sum time.Duration
	var steps []rebalance.Step
	for step, spent := range profile.Steps() {
		sum += spent
		steps = append(steps, step)
	}
	require.Equal(t, profile.Total(), sum)
	require.Less(t, sum, time.Since(began))
	require.True(t, slices.Contains(steps, rebalance.StepPlan) && slices.Contains(steps, rebalance.StepFinish))
	profile.Track(context.Background(), rebalance.Progress{})
}

// TestMemoryIsFlat plays 33 years of 20 orders a day. What lives must not grow with
// them, but for some 30 bytes an order in the journal.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("plays 33 years")
	}
	config := daily(t)
	lives := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	early, late, orders := int64(0), int64(0), 0
	for day, err := range replay.Run(t.Context(), config) {
		require.NoError(t, err)
		orders += len(day.Results[0].Orders)
		switch day.Number {
		case 1000:
			early = lives()
			orders = 0
		case day.Of:
			late = lives()
		}
	}
	require.Greater(t, orders, 140_000)
	grown := late - early
	t.Logf("%d bytes live early, %d late: %d for each of %d orders", early, late, grown/int64(orders), orders)
	require.Less(t, grown, int64(orders)*100)
}
