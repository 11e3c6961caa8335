package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/service"
	"github.com/evenkeel/evenkeel/rebalance"
)

// A daemon on a paper account runs until its first rebalance is done.
func ExampleRun() {
	data, err := os.MkdirTemp("", "evenkeel")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(data)
	c := config.Default(data)
	c.HTTP.Address = "127.0.0.1:0" // any port that is free

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = service.Run(ctx, c, service.Options{
		Logger: slog.New(slog.DiscardHandler),
		Tracker: rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) {
			if p.Result != nil && p.Result.Command == rebalance.CommandRebalance {
				fmt.Println(p.Result.Account, p.Result.Outcome, len(p.Result.Orders), "orders")
				stop()
			}
		}),
	})
	fmt.Println("stopped:", err)
	// Output:
	// DEMO-1 completed 5 orders
	// stopped: <nil>
}
