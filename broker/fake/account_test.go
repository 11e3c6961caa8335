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

func TestSeveralCurrencies(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Instruments = append(cfg.Instruments, broker.Instrument{ID: "SAP", Currency: "EUR", Exchange: "IBIS", Zone: "Europe/Berlin"})
		cfg.Accounts[0].Cash["EUR"] = dec("1000")
		cfg.Accounts = append(cfg.Accounts, fake.Account{ID: "EURO", Base: "EUR", Cash: map[broker.Currency]decimal.Decimal{"EUR": dec("500")}})
		cfg.Quotes["SAP"] = quote("200", "200")
		cfg.FX = map[fake.Pair]decimal.Decimal{{From: "EUR", To: "USD"}: dec("1.1")}
	})
	equal(t, "21100", snapshot(t, b).NetLiquidation)
	o := market("sap", broker.Buy, 2)
	o.Instrument = "SAP"
	require.Equal(t, broker.StatusFilled, place(t, b, o).Status)
	s := snapshot(t, b)
	equal(t, "21100", s.NetLiquidation)
	equal(t, "600", s.Cash["EUR"])
	equal(t, "1.1", s.FX["EUR"])
	require.NoError(t, b.SetFX("EUR", "USD", dec("1.2")))
	equal(t, "21200", snapshot(t, b).NetLiquidation)

	o = market("sap2", broker.Buy, 4)
	o.Instrument = "SAP"
	require.Equal(t, "201", place(t, b, o).Code, "dollars do not buy in euros")

	o = market("usd", broker.Buy, 1)
	o.Account = "EURO"
	state := place(t, b, o)
	require.Equal(t, "201", state.Code)
	require.Contains(t, state.Reason, "no exchange rate from USD to EUR")
	require.ErrorContains(t, b.SetFX("EUR", "EUR", dec("1")), "want two currencies")
	require.ErrorContains(t, b.SetFX("EUR", "USD", dec("0")), "positive rate")
	require.NoError(t, b.Transfer("EURO", "AAA", dec("1")))
	_, err := b.Snapshot(t.Context(), "EURO")
	require.ErrorContains(t, err, "no exchange rate from USD to EUR")
}

func TestCashAccountsBuyWithSettledCash(t *testing.T) {
	clock := fake.NewClock(at(t, "2026-03-06 15:00")) // a Friday
	b := open(t, func(cfg *fake.Config) {
		cfg.Clock = clock
		cfg.Accounts[0].Type, cfg.Accounts[0].SettleDays, cfg.Accounts[0].ReportFunds = broker.Cash, 1, true
		cfg.Accounts[0].Cash["USD"] = dec("1000")
	})
	place(t, b, market("s", broker.Sell, 50))
	s := snapshot(t, b)
	equal(t, "5995", s.Cash["USD"])
	equal(t, "1000", s.SettledCash["USD"])
	equal(t, "1000", s.AvailableFunds.Decimal)
	require.Equal(t, "201", place(t, b, market("b1", broker.Buy, 10)).Code)
	require.Equal(t, broker.StatusFilled, place(t, b, market("b2", broker.Buy, 9)).Status)
	clock.Set(at(t, "2026-03-08 23:59"))
	equal(t, "99.1", snapshot(t, b).SettledCash["USD"])
	clock.Set(at(t, "2026-03-09 00:00"))
	equal(t, "5094.1", snapshot(t, b).SettledCash["USD"])
	require.Equal(t, broker.StatusFilled, place(t, b, market("b3", broker.Buy, 50)).Status)
}

func TestAvailableFundsLessWorkingBuys(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Accounts[0].ReportFunds = true })
	place(t, b, limit("b", broker.Buy, 10, "90"))
	equal(t, "9100", snapshot(t, b).AvailableFunds.Decimal)
}

