package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
	_ "time/tzdata" // the market's time zone, wherever this runs

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/examples/internal/factors"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

const (
	accountID = broker.AccountID("DEMO-1")
	strategy  = "five factors"
)

// weights are the targets, in the order of the report.
var weights = [...][2]string{{"MTUM", "0.30"}, {"QUAL", "0.25"}, {"SIZE", "0.15"}, {"USMV", "0.15"}, {"VLUE", "0.15"}}

// world is everything that the engine works with.
type world struct {
	broker  *fake.Broker
	queue   *memqueue.Queue
	engine  *rebalance.Engine
	results chan *rebalance.Result
}

// newWorld makes an account that was bought at its target weights on the first
// day of the prices, got a deposit since, and has drifted until the last day.
func newWorld(logger *slog.Logger) (*world, error) {
	history, err := factors.History()
	if err != nil {
		return nil, err
	}
	now, err := morningAfter(history)
	if err != nil {
		return nil, err
	}
	feed, err := marketdata.NewHistorySource(history, &marketdata.HistorySourceOptions{Now: now, Tier: marketdata.TierLive})
	if err != nil {
		return nil, err
	}
	w := &world{queue: memqueue.New(memqueue.Options{Now: now}), results: make(chan *rebalance.Result, 1)}
	positions, cash, err := bought(history)
	if err != nil {
		return nil, err
	}
	w.broker, err = fake.New(fake.Config{
		Accounts: []fake.Account{{
			ID: accountID, Positions: positions, Cash: map[broker.Currency]decimal.Decimal{"USD": cash},
		}},
		Instruments: instruments(positions),
		Prices:      feed,
		Hours:       fake.NYSE(),
		Fees:        fake.Commission{Minimum: decimal.New(1, 0), PerUnit: decimal.New(5, -3)},
		Now:         now,
	})
	if err != nil {
		return nil, err
	}
	return w, w.compose(logger, now)
}

// compose puts the engine together: this is what a program of your own does.
func (w *world) compose(logger *slog.Logger, now func() time.Time) error {
	targets, err := targets()
	if err != nil {
		return err
	}
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = decimal.New(2, -2) // keep 2 % in cash
	policy.Fee = rebalance.Fee{Minimum: decimal.New(1, 0), PerUnit: decimal.New(5, -3)}

	w.engine, err = rebalance.New(rebalance.Config{
		Broker: w.broker, Prices: w.broker, Allocations: targets,
		Queue: w.queue, Journal: journal.NewMemory(journal.MemoryOptions{}),
		Accounts: []rebalance.Account{{ID: accountID, Mode: broker.Simulated, Strategy: strategy, Policy: &policy}},
		Tracker: rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) {
			if p.Result != nil && p.Result.Outcome != rebalance.Deferred && p.Result.Outcome != rebalance.Failed {
				w.results <- p.Result // those two come back by themselves
			}
		}),
		// Shorter waits than a real broker needs, so that a fault takes seconds.
		Timing: rebalance.Timing{
			Acknowledge: time.Second, Sweep: 1500 * time.Millisecond, Complete: 2 * time.Second, Cancel: 2 * time.Second, Settle: 5 * time.Second,
		},
		Events: rebalance.EventPolicy{Recheck: 2 * time.Second},
		Logger: logger,
		Now:    now,
	})
	return err
}

// morningAfter is a clock that runs from 10:00 on the trading day after the last
// closing price.
func morningAfter(h *marketdata.History) (func() time.Time, error) {
	closes, err := marketdata.NewHistorySource(h, nil)
	if err != nil {
		return nil, err
	}
	_, last := h.Span()
	began, start := time.Now(), closes.ClosedAt(last).Add(18*time.Hour)
	return func() time.Time { return start.Add(time.Since(began)) }, nil
}

// bought is what 100,000 dollars bought on the first day at the target weights,
// in whole shares, and the cash: what was left, and a deposit of 4,000 since.
func bought(h *marketdata.History) (map[broker.InstrumentID]decimal.Decimal, decimal.Decimal, error) {
	invested, cash := decimal.New(98_000, 0), decimal.New(100_000+4_000, 0)
	first, _ := h.Span()
	positions := map[broker.InstrumentID]decimal.Decimal{}
	for _, w := range weights {
		id := broker.InstrumentID(w[0])
		price, ok := h.Price(first, id)
		weight, err := broker.ParseDecimal(w[1])
		if err != nil || !ok {
			return nil, cash, fmt.Errorf("%s on %s: no price or no weight: %w", id, first, err)
		}
		shares, err := broker.Quo(weight.Mul(invested), price, 0)
		if err != nil {
			return nil, cash, err
		}
		positions[id] = shares
		cash = cash.Sub(shares.Mul(price))
	}
	return positions, cash, nil
}

func instruments(positions map[broker.InstrumentID]decimal.Decimal) []broker.Instrument {
	var list []broker.Instrument
	for _, id := range slices.Sorted(maps.Keys(positions)) {
		list = append(list, broker.Instrument{ID: id})
	}
	return list
}

// targets is the allocation source: a fixed one here, an API or a file in your
// program.
func targets() (*allocation.Static, error) {
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: strategy}
	for _, w := range weights {
		target, err := allocation.NewTarget(w[0], w[1])
		if err != nil {
			return nil, err
		}
		a.Targets = append(a.Targets, target)
	}
	return allocation.NewStatic(allocation.Rules{}, a)
}

// faults are what -fault breaks. The first order sells, the second buys.
var faults = map[string][]fake.Fault{
	"reject":   {fake.RejectOrder{N: 2, Code: "201", Reason: "order rejected by the exchange"}},
	"partial":  {fake.PartialThenStop{N: 1, Quantity: decimal.New(3, 0)}},
	"lost-ack": {fake.LoseAck{N: 1}},
	"cut":      {fake.CutSession{After: 1, For: 3 * time.Second}},
}

func faultNames() []string { return slices.Sorted(maps.Keys(faults)) }
