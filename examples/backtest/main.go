// Backtest plays a strategy over a history of prices: the real engine, on the
// fake broker, in virtual time, one event a trading day. It prints what came of it
// beside buy and hold, and writes the daily values, the orders and three pictures.
//
//	go run ./examples/backtest                                 # five factor ETFs, monthly
//	go run ./examples/backtest -sample stocks -rebalance daily # 20 stocks, 33 years
//	go run ./examples/backtest -prices mine.csv -strategy momentum -days 120 -top 3
//	go run ./examples/backtest -h                              # all flags
//
// A strategy of your own is a Go function: see custom.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

func main() {
	debug.SetGCPercent(400) // little lives and much is thrown away: collect less often
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := backtest(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "backtest:", err)
		stop()
		os.Exit(1)
	}
}

// backtest does what the flags say. Either all files are written, or none.
func backtest(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return usage(stdout)
	}
	if err != nil {
		return err
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	files, err := newOutputs(o.out)
	if err != nil {
		return err
	}
	defer files.abort() // nothing is left of what was not committed

	r, err := play(ctx, o, config, files, stderr)
	if err != nil {
		return o.inFile(err)
	}
	if err := pictures(files, &r.series, o.title()); err != nil {
		return err
	}
	written, err := files.commit()
	if err != nil {
		return err
	}
	return r.report(stdout, o, written)
}

// played is what came of the backtest.
type played struct {
	series        series
	summary, hold replay.Summary
	profile       *replay.Profile // nil unless asked for
}

// play plays buy and hold, then the strategy, whose days and orders it writes as
// they come.
func play(ctx context.Context, o *options, config replay.Config, files *outputs, stderr io.Writer) (*played, error) {
	r := &played{series: series{symbols: config.Symbols}}
	bar := newProgress(stderr)
	defer bar.clear()

	holding := config
	holding.Hold, holding.Trigger = true, nil
	var hold replay.Statistics
	var held []heldDay
	for day, err := range replay.Run(ctx, holding) {
		if err != nil {
			return nil, err
		}
		held = append(held, heldDay{value: day.Value, Point: hold.Add(day)})
		bar.show("buy and hold", day)
	}
	if o.steps {
		r.profile = replay.NewProfile()
		config.Tracker = r.profile
	}
	values, err := newValues(files, config.Symbols)
	if err != nil {
		return nil, err
	}
	orders, err := newOrders(files)
	if err != nil {
		return nil, err
	}
	var statistics replay.Statistics
	for day, err := range replay.Run(ctx, config) {
		if err != nil {
			return nil, err
		}
		bar.show(o.strategy, day)
		point, hold := statistics.Add(day), held[day.Number-1]
		if err := errors.Join(values.add(day, point, hold), orders.add(day)); err != nil {
			return nil, err
		}
		r.series.add(day, point, hold.Point)
	}
	r.summary, r.hold = statistics.Summary(), hold.Summary()
	return r, errors.Join(values.flush(), orders.flush())
}
