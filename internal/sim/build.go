package sim

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// openBrokerage makes the fake broker with its accounts and prices. It accepts
// short sales and, mostly, margin: the checker would not see them if it did not.
func (w *world) openBrokerage() error {
	cfg := fake.Config{Hours: w.hours, AllowShort: true, AllowMargin: w.rng.IntN(4) > 0, Quotes: map[broker.InstrumentID]marketdata.Quote{}}
	w.prices = map[broker.InstrumentID]decimal.Decimal{}
	abroad := stream(w.opts.Seed, "currencies") // of its own: most worlds have one currency
	if abroad.IntN(6) == 0 {
		w.fx = decimal.New(int64(80+abroad.IntN(60)), -2)
		cfg.FX = map[fake.Pair]decimal.Decimal{{From: "EUR", To: "USD"}: w.fx}
	}
	for i := range w.shape.instruments {
		id := broker.InstrumentID(string(rune('A' + i)))
		w.instruments = append(w.instruments, id)
		w.prices[id] = decimal.New(int64(500+w.rng.IntN(30_000)), -2)
		w.foreign[id] = !w.fx.IsZero() && abroad.IntN(2) == 0
		cfg.Instruments = append(cfg.Instruments, broker.Instrument{ID: id, Currency: w.currency(id)})
		cfg.Quotes[id] = quote(w.prices[id])
	}
	for i := range w.shape.accounts {
		a := fake.Account{
			ID:        broker.AccountID(fmt.Sprintf("U%d", i+1)),
			Cash:      map[broker.Currency]decimal.Decimal{"USD": decimal.New(int64(w.rng.IntN(100_000)), 0)},
			Positions: map[broker.InstrumentID]decimal.Decimal{},
		}
		if w.rng.IntN(5) == 0 {
			a.Type = broker.Cash
			w.settling[a.ID] = true
		}
		if !w.fx.IsZero() && abroad.IntN(4) > 0 {
			a.Cash["EUR"] = decimal.New(int64(abroad.IntN(50_000)), 0)
		}
		for _, id := range w.instruments {
			if w.rng.IntN(2) == 0 {
				a.Positions[id] = decimal.New(int64(w.rng.IntN(500)), 0)
			}
		}
		cfg.Accounts = append(cfg.Accounts, a)
	}
	cfg.Latency = pick(w.rng, []time.Duration{0, 20 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second})
	cfg.Fill = pick(w.rng, []fake.FillModel{
		fake.Immediate{},
		fake.Immediate{},
		fake.Delayed{By: 3 * time.Second},
		fake.Delayed{By: time.Minute},
		fake.Fraction{Of: decimal.New(3, -1), Every: 7 * time.Second},
		fake.Fraction{Of: decimal.New(2, -1), Every: 40 * time.Second},
	})
	if w.rng.IntN(2) == 0 {
		cfg.Fees = fake.Commission{PerUnit: decimal.New(5, -3), Minimum: decimal.New(1, 0)}
	}
	w.fees = cfg.Fees != nil
	var err error
	w.broker, err = fake.New(cfg)
	if err != nil {
		return err
	}
	for i := range cfg.Accounts {
		w.accounts = append(w.accounts, rebalance.Account{
			ID: cfg.Accounts[i].ID, Mode: broker.Simulated, Strategy: fmt.Sprintf("m%d", w.rng.IntN(2)), Policy: w.policy(),
			Partial: w.partial(),
		})
	}
	return nil
}

// currency is that of an instrument.
func (w *world) currency(id broker.InstrumentID) broker.Currency {
	if w.foreign[id] {
		return "EUR"
	}
	return "USD"
}

// policy draws an account's policy.
func (w *world) policy() *rebalance.Policy {
	p := rebalance.DefaultPolicy()
	p.Reserve.Fraction = decimal.New(int64(1+w.rng.IntN(5)), -2)
	p.MaxQuoteAge = decimal.New(300, 0)
	if w.fees {
		p.Fee = rebalance.Fee{PerUnit: decimal.New(5, -3), Minimum: decimal.New(1, 0)}
	}
	if w.rng.IntN(3) == 0 {
		p.Guards.MaxTurnover = decimal.NewNullDecimal(decimal.New(int64(3+w.rng.IntN(8)), -1))
	}
	return &p
}

// partial draws what an account does after a partial failure.
func (w *world) partial() rebalance.Partial {
	switch w.rng.IntN(8) {
	case 0:
		return rebalance.Partial{Then: rebalance.Halt}
	case 1, 2:
		return rebalance.Partial{FollowUp: true}
	case 3:
		p := rebalance.Partial{Then: rebalance.Compensate, MaxNotional: decimal.New(20_000, 0)}
		for i, id := range w.instruments { // each sale pays for the next one
			p.Pairs = append(p.Pairs, rebalance.Pair{Sell: id, Buy: w.instruments[(i+1)%len(w.instruments)]})
		}
		return p
	}
	return rebalance.Partial{}
}

// configure makes the configuration that all engines share.
func (w *world) configure() {
	runs := 0
	w.config = rebalance.Config{
		Accounts: w.accounts, Workers: w.shape.workers,
		NewID: func() string { runs++; return fmt.Sprintf("run-%d", runs) },
	}
	w.config.Timing.Sweep = 15 * time.Second
	if w.opts.Log != nil {
		w.config.Logger = slog.New(slog.NewTextHandler(w.opts.Log, &slog.HandlerOptions{ReplaceAttr: bare}))
	}
}

// policies are the default ones, but without jitter, which would be random.
func (p *process) policies() rebalance.Policies {
	breaker := func(name string) retry.Policy { return retry.NewBreaker(name, retry.BreakerOptions{}) }
	budgeted := func(o retry.BackoffOptions) retry.Policy {
		o.Jitter, o.Budget = 0, retry.NewBudget(retry.BudgetOptions{})
		return retry.NewBackoff(o)
	}
	return rebalance.Policies{
		Allocation: policy{retry.Compose(budgeted(retry.AllocationOptions()), breaker("allocations"), retry.Timeout(30*time.Second)), p},
		Prices:     policy{retry.Compose(budgeted(retry.PreparationOptions()), breaker("prices")), p},
		Broker:     policy{retry.Compose(budgeted(retry.PreparationOptions()), breaker("broker")), p},
		Resolve:    policy{retry.ResolveBackoff(), p},
	}
}

// bare leaves the time out of a line of the log; the steps around it have it.
func bare(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// quote is a quote with a spread of two ticks around a price.
func quote(p decimal.Decimal) marketdata.Quote {
	tick := decimal.New(1, -2)
	return marketdata.Quote{
		Bid: decimal.NewNullDecimal(p.Sub(tick)), Ask: decimal.NewNullDecimal(p.Add(tick)), Last: decimal.NewNullDecimal(p),
	}
}
