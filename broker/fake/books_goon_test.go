package fake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/brokertest"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// reborn returns a broker that goes on from the books of another, which were
// written down and read.
func reborn(t *testing.T, b *fake.Broker, cfg fake.Config) *fake.Broker {
	t.Helper()
	books := b.Books()
	data, err := fake.EncodeBooks(&books)
	require.NoError(t, err)
	read, err := fake.DecodeBooks(data)
	require.NoError(t, err)
	cfg.Books = &read
	again, err := fake.New(cfg)
	require.NoError(t, err)
	return again
}

// text is a value as JSON, in which equal decimals are equal.
func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	require.NoError(t, err)
	return string(data)
}

// twins are a broker that was never restored and one that often is.
type twins struct {
	t      *testing.T
	random *rand.Rand
	clock  *fake.Clock
	cfg    fake.Config
	steady *fake.Broker
	reborn *fake.Broker
	placed int
}

func newTwins(t *testing.T, seed uint64) *twins {
	t.Helper()
	w := &twins{t: t, random: rand.New(rand.NewPCG(seed, 11)), clock: fake.NewClock(at(t, "2026-03-05 14:00")), cfg: config()}
	w.cfg.Clock = w.clock
	w.cfg.Accounts[0].SettleDays = int(seed % 3)
	w.cfg.Accounts[0].Type = []broker.AccountType{broker.Margin, broker.Cash}[seed%2]
	w.cfg.Hours = []fake.Hours{fake.NYSE(), fake.AlwaysOpen()}[seed/2%2]
	w.cfg.Fees = fake.Commission{PerUnit: dec("0.01"), Fraction: dec("0.0001"), Minimum: dec("0.35")}
	w.cfg.Slippage, w.cfg.KeepOrders = fake.Ticks(1), int(seed%5)*4
	w.cfg.Latency = time.Duration(seed%4) * time.Second
	w.cfg.Fill = []fake.FillModel{
		fake.Immediate{}, fake.Partial{Lots: 3, Every: time.Minute}, fake.Fraction{Of: dec("0.3"), Every: 20 * time.Minute},
	}[seed%3]
	var err error
	w.steady, err = fake.New(w.cfg)
	require.NoError(t, err)
	w.reborn, err = fake.New(w.cfg)
	require.NoError(t, err)
	return w
}

// both does the same to both and compares what they answer.
func (w *twins) both(what string, do func(*fake.Broker) (any, error)) {
	w.t.Helper()
	want, wantErr := do(w.steady)
	got, gotErr := do(w.reborn)
	require.Equal(w.t, fmt.Sprint(wantErr), fmt.Sprint(gotErr), what)
	require.Equal(w.t, text(w.t, want), text(w.t, got), what)
}

func (w *twins) step() {
	ctx := w.t.Context()
	id := broker.OrderID(fmt.Sprint("o", w.random.IntN(w.placed+1)))
	switch w.random.IntN(10) {
	case 0, 1, 2:
		w.placed++
		o := limit(broker.OrderID(fmt.Sprint("o", w.placed)), []broker.Side{broker.Buy, broker.Sell}[w.random.IntN(2)],
			1+w.random.Int64N(20), fmt.Sprint(95+w.random.IntN(11)))
		o.Instrument = []broker.InstrumentID{"AAA", "BBB", "NOSUCH"}[w.random.IntN(15)%7%3]
		w.both("place", func(b *fake.Broker) (any, error) { return b.Place(ctx, o) })
	case 3:
		o := limit(id, broker.Buy, 1+w.random.Int64N(2), "97") // known already, or refused as another one
		w.both("place again", func(b *fake.Broker) (any, error) { return b.Place(ctx, o) })
		w.placed++
	case 4:
		w.both("cancel", func(b *fake.Broker) (any, error) { return nil, b.Cancel(ctx, account, id) })
	case 5:
		amount := decimal.New(w.random.Int64N(2000)-1000, 0)
		w.both("deposit", func(b *fake.Broker) (any, error) {
			return nil, b.Deposit(account, broker.Money{Amount: amount, Currency: "USD"})
		})
	case 6:
		w.both("fill by hand", func(b *fake.Broker) (any, error) { return nil, b.FillByHand(id, dec("1")) })
	case 7:
		o := limit("", broker.Buy, 1, fmt.Sprint(95+w.random.IntN(11)))
		w.both("place by hand", func(b *fake.Broker) (any, error) { return b.PlaceByHand(o) })
	case 8:
		bid := dec(fmt.Sprint(96 + w.random.IntN(8)))
		symbol := []broker.InstrumentID{"AAA", "BBB"}[w.random.IntN(2)]
		w.cfg.Quotes[symbol] = quote(bid.String(), bid.Add(dec("0.1")).String())
		w.both("quote", func(b *fake.Broker) (any, error) { return nil, b.SetQuote(symbol, bid, bid.Add(dec("0.1"))) })
	default:
		w.both("prove absent", func(b *fake.Broker) (any, error) { return b.ProveAbsent(ctx, account, id) })
	}
}

