package brokertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// Harness is a broker under test, what is known of it, and the controls of what
// is behind it.
type Harness struct {
	// Broker is the broker under test. Required.
	Broker broker.Broker
	// Account is an account with cash and without open orders. Required.
	Account broker.AccountID
	// Instruments can be traded now, at quotes that stand still. Required.
	Instruments [2]Instrument
	// Quantity is what the suite trades, a multiple of two lots that is cheap for
	// the account. Default: 10.
	Quantity decimal.Decimal
	// TooMuch is a quantity that the account cannot pay. Default: a billion.
	TooMuch decimal.Decimal
	// NoSuch is a symbol that does not exist. Default: NOSUCHSYMBOL.
	NoSuch broker.InstrumentID
	// Ambiguous is a symbol with several contracts. Default: none, see Features.
	Ambiguous broker.InstrumentID
	// NewID returns an order ID that was never used. Default: random.
	NewID func() broker.OrderID

	// Now is the process's clock as the broker reads it. Default: time.Now.
	Now func() time.Time
	// Advance lets time pass. Default: it passes by itself.
	Advance func(time.Duration)
	// Patience is how long the suite waits for what must come. Default: 5 s.
	Patience time.Duration
	// Quiet is how long it waits for what must not come. Default: 50 ms.
	Quiet time.Duration

	// MakeFill executes a part of a resting order, wherever the market is.
	MakeFill func(id broker.OrderID, quantity decimal.Decimal) error
	// CutSession ends the session; another one follows at once or soon.
	CutSession func() error
	// CutNextPlace makes the connection fail when the next order was written but
	// not answered yet. The order works on.
	CutNextPlace func() error
	// LoseNextPlace makes the next order vanish without a word.
	LoseNextPlace func() error
	// Received says how many orders with an ID the venue has received.
	Received func(id broker.OrderID) int

	Features Features
}

// Instrument is a tradable instrument and its quote.
type Instrument struct {
	ID       broker.InstrumentID
	Bid, Ask decimal.Decimal
}

// Features declares what an implementation or its harness cannot do. The zero
// value can do everything.
type Features struct {
	NoAmbiguity    bool // Harness.Ambiguous is empty
	NoPartialFills bool // Harness.MakeFill is nil
	NoSessionCuts  bool // Harness.CutSession is nil
	NoPlaceCuts    bool // Harness.CutNextPlace is nil
	NoSilentLoss   bool // Harness.LoseNextPlace is nil
	NoReceipts     bool // Harness.Received is nil
	NoCalendar     bool // no broker.Calendar
	NoWhatIf       bool // no broker.WhatIfer
	NoProbe        bool // no broker.Prober
	NoAbsenceProof bool // no broker.AbsenceProver
}

// Run checks a broker, with a fresh harness for each of its tests.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.start(t, newHarness(t)) })
	}
}

// RunInBubble is [Run] with each test in a bubble of testing/synctest, for
// brokers in memory: no test takes any time.
func RunInBubble(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.start(t, newHarness(t)) })
		})
	}
}

// start runs the test unless the harness declares that it cannot be.
func (c testCase) start(t *testing.T, h Harness) {
	t.Helper()
	if c.lacks != nil && c.lacks(&h.Features) {
		t.Skip("the harness declares in Features that it cannot do this")
	}
	c.run(t, h)
}

// tb is what the cases need of a *testing.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Context() context.Context
}

// testCase is one promise of the contract.
type testCase struct {
	name  string
	lacks func(*Features) bool // nil: every broker can do it
	check func(tb, *suite)
}

// run checks the harness, then the promise.
func (c testCase) run(t tb, h Harness) {
	t.Helper()
	h.Quantity = orElse(h.Quantity, decimal.New(10, 0))
	h.TooMuch = orElse(h.TooMuch, decimal.New(1, 9))
	h.NoSuch = cmp.Or(h.NoSuch, "NOSUCHSYMBOL")
	h.Patience = cmp.Or(h.Patience, 5*time.Second)
	h.Quiet = cmp.Or(h.Quiet, 50*time.Millisecond)
	if h.NewID == nil {
		h.NewID = func() broker.OrderID { return broker.OrderID("bt." + rand.Text()) }
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Advance == nil {
		h.Advance = func(d time.Duration) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			<-timer.C
		}
	}
	h.check(t)
	s := &suite{Harness: h}
	s.resolve(t)
	c.check(t, s)
}

// check reports what the harness lacks without saying so.
func (h *Harness) check(t tb) {
	t.Helper()
	require.NotNil(t, h.Broker, "harness: Broker is required")
	require.NotEmpty(t, h.Account, "harness: Account is required")
	for _, i := range h.Instruments {
		require.NotEmpty(t, i.ID, "harness: Instruments needs two instruments")
		require.True(t, i.Bid.Sign() > 0 && i.Ask.GreaterThanOrEqual(i.Bid), "harness: %s needs a bid and an ask", i.ID)
	}
	f := &h.Features
	for _, control := range []struct {
		name           string
		given, missing bool
	}{
		{"Ambiguous or Features.NoAmbiguity", h.Ambiguous != "", f.NoAmbiguity},
		{"MakeFill or Features.NoPartialFills", h.MakeFill != nil, f.NoPartialFills},
		{"CutSession or Features.NoSessionCuts", h.CutSession != nil, f.NoSessionCuts},
		{"CutNextPlace or Features.NoPlaceCuts", h.CutNextPlace != nil, f.NoPlaceCuts},
		{"LoseNextPlace or Features.NoSilentLoss", h.LoseNextPlace != nil, f.NoSilentLoss},
		{"Received or Features.NoReceipts", h.Received != nil, f.NoReceipts},
	} {
		require.NotEqual(t, control.given, control.missing, "harness: exactly one of %s must be set", control.name)
	}
}

// orElse returns d, or other if d is zero.
func orElse(d, other decimal.Decimal) decimal.Decimal {
	if d.IsZero() {
		return other
	}
	return d
}
