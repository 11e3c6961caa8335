package parts

import (
	"context"
	"errors"
	"log/slog"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Options change how the engine is made.
type Options struct {
	// DryRun refuses every order and every cancel. Default: false.
	DryRun bool
	// Tracker observes runs. Default: none.
	Tracker rebalance.Tracker
	// Logger hears of everything. Default: none.
	Logger *slog.Logger
}

// World is the engine and all that it works with. Close it, then its stores.
type World struct {
	Engine *rebalance.Engine
	// Connected says at once, without asking anybody, whether there is a session
	// with the broker.
	Connected func() bool
	closers
}

// Open connects to the broker and makes the engine on stores that are open.
func Open(ctx context.Context, c *config.Config, s *Stores, o Options) (*World, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &World{}
	market, err := openBroker(ctx, c, &o, &w.closers)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Connected = func() bool { return true }
	if g, ok := market.(*ibkr.Broker); ok {
		w.Connected = func() bool { return g.Epoch() != 0 }
	}
	var orders broker.Broker = market
	if o.DryRun {
		orders = readOnly{market}
	}
	allocations, err := openAllocations(c, &w.closers)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Engine, err = rebalance.New(rebalance.Config{
		Broker: orders, Prices: market, Allocations: allocations, Journal: s.Journal, Queue: s.Queue,
		Accounts: Accounts(c), Rules: c.Allocations.Rules, Timing: c.Timing, Limits: c.Limits, Events: c.Events,
		Workers: c.Workers, Tracker: o.Tracker, Logger: o.Logger,
	})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Accounts are the engine's accounts.
func Accounts(c *config.Config) []rebalance.Account {
	var all []rebalance.Account
	for i := range c.Accounts {
		a := &c.Accounts[i]
		all = append(all, rebalance.Account{
			ID: a.ID, Mode: a.Mode, Strategy: a.Strategy, Policy: &a.Policy, Trigger: a.Trigger, Partial: a.Partial, IgnoreOther: a.IgnoreOther,
		})
	}
	return all
}

// readOnly is a broker that changes nothing.
type readOnly struct{ broker.Broker }

var errDryRun = errors.New("this is a dry run: nothing is sent")

// Unwrap gives the optional roles, all of which only read.
func (r readOnly) Unwrap() broker.Broker { return r.Broker }

// Place refuses.
func (r readOnly) Place(_ context.Context, o broker.Order) (broker.OrderState, error) {
	return broker.OrderState{}, &broker.Error{Op: "place", Kind: broker.KindPermanent, Account: o.Account, Order: o.ID, Err: errDryRun}
}

// Cancel refuses.
func (r readOnly) Cancel(_ context.Context, account broker.AccountID, id broker.OrderID) error {
	return &broker.Error{Op: "cancel", Kind: broker.KindPermanent, Account: account, Order: id, Err: errDryRun}
}
