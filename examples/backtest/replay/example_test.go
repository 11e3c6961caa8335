package replay_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
)

// A strategy is a Go function of the past: this one holds what rose yesterday, both
// alike if neither did.
func Example() {
	prices, err := marketdata.ReadHistory(strings.NewReader(`Date,A,B
2024-01-01,10,20
2024-01-02,12,20
2024-01-03,11,25
2024-01-04,11,30
`), nil)
	if err != nil {
		panic(err)
	}
	risen := func(v replay.View) ([]allocation.Target, error) {
		var best []string
		for _, id := range v.Symbols() {
			r, err := v.Returns(id, 1)
			if err != nil {
				return nil, err
			}
			if r[0] > 0 {
				best = append(best, string(id))
			}
		}
		if len(best) != 1 {
			return replay.Equal(v.Symbols()...)
		}
		target, err := allocation.NewTarget(best[0], "1")
		return []allocation.Target{target}, err
	}
	for day, err := range replay.Run(context.Background(), replay.Config{
		Prices: prices, Cash: decimal.NewFromInt(1000),
		Strategy: replay.Strategy{Name: "yesterday's winner", Warmup: 2, Decide: risen},
	}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(day.Date, day.Value, day.Holdings[0].Quantity, day.Holdings[1].Quantity)
	}
	// Output:
	// 2024-01-03 1000 90 0
	// 2024-01-04 1000 0 33
}
