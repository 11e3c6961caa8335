package rebalance_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

func lower(s broker.InstrumentID) broker.InstrumentID {
	return broker.InstrumentID("\t" + strings.ToLower(string(s)) + " ")
}

func lowerAll(list []broker.InstrumentID) []broker.InstrumentID {
	var all []broker.InstrumentID
	for _, s := range list {
		all = append(all, lower(s))
	}
	return all
}

func lowerKeys[T any](m map[broker.InstrumentID]T) map[broker.InstrumentID]T {
	all := map[broker.InstrumentID]T{}
	for s, v := range m {
		all[lower(s)] = v
	}
	return all
}

// TestSymbolsAreNormalizedEverywhere: one place that was forgotten would make
// another plan.
func TestSymbolsAreNormalizedEverywhere(t *testing.T) {
	for seed := range uint64(2_000) {
		in := newGenerator(seed).input()
		plan := planOf(t, in)
		in, _ = sellsFilled(rand.New(rand.NewPCG(seed, 13)), in, &plan)
		want := encoded(t, fundOf(t, in))
		targets := in.Targets
		for places := range 10 {
			other := in
			switch places {
			case 0:
				other.Targets = nil
				for _, x := range targets {
					other.Targets = append(other.Targets, rebalance.TargetWeight{Symbol: lower(x.Symbol), Weight: x.Weight})
				}
			case 1:
				other.Account.Positions = nil
				for _, x := range in.Account.Positions {
					x.Symbol = lower(x.Symbol)
					other.Account.Positions = append(other.Account.Positions, x)
				}
			case 2:
				other.Account.OpenOrders = nil
				for _, x := range in.Account.OpenOrders {
					x.Symbol = lower(x.Symbol)
					other.Account.OpenOrders = append(other.Account.OpenOrders, x)
				}
			case 3:
				other.Instruments = lowerKeys(in.Instruments)
			case 4:
				other.Quotes = lowerKeys(in.Quotes)
			case 5:
				other.Planned = nil
				for _, x := range in.Planned {
					other.Planned = append(other.Planned, rebalance.PlannedBuy{Symbol: lower(x.Symbol), Quantity: x.Quantity})
				}
			case 6:
				other.Sold = lowerAll(in.Sold)
			case 7:
				other.Policy.Exclude = lowerAll(in.Policy.Exclude)
			case 8:
				other.Policy.Restrictions = lowerKeys(in.Policy.Restrictions)
			case 9:
				other.Policy.Substitutes, other.Policy.Equivalents = nil, nil
				for _, x := range in.Policy.Substitutes {
					other.Policy.Substitutes = append(other.Policy.Substitutes, rebalance.Substitute{From: lower(x.From), To: lower(x.To), Scale: x.Scale})
				}
				for _, x := range in.Policy.Equivalents {
					other.Policy.Equivalents = append(other.Policy.Equivalents,
						rebalance.Equivalent{Primary: lower(x.Primary), Alternates: lowerAll(x.Alternates), Sell: x.Sell})
				}
			}
			require.Equal(t, string(want), string(encoded(t, fundOf(t, other))), "seed %d, place %d", seed, places)
		}
	}
}

func fundOf(t *testing.T, in rebalance.Input) rebalance.Plan {
	t.Helper()
	p, err := rebalance.NewPlanner().FundBuys(in)
	require.NoError(t, err)
	return p
}

// TestWorkDoesNotGrowWithQuantity: lots of a billionth of a billionth would take
// for ever one by one.
func TestWorkDoesNotGrowWithQuantity(t *testing.T) {
	in := twoStocks()
	for s := range in.Instruments {
		in.Instruments[s] = rebalance.InstrumentTerms{Currency: "USD", Lot: decimal.New(1, -18), Tick: dec("0.01")}
	}
	hold(&in, "C", "100", "1")
	in.Instruments["C"] = rebalance.InstrumentTerms{Currency: "USD", Lot: decimal.New(1, -18), Tick: dec("0.01")}
	in.Policy.Slippage, in.Policy.DeployResidual = dec("0.01"), true
	in.Policy.Fee = rebalance.Fee{Minimum: dec("1"), PerUnit: dec("0.003"), Fraction: dec("0.001")}
	start := time.Now()
	p := planOf(t, in)
	require.Len(t, p.Orders, 3, p.Explain())

	in.Policy.Mode, in.Policy.RaiseAmount = rebalance.RaiseCash, dec("40000")
	p = planOf(t, in)
	require.NotEmpty(t, p.Orders, p.Explain())
	require.True(t, p.ProjectedCash.Sub(dec("40000")).Abs().LessThan(decimal.New(1, -9)), p.Explain())
	require.Less(t, time.Since(start), 5*time.Second)
}

func TestFigures(t *testing.T) {
	in := twoStocks()
	p := planOf(t, in)
	require.Len(t, p.Explanations, 2)
	a, b := &p.Explanations[0], &p.Explanations[1]
	for f, want := range map[rebalance.Figure]string{
		rebalance.FigureValue: "70000", rebalance.FigureDesired: "60000", rebalance.FigureDestination: "60000",
		rebalance.FigureWanted: "10000", rebalance.FigureSellable: "700", rebalance.FigureQuantity: "100",
		rebalance.FigureLimit: "100", rebalance.FigureFee: "0", rebalance.FigureProceeds: "10000", rebalance.FigurePrice: "100",
	} {
		require.True(t, a.Figure(f).Valid, f.String())
		require.Equal(t, want, a.Figure(f).Decimal.String(), f.String())
	}
	require.False(t, a.Figure(rebalance.FigureThreshold).Valid, "no band")
	require.False(t, a.Figure(rebalance.Figure(99)).Valid)
	require.Equal(t, "figure 99", rebalance.Figure(99).String())
	require.Equal(t, "400", b.Figure(rebalance.FigureWantedUnits).Decimal.String())
	require.Equal(t, "20000", b.Figure(rebalance.FigureSpendable).Decimal.String())
	require.Equal(t, "0", b.Figure(rebalance.FigureCashLeft).Decimal.String())
}
