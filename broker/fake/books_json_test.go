package fake_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// past returns books with something of everything, and the configuration to them.
func past(t testing.TB) (fake.Books, fake.Config) {
	t.Helper()
	cfg := config()
	clock := fake.NewClock(time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC))
	cfg.Clock, cfg.Hours, cfg.KeepOrders = clock, fake.NYSE(), 2
	cfg.Accounts[0].SettleDays = 2
	cfg.Fill, cfg.Fees = fake.Partial{Lots: 2, Every: time.Minute}, fake.Commission{Minimum: dec("1")}
	b, err := fake.New(cfg)
	require.NoError(t, err)
	send := func(o broker.Order) {
		_, err := b.Place(t.Context(), o)
		require.NoError(t, err)
	}
	for n := range 4 {
		send(limit(broker.OrderID(fmt.Sprint("early", n)), broker.Buy, 1, "101"))
	}
	b.Inject(fake.AlterOrder{N: 1}, fake.LateFee{N: 2, For: time.Hour})
	send(limit("altered", broker.Buy, 3, "101"))
	send(limit("sold", broker.Sell, 3, "99"))
	send(limit("refused", broker.Buy, 1000, "101"))
	require.NoError(t, b.TradeByHand(account, "BBB", broker.Buy, dec("2")))
	return b.Books(), cfg
}

func TestBooksGolden(t *testing.T) {
	books, cfg := past(t)
	data, err := fake.EncodeBooks(&books)
	require.NoError(t, err)
	golden := filepath.Join("testdata", "books.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, append([]byte(pretty(t, data)), '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), pretty(t, data)+"\n")
	read, err := fake.DecodeBooks(want)
	require.NoError(t, err)
	again, err := fake.EncodeBooks(&read)
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
	cfg.Books = &read
	b, err := fake.New(cfg)
	require.NoError(t, err)
	next := b.Books()
	require.Equal(t, read.Epoch+1, next.Epoch)
	next.Epoch = read.Epoch
	require.Equal(t, text(t, read), text(t, next), "nothing changed by going on")
}

func pretty(t testing.TB, data []byte) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(data, &v))
	out, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	return string(out)
}

