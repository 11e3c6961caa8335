package fake_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// TestBooksBalance: whatever happens, positions and cash are those of the
// beginning and the ledger's fills.
func TestBooksBalance(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 7))
		clock := fake.NewClock(at(t, "2026-03-02 14:00"))
		b := open(t, func(cfg *fake.Config) {
			cfg.Clock, cfg.Hours = clock, fake.NYSE()
			cfg.Fill = []fake.FillModel{
				fake.Immediate{}, fake.Partial{Lots: 3, Every: time.Minute}, fake.Delayed{By: time.Second}, fake.Fraction{Of: dec("0.3"), Every: time.Second},
			}[seed%4]
			cfg.Fees, cfg.Slippage = fake.Commission{PerUnit: dec("0.01"), Minimum: dec("0.35")}, fake.Ticks(2)
		})
		b.Inject(fake.CorrectFill{N: 3, After: time.Minute, Price: dec("99")}, fake.FillAfterCancel{N: 2, After: time.Hour},
			fake.AlterOrder{N: 5}, fake.LoseAck{N: 6}, fake.PartialThenCancel{N: 8, Quantity: dec("2")}, fake.SwallowOrder{N: 9})
		for n := range 60 {
			side := []broker.Side{broker.Buy, broker.Sell}[random.IntN(2)]
			o := limit(broker.OrderID(fmt.Sprint(n)), side, 1+random.Int64N(20), fmt.Sprint(95+random.IntN(11)))
			o.Instrument = []broker.InstrumentID{"AAA", "BBB"}[random.IntN(2)]
			_, err := b.Place(t.Context(), o)
			require.True(t, err == nil || errors.Is(err, broker.ErrIndeterminate), err)
			clock.Advance(time.Duration(random.IntN(600)) * time.Second)
			if random.IntN(4) == 0 {
				err := b.Cancel(t.Context(), account, broker.OrderID(fmt.Sprint(random.IntN(n+1))))
				require.True(t, err == nil || errors.Is(err, broker.ErrUnknownOrder), err)
			}
			bid := dec(fmt.Sprint(96 + random.IntN(8)))
			require.NoError(t, b.SetQuote(o.Instrument, bid, bid.Add(dec("0.1"))))
		}
		clock.Advance(48 * time.Hour)
		checkBooks(t, b)
	}
}

func checkBooks(t *testing.T, b *fake.Broker) {
	t.Helper()
	want := map[broker.InstrumentID]decimal.Decimal{"AAA": dec("100"), "BBB": dec("0")}
	cash := dec("10000")
	ids := map[string]bool{}
	for _, o := range b.Ledger().Orders {
		require.True(t, o.Status.Terminal(), "%+v", o)
		require.True(t, o.Filled().LessThanOrEqual(o.Works.Quantity), "%+v", o)
		if o.Status == broker.StatusFilled {
			require.True(t, o.Filled().Equal(o.Works.Quantity), "%+v", o)
		}
		for _, f := range o.Fills {
			require.False(t, ids[f.ID])
			ids[f.ID] = true
			signed := f.Quantity.Mul(decimal.New(f.Side.Sign(), 0))
			want[f.Instrument] = want[f.Instrument].Add(signed)
			cash = cash.Sub(signed.Mul(f.Price)).Sub(f.Fee.Decimal)
		}
	}
	s := snapshot(t, b)
	positions, truth, err := b.Holdings(account)
	require.NoError(t, err)
	for id, quantity := range want {
		equal(t, quantity.String(), positions[id])
		equal(t, quantity.String(), s.Position(id))
	}
	equal(t, cash.String(), truth["USD"])
	equal(t, cash.String(), s.Cash["USD"])
}

