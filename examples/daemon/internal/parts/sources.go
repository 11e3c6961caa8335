package parts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/filesource"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/paper"
	"github.com/evenkeel/evenkeel/marketdata"
)

// market is a broker that also gives prices.
type market interface {
	broker.Broker
	marketdata.PriceSource
	Close() error
}

var (
	_ market = (*paper.Broker)(nil)
	_ market = (*ibkr.Broker)(nil)
)

// openBroker connects to the broker.
func openBroker(ctx context.Context, c *config.Config, o *Options, ends *closers) (market, error) {
	var b market
	var err error
	switch {
	case c.Broker.Kind == config.KindFake:
		b, err = openPaper(c, o)
	case c.Broker.Simulator:
		b, err = openSimulator(ctx, c, o.Logger, ends)
	default:
		b, err = ibkr.Open(ctx, gateway(c, o.Logger))
	}
	if err != nil {
		return nil, fmt.Errorf("parts: broker: %w", err)
	}
	ends.add(b.Close)
	return b, nil
}

func openPaper(c *config.Config, o *Options) (market, error) {
	var accounts []paper.Account
	for i := range c.Accounts {
		a := &c.Accounts[i]
		accounts = append(accounts, paper.Account{ID: a.ID, Type: a.Type, Cash: a.Cash, Positions: a.Positions})
	}
	return paper.Open(paper.Config{
		File: filepath.Join(c.Data, "paper.json"), Accounts: accounts, Prices: c.Broker.Prices, Day: c.Broker.Day, ReadOnly: o.DryRun,
	})
}

// gateway is how to reach IBKR.
func gateway(c *config.Config, logger *slog.Logger) ibkr.Config {
	g := c.Broker.Gateway
	g.Logger = logger
	for i := range c.Accounts {
		a := &c.Accounts[i]
		g.Accounts = append(g.Accounts, ibkr.Account{ID: a.ID, Mode: a.Mode, Type: a.Type})
	}
	return g
}

// openAllocations returns where the targets come from.
func openAllocations(c *config.Config, ends *closers) (allocation.AllocationSource, error) {
	a := &c.Allocations
	if a.Kind == config.KindFile {
		path := a.Path
		if path == "" {
			path = filepath.Join(c.Data, "allocations.json")
			if err := example(path); err != nil {
				return nil, fmt.Errorf("parts: allocations: %w", err)
			}
		}
		return filesource.New(path, filesource.Options{Rules: a.Rules})
	}
	source, err := httpsource.New(httpsource.Config{
		BaseURL: a.BaseURL, APIKey: httpsource.Secret(a.APIKey), Header: a.Header, Insecure: a.Insecure,
		Timeout: a.Timeout, Zone: a.Zone, Rules: a.Rules,
	})
	if err != nil {
		return nil, fmt.Errorf("parts: allocations: %w", err)
	}
	ends.add(source.Close)
	return source, nil
}

// targets are those of the configuration without a file.
const targets = `{
  "schema": 1,
  "strategies": {
    "five-factors": {"targets": {"MTUM": "0.30", "QUAL": "0.25", "SIZE": "0.15", "USMV": "0.15", "VLUE": "0.15"}},
    "half-half": {"targets": {"AAPL": "0.5", "MSFT": "0.5"}}
  }
}
`

// example writes the targets to begin with, if there are none.
func example(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(targets)
	return errors.Join(err, f.Close())
}
