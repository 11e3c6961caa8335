package main

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

// custom is a strategy of your own: any function of what was seen up to a day. This
// one holds all symbols alike, but twice as much of those that stand above their
// mean price of the last days.
func custom(days int) replay.Strategy {
	return replay.Strategy{
		Name:   "more of what stands above its mean",
		Warmup: days,
		Decide: func(v replay.View) ([]allocation.Target, error) {
			symbols := v.Symbols()
			parts := make([]decimal.Decimal, len(symbols))
			for i, id := range symbols {
				var sum decimal.Decimal
				for ago := range days {
					price, _ := v.Close(id, ago) // Warmup says that it is there
					sum = sum.Add(price)
				}
				now, _ := v.Close(id, 0)
				parts[i] = decimal.New(1, 0)
				if now.Mul(decimal.New(int64(days), 0)).GreaterThan(sum) { // now > sum / days
					parts[i] = decimal.New(2, 0)
				}
			}
			return replay.Proportional(symbols, parts)
		},
	}
}
