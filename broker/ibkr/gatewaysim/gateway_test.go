package gatewaysim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestSessionBegins(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := dial(t, g, 7)
		c.await(t, "managedAccounts", "DU1,DU2")
		c.await(t, "nextValidId", "1")
		c.await(t, "error", "-1 2104")
		require.Equal(t, version, c.ServerVersion())
		c.ReqCurrentTime()
		c.await(t, "currentTime")
		c.ReqIDs(1)
		c.await(t, "nextValidId", "1")
		c.ReqManagedAccts()
		c.await(t, "managedAccounts", "DU1,DU2")
		c.ReqUserInfo(4)
		if version >= 167 {
			c.await(t, "userInfo", "4")
		}
		require.Equal(t, []int{7}, g.Clients())
	})
}

func TestClientIDIsUnique(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		connect(t, g, 7)
		require.Equal(t, "326", refusedStart(t, g, "7"))
		other := connect(t, g, 8)
		other.ReqCurrentTime()
		other.await(t, "currentTime")
	})
}

func TestAccounts(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		c.ReqAccountUpdates(true, "DU1")
		c.await(t, "accountValue", "DU1 USD NetLiquidation=20000")
		c.await(t, "accountValue", "DU1 USD TotalCashBalance=10000")
		c.await(t, "accountValue", "DU1 BASE TotalCashBalance=10000")
		c.await(t, "portfolio", "DU1 GLD 50 price=200 value=10000 cost=180.5 pnl=975/0")
		c.await(t, "updateAccountTime")
		c.await(t, "accountDownloadEnd", "DU1")

		c.ReqAccountSummary(11, "All", "NetLiquidation,TotalCashValue,AccountType")
		c.await(t, "summary", "11 DU1 NetLiquidation=20000 USD")
		c.await(t, "summary", "11 DU2 TotalCashValue=5000.25 USD")
		c.await(t, "accountSummaryEnd", "11")
		require.Equal(t, 6, c.count("summary", "11"))
		c.ReqAccountSummary(12, "All", "$LEDGER:ALL")
		c.await(t, "summary", "12 DU2 CashBalance=5000.25 USD")
		c.await(t, "accountSummaryEnd", "12")
		c.ReqAccountSummary(13, "All", "NetLiquidation")
		c.await(t, "error", "13 322")
		c.CancelAccountSummary(11)
		c.ReqAccountSummary(14, "All", "NetLiquidation")
		c.await(t, "accountSummaryEnd", "14")

		c.ReqPositions()
		c.await(t, "position", "DU1 GLD conId=51529211 50 cost=180.5")
		c.await(t, "positionEnd")
		require.Equal(t, 1, c.count("position"))
		c.CancelPositions()
		c.ReqPositionsMulti(21, "DU1", "")
		c.await(t, "positionMulti", "21 DU1 GLD 50 cost=180.5")
		c.await(t, "positionMultiEnd", "21")
		c.CancelPositionsMulti(21)
		c.ReqAccountUpdatesMulti(22, "DU2", "", true)
		c.await(t, "accountUpdateMulti", "22 DU2 NetLiquidation=5000.25 USD")
		c.await(t, "accountUpdateMultiEnd", "22")
		c.CancelAccountUpdatesMulti(22)
		c.ReqPositionsMulti(23, "DU9", "")
		c.await(t, "error", "23 321")

		require.NoError(t, g.Exchange().Deposit("DU1", "USD", dec("500")))
		c.await(t, "accountValue", "DU1 USD NetLiquidation=20500")
	})
}

