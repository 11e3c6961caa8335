package fake_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

func TestNewReportsEveryFault(t *testing.T) {
	_, err := fake.New(fake.Config{
		Accounts: []fake.Account{
			{ID: ""},
			{ID: "A", Mode: "real"},
			{ID: "A"},
			{ID: "B", Type: "ira"},
			{ID: "C", SettleDays: -1, Positions: map[broker.InstrumentID]decimal.Decimal{"GONE": dec("1")}},
			{ID: "D", Cash: map[broker.Currency]decimal.Decimal{"EUR": dec("1")}},
		},
		Instruments: []broker.Instrument{{ID: "aapl"}, {ID: "MSFT"}, {ID: "MSFT"}, {ID: "BAD", Lot: dec("-1")}},
		Ambiguous:   map[broker.InstrumentID][]string{"MSFT": {"x", "y"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"MSFT": {}, "NONE": quote("1", "2")},
		FX:          map[fake.Pair]decimal.Decimal{{From: "GBP", To: "USD"}: dec("0")},
		Hours:       fake.Week{Zone: "Mars/Crater", Open: "9", Close: "16:00", Holidays: []string{"tomorrow"}}.Hours(),
		Latency:     -time.Second,
	})
	require.ErrorContains(t, err, "fake: configuration has 16 faults")
	for _, fault := range []string{
		"Accounts[0]: ID is empty", `Mode is "real"`, "Accounts[2]: ID A is there twice", `Type is "ira"`, "SettleDays is -1",
		"Positions has GONE", "no rate from EUR to the base USD", `symbol "aapl" is not as`, "MSFT is there twice", "lot -1",
		"Ambiguous has MSFT", "Quotes[MSFT] has no price", "Quotes has NONE", "FX[GBP to USD] is 0", "Mars/Crater", `Open is "9"`,
		`day "tomorrow"`, "Latency is -1s",
	} {
		require.ErrorContains(t, err, fault)
	}
	_, err = fake.New(fake.Config{})
	require.ErrorContains(t, err, "Accounts is empty")
	require.ErrorContains(t, err, "Instruments is empty")
}

func TestWeekReportsItsFaults(t *testing.T) {
	for why, w := range map[string]fake.Week{
		"Zone is empty":                {Open: "09:00", Close: "17:00"},
		"Open at 17:00 is not before":  {Zone: "UTC", Open: "17:00", Close: "09:00"},
		"EarlyCloses[2026-11-27] is":   {Zone: "UTC", Open: "09:00", Close: "17:00", EarlyCloses: map[string]string{"2026-11-27": "1pm"}},
		"closes at 08:00, before it":   {Zone: "UTC", Open: "09:00", Close: "17:00", EarlyCloses: map[string]string{"2026-11-27": "08:00"}},
		`day "2026-02-30": want a dat`: {Zone: "UTC", Open: "09:00", Close: "17:00", Holidays: []string{"2026-02-30"}},
	} {
		cfg := config()
		cfg.Hours = w.Hours()
		_, err := fake.New(cfg)
		require.ErrorContains(t, err, why)
	}
}

func TestConfigIsCopied(t *testing.T) {
	cfg := config()
	cfg.FX = map[fake.Pair]decimal.Decimal{{From: "EUR", To: "USD"}: dec("1.1")}
	b, err := fake.New(cfg)
	require.NoError(t, err)
	require.Empty(t, cfg.Instruments[0].Ref, "defaults were written into the caller's slice")
	cfg.Instruments[0].ID = "ZZZ"
	clear(cfg.Accounts[0].Cash)
	clear(cfg.FX)
	clear(cfg.Quotes)
	s := snapshot(t, b)
	equal(t, "20000", s.NetLiquidation)
	equal(t, "1.1", s.FX["EUR"])
}

func TestDefaults(t *testing.T) {
	b := open(t, nil)
	accounts, err := b.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []broker.Account{{ID: account, Mode: broker.Simulated}}, accounts)
	s := snapshot(t, b)
	require.Equal(t, broker.Margin, s.Type)
	require.Equal(t, broker.Currency("USD"), s.Base)
	require.Equal(t, broker.Epoch(1), s.Epoch)
	require.Nil(t, s.SettledCash)
	require.False(t, s.AvailableFunds.Valid)
	found, err := b.Resolve(t.Context(), "AAA")
	require.NoError(t, err)
	aaa := found["AAA"]
	require.Equal(t, "SIM.AAA", aaa.Ref)
	require.Equal(t, broker.Stock, aaa.Kind)
	equal(t, "1", aaa.Lot)
	equal(t, "0.01", aaa.Tick)
}

func TestAddInstrument(t *testing.T) {
	b := open(t, nil)
	require.ErrorContains(t, b.AddInstrument(broker.Instrument{ID: "AAA"}), "is there already")
	require.ErrorContains(t, b.AddInstrument(broker.Instrument{ID: "a b"}), "contains ' '")
	require.NoError(t, b.AddInstrument(broker.Instrument{ID: "CCC"}))
	require.NoError(t, b.SetQuote("CCC", dec("5"), dec("5")))
	o := market("c", broker.Buy, 10)
	o.Instrument = "CCC"
	require.Equal(t, broker.StatusFilled, place(t, b, o).Status)
	equal(t, "20000", snapshot(t, b).NetLiquidation)
}
