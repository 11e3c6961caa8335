package rebalance_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// accountNo is one of many accounts, which differ in what they hold and want.
func accountNo(n int) (fake.Account, rebalance.Account, allocation.Allocation) {
	id, strategy := broker.AccountID(fmt.Sprintf("U%d", n)), fmt.Sprintf("s%d", n)
	whole := func(n int) decimal.Decimal { return decimal.New(int64(n), 0) }
	held := map[broker.InstrumentID]decimal.Decimal{}
	for divisor, symbol := range map[int]broker.InstrumentID{2: "A", 3: "B", 5: "C"} {
		if n%divisor == 0 {
			held[symbol] = whole(100 + n*13*divisor)
		}
	}
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = decimal.New(int64(1+n%5), -2)
	models := []allocation.Allocation{
		model(strategy, "A", "0.5", "B", "0.5"),
		model(strategy, "C", "1"),
		model(strategy, "A", "0", "B", "0.25", "C", "0.75"),
		model(strategy, "A", "0.333", "B", "0.333", "C", "0.134", "D", "0.2"),
	}
	cash := map[broker.Currency]decimal.Decimal{"USD": whole(5000 + n*31), "EUR": whole(n * 1000)}
	return fake.Account{ID: id, Positions: held, Cash: cash},
		rebalance.Account{ID: id, Mode: broker.Simulated, Strategy: strategy, Policy: &policy},
		models[n%len(models)]
}

// engineOf is an engine of the accounts with these numbers.
func engineOf(t *testing.T, numbers ...int) *rebalance.Engine {
	t.Helper()
	sim := fake.Config{
		Instruments: []broker.Instrument{{ID: "A"}, {ID: "B"}, {ID: "C"}, {ID: "D", Currency: "EUR"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"A": at("50"), "B": at("100"), "C": at("20"), "D": at("10")},
		FX:          map[fake.Pair]decimal.Decimal{{From: "EUR", To: "USD"}: num("1.1")},
	}
	cfg := rebalance.Config{Journal: journal.NewMemory(journal.MemoryOptions{})}
	var models []allocation.Allocation
	for _, n := range numbers {
		held, configured, wanted := accountNo(n)
		sim.Accounts, cfg.Accounts, models = append(sim.Accounts, held), append(cfg.Accounts, configured), append(models, wanted)
	}
	b, err := fake.New(sim)
	require.NoError(t, err)
	cfg.Broker, cfg.Prices = b, b
	cfg.Allocations, err = allocation.NewStatic(allocation.Rules{}, models...)
	require.NoError(t, err)
	e, err := rebalance.New(cfg)
	require.NoError(t, err)
	return e
}

// says is what a result says, without its times.
func says(res *rebalance.Result) string {
	s := fmt.Sprint(res.Outcome, res.Reason, res.PlanHash, res.Residual, res.Warnings)
	for i := range res.Orders {
		o := &res.Orders[i]
		s += fmt.Sprint("|", o.Symbol, o.Side, o.Planned, o.Sent, o.Filled, o.AveragePrice, o.Fees, o.Limit, o.Outcome)
	}
	for _, p := range []*rebalance.Picture{res.Before, res.After} {
		if p == nil {
			continue
		}
		s += fmt.Sprint("#", p.Cash, p.Equity, p.Reserve, p.Drift)
		for _, h := range p.Holdings {
			s += fmt.Sprint("|", h.Symbol, h.Quantity, h.Price, h.Value, h.Weight, h.Target)
		}
	}
	return s
}

// TestRunsAtOnceDoNotMixUpTheirMemory: runs reuse what earlier ones used. Many accounts
// at once say what each says alone, and go on saying it.
func TestRunsAtOnceDoNotMixUpTheirMemory(t *testing.T) {
	const accounts, events = 24, 3
	numbers := make([]int, accounts)
	for n := range numbers {
		numbers[n] = n
	}
	synctest.Test(t, func(t *testing.T) {
		alone := make(map[string]string)
		for _, n := range numbers {
			e := engineOf(t, n)
			for event := range events {
				key, res := ask(t, e, n, event)
				alone[key] = says(res)
			}
		}
		var mu sync.Mutex
		kept, first := make(map[string]*rebalance.Result), make(map[string]string)
		e := engineOf(t, numbers...)
		var all sync.WaitGroup
		for _, n := range numbers {
			all.Go(func() {
				for event := range events {
					disturb(t, e, n, event)
					key, res := ask(t, e, n, event)
					mu.Lock()
					kept[key], first[key] = res, says(res)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		require.Equal(t, alone, first)
		for key, res := range kept {
			require.Equal(t, first[key], says(res), "%s changed afterwards", key)
		}
	})
}

// ask handles an event of an account.
func ask(t *testing.T, e *rebalance.Engine, n, event int) (string, *rebalance.Result) {
	t.Helper()
	id := broker.AccountID(fmt.Sprintf("U%d", n))
	key := fmt.Sprintf("%s-%d", id, event)
	res, err := e.Rebalance(t.Context(), rebalance.Request{Account: id, Event: key})
	if err != nil {
		t.Error(err)
		return key, &rebalance.Result{}
	}
	return key, res
}

// disturb looks at an account, and begins a run of the event that is cancelled at once.
func disturb(t *testing.T, e *rebalance.Engine, n, event int) {
	t.Helper()
	id := broker.AccountID(fmt.Sprintf("U%d", n))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Rebalance(cancelled, rebalance.Request{Account: id, Event: fmt.Sprintf("%s-%d", id, event)}); err == nil {
		t.Error("a cancelled run has a result")
	}
	if _, err := e.Plan(t.Context(), rebalance.Request{Account: id}); err != nil {
		t.Error(err)
	}
}
