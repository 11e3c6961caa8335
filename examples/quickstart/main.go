// Quickstart rebalances an account on real prices, as in production: an event
// goes through the queue, the engine and the broker until the account holds its
// target weights. Only the broker is a fake one, in memory, that fills orders at
// real daily closing prices.
//
//	go run ./examples/quickstart                  # what happened, as a report
//	go run ./examples/quickstart -fault lost-ack  # the same, when something breaks
//	go run ./examples/quickstart -json            # the result, for machines
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := quickstart(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	fault   string
	json    bool
	verbose bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.fault, "fault", "", "what breaks: "+strings.Join(faultNames(), ", "))
	flags.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.BoolVar(&o.verbose, "v", false, "log what the engine does, to standard error")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: it takes flags only, see -h", flags.Arg(0))
	}
	if o.fault != "" && faults[o.fault] == nil {
		return o, fmt.Errorf("-fault %q is none of %s", o.fault, strings.Join(faultNames(), ", "))
	}
	return o, nil
}

// quickstart builds a world, publishes one event and serves until it has ended.
func quickstart(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	logger := slog.New(slog.DiscardHandler)
	if o.verbose {
		logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	w, err := newWorld(logger)
	if err != nil {
		return err
	}
	if o.fault != "" {
		w.broker.Inject(faults[o.fault]...)
	}

	receipt, err := w.queue.Publish(ctx, queue.Event{
		Key: "quickstart", Account: string(accountID), Command: string(rebalance.CommandRebalance),
	})
	if err != nil {
		return err
	}
	result, err := w.serve(ctx)
	if err != nil {
		return err
	}
	entry, err := w.queue.Entry(ctx, receipt.ID)
	if err != nil {
		return err
	}
	if o.json {
		data, err := rebalance.EncodeResult(result)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, string(data))
		return err
	}
	return report(stdout, o.fault, result, &entry)
}

// serve runs the engine's service loop, as a daemon does, until the event's run
// has said how it ended.
func (w *world) serve(ctx context.Context) (*rebalance.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- w.engine.Run(ctx) }()

	var result *rebalance.Result
	select {
	case result = <-w.results:
	case <-ctx.Done():
	case <-time.After(2 * time.Minute):
	}
	cancel()
	if err := <-stopped; err != nil {
		return nil, err
	}
	if result == nil {
		return nil, errors.New("interrupted before the run ended")
	}
	return result, nil
}
