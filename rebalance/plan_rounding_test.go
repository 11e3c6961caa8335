package rebalance_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// rounding turns ideal share counts into whole ones.
type rounding struct {
	name  string
	round func(ideal, prices []float64, cash float64) []float64
}

// TestRoundingComparison puts cash into new portfolios and compares the planner's
// rounding with the usual ones: how far the result is from the targets (half of
// the sum of all differences, in basis points), and how much cash is left over.
// Run with -v to see the table.
func TestRoundingComparison(t *testing.T) {
	const n, accounts = 12, 400
	ways := []rounding{
		{"planner", nil},
		{"floor", func(ideal, _ []float64, _ float64) []float64 { return each(ideal, math.Floor) }},
		{"nearest", func(ideal, _ []float64, _ float64) []float64 { return each(ideal, math.Round) }},
		{"largest remainder", largestRemainder},
	}
	off, left, over := make([]float64, len(ways)), make([]float64, len(ways)), make([]int, len(ways))
	for seed := range accounts {
		in, prices, ideal, cash := cashToInvest(n, uint64(seed))
		for w := range ways {
			var shares []float64
			if ways[w].round == nil {
				shares = bought(planOf(t, in), n)
			} else {
				shares = ways[w].round(ideal, prices, cash)
			}
			rest := cash
			for i := range shares {
				off[w] += math.Abs(shares[i]-ideal[i]) * prices[i] / cash / 2
				rest -= shares[i] * prices[i]
			}
			left[w] += rest / cash
			if rest < -1e-6 {
				over[w]++
			}
		}
	}
	t.Logf("%-18s %14s %14s %12s", "rounding", "tracking error", "cash left over", "overspent")
	for w := range ways {
		t.Logf("%-18s %11.2f bp %11.2f bp %11.1f%%", ways[w].name, off[w]/accounts*1e4, left[w]/accounts*1e4, float64(over[w])*100/accounts)
	}
	require.Zero(t, over[0], "the planner never spends more than there is")
	require.Positive(t, over[2], "rounding to the nearest does")
	require.Less(t, off[0], off[1], "and is closer to the targets than rounding down")
	require.LessOrEqual(t, off[0], off[3]*1.001, "and no further away than the largest remainder")
	require.Less(t, left[0], left[1])
}

// cashToInvest is an account of nothing but cash.
func cashToInvest(n int, seed uint64) (in rebalance.Input, prices, ideal []float64, cash float64) {
	g := newGenerator(seed)
	in = twoStocks()
	in.Account.Positions, in.Targets = nil, nil
	amount := g.between(5_000, 40_000, 0)
	in.Account.Cash["USD"], in.Account.NetLiquidation = amount, decimal.NewNullDecimal(amount)
	cash = amount.InexactFloat64()
	left := 1000
	for i := range n {
		s := broker.InstrumentID(fmt.Sprintf("S%02d", i))
		p := g.between(1_000, 40_000, 2)
		hold(&in, s, "0", p.String())
		w := left / (n - i)
		if i < n-1 {
			w = 1 + g.IntN(min(2*left/(n-i), left-(n-i)))
		}
		left -= w
		in.Targets = append(in.Targets, rebalance.TargetWeight{Symbol: s, Weight: decimal.New(int64(w), -3)})
		prices = append(prices, p.InexactFloat64())
		ideal = append(ideal, float64(w)/1000*cash/prices[i])
	}
	return in, prices, ideal, cash
}

// bought are the quantities that a plan buys, by number of the symbol.
func bought(p rebalance.Plan, n int) []float64 {
	shares := make([]float64, n)
	for _, o := range p.Orders {
		var i int
		_, _ = fmt.Sscanf(string(o.Symbol), "S%d", &i)
		shares[i] = o.Quantity.InexactFloat64()
	}
	return shares
}

func each(list []float64, f func(float64) float64) []float64 {
	list = slices.Clone(list)
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}

// largestRemainder rounds down, then gives a share each by the size of what was
// cut off, while the cash suffices.
func largestRemainder(ideal, prices []float64, cash float64) []float64 {
	shares := each(ideal, math.Floor)
	order := make([]int, len(ideal))
	for i := range order {
		order[i] = i
		cash -= shares[i] * prices[i]
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ideal[b]-shares[b], ideal[a]-shares[a]) })
	for _, i := range order {
		if ideal[i] > shares[i] && prices[i] <= cash {
			shares[i]++
			cash -= prices[i]
		}
	}
	return shares
}
