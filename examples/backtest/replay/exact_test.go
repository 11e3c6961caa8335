package replay_test

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// sixtyForty is 60 % USMV and 40 % MTUM, rebalanced on the first trading day of
// each month.
func sixtyForty(tb testing.TB) replay.Config {
	tb.Helper()
	return replay.Config{
		Prices: load(tb, "factors.csv.gz"), Strategy: replay.Fixed(weights(tb, "USMV", "0.6", "MTUM", "0.4")...),
		Cash: decimal.New(100_000, 0), Trigger: &rebalance.Trigger{Calendar: rebalance.Monthly, Zone: "UTC"},
	}
}

// TestSixtyFortyToTheCent compares each day with a portfolio of two numbers that
// can be divided at will: on the first day of each month 60 % and 40 % of the value
// are divided by the prices, and that is all.
func TestSixtyFortyToTheCent(t *testing.T) {
	config := sixtyForty(t)
	config.Lot = num("0.000000001")
	days, m := play(t, config)
	require.Len(t, days, 2264)
	require.Equal(t, 216, m.Orders, "two on the first day of each of 108 months")

	usmv, mtum, value := new(big.Rat), new(big.Rat), big.NewRat(100_000, 1)
	month := ""
	cent := big.NewRat(1, 100)
	for i, day := range days {
		pu, pm := closeOf(t, config.Prices, day.Date, "USMV"), closeOf(t, config.Prices, day.Date, "MTUM")
		if i > 0 {
			value = new(big.Rat).Add(new(big.Rat).Mul(usmv, pu), new(big.Rat).Mul(mtum, pm))
		}
		if now := string(day.Date[:7]); now != month {
			month = now
			usmv = new(big.Rat).Quo(new(big.Rat).Mul(value, big.NewRat(6, 10)), pu)
			mtum = new(big.Rat).Quo(new(big.Rat).Mul(value, big.NewRat(4, 10)), pm)
		}
		off := new(big.Rat).Sub(value, day.Value.Rat())
		require.Negative(t, off.Abs(off).Cmp(cent), "%s: %s, want %s", day.Date, day.Value, value.FloatString(4))
		require.Equal(t, value.FloatString(2), day.Value.StringFixed(2), day.Date)
	}
}

// TestSixtyFortyInWholeShares compares each day with a simple calculation of its
// own (whole.go), here with fees: every value, quantity and amount of cash exactly.
func TestSixtyFortyInWholeShares(t *testing.T) {
	for name, costs := range map[string]replay.Costs{
		"no costs":             {},
		"a dollar an order":    {PerOrder: num("1")},
		"a dollar or more":     {PerOrder: num("1"), PerUnit: num("0.005")},
		"a tenth of a percent": {Fraction: num("0.001")},
	} {
		for _, cash := range []int64{100_000, 3_000, 250} {
			t.Run(name, func(t *testing.T) {
				config := sixtyForty(t)
				config.Costs, config.Cash = costs, decimal.New(cash, 0)
				days, _ := play(t, config)
				a := newWhole(cash, costs, "0.6", "0.4")
				month := ""
				for _, day := range days {
					a.price[0], a.price[1] = closeOf(t, config.Prices, day.Date, "USMV"), closeOf(t, config.Prices, day.Date, "MTUM")
					if now := string(day.Date[:7]); now != month {
						month = now
						a.rebalance()
					}
					for i, id := range []string{"USMV", "MTUM"} {
						for _, h := range day.Holdings {
							if string(h.Symbol) == id {
								require.Equal(t, a.held[i].RatString(), h.Quantity.Rat().RatString(), "%s %s", day.Date, id)
							}
						}
					}
					require.Equal(t, a.cash.RatString(), day.Cash.Rat().RatString(), day.Date)
					require.Equal(t, a.value().RatString(), day.Value.Rat().RatString(), day.Date)
				}
			})
		}
	}
}

func closeOf(tb testing.TB, h *marketdata.History, day marketdata.Day, symbol string) *big.Rat {
	tb.Helper()
	for i, id := range h.Symbols() {
		if string(id) == symbol {
			p, ok := h.Price(day, h.Symbols()[i])
			require.True(tb, ok)
			return p.Rat()
		}
	}
	tb.Fatal("no column", symbol)
	return nil
}

// TestWorkedExample is the one that README.md works out by hand.
func TestWorkedExample(t *testing.T) {
	config := replay.Config{
		Prices:   prices(t, "Date,A,B", "2024-01-01,10,20", "2024-01-02,12,20", "2024-01-03,11,25", "2024-01-04,11,25", "2024-01-05,11,25"),
		Strategy: replay.Fixed(weights(t, "A", "0.5", "B", "0.5")...), Cash: num("1000"),
		Flows: []replay.Flow{{Day: "2024-01-04", Amount: num("100")}, {Day: "2024-01-05", Amount: num("-200")}},
	}
	days, m := play(t, config)
	want := [][4]string{ // shares of A and B, cash, value
		{"50", "25", "0", "1000"},
		{"46", "27", "8", "1100"},
		{"53", "24", "6", "1189"},
		{"58", "26", "1", "1289"},
		{"49", "22", "0", "1089"},
	}
	require.Len(t, days, len(want))
	for i, day := range days {
		got := [4]string{day.Holdings[0].Quantity.String(), day.Holdings[1].Quantity.String(), day.Cash.String(), day.Value.String()}
		require.Equal(t, want[i], got, day.Date)
	}
	require.Equal(t, "100", m.PaidIn.String())
	require.Equal(t, "200", m.PaidOut.String())
	require.Equal(t, 10, m.Orders)

	// With costs: a dollar an order, fills 1 % worse.
	config.Costs = replay.Costs{PerOrder: num("1"), Slippage: num("0.01")}
	config.Flows = nil
	days, m = play(t, config)
	require.Equal(t, "50", days[0].Holdings[0].Quantity.String())
	require.Equal(t, "24", days[0].Holdings[1].Quantity.String())
	require.Equal(t, "8.2", days[0].Cash.String(), "1000 − (50 × 10.10 + 1) − (24 × 20.20 + 1)")
	require.Equal(t, "988.2", days[0].Value.String())
	require.True(t, m.Fees.GreaterThan(num("2")))
}
