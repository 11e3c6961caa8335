package rebalance_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// num parses a number in a test.
func num(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// rig is an engine on a fake broker, in a bubble of virtual time, with the
// journal, the queue and the sources at hand. It begins with 1,000 A at 50 and
// 500 B at 100 and no cash, the targets are 30 % A and 70 % B: to get there it
// sells A and buys B.
type rig struct {
	t       testing.TB
	broker  *fake.Broker
	journal journal.Journal
	queue   *memqueue.Queue
	targets *allocation.Static
	cfg     rebalance.Config
	*rebalance.Engine
}

const account = broker.AccountID("U1")

// newRig makes the rig; change may alter what it is made of.
func newRig(tb testing.TB, change func(*fake.Config, *rebalance.Config)) *rig {
	tb.Helper()
	sim := fake.Config{
		Accounts: []fake.Account{{
			ID:        account,
			Cash:      map[broker.Currency]decimal.Decimal{"USD": num("1000")},
			Positions: map[broker.InstrumentID]decimal.Decimal{"A": num("1000"), "B": num("500")},
		}},
		Instruments: []broker.Instrument{{ID: "A"}, {ID: "B"}, {ID: "C"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"A": at("50"), "B": at("100"), "C": at("20")},
	}
	policy := rebalance.DefaultPolicy()
	policy.Slippage = decimal.Zero
	policy.Reserve.Fraction = num("0.01")
	r := &rig{t: tb, journal: journal.NewMemory(journal.MemoryOptions{}), queue: memqueue.New(memqueue.Options{})}
	r.cfg = rebalance.Config{
		Journal:  r.journal,
		Queue:    r.queue,
		Accounts: []rebalance.Account{{ID: account, Mode: broker.Simulated, Strategy: "core", Policy: &policy}},
		NewID:    counter("event"),
	}
	if change != nil {
		change(&sim, &r.cfg)
	}
	var err error
	r.broker, err = fake.New(sim)
	require.NoError(tb, err)
	r.targets, err = allocation.NewStatic(allocation.Rules{}, model("core", "A", "0.3", "B", "0.7"))
	require.NoError(tb, err)
	if r.cfg.Broker == nil {
		r.cfg.Broker = r.broker
	}
	if r.cfg.Prices == nil {
		r.cfg.Prices = r.broker
	}
	if r.cfg.Allocations == nil {
		r.cfg.Allocations = r.targets
	}
	r.restart()
	return r
}

// stoppedRig is a rig whose run e1 was stopped by the kill switch once its first
// order was placed, and may go on; change may alter what it is made of.
func stoppedRig(t *testing.T, change func(*fake.Config, *rebalance.Config)) *rig {
	t.Helper()
	var r *rig
	r = newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
		if change != nil {
			change(sim, cfg)
		}
		sim.OnCall = func(c fake.Call) error {
			if c.Method == fake.MethodPlace && c.After && r.sent() == 1 {
				return r.Kill(t.Context(), account, "ann", "drill")
			}
			return nil
		}
	})
	require.Equal(t, rebalance.Cancelled, r.run("e1").Outcome)
	require.NoError(t, r.Resume(t.Context(), account, "ann", "over"))
	return r
}

// restart makes a new engine on the same broker, journal and queue.
func (r *rig) restart() {
	r.t.Helper()
	engine, err := rebalance.New(r.cfg)
	require.NoError(r.t, err)
	r.Engine = engine
}

// run asks for one rebalance and expects a result.
func (r *rig) run(event string) *rebalance.Result {
	r.t.Helper()
	return r.do(rebalance.Request{Account: account, Event: event})
}

// do asks for a command and expects a result.
func (r *rig) do(req rebalance.Request) *rebalance.Result {
	r.t.Helper()
	result, err := r.Rebalance(r.t.Context(), req)
	require.NoError(r.t, err)
	return result
}

// persist runs an event again and again, as the queue would, until it has ended.
func (r *rig) persist(event string, times int) *rebalance.Result {
	r.t.Helper()
	var res *rebalance.Result
	for range times {
		if res = r.run(event); res.Outcome.Ended() {
			break
		}
		time.Sleep(61 * time.Second) // virtual
	}
	return res
}

// held is what the account really holds of a symbol.
func (r *rig) held(id broker.InstrumentID) string {
	r.t.Helper()
	positions, _, err := r.broker.Holdings(account)
	require.NoError(r.t, err)
	return positions[id].String()
}

// cash is what the account really has.
func (r *rig) cash() string {
	r.t.Helper()
	_, cash, err := r.broker.Holdings(account)
	require.NoError(r.t, err)
	return cash["USD"].String()
}

// sent counts the orders that the broker received from the engine.
func (r *rig) sent() int { return len(r.broker.Ledger().Orders) }

// atWork counts the engine's orders that work at the broker.
func (r *rig) atWork() int {
	r.t.Helper()
	open, err := r.broker.Orders(r.t.Context(), account, broker.OrderQuery{OpenOnly: true})
	require.NoError(r.t, err)
	n := 0
	for i := range open {
		if strings.HasPrefix(string(open[i].Order.ID), "ek1.") {
			n++
		}
	}
	return n
}

// requireNoOrderTwice says that the broker was sent each order once.
func (r *rig) requireNoOrderTwice() {
	r.t.Helper()
	for _, o := range r.broker.Ledger().Orders {
		require.Zero(r.t, o.Duplicates, o.Sent.ID)
	}
}

// standing is what the journal says of the account.
func (r *rig) standing() journal.Standing {
	r.t.Helper()
	s, err := r.journal.Account(r.t.Context(), account)
	require.NoError(r.t, err)
	return s
}

// at is a quote with bid, ask and last at one price.
func at(price string) marketdata.Quote {
	p := decimal.NewNullDecimal(num(price))
	return marketdata.Quote{Bid: p, Ask: p, Last: p}
}

// model is an allocation of pairs of symbol and weight.
func model(strategy string, pairs ...string) allocation.Allocation {
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: strategy}
	for i := 0; i < len(pairs); i += 2 {
		a.Targets = append(a.Targets, allocation.Target{Symbol: broker.InstrumentID(pairs[i]), Weight: num(pairs[i+1])})
	}
	return a
}

// counter names things in order.
func counter(prefix string) func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("%s-%d", prefix, n) }
}

// order finds the result of the order of a symbol.
func order(tb testing.TB, r *rebalance.Result, id broker.InstrumentID) rebalance.OrderResult {
	tb.Helper()
	for _, o := range r.Orders {
		if o.Symbol == id {
			return o
		}
	}
	require.Failf(tb, "no order", "%s in %+v", id, r.Orders)
	return rebalance.OrderResult{}
}

// elapsed measures virtual time.
func elapsed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// serve runs the service loop until done says so.
func (r *rig) serve(done func() bool) {
	r.t.Helper()
	r.serveFor(10_000*time.Second, done)
}

// serveFor runs it for a time at most.
func (r *rig) serveFor(limit time.Duration, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- r.Run(ctx) }()
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if done() {
			break
		}
		time.Sleep(time.Second) // virtual
	}
	cancel()
	require.NoError(r.t, <-stopped)
	require.True(r.t, done(), "the events did not end")
}

// unattended runs it for a time, whatever comes of it.
func (r *rig) unattended(d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	require.NoError(r.t, r.Run(ctx))
}
