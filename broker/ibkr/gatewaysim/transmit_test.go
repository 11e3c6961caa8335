package gatewaysim_test

import (
	"testing"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// notTransmitted is an order that its client holds back.
func notTransmitted() *ibapi.Order {
	o := newOrder("BUY", "10", "MKT", "", "DU1", "held")
	o.Transmit = false
	return o
}

func TestAnOrderThatIsNotTransmittedWaits(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		g := start(t, config(version))
		c := connect(t, g, 7)
		c.PlaceOrder(1, stock("AAPL"), notTransmitted())
		c.await(t, "orderStatus", "1 Inactive filled=0 remaining=10")
		require.NoError(t, g.Exchange().Price("AAPL", dec("99")))
		g.Exchange().Wake()
		c.ReqOpenOrders()
		c.await(t, "openOrder", "1 AAPL", "status=Inactive")
		c.await(t, "openOrderEnd")
		require.Empty(t, g.Exchange().Fills())

		c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "held"))
		c.await(t, "orderStatus", "1 Filled")
		require.Len(t, g.Exchange().Orders(), 1)
	})
}

func TestAnOrderThatIsNotTransmittedCanChangeAndEnd(t *testing.T) {
	g := start(t, config(225))
	c := connect(t, g, 7)
	c.PlaceOrder(1, stock("AAPL"), notTransmitted())
	c.await(t, "orderStatus", "1 Inactive", "remaining=10")
	o := notTransmitted()
	o.TotalQuantity = ibapi.StringToDecimal("7")
	c.PlaceOrder(1, stock("AAPL"), o)
	c.await(t, "orderStatus", "1 Inactive", "remaining=7")
	c.CancelOrder(1, ibapi.NewOrderCancel())
	c.await(t, "orderStatus", "1 Cancelled")
	require.Empty(t, g.Exchange().Fills())
}

func TestAnOrderIsTransmittedWhenTheLinkIsBack(t *testing.T) {
	s := &stage{g: start(t, config(225))}
	s.c = connect(t, s.g, 7)
	s.c.PlaceOrder(1, stock("AAPL"), notTransmitted())
	s.c.await(t, "orderStatus", "1 Inactive")
	s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
	s.buyHeld()
	s.sync(t)
	require.Empty(t, s.g.Exchange().Fills())
	s.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkBack})
	s.c.await(t, "orderStatus", "1 Filled")
}

// buyHeld transmits the order that was held back.
func (s *stage) buyHeld() {
	s.c.PlaceOrder(1, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "held"))
}

func TestAPreviewSaysWhatAnOrderWouldHear(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		cfg := config(version)
		cfg.CheckFunds = true
		g := start(t, cfg)
		c := connect(t, g, 7)
		preview := func(id int64, action, quantity string) {
			o := newOrder(action, quantity, "MKT", "", "DU1", "preview")
			o.WhatIf = true
			c.PlaceOrder(id, stock("AAPL"), o)
		}
		preview(1, "BUY", "101")
		c.await(t, "error", "1 201")
		preview(2, "BUY", "99")
		c.await(t, "openOrder", "2 AAPL", "whatIf=true")
		preview(3, "SELL", "1000000")
		c.await(t, "openOrder", "3 AAPL", "whatIf=true")
		require.Zero(t, c.count("openOrder", "1 AAPL"))
		require.Empty(t, g.Exchange().Orders())
		require.Len(t, g.Ledger(gatewaysim.KindWhatIf), 3)
	})
}