func TestOrderFills(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		c.ReqPositions()
		c.await(t, "positionEnd")
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "rb1.a.1"))
		c.await(t, "openOrder", "1 AAPL conId=265598 BUY 10 MKT", "tif=DAY account=DU1 ref=rb1.a.1 client=7 whatIf=false outside=false status=Submitted")
		c.await(t, "orderStatus", "1 Submitted filled=0 remaining=10 avg=0 perm=true last=0 client=7")
		c.await(t, "execDetails", "-1 AAPL BOT 10 at=100 order=1 client=7 account=DU1 ref=rb1.a.1 cum=10 avg=100")
		c.await(t, "orderStatus", "1 Filled filled=10 remaining=0 avg=100 perm=true last=100 client=7")
		c.await(t, "commission", "fee=1 USD pnl=unset")
		c.await(t, "position", "DU1 AAPL conId=265598 10 cost=100")
		state, err := g.Exchange().Account("DU1")
		require.NoError(t, err)
		require.Equal(t, "8999", state.Cash["USD"].String())
		require.Equal(t, "10", state.Positions["AAPL"].String())

		c.PlaceOrder(2, stock("AAPL"), newOrder("SELL", "4", "LMT", "101", "DU1", "rb1.a.2"))
		c.await(t, "openOrder", "2 AAPL", "SELL 4 LMT lmt=101")
		c.ReqOpenOrders()
		c.await(t, "openOrder", "2 AAPL", "status=Submitted")
		c.await(t, "openOrderEnd")
		require.NoError(t, g.Exchange().Price("AAPL", dec("101.5")))
		c.await(t, "execDetails", "-1 AAPL SLD 4 at=101.5 order=2")
		c.await(t, "commission", "fee=1 USD pnl=5")

		c.ReqExecutions(31, ibapi.NewExecutionFilter())
		c.await(t, "execDetails", "31 AAPL BOT 10", "ref=rb1.a.1")
		c.await(t, "execDetails", "31 AAPL SLD 4", "ref=rb1.a.2")
		c.await(t, "execDetailsEnd", "31")
		c.ReqCompletedOrders(false)
		c.await(t, "completedOrder", "AAPL BUY 10 ref=rb1.a.1 perm=true filled=10 status=Filled done=Filled_Size:_10 account=DU1")
		c.await(t, "completedOrdersEnd")
	})
}

// TestEveryVersion speaks a little of everything at every version.
func TestEveryVersion(t *testing.T) {
	for version := gatewaysim.OldestVersion; version <= gatewaysim.NewestVersion; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			g := start(t, config(version))
			c := connect(t, g, 7)
			require.NoError(t, g.Exchange().SetBars("AAPL", []gatewaysim.Bar{{Time: time.Now().Add(-time.Hour), Close: dec("99")}}))
			c.ReqAccountUpdates(true, "DU1")
			c.await(t, "accountDownloadEnd")
			c.ReqContractDetails(1, stock("AAPL"))
			c.await(t, "contractDetails", "1 AAPL conId=265598 tick=0.01")
			c.ReqMktData(2, stock("AAPL"), "", true, false, nil)
			c.await(t, "tickSnapshotEnd", "2")
			c.ReqHistoricalData(3, stock("AAPL"), "", "1 D", "1 hour", "TRADES", true, 1, false, nil)
			c.await(t, "barsEnd", "3")
			c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "LMT", "90", "DU1", "r"))
			c.await(t, "openOrder", "1 AAPL conId=265598 BUY 10 LMT lmt=90 tif=DAY account=DU1 ref=r client=7")
			c.CancelOrder(1, ibapi.NewOrderCancel())
			c.await(t, "orderStatus", "1 Cancelled")
			c.PlaceOrder(2, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "f"))
			c.await(t, "commission", "fee=1")
			c.ReqCompletedOrders(false)
			c.await(t, "completedOrder", "AAPL BUY 10 ref=f perm=true filled=10 status=Filled")
			c.await(t, "completedOrdersEnd")
			require.Empty(t, g.Ledger(gatewaysim.KindMalformed))
		})
	}
}

func TestCancel(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c, other := connect(t, g, 7), connect(t, g, 8)
		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "LMT", "90", "DU2", "ref"))
		c.await(t, "orderStatus", "1 Submitted")
		other.ReqOpenOrders()
		other.await(t, "openOrderEnd")
		require.Zero(t, other.count("openOrder"))
		other.ReqAllOpenOrders()
		other.await(t, "openOrder", "1 AAPL", "client=7")
		other.await(t, "openOrderEnd")
		other.CancelOrder(1, ibapi.NewOrderCancel())
		other.await(t, "error", "1 10147")
		c.CancelOrder(1, ibapi.NewOrderCancel())
		c.await(t, "orderStatus", "1 PendingCancel")
		c.await(t, "orderStatus", "1 Cancelled")
		c.await(t, "error", "1 202")
		c.CancelOrder(1, ibapi.NewOrderCancel())
		c.await(t, "error", "1 10148")
		c.ReqCompletedOrders(true)
		c.await(t, "completedOrder", "AAPL BUY 10 ref=ref perm=true filled=0 status=Cancelled")

		c.PlaceOrder(2, stock("AAPL"), newOrder("BUY", "10", "LMT", "90", "DU2", "ref2"))
		c.await(t, "orderStatus", "2 Submitted")
		other.ReqGlobalCancel(ibapi.NewOrderCancel())
		c.await(t, "orderStatus", "2 Cancelled")
		c.PlaceOrder(2, stock("AAPL"), newOrder("BUY", "10", "LMT", "90", "DU2", "ref3"))
		c.await(t, "error", "2 103")
	})
}
