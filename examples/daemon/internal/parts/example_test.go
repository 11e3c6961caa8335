package parts_test

import (
	"context"
	"fmt"
	"os"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/rebalance"
)

// The engine of a configuration plans a rebalance. Nothing is sent, and nothing of
// it stays.
func ExampleOpen() {
	ctx := context.Background()
	data, err := os.MkdirTemp("", "evenkeel")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(data)
	world, err := parts.Open(ctx, config.Default(data), parts.MemoryStores(), parts.Options{DryRun: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer world.Close()
	plan, err := world.Engine.Plan(ctx, rebalance.Request{Account: "DEMO-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, order := range plan.Orders {
		fmt.Println(order.Side, order.Quantity, order.Symbol)
	}
	// Output:
	// SELL 65 MTUM
	// BUY 42 QUAL
	// BUY 28 SIZE
	// BUY 20 USMV
	// BUY 40 VLUE
}