// TestSameCallsSameLedger: the fake is deterministic.
func TestSameCallsSameLedger(t *testing.T) {
	run := func() string {
		clock := fake.NewClock(monday)
		b := open(t, func(cfg *fake.Config) {
			cfg.Clock, cfg.Hours, cfg.Fill = clock, fake.NYSE(), fake.Partial{Lots: 3, Every: time.Minute}
		})
		for n := range 20 {
			o := limit(broker.OrderID(fmt.Sprint(n)), broker.Buy, int64(n+1), "101")
			o.Instrument = []broker.InstrumentID{"AAA", "BBB"}[n%2]
			place(t, b, o)
		}
		cursor := broker.Cursor{}
		var told string
		for range 40 {
			ctx, cancel := clock.WithTimeout(t.Context(), time.Hour)
			news, next, err := b.Await(ctx, account, cursor)
			cancel()
			if err == nil {
				cursor = next
			}
			told += fmt.Sprint(clock.Now(), news, err)
		}
		return told + fmt.Sprint(b.Ledger())
	}
	require.Equal(t, run(), run())
}

func TestConcurrentUse(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Fill = nil, fake.Partial{Lots: 1, Every: time.Microsecond} })
	ctx, cancel := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	readers.Go(func() {
		var cursor broker.Cursor
		for ctx.Err() == nil {
			if _, next, err := b.Await(ctx, account, cursor); err == nil {
				cursor = next
			}
		}
	})
	for w := range 4 {
		writers.Go(func() {
			for n := range 25 {
				id := broker.OrderID(fmt.Sprint(w, ".", n))
				_, _ = b.Place(ctx, market(id, []broker.Side{broker.Buy, broker.Sell}[n%2], 3))
				_, _ = b.Snapshot(ctx, account)
				_ = b.Cancel(ctx, account, id)
				_ = b.SetQuote("AAA", dec("99.9"), dec("100.1"))
				b.Inject(fake.RejectOrder{N: 3})
				_ = b.Ledger()
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
	require.Len(t, b.Ledger().Orders, 100)
}

func TestOldOrdersAreForgottenOnRequest(t *testing.T) {
	b, err := fake.New(fake.Config{
		Accounts:    []fake.Account{{ID: "U1", Cash: map[broker.Currency]decimal.Decimal{"USD": dec("1000000")}}},
		Instruments: []broker.Instrument{{ID: "A"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"A": quote("10", "10")},
		KeepOrders:  10,
	})
	require.NoError(t, err)
	place := func(id string, limit string) {
		_, err := b.Place(t.Context(), broker.Order{
			ID: broker.OrderID(id), Account: "U1", Instrument: "A", Side: broker.Buy, Quantity: dec("1"),
			Type: broker.Limit, Limit: dec(limit), TIF: broker.Day,
		})
		require.NoError(t, err)
	}
	place("rests", "5")
	for i := range 55 {
		place(fmt.Sprint("o", i), "10")
	}
	orders := b.Ledger().Orders
	require.LessOrEqual(t, len(orders), 21)
	require.Equal(t, broker.OrderID("rests"), orders[0].Sent.ID, "what still works is kept")
	require.Equal(t, broker.OrderID("o54"), orders[len(orders)-1].Sent.ID)
	told, err := b.Orders(t.Context(), "U1", broker.OrderQuery{})
	require.NoError(t, err)
	require.Len(t, told, len(orders))
	held, _, err := b.Holdings("U1")
	require.NoError(t, err)
	require.Equal(t, "55", held["A"].String(), "what they did stays")
	seen := map[string]bool{}
	for i := range orders {
		require.False(t, seen[orders[i].BrokerID])
		seen[orders[i].BrokerID] = true
	}
	absent, err := b.ProveAbsent(t.Context(), "U1", "o0")
	require.NoError(t, err)
	require.False(t, absent, "it was received")
	absent, err = b.ProveAbsent(t.Context(), "U1", "o99")
	require.NoError(t, err)
	require.True(t, absent)
	_, err = b.Place(t.Context(), broker.Order{
		ID: "o0", Account: "U1", Instrument: "A", Side: broker.Buy, Quantity: dec("1"), Type: broker.Limit, Limit: dec("10"), TIF: broker.Day,
	})
	require.ErrorIs(t, err, broker.ErrOrderConflict, "an ID stays taken")
	held, _, err = b.Holdings("U1")
	require.NoError(t, err)
	require.Equal(t, "55", held["A"].String())
	_, err = fake.New(fake.Config{KeepOrders: -1})
	require.ErrorContains(t, err, "KeepOrders is -1")
}
