package ibkr_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Each instrument gets the best tier that the user may see, and says which.
func TestTiers(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, _ *ibkr.Config) {
			quote := gatewaysim.Quote{Bid: dec("9.9"), Ask: dec("10.1"), Last: dec("10"), Close: dec("9.5")}
			for i, types := range [][]int{{1, 2, 3, 4}, {2, 3, 4}, {3, 4}, {4}, {}} {
				symbol := fmt.Sprintf("T%d", i)
				k := gatewaysim.Contract{ConID: 100 + i, Symbol: symbol, MarketData: types}
				if i == 1 || i == 3 { // closed since yesterday
					day := time.Now().AddDate(0, 0, -1).Format("20060102")
					k.LiquidHours = day + ":0930-" + day + ":1000"
				}
				sim.Contracts = append(sim.Contracts, k)
				sim.Quotes[symbol] = quote
			}
			sim.Contracts = append(sim.Contracts, gatewaysim.DefaultContracts()...)
		})
		require.NoError(t, r.g.Exchange().SetBars("T4", []gatewaysim.Bar{
			{Time: time.Now().AddDate(0, 0, -3), Close: dec("8")}, {Time: time.Now().AddDate(0, 0, -2), Close: dec("8.5")},
		}))
		ids := []broker.InstrumentID{"T0", "T1", "T2", "T3", "T4", "NOSUCH"}
		quotes, err := r.Quotes(soon(t), ids)
		require.NoError(t, err)
		require.NoError(t, quotes.Check(ids))
		for i, tier := range []marketdata.Tier{
			marketdata.TierLive, marketdata.TierFrozen, marketdata.TierDelayed, marketdata.TierDelayedFrozen, marketdata.TierHistorical,
		} {
			id := broker.InstrumentID(fmt.Sprintf("T%d", i))
			q, ok := quotes.Found[id]
			require.True(t, ok, "%s is missing: %s", id, quotes.Missing[id])
			require.Equal(t, tier, q.Tier, "%s", id)
			require.Equal(t, tier == marketdata.TierLive, time.Since(q.Time) < 10*time.Second, "%s is of %s", id, q.Time)
			if tier == marketdata.TierHistorical {
				require.Equal(t, "8.5", q.Close.Decimal.String())
				require.False(t, q.Last.Valid)
				continue
			}
			require.Equal(t, "9.9", q.Bid.Decimal.String(), "%s", id)
			require.Equal(t, "10.1", q.Ask.Decimal.String())
			require.Equal(t, "10", q.Last.Decimal.String())
			require.Equal(t, "9.5", q.Close.Decimal.String())
		}
		require.Contains(t, quotes.Missing["NOSUCH"], "unknown instrument")
	})
}

// Prices come as soon as they are there: nothing waits for the end of a snapshot.
func TestPricesAreFast(t *testing.T) {
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNoSnapshotEnd, Times: -1})
	_, err := r.Resolve(soon(t), "AAPL", "MSFT")
	require.NoError(t, err)
	begin := time.Now()
	quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
	require.NoError(t, err)
	require.Len(t, quotes.Found, 2)
	require.Less(t, time.Since(begin), time.Second)
}

func TestBadPrices(t *testing.T) {
	t.Parallel()
	for _, f := range []gatewaysim.Fault{
		{Name: gatewaysim.FaultBadPrice, Symbol: "AAPL", Times: -1},
		{Name: gatewaysim.FaultBadPrice, Symbol: "AAPL", Price: dec("0.0"), Times: -1},
		{Name: gatewaysim.FaultMarketDataError, Symbol: "AAPL", Times: -1},
		{Name: gatewaysim.FaultMarketDataError, Symbol: "AAPL", Code: 10197, Times: -1},
		{Name: gatewaysim.FaultMarketDataError, Symbol: "AAPL", Code: 10089, Times: -1},
	} {
		t.Run(fmt.Sprint(f.Name, f.Code), func(t *testing.T) {
			r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
				cfg.Tiers = []marketdata.Tier{marketdata.TierLive}
				cfg.Timing.Quote = 300 * time.Millisecond
			})
			r.inject(t, f)
			quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
			require.NoError(t, err)
			require.NoError(t, quotes.Check([]broker.InstrumentID{"AAPL", "MSFT"}))
			require.Contains(t, quotes.Found, broker.InstrumentID("MSFT"), "one missing price does not take the others along")
			require.Contains(t, quotes.Missing, broker.InstrumentID("AAPL"))
		})
	}
}

// No more prices are asked for at once than there are lines.
func TestMarketDataLines(t *testing.T) {
	var ids []broker.InstrumentID
	r := newRig(t, protoVersion, func(sim *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.MarketDataLines = 3
		sim.Limits.MarketDataLines = 3
		for i := range 12 {
			symbol := fmt.Sprintf("S%d", i)
			sim.Contracts = append(sim.Contracts, gatewaysim.Contract{ConID: 200 + i, Symbol: symbol})
			sim.Quotes[symbol] = gatewaysim.Quote{Bid: dec("9"), Ask: dec("10"), Last: dec("10"), Close: dec("9")}
			ids = append(ids, broker.InstrumentID(symbol))
		}
		sim.Contracts = append(sim.Contracts, gatewaysim.DefaultContracts()...)
	})
	quotes, err := r.Quotes(soon(t), ids)
	require.NoError(t, err)
	require.Len(t, quotes.Found, len(ids), "missing: %v", quotes.Missing)
}

func TestQuotesEndWithTheirContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSilentRequest, Message: "reqMktData", Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := r.Quotes(ctx, []broker.InstrumentID{"AAPL", "MSFT"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begin), time.Second)
}

// The same history is not asked for twice within the gateway's limit.
func TestHistoryIsPaced(t *testing.T) {
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.Tiers = []marketdata.Tier{marketdata.TierHistorical}
	})
	require.NoError(t, r.g.Exchange().SetBars("AAPL", []gatewaysim.Bar{{Time: time.Now().AddDate(0, 0, -2), Close: dec("8.5")}}))
	for range 3 {
		quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL"})
		require.NoError(t, err)
		require.Len(t, quotes.Found, 1, "%v", quotes.Missing)
	}
	asked := 0
	for _, e := range r.g.Ledger(gatewaysim.KindReceived) {
		if e.Name == "reqHistoricalData" {
			asked++
		}
	}
	require.Equal(t, 1, asked)
}
