package rebalance_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// BenchmarkRebalance20 is one full rebalance of 20 symbols on the fake broker,
// journal and all. The targets swing, so that every run trades every symbol.
func BenchmarkRebalance20(b *testing.B) {
	const n = 20
	sim := fake.Config{Quotes: map[broker.InstrumentID]marketdata.Quote{}, KeepOrders: 1000}
	up := allocation.Allocation{Schema: allocation.Schema, Strategy: "core"}
	down := up
	held := map[broker.InstrumentID]decimal.Decimal{}
	for i := range n {
		id := broker.InstrumentID(fmt.Sprintf("S%02d", i))
		sim.Instruments = append(sim.Instruments, broker.Instrument{ID: id})
		sim.Quotes[id] = at(decimal.NewFromInt(int64(20 + i)).String())
		held[id] = decimal.NewFromInt(1000)
		more, less := num("0.06"), num("0.04")
		if i%2 == 1 {
			more, less = less, more
		}
		up.Targets = append(up.Targets, allocation.Target{Symbol: id, Weight: more})
		down.Targets = append(down.Targets, allocation.Target{Symbol: id, Weight: less})
	}
	sim.Accounts = []fake.Account{{ID: account, Positions: held, Cash: map[broker.Currency]decimal.Decimal{"USD": num("50000")}}}
	exchange, err := fake.New(sim)
	if err != nil {
		b.Fatal(err)
	}
	targets, err := allocation.NewStatic(allocation.Rules{}, up)
	if err != nil {
		b.Fatal(err)
	}
	engine, err := rebalance.New(rebalance.Config{
		Broker: exchange, Prices: exchange, Allocations: targets, Journal: new(journal.Memory),
		Accounts: []rebalance.Account{{ID: account, Mode: broker.Simulated, Strategy: "core"}},
		Limits:   rebalance.Limits{DayTurnover: num("1000000000"), DayOrders: 1 << 40}, // it is one long day
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	orders := 0
	for i := 0; b.Loop(); i++ {
		model := up
		if i%2 == 0 {
			model = down
		}
		if err := targets.Set(model); err != nil {
			b.Fatal(err)
		}
		res, err := engine.Rebalance(b.Context(), rebalance.Request{Account: account, Event: fmt.Sprintf("e%d", i)})
		if err != nil || !res.Outcome.Ended() || res.Outcome == rebalance.Rejected {
			b.Fatal(res.Outcome, res.Detail, err)
		}
		orders += len(res.Orders)
	}
	b.ReportMetric(float64(orders)/float64(b.N), "orders/op")
}

// BenchmarkServiceLoop10k has 10,000 accounts queued at once and the service
// loop work them off. It reports the time of each.
func BenchmarkServiceLoop10k(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		b.StopTimer()
		sim := fake.Config{
			Instruments: []broker.Instrument{{ID: "A"}, {ID: "B"}},
			Quotes:      map[broker.InstrumentID]marketdata.Quote{"A": at("50"), "B": at("100")},
		}
		cfg := rebalance.Config{Journal: new(journal.Memory), Queue: memqueue.New(memqueue.Options{})}
		for i := range n {
			id := broker.AccountID(fmt.Sprintf("U%05d", i))
			sim.Accounts = append(sim.Accounts, fake.Account{ID: id, Cash: map[broker.Currency]decimal.Decimal{"USD": num("10000")}})
			cfg.Accounts = append(cfg.Accounts, rebalance.Account{ID: id, Mode: broker.Simulated, Strategy: "core"})
		}
		exchange, err := fake.New(sim)
		must(b, err)
		targets, err := allocation.NewStatic(allocation.Rules{}, model("core", "A", "0.3", "B", "0.7"))
		must(b, err)
		cfg.Broker, cfg.Prices, cfg.Allocations = exchange, exchange, targets
		ctx, stop := context.WithCancel(b.Context())
		left := int64(n)
		cfg.Tracker = rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) {
			if p.Result != nil && atomic.AddInt64(&left, -1) == 0 {
				stop()
			}
		})
		engine, err := rebalance.New(cfg)
		must(b, err)
		for i := range n {
			_, err := cfg.Queue.Publish(ctx, queue.Event{Account: string(cfg.Accounts[i].ID), Command: "rebalance"})
			must(b, err)
		}
		b.StartTimer()
		must(b, engine.Run(ctx))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