// TestBadBooksAreNamed: each fault is one error that says where it is.
func TestBadBooksAreNamed(t *testing.T) {
	for want, spoil := range map[string]func(*fake.Books){
		"Books: schema is 2, this release knows 1":                func(k *fake.Books) { k.Schema = 2 },
		"Books: time is zero":                                     func(k *fake.Books) { k.Time = time.Time{} },
		"Books: epoch is 0":                                       func(k *fake.Books) { k.Epoch = 0 },
		"Books: next_order is 999":                                func(k *fake.Books) { k.NextOrder = 999 },
		"Books: next_fill is 0":                                   func(k *fake.Books) { k.NextFill = 0 },
		`account "OTHER": it is not in Accounts`:                  func(k *fake.Books) { k.Accounts[0].ID = "OTHER" },
		`account "SIM1": it is there twice`:                       func(k *fake.Books) { k.Accounts = append(k.Accounts, k.Accounts[0]) },
		`account "SIM1": cash: FX has no rate from "EUR"`:         func(k *fake.Books) { k.Accounts[0].Cash["EUR"] = dec("1") },
		`account "SIM1": cash: USD: a number has 1 digits`:        func(k *fake.Books) { k.Accounts[0].Cash["USD"] = decimal.New(1, 1_000_000_000) },
		`account "SIM1": positions has NONE`:                      func(k *fake.Books) { k.Accounts[0].Positions["NONE"] = dec("1") },
		`account "SIM1": unsettled 0: until is zero`:              func(k *fake.Books) { k.Accounts[0].Unsettled[0].Until = time.Time{} },
		`account "SIM1": unsettled 0: FX has no rate from "GBP"`:  func(k *fake.Books) { k.Accounts[0].Unsettled[0].Currency = "GBP" },
		`account "U9": order altered (1004): the account is not`:  func(k *fake.Books) { k.Orders[0].Order.Account, k.Orders[0].Sent.Account = "U9", "U9" },
		`order altered (1004): sent is order "x"`:                 func(k *fake.Books) { k.Orders[0].Sent.ID = "x" },
		`order altered (1004): sent: broker: order altered: side`: func(k *fake.Books) { k.Orders[0].Sent.Side = "" },
		`order sold (1005): left is 9: want 0 to the quantity, 3`: func(k *fake.Books) { k.Orders[1].Left = dec("9") },
		`order sold (1005): left is 0, but the status is working`: func(k *fake.Books) { k.Orders[1].Left = dec("0") },
		`order sold (1005): left is 1, but the status is filled`:  func(k *fake.Books) { k.Orders[1].Status = broker.StatusFilled },
		`order sold (1005): status is "odd"`:                      func(k *fake.Books) { k.Orders[1].Status = "odd" },
		`order sold (1005): received is zero`:                     func(k *fake.Books) { k.Orders[1].Received = time.Time{} },
		`order sold (1005): news is 0, but it is open`:            func(k *fake.Books) { k.Orders[1].News = 0 },
		`order sold (1005): news is 99: want a place of its own`:  func(k *fake.Books) { k.Orders[1].News = 99 },
		`order sold (1005): hidden is set, but the status`:        func(k *fake.Books) { k.Orders[1].Hidden = true },
		`order sold (1004): broker_id "1004" is there twice`:      func(k *fake.Books) { k.Orders[1].BrokerID = "1004" },
		`order sold (01005): broker_id is "01005": want 1000`:     func(k *fake.Books) { k.Orders[1].BrokerID = "01005" },
		`order sold (1008): broker_id is "1008"`:                  func(k *fake.Books) { k.Orders[1].BrokerID = "1008" },
		`order altered (1005): its id is there twice`: func(k *fake.Books) {
			k.Orders[1].Order.ID = "altered"
		},
		`order early0 (1005): its id is among the forgotten`:       func(k *fake.Books) { k.Orders[1].Order.ID = "early0" },
		`order sold (1005): broker: order sold: quantity -1`:       func(k *fake.Books) { k.Orders[1].Order.Quantity = dec("-1") },
		`order sold (1005): instrument NONE is not in Instruments`: func(k *fake.Books) { k.Orders[1].Order.Instrument = "NONE" },
		`order sold (1005): fill "x99": want an id of x and 1`:     func(k *fake.Books) { k.Orders[1].Fills[0].ID = "x99" },
		`order sold (1005): fill "x5": quantity is 0`:              func(k *fake.Books) { k.Orders[1].Fills[0].Quantity = dec("0") },
		`order sold (1005): fill "x5": time is zero`:               func(k *fake.Books) { k.Orders[1].Fills[0].Time = time.Time{} },
		`order by hand (1007): fill "x5": its id is there twice`:   func(k *fake.Books) { k.Orders[3].Fills[0].ID = "x5" },
		`due 0: order is "7", which is not in the books`:           func(k *fake.Books) { k.Due[0].Order = "7" },
		`order sold (1005): due 0: kind is "odd"`:                  func(k *fake.Books) { k.Due[0].Kind = "odd" },
		`order sold (1005): due 0: at is zero`:                     func(k *fake.Books) { k.Due[0].At = time.Time{} },
		`order sold (1005): due 0: quantity is 0`:                  func(k *fake.Books) { k.Due[0].Quantity = dec("0") },
		`order sold (1005): due 1: fill is 4: the order has 1`:     func(k *fake.Books) { k.Due[1].Fill = 4 },
		`order refused (1006): due 0: instrument NONE is not in`: func(k *fake.Books) {
			k.Orders[2].Order.Instrument, k.Due[0].Order, k.Due[0].Kind = "NONE", "1006", "opening"
		},
	} {
		books, cfg := past(t)
		spoil(&books)
		cfg.Books = &books
		_, err := fake.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestBooksOfAnotherSchemaAreRefused(t *testing.T) {
	for _, data := range []string{`{"schema":2}`, `{"schema":2,"unknown":[]}`} {
		_, err := fake.DecodeBooks([]byte(data))
		require.ErrorContains(t, err, "schema is 2, this release knows 1")
	}
	for _, data := range []string{`{"schema":1,"odd":1}`, `{"schema":1,"schema":1}`, `null`, ``, `{"schema":1,"forgotten":"AAA="}`} {
		_, err := fake.DecodeBooks([]byte(data))
		require.ErrorContains(t, err, "fake: decode books: ", data)
	}
}

// FuzzDecodeBooks: what decodes is written and read again as the same, and a
// broker that goes on from it can be used, or New says why not.
func FuzzDecodeBooks(f *testing.F) {
	books, _ := past(f)
	data, err := fake.EncodeBooks(&books)
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(`{"schema":1,"time":"2026-03-02T15:00:00Z","epoch":1,"next_order":1000,"next_fill":1,"accounts":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		books, err := fake.DecodeBooks(data)
		if err != nil {
			return
		}
		written, err := fake.EncodeBooks(&books)
		if err != nil {
			return // a time that JSON cannot tell
		}
		read, err := fake.DecodeBooks(written)
		require.NoError(t, err)
		again, err := fake.EncodeBooks(&read)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
		cfg := config()
		cfg.Books = &books
		b, err := fake.New(cfg)
		if err != nil {
			return
		}
		cfg.Clock.Advance(1000 * time.Hour)
		_, _ = b.Snapshot(t.Context(), account)
		_, _ = b.Place(t.Context(), limit("fuzz", broker.Buy, 1, "101"))
		_ = b.SetQuote("AAA", dec("1"), dec("1"))
		_ = b.Ledger()
		_ = b.Books()
	})
}
