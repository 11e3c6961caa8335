package gatewaysim_test

import (
	"fmt"

	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// A real client connects, buys, and reads what the exchange says.
func Example() {
	hundred := decimal.NewFromInt(100)
	g, err := gatewaysim.Start(gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: "DU1", Cash: map[string]decimal.Decimal{"USD": decimal.NewFromInt(10_000)}}},
		Quotes:   map[string]gatewaysim.Quote{"AAPL": {Bid: hundred, Ask: hundred, Last: hundred}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()

	w := &filled{done: make(chan struct{}), ready: make(chan int64, 1)}
	client := ibapi.NewEClient(w)
	if err := client.Connect("127.0.0.1", g.Port(), 7); err != nil {
		fmt.Println(err)
		return
	}
	client.PlaceOrder(<-w.ready, stock("AAPL"), newOrder("BUY", "10", "MKT", "", "DU1", "my-order"))
	<-w.done

	o, _ := g.Exchange().OrderByRef("my-order")
	state, _ := g.Exchange().Account("DU1")
	fmt.Println(o.Symbol, o.Action, o.Filled, o.Status)
	fmt.Println("cash", state.Cash["USD"], "shares", state.Positions["AAPL"])
	// Output:
	// AAPL BUY 10 Filled
	// cash 8999 shares 10
}

// filled is a wrapper that waits for the first fill.
type filled struct {
	ibapi.Wrapper
	done  chan struct{}
	ready chan int64
}

func (f *filled) NextValidID(id int64) { f.ready <- id }

func (f *filled) CommissionAndFeesReport(ibapi.CommissionAndFeesReport) { close(f.done) }

// A fault is data. Here the connection breaks after the gateway has accepted an
// order and before its client hears of it.
func ExampleGateway_Inject() {
	g, err := gatewaysim.Start(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: "DU1"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	if _, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultCutAfterAccept, Symbol: "AAPL", Nth: 2}); err != nil {
		fmt.Println(err)
	}
	for _, f := range g.Faults() {
		fmt.Println(f.Row, f.Fault.Name, "struck", f.Fired, "times")
	}
	// Output:
	// I2 cut_after_accept struck 0 times
}