// compare compares all that the brokers tell, and the truth.
func (w *twins) compare() {
	w.both("orders", func(b *fake.Broker) (any, error) { return b.Orders(w.t.Context(), account, broker.OrderQuery{}) })
	w.both("snapshot", func(b *fake.Broker) (any, error) {
		s, err := b.Snapshot(w.t.Context(), account)
		s.Epoch, s.Cursor.Epoch = 0, 0
		return s, err
	})
	w.both("holdings", func(b *fake.Broker) (any, error) {
		positions, cash, err := b.Holdings(account)
		return []any{positions, cash}, err
	})
	w.both("ledger", func(b *fake.Broker) (any, error) {
		orders := b.Ledger().Orders
		for i := range orders {
			orders[i].Duplicates = 0
		}
		return orders, nil
	})
	w.both("books", func(b *fake.Broker) (any, error) {
		books := b.Books()
		books.Epoch = 0
		return books, nil
	})
}

// TestABrokerOutlivesItsProcess: whenever a broker is written down, and however
// long nobody runs it, it is the broker that never was.
func TestABrokerOutlivesItsProcess(t *testing.T) {
	fills := 0
	for seed := range uint64(24) {
		w := newTwins(t, seed)
		for range 120 {
			w.step()
			old := w.reborn
			pause := time.Duration(0)
			if w.random.IntN(3) == 0 {
				pause = time.Duration(w.random.IntN(3*3600)) * time.Second
			}
			if w.random.IntN(6) != 0 {
				w.clock.Advance(pause)
				continue
			}
			books := old.Books()
			w.clock.Advance(pause)
			cfg := w.cfg
			cfg.Books = &books
			var err error
			w.reborn, err = fake.New(cfg)
			require.NoError(t, err)
			w.reborn = reborn(t, w.reborn, w.cfg) // through the written form
			w.compare()
		}
		w.clock.Advance(100 * time.Hour)
		w.compare()
		for _, o := range w.steady.Ledger().Orders {
			fills += len(o.Fills)
		}
	}
	require.Greater(t, fills, 200, "something happened")
}

// TestConformanceOfABrokerThatGoesOn runs the suite on a broker with a past.
func TestConformanceOfABrokerThatGoesOn(t *testing.T) {
	brokertest.RunInBubble(t, func(t *testing.T) brokertest.Harness {
		cfg := config()
		cfg.Clock, cfg.Accounts[0].Cash["USD"] = nil, dec("1000000")
		cfg.Latency = 5 * time.Millisecond
		cfg.Fill = fake.Partial{Lots: 2, Every: 3 * time.Millisecond}
		first, err := fake.New(cfg)
		require.NoError(t, err)
		for n := range 5 {
			place(t, first, limit(broker.OrderID(fmt.Sprint("earlier", n)), broker.Buy, 3, "101"))
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, first.Cancel(t.Context(), account, "earlier3"))
		b := reborn(t, first, cfg)
		time.Sleep(time.Second)
		return harnessOf(t, b)
	})
}

