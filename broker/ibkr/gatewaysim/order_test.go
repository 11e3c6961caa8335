package gatewaysim_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestOrdersAreChecked(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		for i, row := range []struct {
			symbol string
			order  *ibapi.Order
			code   string
		}{
			{"NONE", newOrder("BUY", "1", "MKT", "", "DU1", ""), "200"},
			{"AAPL", newOrder("BUY", "1", "MKT", "", "DU9", ""), "321"},
			{"AAPL", newOrder("BUY", "1", "MKT", "", "", ""), "435"},
			{"AAPL", newOrder("BUY", "1", "STP", "", "DU1", ""), "387"},
			{"AAPL", newOrder("BUY", "0", "MKT", "", "DU1", ""), "434"},
			{"AAPL", newOrder("BUY", "1.5", "MKT", "", "DU1", ""), "10243"},
			{"AAPL", newOrder("BUY", "1", "LMT", "99.999", "DU1", ""), "110"},
			{"AAPL", newOrder("HOLD", "1", "MKT", "", "DU1", ""), "321"},
			{"AAPL", withTIF(newOrder("BUY", "1", "MKT", "", "DU1", ""), "IOC"), "321"},
		} {
			id := int64(i + 1)
			c.PlaceOrder(id, stock(row.symbol), row.order)
			c.await(t, "error", fmt.Sprintf("%d %s", id, row.code))
		}
		require.Empty(t, g.Exchange().Orders())
		require.Len(t, g.Ledger(gatewaysim.KindRejected), 9)
	})
}

func withTIF(o *ibapi.Order, tif string) *ibapi.Order {
	o.TIF = tif
	return o
}

func TestWhatIf(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		o := newOrder("BUY", "10", "MKT", "", "DU1", "w")
		o.WhatIf = true
		c.PlaceOrder(1, stock("AAPL"), o)
		line := c.await(t, "openOrder", "1 AAPL", "whatIf=true", "fee=1")
		require.Contains(t, line, "equity=19999")
		require.Contains(t, line, "initMargin=999.5")
		require.Empty(t, g.Exchange().Orders())
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "r"))
		c.await(t, "orderStatus", "1 Filled")
	})
}

func TestOrdersOutliveTheirClient(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "LMT", "95", "DU1", "mine"))
		c.await(t, "orderStatus", "1 Submitted")
		g.Disconnect(7)
		c.gone(t)
		require.NoError(t, g.Exchange().Price("AAPL", dec("94")))
		again := dial(t, g, 7)
		again.await(t, "nextValidId", "2")
		again.ReqExecutions(1, ibapi.NewExecutionFilter())
		again.await(t, "execDetails", "1 AAPL BOT 10 at=94 order=1 client=7 account=DU1 ref=mine")
		again.ReqCompletedOrders(false)
		again.await(t, "completedOrder", "AAPL BUY 10 ref=mine")
	})
}

func TestFillsInPartsAndByHand(t *testing.T) {
	cfg := config(225)
	cfg.Fill = gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 3, Every: time.Millisecond}
	cfg.Contracts = append(gatewaysim.DefaultContracts(), gatewaysim.Contract{ConID: 1, Symbol: "HAND", Fill: &gatewaysim.FillModel{Mode: gatewaysim.FillByHand}})
	cfg.Quotes["HAND"] = gatewaysim.Quote{Bid: dec("10"), Ask: dec("10")}
	g := start(t, cfg)
	c := connect(t, g, 7)
	c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "parts"))
	c.await(t, "orderStatus", "1 Submitted filled=3 remaining=7")
	c.await(t, "orderStatus", "1 Submitted filled=6 remaining=4")
	c.await(t, "orderStatus", "1 Filled filled=10 remaining=0")
	c.await(t, "execDetails", "cum=10")

	c.PlaceOrder(2, stock("HAND"), newOrder("BUY", "10", "MKT", "", "DU1", "hand"))
	c.await(t, "orderStatus", "2 Submitted")
	o, ok := g.Exchange().OrderByRef("hand")
	require.True(t, ok)
	require.True(t, o.Open())
	require.NoError(t, g.Exchange().Fill(o.PermID, dec("4"), dec("10.5")))
	c.await(t, "execDetails", "-1 HAND BOT 4 at=10.5")
	require.Error(t, g.Exchange().Fill(o.PermID, dec("7"), decimal.Decimal{}))
	require.NoError(t, g.Exchange().Cancel(o.PermID, ""))
	c.await(t, "orderStatus", "2 Cancelled filled=4 remaining=6")
	require.NoError(t, g.Exchange().Fill(o.PermID, decimal.Decimal{}, decimal.Decimal{}), "fills come late")
	c.await(t, "execDetails", "-1 HAND BOT 6 at=10")
	fills := g.Exchange().Fills()
	require.NoError(t, g.Exchange().Correct(fills[len(fills)-1].ExecID, dec("5"), dec("10.1")))
	c.await(t, "execDetails", "-1 HAND BOT 5 at=10.1")
	state, err := g.Exchange().Account("DU1")
	require.NoError(t, err)
	require.Equal(t, "9", state.Positions["HAND"].String())
	fills = g.Exchange().Fills()
	require.True(t, fills[len(fills)-2].Superseded)
	require.False(t, fills[len(fills)-1].Superseded)
}

