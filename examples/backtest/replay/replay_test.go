package replay_test

import (
	"compress/gzip"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
)

// load reads one of the bundled price files.
func load(tb testing.TB, name string) *marketdata.History {
	tb.Helper()
	f, err := os.Open("../testdata/" + name)
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	h, err := marketdata.ReadHistory(z, nil)
	require.NoError(tb, err)
	return h
}

// prices reads a small table.
func prices(tb testing.TB, lines ...string) *marketdata.History {
	tb.Helper()
	h, err := marketdata.ReadHistory(strings.NewReader(strings.Join(lines, "\n")+"\n"), nil)
	require.NoError(tb, err)
	return h
}

// play plays a backtest that must go well.
func play(tb testing.TB, config replay.Config) ([]*replay.Day, replay.Summary) {
	tb.Helper()
	var days []*replay.Day
	var s replay.Statistics
	for day, err := range replay.Run(tb.Context(), config) {
		require.NoError(tb, err)
		days = append(days, day)
		s.Add(day)
	}
	return days, s.Summary()
}

// fault plays a backtest that must end with an error, after some days.
func fault(tb testing.TB, ctx context.Context, config replay.Config) (days int, err error) {
	tb.Helper()
	for _, fault := range replay.Run(ctx, config) {
		require.NoError(tb, err, "an error is the last pair")
		if err = fault; err == nil {
			days++
		}
	}
	require.Error(tb, err)
	return days, err
}

func num(text string) decimal.Decimal { return decimal.RequireFromString(text) }

// weights are targets from pairs of symbol and weight.
func weights(tb testing.TB, pairs ...string) []allocation.Target {
	tb.Helper()
	var targets []allocation.Target
	for i := 0; i < len(pairs); i += 2 {
		target, err := allocation.NewTarget(pairs[i], pairs[i+1])
		require.NoError(tb, err)
		targets = append(targets, target)
	}
	return targets
}
