package main

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// all is a quantity that takes nearly all of the cash.
const all = -1

// A ledger that was made by hand shows what the checker sees in it.
func TestCheckerReadsTheLedger(t *testing.T) {
	type sent struct {
		id       broker.OrderID
		side     broker.Side
		quantity int64
		resting  bool
	}
	for name, c := range map[string]struct {
		orders []sent
		check  func(*checker)
		want   string // "" for nothing
	}{
		"runs one after another": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, false}, {"ek1.A.1.1.1", broker.Buy, 1, false}, {"ek1.B.1.0.1", broker.Buy, 1, false}},
			(*checker).runsApart, "",
		},
		"runs that mix": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, false}, {"ek1.B.1.0.1", broker.Buy, 1, false}, {"ek1.A.1.1.1", broker.Buy, 1, false}},
			(*checker).runsApart, "came after orders of a later run",
		},
		"an order while one of another run works": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, true}, {"ek1.B.1.0.1", broker.Sell, 1, false}},
			(*checker).runsApart, "of another run worked",
		},
		"two orders of one run at work for both sides": {
			[]sent{{"ek1.A.1.0.1", broker.Sell, 1, false}, {"ek1.A.1.1.1", broker.Buy, 1, false}},
			(*checker).neverTwoAtOnce, "",
		},
		"two orders at work for one side": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, true}, {"ek1.A.1.0.2", broker.Buy, 1, false}},
			(*checker).neverTwoAtOnce, "worked at one time",
		},
		"an order that works in the end": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, true}}, (*checker).neverTwoAtOnce, "still works",
		},
		"an order that came once": {[]sent{{"ek1.A.1.0.1", broker.Buy, 1, false}}, (*checker).ordersOnce, ""},
		"an order that came twice": {
			[]sent{{"ek1.A.1.0.1", broker.Buy, 1, false}, {"ek1.A.1.0.1", broker.Buy, 1, false}}, (*checker).ordersOnce, "arrived 2 times",
		},
		"cash above the reserve": {[]sent{{"ek1.A.1.0.1", broker.Buy, 1, false}}, (*checker).reserveKept, ""},
		"cash below the reserve": {[]sent{{"ek1.A.1.0.1", broker.Buy, all, false}}, (*checker).reserveKept, "the reserve is"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(options{}, kindMemory, 1, nil)
			account, id := w.scenario.accounts[0], w.scenario.instruments[0]
			w.scenario.cash[account] = decimal.New(1_000_000, 0)
			var err error
			w.exchange, err = w.scenario.exchange(fake.Immediate{}, 0)
			require.NoError(t, err)
			for _, o := range c.orders {
				limit, quantity := w.scenario.prices[id], decimal.New(o.quantity, 0)
				if o.quantity == all {
					quantity, err = broker.Quo(w.scenario.cash[account], limit.Mul(decimal.New(101, -2)), 0)
					require.NoError(t, err)
				}
				if o.resting {
					limit = decimal.New(1, 0)
				}
				_, err := w.exchange.Place(t.Context(), broker.Order{
					ID: o.id, Account: account, Instrument: id, Side: o.side, Quantity: quantity,
					Type: broker.Limit, Limit: limit, TIF: broker.Day,
				})
				require.NoError(t, err)
			}
			k := &checker{w: w, ledger: w.exchange.Ledger()}
			c.check(k)
			if c.want == "" {
				require.Empty(t, w.violations)
				return
			}
			require.Contains(t, strings.Join(w.violations, "\n"), c.want)
		})
	}
}

// A worker that sends after a failover without having looked.
func TestLooks(t *testing.T) {
	w := newWorld(options{}, kindMemory, 1, nil)
	reach := func(points ...string) {
		for _, p := range points {
			w.looks.reached(w, "w1.1", p, "U1")
		}
	}
	order := []string{"journal intend BUY before", "journal intend BUY after", "broker place before"}
	reach("broker snapshot after")
	reach(order...)
	reach("journal intend SELL before")
	w.looks.forget()
	reach("broker place before") // the old server had acknowledged it
	require.Empty(t, w.violations)
	reach(order...)
	require.Len(t, w.violations, 1, "no look since the failover")
	reach("broker snapshot after")
	reach(order...)
	require.Len(t, w.violations, 1)
}

