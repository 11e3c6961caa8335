// Ibkr-check tries out a gateway of Interactive Brokers with a paper account: all
// that package ibkr relies on, and the points that no documentation settles, each
// as a check with a name, a verdict and what it means.
//
//	go run ./examples/ibkr-check -account DU1234567              # reads only
//	go run ./examples/ibkr-check -account DU1234567 -trade       # orders far from the market, each cancelled
//	go run ./examples/ibkr-check -account DU1234567 -trade=fill  # buys the smallest lot and sells it again
//	go run ./examples/ibkr-check -simulator -trade=fill          # the same against the simulated gateway
//
// Run it in trading hours. With -trade the gateway's 'Read-Only API' must be off.
// It uses the client ids -client and the one above it; nobody else may use them
// meanwhile. The program ends with 1 if a check failed, and with 2 if it could not
// begin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errFailed):
		fmt.Fprintln(os.Stderr, "ibkr-check:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	default:
		fmt.Fprintln(os.Stderr, "ibkr-check:", err)
		stop()
		os.Exit(2)
	}
}

// errFailed says that a check failed.
var errFailed = errors.New("checks failed")

// run carries out all checks and prints the report.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	w, err := newWorld(o, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	r := w.carryOut(ctx, checks())
	if o.json {
		err = r.writeJSON(stdout)
	} else {
		err = r.writeText(stdout)
	}
	if err != nil {
		return err
	}
	if r.Failed > 0 {
		return fmt.Errorf("%w: %d of %d", errFailed, r.Failed, len(r.Findings))
	}
	return ctx.Err()
}
