package fake_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// newLarge returns a broker with one account that holds 20 positions.
func newLarge(tb testing.TB, fees fake.Fees) (*fake.Broker, []broker.InstrumentID) {
	tb.Helper()
	cfg := fake.Config{
		Accounts: []fake.Account{{
			ID: account, Cash: map[broker.Currency]decimal.Decimal{"USD": dec("1000000000")},
			Positions: map[broker.InstrumentID]decimal.Decimal{},
		}},
		Quotes: map[broker.InstrumentID]marketdata.Quote{},
		Clock:  fake.NewClock(monday),
		Fees:   fees,
	}
	var ids []broker.InstrumentID
	for n := range 20 {
		id := broker.InstrumentID(fmt.Sprintf("S%02d", n))
		ids = append(ids, id)
		cfg.Instruments = append(cfg.Instruments, broker.Instrument{ID: id})
		cfg.Accounts[0].Positions[id] = decimal.New(100, 0)
		cfg.Quotes[id] = quote("99.98", "100.02")
	}
	b, err := fake.New(cfg)
	require.NoError(tb, err)
	return b, ids
}

func BenchmarkSnapshot20(b *testing.B) {
	f, _ := newLarge(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Snapshot(b.Context(), account); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlaceAndFill(b *testing.B) {
	f, ids := newLarge(b, nil)
	orders := []broker.Order{limit("", broker.Buy, 1, "100.02"), limit("", broker.Sell, 1, "99.98")}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		o := orders[n%2]
		o.ID, o.Instrument = broker.OrderID(strconv.Itoa(n)), ids[n%20]
		if _, err := f.Place(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun does what the engine's run of 20 orders asks of a broker.
func BenchmarkRun(b *testing.B) {
	b.Run("without fees", func(b *testing.B) { run(b, nil) })
	b.Run("with fees", func(b *testing.B) { run(b, fake.Commission{PerUnit: dec("0.005"), Minimum: dec("1")}) })
}

func run(b *testing.B, fees fake.Fees) {
	b.Helper()
	f, ids := newLarge(b, fees)
	clock := fake.NewClock(monday)
	orders := map[broker.Side]broker.Order{
		broker.Sell: limit("", broker.Sell, 1, "99.98"), broker.Buy: limit("", broker.Buy, 1, "100.02"),
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		ctx := b.Context()
		_, _ = f.Accounts(ctx)
		_, _ = f.Resolve(ctx, ids...)
		_, _ = f.Sessions(ctx, monday, monday.Add(240*time.Hour), ids...)
		_, _ = f.Quotes(ctx, ids)
		for _, side := range []broker.Side{broker.Sell, broker.Buy} {
			s, err := f.Snapshot(ctx, account)
			if err != nil {
				b.Fatal(err)
			}
			o := orders[side]
			for k := range 10 {
				n++
				o.ID, o.Instrument, o.Epoch = broker.OrderID(strconv.Itoa(n)), ids[(k+n)%20], s.Epoch
				bounded, cancel := clock.WithTimeout(ctx, time.Second)
				_, err := f.Place(bounded, o)
				cancel()
				if err != nil {
					b.Fatal(err)
				}
			}
			if _, _, err := f.Await(ctx, account, s.Cursor); err != nil {
				b.Fatal(err)
			}
			_, _ = f.Snapshot(ctx, account)
		}
	}
}
