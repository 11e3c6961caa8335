package ibkr_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/brokertest"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/marketdata/marketdatatest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		brokertest.Run(t, func(t *testing.T) brokertest.Harness { return harness(t, version) })
	})
}

func harness(t *testing.T, version int) brokertest.Harness {
	t.Helper()
	g := gateway(t, func(cfg *gatewaysim.Config) {
		cfg.ServerVersion = version
		cfg.Contracts = append(gatewaysim.DefaultContracts(),
			gatewaysim.Contract{ConID: 1001, Symbol: "TWIN"}, gatewaysim.Contract{ConID: 1002, Symbol: "TWIN", PrimaryExchange: "ARCA"})
	})
	b := open(t, config(g))
	return brokertest.Harness{
		Broker: b, Account: account, Ambiguous: "TWIN",
		Instruments: [2]brokertest.Instrument{
			{ID: "AAPL", Bid: dec("99.90"), Ask: dec("100.10")}, {ID: "MSFT", Bid: dec("49.95"), Ask: dec("50.05")},
		},
		MakeFill: func(id broker.OrderID, quantity decimal.Decimal) error {
			o, ok := g.Exchange().OrderByRef(string(id))
			if !ok {
				return fmt.Errorf("no order %s", id)
			}
			return g.Exchange().Fill(o.PermID, quantity, dec("90"))
		},
		CutSession: func() error { g.Disconnect(clientID); return nil },
		CutNextPlace: func() error {
			_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultCutAfterAccept, Times: 1})
			return err
		},
		LoseNextPlace: func() error {
			_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultLoseOrder, Times: 1})
			return err
		},
		Received: func(id broker.OrderID) int {
			var n int
			for _, e := range g.Ledger(gatewaysim.KindOrder, gatewaysim.KindRejected) {
				if e.Ref == string(id) {
					n++
				}
			}
			return n
		},
	}
}

func TestPricesConform(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		marketdatatest.Run(t, func(t *testing.T) marketdatatest.Harness {
			g := gateway(t, func(cfg *gatewaysim.Config) { cfg.ServerVersion = version })
			return marketdatatest.Harness{
				Source: open(t, config(g)), Found: []broker.InstrumentID{"AAPL", "MSFT"}, Missing: []broker.InstrumentID{"NOSUCH"},
			}
		})
	})
}
