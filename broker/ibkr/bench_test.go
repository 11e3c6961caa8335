package ibkr_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/rebalance"
)

const (
	benchLatency = 5 * time.Millisecond // each way
	benchLimit   = 50                   // messages a second that the gateway allows
	benchSymbols = 100
	benchOrders  = 60
	benchFill    = 20 * time.Millisecond // of each of two parts
)

// BenchmarkRebalance is a whole rebalance of 100 symbols with 60 orders, 5 ms away
// from a gateway. The ratio is the time that it takes to the time that the messages
// and the fills take at least. The default budget leaves room for messages that
// arrive closer together than they left; the gateway's own limit does not.
func BenchmarkRebalance(b *testing.B) {
	for _, budget := range []int{45, benchLimit} {
		b.Run(fmt.Sprintf("budget=%d", budget), func(b *testing.B) { benchmarkRebalance(b, budget) })
	}
}

func benchmarkRebalance(b *testing.B, budget int) {
	b.Helper()
	b.ReportAllocs()
	var took, least time.Duration
	var messages int
	for b.Loop() {
		b.StopTimer()
		w := newBigWorld(b, budget)
		b.StartTimer()
		t := w.rebalance(b)
		b.StopTimer()
		took += t
		least += w.least()
		messages += w.messages()
		w.close()
		b.StartTimer()
	}
	b.ReportMetric(took.Seconds()/least.Seconds(), "ratio")
	b.ReportMetric(float64(messages)/float64(b.N), "messages/op")
}

// The same in a test, with room for a busy machine: the best of some runs counts.
func TestRebalanceUsesItsBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	best := float64(100)
	for range 4 {
		w := newBigWorld(t, 45)
		took := w.rebalance(t)
		t.Logf("%d messages in %s, at least %s", w.messages(), took, w.least())
		best = min(best, took.Seconds()/w.least().Seconds())
		w.close()
		if best < 1.5 {
			return
		}
	}
	require.Fail(t, "too slow", "the best run took %.2f times what it must", best)
}

// bigWorld is a gateway with many positions, and an engine far away from it.
type bigWorld struct {
	budget int
	g      *gatewaysim.Gateway
	broker *ibkr.Broker
	engine *rebalance.Engine
	before int // messages that came before the rebalance
	close  func()
}

// newBigWorld lets the broker send budget messages a second. The gateway holds it to
// its limit, unless that is the budget.
func newBigWorld(tb testing.TB, budget int) *bigWorld {
	tb.Helper()
	limit := benchLimit
	if budget == limit {
		limit = -1
	}
	var targets []allocation.Target
	sim := gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: string(account), Cash: map[string]decimal.Decimal{"USD": dec("10000")}}},
		Quotes:   map[string]gatewaysim.Quote{},
		Limits:   gatewaysim.Limits{MessagesPerSecond: limit},
		Fill:     gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 2, Every: benchFill},
		NoFees:   true,
	}
	for n := range benchSymbols {
		symbol := fmt.Sprintf("S%02d", n)
		has := int64(198) // at its target: 0.99 %
		switch {
		case n < benchOrders/2:
			has += 60
		case n < benchOrders:
			has -= 60
		}
		sim.Contracts = append(sim.Contracts, gatewaysim.Contract{ConID: 1000 + n, Symbol: symbol})
		sim.Quotes[symbol] = gatewaysim.Quote{Bid: dec("50"), Ask: dec("50"), Last: dec("50"), Close: dec("50")}
		sim.Accounts[0].Holdings = append(sim.Accounts[0].Holdings, gatewaysim.Holding{Symbol: symbol, Quantity: decimal.NewFromInt(has), AverageCost: dec("50")})
		targets = append(targets, allocation.Target{Symbol: broker.InstrumentID(symbol), Weight: dec("0.01")})
	}
	g, err := gatewaysim.Start(sim)
	require.NoError(tb, err)
	far := newFarAway(tb, g.Addr())
	cfg := config(nil)
	cfg.Address, cfg.MessagesPerSecond = far.addr(), budget
	cfg.Timing.Answer, cfg.Timing.Quote = 20*time.Second, 20*time.Second
	x, err := ibkr.Open(tb.Context(), cfg)
	require.NoError(tb, err)
	return &bigWorld{
		budget: budget, g: g, broker: x, engine: engineOn(tb, x, "0.001", targets), before: len(g.Ledger(gatewaysim.KindReceived)),
		close: func() {
			require.NoError(tb, x.Close())
			far.close()
			require.NoError(tb, g.Close())
		},
	}
}

// rebalance makes one run and returns how long it took.
func (w *bigWorld) rebalance(tb testing.TB) time.Duration {
	tb.Helper()
	began := time.Now()
	result, err := w.engine.Rebalance(tb.Context(), rebalance.Request{Account: account, Event: "big"})
	took := time.Since(began)
	require.NoError(tb, err)
	require.Equal(tb, rebalance.Completed, result.Outcome, "%s: %s", result.Reason, result.Detail)
	require.Len(tb, w.g.Exchange().Orders(), benchOrders)
	return took
}

func (w *bigWorld) messages() int { return len(w.g.Ledger(gatewaysim.KindReceived)) - w.before }

// least is the time that a run takes at least: its messages at the allowed rate,
// and the fills of the last sell and of the last buy.
func (w *bigWorld) least() time.Duration {
	return time.Duration(w.messages())*time.Second/time.Duration(w.budget) + 2*2*benchFill
}

// BenchmarkPlace is the way of an order from the call of Place until its bytes are
// handed to the socket.
func BenchmarkPlace(b *testing.B) {
	g, err := gatewaysim.Start(gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: string(account)}}, Limits: gatewaysim.Limits{MessagesPerSecond: -1},
		Quotes: map[string]gatewaysim.Quote{"AAPL": {Bid: dec("99.90"), Ask: dec("100.10"), Last: dec("100")}},
	})
	require.NoError(b, err)
	defer g.Close()
	written := make(chan time.Time, 64)
	cfg := config(g)
	cfg.Dial = dialWatched(written)
	x, err := ibkr.Open(b.Context(), cfg)
	require.NoError(b, err)
	defer x.Close()
	_, err = x.Resolve(b.Context(), "AAPL")
	require.NoError(b, err)
	var ways []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for idle := time.NewTimer(30 * time.Millisecond); ; { // the next message may leave at once
			select {
			case <-written:
				continue
			case <-idle.C:
			}
			break
		}
		o := bid("1")
		b.StartTimer()
		began := time.Now()
		_, err := x.Place(b.Context(), o)
		require.NoError(b, err)
		ways = append(ways, (<-written).Sub(began))
	}
	slices.Sort(ways)
	b.ReportMetric(float64(ways[len(ways)/2].Microseconds()), "µs-to-socket-median")
	b.ReportMetric(float64(ways[len(ways)*9/10].Microseconds()), "µs-to-socket-p90")
}
