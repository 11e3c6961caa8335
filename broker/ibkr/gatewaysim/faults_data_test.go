package gatewaysim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// dataStories has one story for each fault of accounts, contracts and prices.
var dataStories = map[string]func(t *testing.T, s *stage){
	gatewaysim.FaultDropEndMarker: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDropEndMarker, Message: "positionEnd"})
		s.c.ReqPositions()
		s.c.await(t, "position")
		s.sync(t)
		require.Zero(t, s.c.count("positionEnd"))
	},
	gatewaysim.FaultCutMidList: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutMidList, Message: "accountDownloadEnd"})
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "portfolio")
		s.gone(t)
		require.Zero(t, s.c.count("accountDownloadEnd"))
		s.again(t)
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutMidList, Message: "accountDownloadEnd", Count: 3})
		s.c.ReqAccountUpdates(true, "DU1")
		s.gone(t)
		require.Equal(t, 3, s.c.count("accountValue"))
		s.again(t)
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutMidList, Message: "positionEnd", Count: 99})
		s.c.ReqPositions()
		s.gone(t)
		require.Equal(t, 1, s.c.count("position"))
		require.Zero(t, s.c.count("positionEnd"))
	},
	gatewaysim.FaultPositionLag: func(t *testing.T, s *stage) {
		id := s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPositionLag})
		s.buy(1)
		s.c.await(t, "commission")
		s.c.ReqPositions()
		s.c.await(t, "positionEnd")
		require.Zero(t, s.c.count("position", "DU1 AAPL"))
		require.NoError(t, s.g.Lift(id))
		s.c.await(t, "position", "DU1 AAPL conId=265598 10")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPositionLag, For: short})
		s.buy(2)
		s.c.await(t, "position", "DU1 AAPL conId=265598 20")
	},
	gatewaysim.FaultFrozenValues: func(t *testing.T, s *stage) {
		id := s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultFrozenValues})
		s.buy(1)
		s.c.await(t, "commission")
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "accountValue", "DU1 USD TotalCashValue=10000")
		s.c.await(t, "accountDownloadEnd")
		require.NoError(t, s.g.Lift(id))
		s.c.await(t, "accountValue", "DU1 USD TotalCashValue=8999")
	},
	gatewaysim.FaultOmitTag: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultOmitTag, Text: "NetLiquidation"})
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "accountDownloadEnd")
		require.Zero(t, s.c.count("accountValue", "DU1 USD NetLiquidation=20000"))
	},
	gatewaysim.FaultSentinelTag: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSentinelTag, Text: "NetLiquidation"})
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "accountValue", "DU1 USD NetLiquidation=1.7976931348623157E308")
	},
	gatewaysim.FaultExternalTrade: func(t *testing.T, s *stage) {
		s.c.ReqPositions()
		s.c.await(t, "positionEnd")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultExternalTrade, Account: "DU1", Symbol: "AAPL", Quantity: dec("3"), Price: dec("99")})
		s.c.await(t, "position", "DU1 AAPL conId=265598 3")
		require.Zero(t, s.executions(t))
	},
	gatewaysim.FaultSplit: func(t *testing.T, s *stage) {
		s.c.ReqPositions()
		s.c.await(t, "positionEnd")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSplit, Symbol: "GLD", Quantity: dec("5")})
		s.c.await(t, "position", "DU1 GLD conId=51529211 250 cost=36.1")
	},
	gatewaysim.FaultMidnightCut: func(t *testing.T, s *stage) {
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMidnightCut})
		require.Zero(t, s.executions(t))
		s.c.ReqCompletedOrders(false)
		s.c.await(t, "completedOrdersEnd")
		require.Zero(t, s.c.count("completedOrder"))
	},

	gatewaysim.FaultContractNone: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractNone, Symbol: "AAPL"})
		s.c.ReqContractDetails(1, stock("AAPL"))
		s.c.await(t, "error", "1 200")
	},
	gatewaysim.FaultContractAmbiguous: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractAmbiguous})
		s.c.ReqContractDetails(1, stock("AAPL"))
		s.c.await(t, "contractDetailsEnd", "1")
		require.Equal(t, 2, s.c.count("contractDetails", "1"))
	},
	gatewaysim.FaultContractOtherID: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractOtherID, Count: 5})
		s.c.ReqContractDetails(1, stock("AAPL"))
		s.c.await(t, "contractDetails", "1 AAPL conId=5")
	},
	gatewaysim.FaultContractEmpty: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractEmpty})
		s.c.ReqContractDetails(1, stock("AAPL"))
		s.c.await(t, "contractDetailsEnd", "1")
		require.Zero(t, s.c.count("contractDetails"))
	},
	gatewaysim.FaultHours: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHours, Text: "nonsense"})
		s.c.ReqContractDetails(1, stock("AAPL"))
		s.c.await(t, "contractDetails", "1 AAPL", "hours=nonsense liquid=nonsense")
	},
	gatewaysim.FaultMarketDataError: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMarketDataError, Code: 10090})
		s.c.ReqMktData(1, stock("AAPL"), "", true, false, nil)
		s.c.await(t, "error", "1 10090")
	},
	gatewaysim.FaultBadPrice: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultBadPrice})
		s.c.ReqMktData(1, stock("AAPL"), "", true, false, nil)
		s.c.await(t, "tickPrice", "1 1=-1")
	},
	gatewaysim.FaultNoSnapshotEnd: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNoSnapshotEnd})
		s.c.ReqMktData(1, stock("AAPL"), "", true, false, nil)
		s.c.await(t, "tickPrice", "1 1=99.9")
		s.sync(t)
		require.Zero(t, s.c.count("tickSnapshotEnd"))
	},
	gatewaysim.FaultHistoryPace: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHistoryPace})
		s.c.ReqHistoricalData(1, stock("AAPL"), "", "5 D", "1 day", "TRADES", true, 1, false, nil)
		s.c.await(t, "error", "1 162", "pacing violation")
	},
	gatewaysim.FaultHistoryNoData: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHistoryNoData})
		s.c.ReqHistoricalData(1, stock("AAPL"), "", "5 D", "1 day", "TRADES", true, 1, false, nil)
		s.c.await(t, "error", "1 162")
	},
}
