package remotebroker_test

import (
	"context"
	"fmt"
	"net"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
)

// The exchange lives in one process, its client usually in another one.
func Example() {
	exchange, err := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "U1", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(5000, 0)}}},
		Instruments: []broker.Instrument{{ID: "AAA"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := remotebroker.Serve(l, exchange, remotebroker.Hooks{
		After: func(_ context.Context, c remotebroker.Call) error {
			fmt.Println(c.Client, "called", c.Method)
			return nil
		},
	})
	defer server.Close()
	client := remotebroker.NewClient("tcp", l.Addr().String(), "worker 1")
	defer client.Close()
	s, err := client.Snapshot(context.Background(), "U1")
	fmt.Println(s.NetLiquidation, err)
	// Output:
	// worker 1 called snapshot
	// 5000 <nil>
}
