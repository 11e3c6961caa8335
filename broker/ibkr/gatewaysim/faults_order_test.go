package gatewaysim_test

import (
	"testing"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// orderStories has one story for each fault of orders, cancels and the wire.
var orderStories = map[string]func(t *testing.T, s *stage){
	gatewaysim.FaultCutBeforeAccept: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutBeforeAccept})
		s.buy(1)
		s.gone(t)
		require.Empty(t, s.g.Exchange().Orders())
		s.c = redial(t, s.g, 7)
		s.c.await(t, "nextValidId", "1")
	},
	gatewaysim.FaultCutAfterAccept: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutAfterAccept})
		s.buy(1)
		s.gone(t)
		require.Zero(t, s.c.count("orderStatus"))
		require.Equal(t, gatewaysim.StatusFilled, s.g.Exchange().Orders()[0].Status)
		s.again(t)
		require.Equal(t, 1, s.executions(t))
	},
	gatewaysim.FaultCutAfterAck: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutAfterAck})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Submitted")
		s.gone(t)
		require.Zero(t, s.c.count("execDetails"))
		require.Equal(t, gatewaysim.StatusFilled, s.g.Exchange().Orders()[0].Status)
	},
	gatewaysim.FaultCutAfterFill: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCutAfterFill})
		s.buy(1)
		s.c.await(t, "execDetails")
		s.gone(t)
		require.Zero(t, s.c.count("orderStatus", "1 Filled"))
	},
	gatewaysim.FaultLoseOrder: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLoseOrder})
		s.buy(1)
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus"))
		require.Empty(t, s.g.Exchange().Orders())
	},
	gatewaysim.FaultOrderPendsForever: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultOrderPendsForever})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 PendingSubmit")
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("50")))
		s.sync(t)
		require.Zero(t, s.c.count("execDetails"))
	},
	gatewaysim.FaultAckLate: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultAckLate, For: short})
		s.buy(1)
		s.c.ReqAllOpenOrders()
		s.c.await(t, "openOrderEnd")
		require.Zero(t, s.c.count("orderStatus"))
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultFillWithoutStatus: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultFillWithoutStatus})
		s.buy(1)
		s.c.await(t, "commission")
		require.Zero(t, s.c.count("orderStatus"))
		require.Equal(t, 1, s.c.count("execDetails"))
	},
	gatewaysim.FaultStatusWithoutExec: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultStatusWithoutExec, For: short})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		require.Zero(t, s.c.count("execDetails"))
		s.c.await(t, "execDetails")
	},
	gatewaysim.FaultDuplicateStatus: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDuplicateStatus})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultReorderStatus: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultReorderStatus})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		require.Equal(t, 1, s.c.count("commission"))
		s.c.await(t, "execDetails")
	},
	gatewaysim.FaultRegressStatus: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRegressStatus})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Submitted filled=0")
		s.c.await(t, "orderStatus", "1 Filled")
		s.c.await(t, "orderStatus", "1 Submitted filled=0")
	},
	gatewaysim.FaultWrongRemaining: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultWrongRemaining})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled filled=10 remaining=10")
	},
	gatewaysim.FaultDuplicateExec: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDuplicateExec})
		s.buy(1)
		first := s.c.await(t, "execDetails")
		require.Equal(t, first, s.c.await(t, "execDetails"))
	},
	gatewaysim.FaultCorrectExec: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCorrectExec, Quantity: dec("9"), Price: dec("100.5"), After: short})
		s.buy(1)
		s.c.await(t, "execDetails", "-1 AAPL BOT 9 at=100.5")
		state, err := s.g.Exchange().Account("DU1")
		require.NoError(t, err)
		require.Equal(t, "9", state.Positions["AAPL"].String())
		require.Equal(t, "9094.5", state.Cash["USD"].String())
	},
	gatewaysim.FaultRejectOrder: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Inactive")
		s.c.await(t, "error", "1 201")
		s.c.ReqCompletedOrders(false)
		s.c.await(t, "completedOrder", "AAPL BUY 10 ref=ref1", "status=Inactive")
	},
	gatewaysim.FaultInactive: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultInactive, For: short})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Inactive")
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultHoldOrder: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHoldOrder, For: short})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 PreSubmitted")
		s.c.await(t, "error", "1 399")
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultNeverFill: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNeverFill})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Submitted")
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("50")))
		s.sync(t)
		require.Zero(t, s.c.count("execDetails"))
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "orderStatus", "1 Cancelled")
	},
	gatewaysim.FaultPartialThenStop: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPartialThenStop, Quantity: dec("4")})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Submitted filled=4 remaining=6")
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus", "1 Filled"))
	},
	gatewaysim.FaultPartialThenCancel: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPartialThenCancel})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Cancelled filled=5 remaining=5")
		s.c.await(t, "error", "1 202")
	},
	gatewaysim.FaultDuplicateOrderID: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDuplicateOrderID})
		s.buy(1)
		s.c.await(t, "error", "1 103")
		require.Empty(t, s.g.Exchange().Orders())
	},
	gatewaysim.FaultAlterOrder: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultAlterOrder, Quantity: dec("3"), Price: dec("90"), Text: "GTC"})
		s.buy(1)
		s.c.await(t, "error", "1 10349")
		s.c.await(t, "openOrder", "1 AAPL conId=265598 BUY 3 LMT lmt=90 tif=GTC")
	},
	gatewaysim.FaultCommissionNone: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCommissionNone})
		s.buy(1)
		s.c.await(t, "orderStatus", "1 Filled")
		s.sync(t)
		require.Zero(t, s.c.count("commission"))
	},
	gatewaysim.FaultCommissionOdd: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCommissionOdd})
		s.buy(1)
		s.c.await(t, "commission", "fee=unset")
	},
	gatewaysim.FaultOddExecTime: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultOddExecTime})
		s.buy(1)
		require.Contains(t, s.c.await(t, "execDetails"), "Mars/Olympus")
	},
	gatewaysim.FaultTwoPermIDs: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultTwoPermIDs})
		s.bid(t, 1)
		first := s.g.Exchange().Orders()[0].PermID
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("89")))
		s.c.await(t, "orderStatus", "1 Filled")
		require.NotEqual(t, first, s.g.Exchange().Orders()[0].PermID)
	},

	gatewaysim.FaultCancelNeverConfirmed: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCancelNeverConfirmed})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "orderStatus", "1 PendingCancel")
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus", "1 Cancelled"))
		require.NoError(t, s.g.Exchange().Price("AAPL", dec("80")))
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultFillOnCancel: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultFillOnCancel})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "orderStatus", "1 PendingCancel")
		s.c.await(t, "orderStatus", "1 Filled")
	},
	gatewaysim.FaultFillAfterCancel: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultFillAfterCancel, Quantity: dec("2"), After: short})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "orderStatus", "1 Cancelled filled=0")
		s.c.await(t, "execDetails", "-1 AAPL BOT 2")
		s.c.await(t, "orderStatus", "1 Cancelled filled=2")
	},
	gatewaysim.FaultCancelError: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCancelError, Code: 161})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "error", "1 161")
		require.True(t, s.g.Exchange().Orders()[0].Ended.IsZero())
	},
	gatewaysim.FaultCancelLate: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCancelLate, For: short})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.c.await(t, "orderStatus", "1 PendingCancel")
		require.Zero(t, s.c.count("orderStatus", "1 Cancelled"))
		s.c.await(t, "orderStatus", "1 Cancelled")
	},
	gatewaysim.FaultLoseCancel: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLoseCancel})
		s.bid(t, 1)
		s.c.CancelOrder(1, ibapi.NewOrderCancel())
		s.sync(t)
		require.Zero(t, s.c.count("orderStatus", "1 PendingCancel"))
	},

	gatewaysim.FaultSplitFrames: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSplitFrames, Count: 3})
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "accountDownloadEnd")
	},
	gatewaysim.FaultMergedFrames: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMergedFrames})
		s.c.ReqAccountUpdates(true, "DU1")
		s.c.await(t, "accountDownloadEnd")
		s.sync(t)
	},
	gatewaysim.FaultResetAfterBytes: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultResetAfterBytes, Count: 1000})
		s.c.ReqAccountUpdates(true, "DU1")
		s.gone(t)
		require.Zero(t, s.c.count("accountDownloadEnd"))
	},
	gatewaysim.FaultGarbage: func(t *testing.T, s *stage) {
		version := s.c.ServerVersion()
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultGarbage})
		if version < 201 {
			s.gone(t) // ibapi ends the connection
			return
		}
		s.sync(t)
	},
	gatewaysim.FaultUnknownMessage: func(t *testing.T, s *stage) {
		s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultUnknownMessage})
		s.sync(t)
	},
}
