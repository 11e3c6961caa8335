package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// How long things take. All is as short as a busy machine allows.
const (
	lease       = 500 * time.Millisecond
	leaseMargin = 100 * time.Millisecond
	acknowledge = 150 * time.Millisecond
	sweep       = 200 * time.Millisecond
	maxCrashes  = 1000 // these tests kill more workers than any poison does
	historyKept = 200
)

// scenario is all of a run that has nothing to do with faults. It follows from
// the seed alone, so parent and child processes agree on it.
//
// Every quote has one price for both sides and orders cost nothing, so trading
// never changes what an account is worth: where an account stands after an event
// does not depend on how it came there.
type scenario struct {
	accounts    []broker.AccountID
	instruments []broker.InstrumentID
	prices      map[broker.InstrumentID]decimal.Decimal
	cash        map[broker.AccountID]decimal.Decimal
	positions   map[broker.AccountID]map[broker.InstrumentID]decimal.Decimal
	reserve     map[broker.AccountID]decimal.Decimal // fraction of equity
	models      []allocation.Allocation
	events      []queue.Event // in the order in which they are published
	latency     time.Duration
	fill        fake.FillModel
}

// stream is a source of chance of its own for each purpose.
func stream(seed uint64, purpose string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, purpose)
	return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // a test that must be repeatable
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// scenarioOf draws the scenario of a seed.
func scenarioOf(seed uint64) *scenario {
	r := stream(seed, "scenario")
	s := &scenario{
		prices: map[broker.InstrumentID]decimal.Decimal{}, cash: map[broker.AccountID]decimal.Decimal{},
		positions: map[broker.AccountID]map[broker.InstrumentID]decimal.Decimal{}, reserve: map[broker.AccountID]decimal.Decimal{},
		latency: pick(r, []time.Duration{0, 0, 2 * time.Millisecond, 8 * time.Millisecond}),
		fill: pick(r, []fake.FillModel{
			fake.Immediate{},
			fake.Immediate{},
			fake.Delayed{By: 3 * time.Millisecond},
			fake.Delayed{By: 25 * time.Millisecond},
			fake.Fraction{Of: decimal.New(3, -1), Every: 4 * time.Millisecond},
		}),
	}
	for _, id := range []broker.InstrumentID{"AAA", "BBB", "CCC", "DDD"} {
		s.instruments = append(s.instruments, id)
		s.prices[id] = decimal.New(int64(1000+r.IntN(20_000)), -2)
	}
	for i := range 1 + r.IntN(3) {
		id := broker.AccountID(fmt.Sprintf("U%d", i+1))
		s.accounts = append(s.accounts, id)
		s.cash[id] = decimal.New(int64(20_000+r.IntN(80_000)), 0)
		s.positions[id] = map[broker.InstrumentID]decimal.Decimal{}
		for _, instrument := range s.instruments {
			if r.IntN(2) == 0 {
				s.positions[id][instrument] = decimal.New(int64(1+r.IntN(400)), 0)
			}
		}
		s.reserve[id] = decimal.New(int64(1+r.IntN(5)), -2)
	}
	for i := range 4 {
		s.models = append(s.models, s.model(r, i))
	}
	for i := range len(s.accounts) * (1 + r.IntN(3)) {
		account := s.accounts[i%len(s.accounts)]
		s.events = append(s.events, queue.Event{
			Key: fmt.Sprintf("key-%d", i), Account: string(account), Command: string(rebalance.CommandRebalance),
			Payload: json.RawMessage(fmt.Sprintf(`{"strategy":"m%d"}`, r.IntN(len(s.models)))),
		})
	}
	return s
}

// model draws the targets of a strategy. They leave some cash, so that no buy is
// ever short of it for want of the limit's slippage.
func (s *scenario) model(r *rand.Rand, n int) allocation.Allocation {
	a := allocation.Allocation{
		Schema: allocation.Schema, Strategy: fmt.Sprintf("m%d", n), Version: fmt.Sprintf("v%d", n),
		AsOf: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	left := 95
	for _, id := range s.instruments {
		weight := r.IntN(40)
		if weight = min(weight, left); weight == 0 {
			continue
		}
		left -= weight
		a.Targets = append(a.Targets, allocation.Target{Symbol: id, Weight: decimal.New(int64(weight), -2)})
	}
	if len(a.Targets) == 0 {
		a.Targets = []allocation.Target{{Symbol: s.instruments[n%len(s.instruments)], Weight: decimal.New(5, -1)}}
	}
	return a
}

// exchange opens the brokerage of the scenario.
func (s *scenario) exchange(fill fake.FillModel, latency time.Duration) (*fake.Broker, error) {
	cfg := fake.Config{Quotes: map[broker.InstrumentID]marketdata.Quote{}, Fill: fill, Latency: latency, AllowShort: true, AllowMargin: true}
	for _, id := range s.instruments {
		p := decimal.NewNullDecimal(s.prices[id])
		cfg.Instruments = append(cfg.Instruments, broker.Instrument{ID: id})
		cfg.Quotes[id] = marketdata.Quote{Bid: p, Ask: p, Last: p}
	}
	for _, id := range s.accounts {
		cfg.Accounts = append(cfg.Accounts, fake.Account{
			ID: id, Cash: map[broker.Currency]decimal.Decimal{"USD": s.cash[id]}, Positions: s.positions[id],
		})
	}
	return fake.New(cfg)
}

// equity is what an account is worth.
func (s *scenario) equity(id broker.AccountID) decimal.Decimal {
	sum := s.cash[id]
	for instrument, quantity := range s.positions[id] {
		sum = sum.Add(quantity.Mul(s.prices[instrument]))
	}
	return sum
}

// config is that of an engine, but for broker, prices, queue and journal.
func (s *scenario) config(log io.Writer) (rebalance.Config, error) {
	rules := allocation.Rules{MinSum: decimal.New(1, -2)} // the rest stays in cash
	source, err := allocation.NewStatic(rules, s.models...)
	if err != nil {
		return rebalance.Config{}, err
	}
	quick := func(retries int, total time.Duration) retry.Policy {
		return retry.NewBackoff(retry.BackoffOptions{
			Initial: 10 * time.Millisecond, Max: 100 * time.Millisecond, Retries: retries, MaxElapsed: total,
		})
	}
	cfg := rebalance.Config{
		Allocations: source, Rules: rules, Workers: 2,
		Timing: rebalance.Timing{
			Acknowledge: acknowledge, Complete: 5 * time.Second, Cancel: 500 * time.Millisecond, Settle: 300 * time.Millisecond,
			Sweep: sweep, LeaseMargin: leaseMargin, PlanLife: 2 * time.Second, Drain: 2 * time.Second,
		},
		Events: rebalance.EventPolicy{
			Attempts: 50, First: 20 * time.Millisecond, Factor: 2, Longest: 100 * time.Millisecond, Recheck: 50 * time.Millisecond,
		},
		Policies: rebalance.Policies{
			Allocation: quick(3, 0), Prices: quick(3, 0), Broker: quick(3, 0), Resolve: quick(retry.Unlimited, 2*time.Second),
		},
	}
	if log != nil {
		cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	for _, id := range s.accounts {
		p := rebalance.DefaultPolicy()
		p.Reserve.Fraction = s.reserve[id]
		p.Guards = rebalance.Guards{}
		cfg.Accounts = append(cfg.Accounts, rebalance.Account{ID: id, Mode: broker.Simulated, Strategy: "m0", Policy: &p})
	}
	return cfg, nil
}