func TestModify(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "LMT", "90", "DU1", "m"))
		c.await(t, "orderStatus", "1 Submitted")
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "12", "LMT", "91", "DU1", "m"))
		c.await(t, "openOrder", "1 AAPL conId=265598 BUY 12 LMT lmt=91")
		c.PlaceOrder(1, stock("AAPL"), newOrder("SELL", "12", "LMT", "91", "DU1", "m"))
		c.await(t, "error", "1 105")
		require.Len(t, g.Exchange().Orders(), 1)
	})
}

func TestMarketHours(t *testing.T) {
	clock := &clock{at: time.Date(2025, 11, 24, 8, 0, 0, 0, eastern(t))} // a Monday
	cfg := config(176)
	cfg.Now = clock.now
	week := clock.at
	cfg.Contracts = append(gatewaysim.DefaultContracts(), gatewaysim.Contract{
		ConID: 1, Symbol: "DAY", TradingHours: gatewaysim.WeekHours(week, "0400", "2000"), LiquidHours: gatewaysim.WeekHours(week, "0930", "1600"), MarketData: []int{1, 2},
	})
	cfg.Quotes["DAY"] = gatewaysim.Quote{Bid: dec("10"), Ask: dec("10")}
	g := start(t, cfg)
	c := connect(t, g, 7)
	c.PlaceOrder(1, stock("DAY"), newOrder("BUY", "1", "MKT", "", "DU1", "held"))
	c.await(t, "error", "1 399")
	c.await(t, "orderStatus", "1 PreSubmitted")
	early := newOrder("BUY", "1", "LMT", "10", "DU1", "early")
	early.OutsideRTH = true
	c.PlaceOrder(2, stock("DAY"), early)
	c.await(t, "orderStatus", "2 Filled")
	c.PlaceOrder(3, stock("DAY"), newOrder("BUY", "1", "MOC", "", "DU1", "close"))
	c.await(t, "orderStatus", "3 PreSubmitted")
	c.ReqMarketDataType(2)
	c.ReqMktData(9, stock("DAY"), "", true, false, nil)
	c.await(t, "marketDataType", "9 2")
	c.await(t, "tickSnapshotEnd")

	clock.set(time.Date(2025, 11, 24, 9, 30, 0, 0, eastern(t)))
	g.Exchange().Wake()
	c.await(t, "orderStatus", "1 Filled")
	c.PlaceOrder(4, stock("DAY"), newOrder("BUY", "1", "LMT", "9", "DU1", "rest"))
	c.await(t, "orderStatus", "4 Submitted")
	c.PlaceOrder(5, stock("DAY"), newOrder("BUY", "1", "LOC", "9", "DU1", "loc"))
	c.await(t, "orderStatus", "5 PreSubmitted")
	clock.set(time.Date(2025, 11, 24, 16, 0, 0, 0, eastern(t)))
	g.Exchange().Wake()
	c.await(t, "orderStatus", "3 Filled")
	c.await(t, "orderStatus", "4 Cancelled")
	c.await(t, "orderStatus", "5 Cancelled")
}

