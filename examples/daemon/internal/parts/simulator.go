package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

// simulatorFolder holds the stores of a simulated gateway. They begin anew with
// it, as its accounts do.
const simulatorFolder = "simulator"

// ForgetSimulator removes what an earlier simulated gateway left. It leaves the
// files of a daemon that runs alone: [InUse] knows that error.
func ForgetSimulator(c *config.Config) error {
	if !c.Broker.Simulator {
		return nil
	}
	folder := filepath.Join(c.Data, simulatorFolder)
	open := map[string]func(path string) (io.Closer, error){
		"queue.db":   func(path string) (io.Closer, error) { return boltqueue.Open(path, nil) },
		"journal.db": func(path string) (io.Closer, error) { return boltjournal.Open(path, nil) },
	}
	for _, name := range []string{"queue.db", "journal.db"} { // the queue guards both
		if err := forget(filepath.Join(folder, name), open[name]); err != nil {
			return fmt.Errorf("parts: simulator: %w", err)
		}
	}
	return nil
}

// forget removes a store while it is locked, so that it is nobody else's. One that
// cannot be read is removed too.
func forget(path string, open func(string) (io.Closer, error)) error {
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return nil
	}
	store, err := open(path)
	if InUse(err) {
		return err
	}
	removed := os.Remove(path)
	if err == nil {
		err = store.Close()
	} else {
		err = nil
	}
	if os.IsNotExist(removed) {
		removed = nil
	}
	return errors.Join(removed, err)
}

// OtherStores is the folder of the stores that a command with the other choice of
// -simulator would open, if they are there: "" if not.
func OtherStores(c *config.Config) string {
	folder := filepath.Join(c.Data, simulatorFolder)
	if c.Broker.Simulator {
		folder = c.Data
	}
	if _, err := os.Stat(filepath.Join(folder, "journal.db")); err != nil {
		return ""
	}
	return folder
}

// openSimulator starts a simulated gateway and connects to it over TCP.
func openSimulator(ctx context.Context, c *config.Config, logger *slog.Logger, ends *closers) (market, error) {
	sim := gatewaysim.Config{Quotes: map[string]gatewaysim.Quote{}, CheckFunds: true, Logger: logger}
	sim.Fill = gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 3, Every: 200 * time.Millisecond}
	for i := range c.Accounts {
		sim.Accounts = append(sim.Accounts, simulated(&c.Accounts[i]))
	}
	for i, contract := range gatewaysim.DefaultContracts() {
		sim.Quotes[contract.Symbol] = quote(decimal.NewFromInt(int64(100 + 50*i)))
	}
	g, err := gatewaysim.Start(sim)
	if err != nil {
		return nil, err
	}
	ends.add(g.Close)
	ends.add(move(g.Exchange()))

	cfg := gateway(c, logger)
	cfg.Address, cfg.Restart, cfg.Login = g.Addr(), farWindow(), farWindow()
	cfg.Timing = ibkr.Timing{Settle: 200 * time.Millisecond, Quote: 5 * time.Second}
	return ibkr.Open(ctx, cfg)
}

func simulated(a *config.Account) gatewaysim.Account {
	s := gatewaysim.Account{ID: string(a.ID), Cash: map[string]decimal.Decimal{"USD": a.Cash}}
	for id, quantity := range a.Positions {
		s.Holdings = append(s.Holdings, gatewaysim.Holding{Symbol: string(id), Quantity: quantity})
	}
	return s
}

// quote is a market around a price.
func quote(price decimal.Decimal) gatewaysim.Quote {
	cent, size := decimal.New(1, -2), decimal.NewFromInt(100)
	return gatewaysim.Quote{
		Bid: price.Sub(cent), Ask: price.Add(cent), Last: price, Close: price, BidSize: size, AskSize: size, Size: size,
	}
}

// move lets the prices drift apart slowly, until the returned function is called.
func move(e *gatewaysim.Exchange) func() error {
	ctx, stop := context.WithCancel(context.Background())
	var mover sync.WaitGroup
	mover.Go(func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		price, step := decimal.NewFromInt(100), decimal.New(25, -2)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			price = price.Add(step)
			if e.SetQuote("AAPL", quote(price)) != nil {
				return
			}
		}
	})
	return func() error { stop(); mover.Wait(); return nil }
}

// farWindow is a restart that is half a day away: the simulator has none.
func farWindow() *ibkr.Window {
	h := time.Duration((time.Now().UTC().Hour()+12)%24) * time.Hour
	return &ibkr.Window{From: h, To: h + time.Minute, Zone: "UTC"}
}
