package replay_test

import (
	"testing"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

// BenchmarkDaily rebalances 20 stocks daily for 33 years: 8,313 runs, each through
// the whole engine. Run it with -cpu 1. It reports what share of all time each step
// of the runs took, in percent ("outside" is what was no step of a run), and the
// processor time, which a busy machine does not change much.
func BenchmarkDaily(b *testing.B) {
	config := daily(b)
	profile := replay.NewProfile()
	config.Tracker = profile
	b.ReportAllocs()
	var m replay.Summary
	began := cpuTime()
	for b.Loop() {
		var s replay.Statistics
		for day, err := range replay.Run(b.Context(), config) {
			if err != nil {
				b.Fatal(err)
			}
			s.Add(day)
		}
		m = s.Summary()
	}
	used := cpuTime() - began
	all := float64(b.Elapsed())
	b.ReportMetric(float64(m.Runs), "runs/op")
	b.ReportMetric(float64(m.Orders), "orders/op")
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(used.Seconds()*1e6/float64(b.N)/float64(m.Runs), "cpu-µs/run")
	for step, spent := range profile.Steps() {
		b.ReportMetric(100*float64(spent)/all, "%"+string(step))
	}
	b.ReportMetric(100*(1-float64(profile.Total())/all), "%outside")
}

// daily is the largest backtest: 20 stocks, each day, in amounts that make nearly
// every symbol trade.
func daily(tb testing.TB) replay.Config {
	tb.Helper()
	prices := load(tb, "stocks.csv.gz")
	targets, err := replay.Equal(prices.Symbols()...)
	if err != nil {
		tb.Fatal(err)
	}
	return replay.Config{Prices: prices, Strategy: replay.Fixed(targets...), Cash: decimal.New(1_000_000, 0)}
}