func TestExecutionsEndAtMidnight(t *testing.T) {
	clock := &clock{at: time.Date(2025, 11, 24, 23, 59, 0, 0, eastern(t))}
	cfg := config(200)
	cfg.Now = clock.now
	s := &stage{g: start(t, cfg)}
	s.c = connect(t, s.g, 7)
	s.buy(1)
	s.c.await(t, "commission")
	s.bid(t, 2)
	require.Equal(t, 1, s.executions(t))
	clock.set(time.Date(2025, 11, 25, 0, 0, 0, 0, eastern(t)))
	require.Equal(t, 1, s.executions(t), "no new one")
	s.c.ReqCompletedOrders(false)
	s.c.await(t, "completedOrdersEnd")
	require.Zero(t, s.c.count("completedOrder"))
	s.c.ReqAllOpenOrders()
	s.c.await(t, "openOrderEnd")
	days := ibapi.NewExecutionFilter()
	days.LastNDays = 2
	s.c.ReqExecutions(5, days)
	s.c.await(t, "execDetails", "5 AAPL BOT 10")
}

func TestOpenOrdersAreToldAtTheStart(t *testing.T) {
	s := &stage{g: start(t, config(225))}
	s.c = connect(t, s.g, 7)
	s.bid(t, 1)
	s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCut})
	s.gone(t)
	s.again(t)
	s.c.await(t, "orderStatus", "1 Submitted")
}

func TestCloseAuction(t *testing.T) {
	g := start(t, config(225))
	c := connect(t, g, 7)
	c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "1", "MOC", "", "DU1", "a"))
	c.await(t, "orderStatus", "1 PreSubmitted")
	require.NoError(t, g.Exchange().CloseAuction("AAPL"))
	c.await(t, "orderStatus", "1 Filled")
}

func TestForeignOrders(t *testing.T) {
	g := start(t, config(225))
	c := connect(t, g, 7)
	perm, err := g.Exchange().PlaceForeign(gatewaysim.ForeignOrder{Account: "DU1", Symbol: "AAPL", Action: "BUY", Quantity: dec("3"), Limit: dec("90")})
	require.NoError(t, err)
	require.Positive(t, perm)
	c.ReqAllOpenOrders()
	c.await(t, "openOrder", "-1 AAPL conId=265598 BUY 3 LMT lmt=90", "client=0")
	c.ReqPositions()
	c.await(t, "positionEnd")
	require.NoError(t, g.Exchange().Trade("DU1", "AAPL", dec("2"), dec("99")))
	c.await(t, "position", "DU1 AAPL conId=265598 2 cost=99")
	require.NoError(t, g.Exchange().Split("AAPL", dec("2")))
	c.await(t, "position", "DU1 AAPL conId=265598 4 cost=49.5")
	require.Zero(t, c.count("orderStatus", "-1 Filled"))
}

func TestRestartForgetsOrderIDs(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		for id := range int64(5) {
			c.PlaceOrder(id+1, stock("AAPL"), newOrder("BUY", "1", "MKT", "", "DU1", fmt.Sprint("r", id)))
		}
		c.await(t, "orderStatus", "5 Filled")
		g.Restart(time.Millisecond, 2)
		c.gone(t)
		again := redial(t, g, 7)
		again.await(t, "nextValidId", "4")
		again.PlaceOrder(4, stock("AAPL"), newOrder("BUY", "1", "MKT", "", "DU1", "reused"))
		again.await(t, "orderStatus", "4 Filled")
		require.Len(t, g.Exchange().Orders(), 6)
	})
}

// redial connects as soon as the gateway is back.
func redial(t *testing.T, g *gatewaysim.Gateway, id int64) *client {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		c := newClient(id)
		err := c.Connect("127.0.0.1", g.Port(), id)
		if err == nil && c.ServerVersion() > 0 {
			c.endWith(t, g)
			return c
		}
		require.True(t, time.Now().Before(deadline), "the gateway does not come back: %v", err)
	}
}

// clock is a market clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func eastern(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("US/Eastern")
	require.NoError(t, err)
	return zone
}
