package brokertest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// recorder is a tb that remembers how a case went.
type recorder struct {
	ctx    context.Context //nolint:containedctx // it stands in for a testing.T, which has one
	mu     sync.Mutex
	faults []string
}

func (*recorder) Helper()                    {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) FailNow()                 { runtime.Goexit() }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// try runs one case against a fake inside wrap and returns what failed.
func try(t *testing.T, name string, wrap func(broker.Broker) broker.Broker) []string {
	t.Helper()
	var faults []string
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{ctx: t.Context()}
		var wg sync.WaitGroup
		wg.Go(func() { named(t, name).run(r, fakeHarness(t, wrap)) })
		wg.Wait()
		faults = r.faults
	})
	return faults
}

// named finds a case.
func named(t *testing.T, name string) testCase {
	t.Helper()
	for _, c := range cases() {
		if c.name == name {
			return c
		}
	}
	t.Errorf("no case is named %q", name)
	return testCase{check: func(tb, *suite) {}}
}

func fakeHarness(t *testing.T, wrap func(broker.Broker) broker.Broker) Harness {
	t.Helper()
	bid, ask := decimal.New(9990, -2), decimal.New(10010, -2)
	q := marketdata.Quote{Bid: decimal.NewNullDecimal(bid), Ask: decimal.NewNullDecimal(ask)}
	b, err := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "A", Cash: map[broker.Currency]decimal.Decimal{"USD": decimal.New(1, 6)}}},
		Instruments: []broker.Instrument{{ID: "AAA"}, {ID: "BBB"}},
		Ambiguous:   map[broker.InstrumentID][]string{"TWIN": {"TWIN@NYSE", "TWIN@LSE"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"AAA": q, "BBB": q},
		Fees:        fake.Commission{Minimum: decimal.New(1, 0)},
	})
	if err != nil {
		t.Error(err)
	}
	inject := func(f fake.Fault) func() error { return func() error { b.Inject(f); return nil } }
	return Harness{
		Broker: wrap(b), Account: "A",
		Instruments:   [2]Instrument{{"AAA", bid, ask}, {"BBB", bid, ask}},
		Ambiguous:     "TWIN",
		MakeFill:      b.FillByHand,
		CutSession:    inject(fake.CutSession{For: 20 * time.Millisecond}),
		CutNextPlace:  inject(fake.CutSession{After: 1, For: 20 * time.Millisecond}),
		LoseNextPlace: inject(fake.SwallowOrder{}),
		Received: func(id broker.OrderID) int {
			l := b.Ledger()
			if l.Order(id) == nil {
				return 0
			}
			return 1
		},
	}
}

// TestWhole: the fake itself, in the same harness, fails nothing.
func TestWhole(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			require.Empty(t, try(t, c.name, func(b broker.Broker) broker.Broker { return b }))
		})
	}
}

// TestBroken: each broken broker fails the case that is about its fault.
func TestBroken(t *testing.T) {
	for _, c := range broken() {
		t.Run(c.fault, func(t *testing.T) {
			faults := try(t, c.fails, c.wrap)
			require.NotEmpty(t, faults, "a broker that %s passes the case %q", c.fault, c.fails)
			t.Log(strings.TrimSpace(faults[0]))
		})
	}
}

// TestEveryCaseCanFail: there is no case that no broken broker fails.
func TestEveryCaseCanFail(t *testing.T) {
	caught := map[string]bool{}
	for _, c := range broken() {
		caught[c.fails] = true
	}
	for _, c := range cases() {
		require.True(t, caught[c.name], "no broken broker shows that the case %q can fail", c.name)
	}
}

// TestHarnessIsChecked: a control that is neither given nor declared missing, or
// both, is an error.
func TestHarnessIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Harness){
		"no broker":              func(h *Harness) { h.Broker = nil },
		"no account":             func(h *Harness) { h.Account = "" },
		"no instrument":          func(h *Harness) { h.Instruments[1].ID = "" },
		"no quote":               func(h *Harness) { h.Instruments[0].Bid = decimal.Decimal{} },
		"a silent gap":           func(h *Harness) { h.MakeFill = nil },
		"another silent gap":     func(h *Harness) { h.Received = nil },
		"declared missing, here": func(h *Harness) { h.Features.NoSessionCuts = true },
	} {
		t.Run(name, func(t *testing.T) {
			h := fakeHarness(t, func(b broker.Broker) broker.Broker { return b })
			spoil(&h)
			r := &recorder{ctx: t.Context()}
			var wg sync.WaitGroup
			wg.Go(func() { named(t, "accounts are listed with their mode").run(r, h) })
			wg.Wait()
			require.NotEmpty(t, r.faults)
			require.Contains(t, r.faults[0], "harness: ")
		})
	}
}
