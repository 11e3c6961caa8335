package gatewaysim_test

import (
	"fmt"
	"testing"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// What the gateway does not play is refused under the request's own id, and is in
// the ledger: nobody waits for an answer in vain.
func TestUnplayedRequests(t *testing.T) {
	aapl := ibapi.Contract{Symbol: "AAPL", SecType: "STK", Exchange: "SMART", Currency: "USD", ConID: 265598}
	asks := []struct {
		name string
		code int64
		ask  func(c *client)
	}{
		{"reqMktDepth", 321, func(c *client) { c.ReqMktDepth(901, &aapl, 5, true, nil) }},
		{"cancelMktDepth", 300, func(c *client) { c.CancelMktDepth(902, true) }},
		{"reqRealTimeBars", 321, func(c *client) { c.ReqRealTimeBars(903, &aapl, 5, "TRADES", true, nil) }},
		{"cancelRealTimeBars", 300, func(c *client) { c.CancelRealTimeBars(904) }},
		{"reqPnL", 321, func(c *client) { c.ReqPnL(905, "DU1", "") }},
		{"reqPnLSingle", 321, func(c *client) { c.ReqPnLSingle(906, "DU1", "", 265598) }},
		{"cancelPnL", 300, func(c *client) { c.CancelPnL(907) }},
		{"reqSecDefOptParams", 321, func(c *client) { c.ReqSecDefOptParams(908, "AAPL", "", "STK", 265598) }},
		{"reqHistoricalNews", 321, func(c *client) { c.ReqHistoricalNews(909, 265598, "BRFG", "", "", 5, nil) }},
		{"reqNewsArticle", 321, func(c *client) { c.ReqNewsArticle(910, "BRFG", "x", nil) }},
		{"reqHeadTimeStamp", 321, func(c *client) { c.ReqHeadTimeStamp(911, &aapl, "TRADES", true, 1) }},
		{"reqTickByTickData", 321, func(c *client) { c.ReqTickByTickData(912, &aapl, "Last", 0, false) }},
		{"reqHistogramData", 321, func(c *client) { c.ReqHistogramData(913, &aapl, true, "3 days") }},
		{"reqScannerSubscription", 321, func(c *client) { c.ReqScannerSubscription(914, ibapi.NewScannerSubscription(), nil, nil) }},
		{"queryDisplayGroups", 321, func(c *client) { c.QueryDisplayGroups(915) }},
		{"reqSmartComponents", 321, func(c *client) { c.ReqSmartComponents(916, "9c0001") }},
		{"reqSoftDollarTiers", 321, func(c *client) { c.ReqSoftDollarTiers(917) }},
		{"calculateOptionPrice", 321, func(c *client) { c.CalculateOptionPrice(918, &aapl, 0.2, 100, nil) }},
		{"calculateImpliedVolatility", 321, func(c *client) { c.CalculateImpliedVolatility(919, &aapl, 1, 100, nil) }},
		{"reqHistoricalTicks", 321, func(c *client) {
			c.ReqHistoricalTicks(920, &aapl, "20251125 10:00:00 US/Eastern", "", 10, "TRADES", true, false, nil)
		}},
		{"reqNewsProviders", 321, func(c *client) { c.ReqNewsProviders() }},
		{"reqMarketRule", 321, func(c *client) { c.ReqMarketRule(26) }},
		{"reqFamilyCodes", 321, func(c *client) { c.ReqFamilyCodes() }},
		{"reqScannerParameters", 321, func(c *client) { c.ReqScannerParameters() }},
		{"requestFA", 321, func(c *client) { c.RequestFA(1) }},
	}
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		for i, a := range asks {
			a.ask(c)
			id := 901 + i
			if i >= 20 {
				id = -1
			}
			c.await(t, fmt.Sprintf("error %d %d", id, a.code))
			found := false
			for _, e := range g.Ledger(gatewaysim.KindReceived) {
				found = found || e.Name == a.name
			}
			require.True(t, found, "%s is not in the ledger", a.name)
		}
		require.Empty(t, g.Ledger(gatewaysim.KindMalformed))
		c.settle(t)
	})
}

// Orders that depend on others, or on what is not played, are refused: as plain
// orders they would do what nobody asked for.
func TestUnplayedOrders(t *testing.T) {
	for name, change := range map[string]func(*ibapi.Order){
		"parentId":      func(o *ibapi.Order) { o.ParentID = 5 },
		"ocaGroup":      func(o *ibapi.Order) { o.OCAGroup = "g" },
		"algoStrategy":  func(o *ibapi.Order) { o.AlgoStrategy = "Adaptive" },
		"goodAfterTime": func(o *ibapi.Order) { o.GoodAfterTime = "20991125 10:00:00 US/Eastern" },
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version int) {
				g := start(t, config(version))
				c := connect(t, g, 7)
				o := ibapi.NewOrder()
				o.Action, o.OrderType, o.TotalQuantity, o.LmtPrice, o.TIF, o.Account = "BUY", "LMT", ibapi.StringToDecimal("1"), 90, "DAY", "DU1"
				change(o)
				c.PlaceOrder(50, &ibapi.Contract{Symbol: "AAPL", SecType: "STK", Exchange: "SMART", Currency: "USD"}, o)
				c.await(t, "error 50 321")
				require.Empty(t, g.Exchange().Orders())
			})
		})
	}
}