func TestWhatABrokerRemembers(t *testing.T) {
	cfg := config()
	cfg.KeepOrders, cfg.Fees = 2, fake.Commission{Minimum: dec("1")}
	first, err := fake.New(cfg)
	require.NoError(t, err)
	for n := range 6 {
		place(t, first, limit(broker.OrderID(fmt.Sprint("o", n)), broker.Buy, 1, "101"))
	}
	rests := place(t, first, limit("rests", broker.Buy, 4, "99"))
	require.NoError(t, first.FillByHand("rests", dec("1")))
	cursor := snapshot(t, first).Cursor

	b := reborn(t, first, cfg)
	require.Equal(t, rests.BrokerID, state(t, b, "rests").BrokerID)
	again, err := b.Place(t.Context(), limit("rests", broker.Buy, 4, "99"))
	require.NoError(t, err, "a duplicate")
	require.Equal(t, "1", again.Filled().String())
	_, err = b.Place(t.Context(), limit("rests", broker.Buy, 5, "99"))
	require.ErrorIs(t, err, broker.ErrOrderConflict)
	_, err = b.Place(t.Context(), limit("o0", broker.Buy, 1, "101"))
	require.ErrorIs(t, err, broker.ErrOrderConflict, "forgotten before the books were taken")
	for id, want := range map[broker.OrderID]bool{"rests": false, "o0": false, "o5": false, "never": true} {
		absent, err := b.ProveAbsent(t.Context(), account, id)
		require.NoError(t, err)
		require.Equal(t, want, absent, id)
	}

	var fault *broker.Error
	_, _, err = b.Await(t.Context(), account, cursor)
	require.ErrorAs(t, err, &fault)
	require.Equal(t, broker.KindSession, fault.Kind, "another session: %v", err)
	old := limit("late", broker.Buy, 1, "101")
	old.Epoch = cursor.Epoch
	_, err = b.Place(t.Context(), old)
	require.ErrorAs(t, err, &fault)
	require.Equal(t, broker.KindSession, fault.Kind, "%v", err)

	require.NoError(t, b.SetQuote("AAA", dec("98"), dec("98")))
	news, _, err := b.Await(t.Context(), account, broker.Cursor{Epoch: b.Epoch(), Seq: cursor.Seq})
	require.NoError(t, err)
	require.Len(t, news, 1, "what rested filled, and nothing else is news")
	require.Equal(t, broker.StatusFilled, news[0].Status)
	require.Len(t, news[0].Fills, 2)
	require.NotEqual(t, news[0].Fills[0].ID, news[0].Fills[1].ID)
	require.Equal(t, "1", news[0].Fills[0].Fee.Decimal.String())
	require.True(t, news[0].Fills[1].Fee.Decimal.IsZero(), "the minimum was charged before")
	fresh := place(t, b, limit("fresh", broker.Buy, 1, "101"))
	for _, o := range b.Ledger().Orders {
		if o.Sent.ID != "fresh" {
			require.NotEqual(t, fresh.BrokerID, o.BrokerID)
			for _, f := range o.Fills {
				require.NotEqual(t, fresh.Fills[0].ID, f.ID)
			}
		}
	}
}

