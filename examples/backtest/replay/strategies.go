package replay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
)

// weightPlaces is to how many places the strategies here round their weights.
const weightPlaces = 6

// Fixed gives the same targets every day.
func Fixed(targets ...allocation.Target) Strategy {
	return Strategy{
		Name:   "fixed weights",
		Decide: func(View) ([]allocation.Target, error) { return targets, nil },
	}
}

// InverseVolatility gives each symbol a weight that is inverse to the standard
// deviation of its last daily returns, at least 2 of them. A symbol whose price did
// not move at all in that time gets none: its price is probably a stale one.
func InverseVolatility(days int) Strategy {
	return Strategy{
		Name:   fmt.Sprintf("inverse volatility of %d days", days),
		Warmup: days + 1,
		Decide: func(v View) ([]allocation.Target, error) {
			symbols := v.Symbols()
			parts := make([]decimal.Decimal, len(symbols))
			for i, id := range symbols {
				returns, err := v.Returns(id, days)
				if err != nil {
					return nil, err
				}
				var m moments
				for _, r := range returns {
					m.add(r)
				}
				sigma := m.deviation()
				if sigma == 0 {
					continue
				}
				if parts[i], err = fromStatistic(1 / sigma); err != nil {
					return nil, err
				}
			}
			return Proportional(symbols, parts)
		},
	}
}

// Momentum gives equal weights to the symbols that rose most in the last days.
func Momentum(days, top int) Strategy {
	type rise struct {
		id   broker.InstrumentID
		part float64
	}
	return Strategy{
		Name:   fmt.Sprintf("the %d that rose most in %d days", top, days),
		Warmup: days + 1,
		Decide: func(v View) ([]allocation.Target, error) {
			symbols := v.Symbols()
			if top < 1 || top > len(symbols) {
				return nil, fmt.Errorf("the best %d of %d symbols are asked for", top, len(symbols))
			}
			rises := make([]rise, len(symbols))
			for i, id := range symbols {
				returns, err := v.Returns(id, days)
				if err != nil {
					return nil, err
				}
				growth := 1.0
				for _, r := range returns {
					growth *= 1 + r
				}
				rises[i] = rise{id, growth}
			}
			slices.SortStableFunc(rises, func(a, b rise) int { return cmp.Compare(b.part, a.part) })
			best := make([]broker.InstrumentID, top)
			for i := range best {
				best[i] = rises[i].id
			}
			slices.Sort(best)
			return Equal(best...)
		},
	}
}

// Equal gives each symbol the same weight.
func Equal(symbols ...broker.InstrumentID) ([]allocation.Target, error) {
	parts := make([]decimal.Decimal, len(symbols))
	for i := range parts {
		parts[i] = decimal.New(1, 0)
	}
	return Proportional(symbols, parts)
}

// Proportional turns parts, one a symbol, into weights that sum to exactly 1:
// rounded to 6 places, and the largest takes what is over or missing then.
func Proportional(symbols []broker.InstrumentID, parts []decimal.Decimal) ([]allocation.Target, error) {
	if len(symbols) != len(parts) || len(symbols) == 0 {
		return nil, fmt.Errorf("%d symbols and %d parts: want one part a symbol, and a symbol at least", len(symbols), len(parts))
	}
	var sum decimal.Decimal
	for i, p := range parts {
		if p.Sign() < 0 {
			return nil, fmt.Errorf("the part of %s is %s: want 0 or more", symbols[i], p)
		}
		sum = sum.Add(p)
	}
	if sum.IsZero() {
		return nil, errors.New("all parts are 0")
	}
	targets := make([]allocation.Target, len(symbols))
	left, largest := decimal.New(1, 0), 0
	for i, p := range parts {
		weight, err := broker.Quo(p, sum, weightPlaces)
		if err != nil {
			return nil, err
		}
		targets[i] = allocation.Target{Symbol: symbols[i], Weight: weight}
		left = left.Sub(weight)
		if weight.GreaterThan(targets[largest].Weight) {
			largest = i
		}
	}
	targets[largest].Weight = targets[largest].Weight.Add(left)
	return targets, nil
}

// fromStatistic is a statistic as a decimal of 9 digits.
func fromStatistic(x float64) (decimal.Decimal, error) {
	return broker.ParseDecimal(strconv.FormatFloat(x, 'e', 8, 64))
}