func TestValuation(t *testing.T) {
	null := func(s string) decimal.NullDecimal { return decimal.NewNullDecimal(dec(s)) }
	b := open(t, nil)
	for want, q := range map[string]marketdata.Quote{
		"20000.5": {Bid: null("99.99"), Ask: null("100.02")},                   // the middle
		"19000":   {Bid: null("101"), Ask: null("100"), Last: null("90")},      // crossed
		"18000":   {Bid: null("79"), Last: null("80"), Close: null("70")},      // one side
		"17000":   {Ask: null("-1"), Last: null("0"), Close: null("70")},       // no price is no price
		"16000":   {Bid: null("60"), Ask: null("60"), Last: null("1")},         // locked
		"12345":   {Bid: null("23.45"), Ask: null("23.45"), Time: time.Time{}}, //
	} {
		require.NoError(t, b.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"AAA": q}))
		equal(t, want, snapshot(t, b).NetLiquidation)
	}
	require.NoError(t, b.Transfer(account, "AAA", dec("-100")))
	equal(t, "10000", snapshot(t, b).NetLiquidation)
	require.Empty(t, snapshot(t, b).Positions)
}

// TestLargeAndSmallAmountsAddUp checks the sums beyond what fits into an int64.
func TestLargeAndSmallAmountsAddUp(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Accounts[0].Cash["USD"] = dec("123456789012345678901234567890.12")
		cfg.Accounts[0].Positions["BBB"] = dec("99999999999999999")
		cfg.Quotes["AAA"], cfg.Quotes["BBB"] = quote("0.000000000001", "0.000000000001"), quote("9999999.5", "9999999.5")
	})
	equal(t, dec("123456789012345678901234567890.12").Add(dec("0.0000000001")).Add(dec("99999999999999999").Mul(dec("9999999.5"))).String(),
		snapshot(t, b).NetLiquidation)
}

func TestQuotesAreAsOldAsTheyAre(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock = clock })
	old := quote("50", "51")
	old.Time, old.Tier = monday.Add(-time.Hour), marketdata.TierDelayed
	require.NoError(t, b.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"BBB": old}))
	clock.Advance(time.Minute)
	quotes, err := b.Quotes(t.Context(), []broker.InstrumentID{"AAA", "BBB", "NOSUCH"})
	require.NoError(t, err)
	require.Equal(t, clock.Now(), quotes.Found["AAA"].Time)
	require.Equal(t, marketdata.TierLive, quotes.Found["AAA"].Tier)
	require.Equal(t, old, quotes.Found["BBB"])
	require.Contains(t, quotes.Missing, broker.InstrumentID("NOSUCH"))
}

func TestPreview(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Fees = fake.Commission{Minimum: dec("1")} })
	w, err := b.WhatIf(t.Context(), market("w", broker.Buy, 10))
	require.NoError(t, err)
	require.Empty(t, w.Refusal)
	equal(t, "1", w.Commission.Decimal)
	equal(t, "19999", w.EquityAfter.Decimal)
	equal(t, "5500.5", w.InitialMarginAfter.Decimal)
	w, err = b.WhatIf(t.Context(), market("w", broker.Sell, 200))
	require.NoError(t, err)
	require.Contains(t, w.Refusal, "short sales")
	require.False(t, w.Commission.Valid, "a figure that is not known is not zero")
	_, err = b.WhatIf(t.Context(), broker.Order{ID: "x", Account: account})
	require.ErrorContains(t, err, "instrument is empty")
	require.Equal(t, fake.Ledger{Orders: []fake.LedgerOrder{}}, b.Ledger(), "a preview leaves no trace")
}

func TestTheListOfAccountsIsTheCallersOwn(t *testing.T) {
	b, err := fake.New(fake.Config{
		Accounts: []fake.Account{{ID: "U1"}, {ID: "U2"}}, Instruments: []broker.Instrument{{ID: "A"}},
	})
	require.NoError(t, err)
	list, err := b.Accounts(t.Context())
	require.NoError(t, err)
	list[0].ID = "spoilt"
	again, err := b.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, broker.AccountID("U1"), again[0].ID)
}
