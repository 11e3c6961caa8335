// Gatewaysim is a simulated Interactive Brokers gateway:
//
//	gatewaysim -addr 127.0.0.1:4002 -control 127.0.0.1:4003 -version 203
//
// Without a configuration file it has one paper account and a few stocks.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim/cmd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := cmd.Run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
