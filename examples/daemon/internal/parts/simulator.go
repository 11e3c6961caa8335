package parts

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

// simulatorFolder holds the stores of a simulated gateway. They begin anew with
// it, as its accounts do.
const simulatorFolder = "simulator"

// ForgetSimulator removes what an earlier simulated gateway left.
func ForgetSimulator(c *config.Config) error {
	if !c.Broker.Simulator {
		return nil
	}
	for _, name := range []string{"queue.db", "journal.db"} {
		if err := os.Remove(filepath.Join(c.Data, simulatorFolder, name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("parts: simulator: %w", err)
		}
	}
	return nil
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