// TestWhatWasScheduledStillHappens: also what faults had scheduled.
func TestWhatWasScheduledStillHappens(t *testing.T) {
	clock := fake.NewClock(at(t, "2026-03-02 15:00"))
	cfg := config()
	cfg.Clock, cfg.Hours = clock, fake.NYSE()
	first, err := fake.New(cfg)
	require.NoError(t, err)
	first.Inject(fake.CorrectFill{N: 1, After: time.Hour, Price: dec("90")}, fake.StatusWithoutFills{N: 2, For: time.Hour},
		fake.LateFee{N: 3, For: time.Hour}, fake.FillAfterCancel{N: 1, After: time.Hour}, fake.DelayOrder{N: 5, By: time.Hour}, fake.HoldOrder{N: 6, For: time.Hour})
	place(t, first, limit("corrected", broker.Buy, 1, "101"))
	place(t, first, limit("untold", broker.Buy, 1, "101"))
	place(t, first, limit("fee", broker.Buy, 1, "101"))
	place(t, first, limit("cancelled", broker.Buy, 1, "90"))
	require.NoError(t, first.Cancel(t.Context(), account, "cancelled"))
	_, err = first.Place(t.Context(), limit("delayed", broker.Buy, 1, "101"))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	place(t, first, limit("held", broker.Buy, 1, "101"))
	place(t, first, limit("dies", broker.Buy, 1, "90"))

	b := reborn(t, first, cfg)
	require.Empty(t, state(t, b, "untold").Fills)
	require.False(t, state(t, b, "fee").Fills[0].Fee.Valid)
	require.Equal(t, broker.StatusHeld, state(t, b, "held").Status)
	states, err := b.Orders(t.Context(), account, broker.OrderQuery{ID: "delayed"})
	require.NoError(t, err)
	require.Empty(t, states, "on its way")
	clock.Advance(time.Hour)
	equal(t, "90", state(t, b, "corrected").Fills[0].Price)
	for _, id := range []broker.OrderID{"untold", "cancelled", "delayed", "held"} {
		require.Len(t, state(t, b, id).Fills, 1, id)
	}
	require.True(t, state(t, b, "fee").Fills[0].Fee.Valid)
	require.Equal(t, broker.StatusWorking, state(t, b, "dies").Status)
	clock.Advance(6 * time.Hour)
	require.Equal(t, broker.StatusCancelled, state(t, b, "dies").Status, "the day order ends with its day")
	require.Equal(t, text(t, first.Ledger().Orders), text(t, b.Ledger().Orders))
}

func TestChangesCountWhatHappens(t *testing.T) {
	clock := fake.NewClock(at(t, "2026-03-02 15:00"))
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Hours = clock, fake.NYSE() })
	seen := b.Changes()
	changed := func() bool {
		was := seen
		seen = b.Changes()
		return seen != was
	}
	snapshot(t, b)
	clock.Advance(time.Minute)
	require.False(t, changed(), "reading changes nothing")
	place(t, b, limit("a", broker.Buy, 2, "99"))
	require.True(t, changed())
	place(t, b, limit("a", broker.Buy, 2, "99"))
	require.False(t, changed(), "a duplicate")
	require.NoError(t, b.SetQuote("AAA", dec("99.5"), dec("99.6")))
	require.False(t, changed())
	require.NoError(t, b.FillByHand("a", dec("1")))
	require.True(t, changed())
	require.NoError(t, b.Deposit(account, broker.Money{Amount: dec("1"), Currency: "USD"}))
	require.True(t, changed())
	require.NoError(t, b.Transfer(account, "BBB", dec("1")))
	require.True(t, changed())
	clock.Advance(24 * time.Hour)
	require.True(t, changed(), "the session closed, the order died")
}

// TestBooksAreOneMoment: while others trade, each picture of a broker balances.
func TestBooksAreOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(cfg *fake.Config) { cfg.Clock = nil })
		ctx, cancel := context.WithCancel(t.Context())
		var traders sync.WaitGroup
		for w := range 4 {
			traders.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					_, _ = b.Place(ctx, limit(broker.OrderID(fmt.Sprint(w, ".", n)), []broker.Side{broker.Buy, broker.Sell}[n%2], 1, "100"))
					time.Sleep(time.Microsecond)
				}
			})
		}
		for range 200 {
			time.Sleep(time.Microsecond)
			k := b.Books()
			position, cash := dec("100"), dec("10000")
			for _, o := range k.Orders {
				for _, f := range o.Fills {
					signed := f.Quantity.Mul(decimal.New(o.Order.Side.Sign(), 0))
					position, cash = position.Add(signed), cash.Sub(signed.Mul(f.Price)).Sub(f.Fee)
				}
			}
			equal(t, position.String(), k.Accounts[0].Positions["AAA"])
			equal(t, cash.String(), k.Accounts[0].Cash["USD"])
		}
		cancel()
		traders.Wait()
	})
}
