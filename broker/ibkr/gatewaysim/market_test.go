package gatewaysim_test

import (
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestContracts(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		cfg := config(version)
		cfg.Contracts = append(gatewaysim.DefaultContracts(),
			gatewaysim.Contract{ConID: 11, Symbol: "TWIN", PrimaryExchange: "NYSE"}, gatewaysim.Contract{ConID: 12, Symbol: "TWIN", PrimaryExchange: "AMEX"},
			gatewaysim.Contract{
				ConID: 13, Symbol: "DAY", MinTick: dec("0.05"), TradingHours: "20251125:0400-20251125:2000;20251127:CLOSED",
				LiquidHours: "20251125:0930-20251125:1600;20251127:CLOSED", StockType: "ETF", LongName: `The "error" fund & Söhne`,
			})
		g := start(t, cfg)
		c := connect(t, g, 7)
		c.ReqContractDetails(1, stock("DAY"))
		c.await(t, "contractDetails", "1 DAY conId=13 tick=0.05 zone=US/Eastern hours=20251125:0400-20251125:2000;20251127:CLOSED liquid=20251125:0930-20251125:1600;20251127:CLOSED primary=NASDAQ exchange=SMART type=ETF")
		c.await(t, "contractDetailsEnd", "1")
		c.ReqContractDetails(2, stock("NONE"))
		c.await(t, "error", "2 200")
		c.ReqContractDetails(3, stock("TWIN"))
		c.await(t, "contractDetails", "3 TWIN conId=11")
		c.await(t, "contractDetails", "3 TWIN conId=12")
		c.await(t, "contractDetailsEnd", "3")
		amex := stock("TWIN")
		amex.PrimaryExchange = "AMEX"
		c.ReqContractDetails(4, amex)
		c.await(t, "contractDetails", "4 TWIN conId=12")
		c.await(t, "contractDetailsEnd", "4")
		require.Equal(t, 1, c.count("contractDetails", "4 TWIN"))
		byID := ibapi.NewContract()
		byID.ConID, byID.Exchange = 265598, "SMART"
		c.ReqContractDetails(5, byID)
		c.await(t, "contractDetails", "5 AAPL conId=265598")
		c.PlaceOrder(1, stock("TWIN"), newOrder("BUY", "1", "MKT", "", "DU1", "x"))
		c.await(t, "error", "1 200")
		c.ReqMatchingSymbols(6, "spdr")
		c.await(t, "symbolSamples", "6 SPY,GLD")
	})
}

func TestMarketData(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		cfg := config(version)
		cfg.Contracts = append(gatewaysim.DefaultContracts(), gatewaysim.Contract{ConID: 11, Symbol: "SLOW", MarketData: []int{3}}, gatewaysim.Contract{ConID: 12, Symbol: "DARK", MarketData: []int{}})
		cfg.Quotes["SLOW"] = gatewaysim.Quote{Bid: dec("7"), Ask: dec("7.1"), Last: dec("7.05"), Close: dec("7")}
		cfg.Limits.MarketDataLines = 2
		g := start(t, cfg)
		c := connect(t, g, 7)
		c.ReqMktData(1, stock("AAPL"), "", true, false, nil)
		c.await(t, "marketDataType", "1 1")
		c.await(t, "tickReqParams", "1 0.01")
		c.await(t, "tickPrice", "1 1=99.9")
		c.await(t, "tickSize", "1 0=300")
		c.await(t, "tickPrice", "1 2=100")
		c.await(t, "tickPrice", "1 9=98")
		c.await(t, "tickSize", "1 8=12345")
		c.await(t, "tickString")
		c.await(t, "tickSnapshotEnd", "1")

		c.ReqMktData(2, stock("GLD"), "", false, false, nil)
		c.await(t, "tickPrice", "2 2=200.1")
		require.NoError(t, g.Exchange().SetQuote("GLD", gatewaysim.Quote{Bid: dec("201"), Ask: dec("201.1")}))
		c.await(t, "tickPrice", "2 2=201.1")
		c.CancelMktData(2)
		c.CancelMktData(99)
		c.await(t, "error", "99 300")

		c.ReqMktData(3, stock("SLOW"), "", true, false, nil)
		c.await(t, "error", "3 10089")
		c.ReqMktData(4, stock("DARK"), "", true, false, nil)
		c.await(t, "error", "4 354")
		c.ReqMarketDataType(3)
		c.ReqMktData(5, stock("SLOW"), "", true, false, nil)
		c.await(t, "error", "5 10167")
		c.await(t, "marketDataType", "5 3")
		c.await(t, "tickPrice", "5 66=7")
		c.await(t, "tickPrice", "5 68=7.05")
		c.await(t, "tickSnapshotEnd", "5")
		c.ReqMktData(6, stock("DARK"), "", true, false, nil)
		c.await(t, "error", "6 10168")
		for id := range int64(3) {
			c.ReqMktData(10+id, stock("AAPL"), "", false, false, nil)
		}
		c.await(t, "error", "12 101")
	})
}

func TestHistory(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		now := time.Date(2025, 11, 25, 15, 0, 0, 0, time.UTC)
		cfg := config(version)
		cfg.Now = func() time.Time { return now }
		g := start(t, cfg)
		var bars []gatewaysim.Bar
		for i := range 10 {
			p := dec("100").Sub(dec("1").Mul(dec("0.5"))).Add(dec("0.25"))
			bars = append(bars, gatewaysim.Bar{Time: now.AddDate(0, 0, -i), Open: p, High: p.Add(dec("1")), Low: p.Sub(dec("1")), Close: p, Volume: dec("1000")})
		}
		require.NoError(t, g.Exchange().SetBars("AAPL", bars))
		c := connect(t, g, 7)
		c.ReqHistoricalData(1, stock("AAPL"), "", "5 D", "1 day", "TRADES", true, 1, false, nil)
		c.await(t, "barsEnd", "1")
		require.Equal(t, 5, c.count("bar", "1"))
		c.await(t, "bar", "1 20251125 99.75/100.75/98.75/99.75 vol=1000")
		c.ReqHistoricalData(2, stock("AAPL"), "", "5 D", "1 day", "TRADES", true, 1, false, nil)
		c.await(t, "error", "2 162")
		c.ReqHistoricalData(3, stock("MSFT"), "", "5 D", "1 day", "TRADES", true, 1, false, nil)
		c.await(t, "error", "3 162")
		c.ReqHistoricalData(4, stock("AAPL"), "20251120-00:00:00", "2 D", "1 hour", "TRADES", true, 2, false, nil)
		c.await(t, "barsEnd", "4")
		require.Equal(t, 2, c.count("bar", "4"))
		c.CancelHistoricalData(4)
	})
}

func TestBarsAreNotKeptUpToDate(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		c := connect(t, start(t, config(version)), 7)
		c.ReqHistoricalData(1, stock("AAPL"), "", "5 D", "1 day", "TRADES", true, 1, true, nil)
		require.Contains(t, c.await(t, "error", "1 321"), "kept up to date")
	})
}