// After a failover only what the old server had acknowledged may be missing.
func TestLostTailExcusesNothingLater(t *testing.T) {
	for name, c := range map[string]struct {
		ago  time.Duration // of the failover; 0 for none
		want string
	}{
		"without a failover": {0, "is not in the journal"},
		"just after one":     {time.Millisecond, ""},
		"a lease after one":  {lease + time.Millisecond, "is not in the journal"},
		"long after one":     {time.Hour, "is not in the journal"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(options{}, kindMemory, 1, nil)
			w.plan.lossy, w.plan.manned = true, true
			var err error
			w.exchange, err = w.scenario.exchange(fake.Immediate{}, 0)
			require.NoError(t, err)
			order := broker.Order{
				ID: "ek1.A.1.0.1", Account: w.scenario.accounts[0], Instrument: w.scenario.instruments[0], Side: broker.Buy,
				Quantity: decimal.New(1, 0), Type: broker.Limit, Limit: w.scenario.prices[w.scenario.instruments[0]], TIF: broker.Day,
			}
			for range 2 {
				_, err = w.exchange.Place(t.Context(), order)
				require.NoError(t, err)
			}
			if c.ago != 0 {
				w.looks.lost = time.Now().Add(-c.ago)
			}
			k := &checker{w: w, ledger: w.exchange.Ledger()}
			k.journalIsTrue()
			k.ordersOnce()
			if c.want == "" {
				require.Empty(t, w.violations)
				require.Equal(t, map[string]int{"after a lost tail: order not in the journal": 1, "after a lost tail: reference used again": 1}, w.counts)
				return
			}
			require.Contains(t, w.violations[0], c.want)
			require.Contains(t, w.violations[1], "arrived 2 times")
		})
	}
}

// After a failover runs whose end was lost are done again, one after the other; their
// orders do not mix then either.
func TestRunsDoneAgain(t *testing.T) {
	old, again := []broker.OrderID{"ek1.A.1.0.1", "ek1.B.1.0.1"}, []broker.OrderID{"ek1.A.1.1.1", "ek1.B.1.1.1"}
	for name, c := range map[string]struct {
		lost  bool
		after []broker.OrderID
		want  string
	}{
		"in turn":            {true, again, ""},
		"mixed":              {true, append(again, "ek1.A.1.2.1"), "order ek1.A.1.2.1 came after orders of a later run (ek1.B.1.1.1)"},
		"without a failover": {false, again, "order ek1.A.1.1.1 came after orders of a later run (ek1.B.1.0.1)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(options{}, kindMemory, 1, nil)
			var err error
			w.exchange, err = w.scenario.exchange(fake.Immediate{}, 0)
			require.NoError(t, err)
			place := func(ids []broker.OrderID) {
				for _, id := range ids {
					_, err := w.exchange.Place(t.Context(), broker.Order{
						ID: id, Account: w.scenario.accounts[0], Instrument: w.scenario.instruments[0], Side: broker.Buy,
						Quantity: decimal.New(1, 0), Type: broker.Limit, Limit: w.scenario.prices[w.scenario.instruments[0]], TIF: broker.Day,
					})
					require.NoError(t, err)
				}
			}
			place(old)
			if c.lost {
				w.looks.lost = time.Now().Add(-lease)
			}
			time.Sleep(time.Millisecond)
			place(c.after)
			k := &checker{w: w, ledger: w.exchange.Ledger()}
			k.runsApart()
			if c.want == "" {
				require.Empty(t, w.violations)
				return
			}
			require.Contains(t, strings.Join(w.violations, "\n"), c.want)
		})
	}
}
