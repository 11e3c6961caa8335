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

func TestMarketableOrdersFillAtTheQuote(t *testing.T) {
	b := open(t, nil)
	before := snapshot(t, b)
	equal(t, "20000", before.NetLiquidation)

	s := place(t, b, limit("buy", broker.Buy, 10, "101"))
	require.Equal(t, broker.StatusFilled, s.Status)
	require.Len(t, s.Fills, 1)
	equal(t, "100.1", s.Fills[0].Price)
	s = place(t, b, limit("sell", broker.Sell, 20, "99"))
	equal(t, "99.9", s.Fills[0].Price)
	equal(t, "100.1", place(t, b, market("buy2", broker.Buy, 1)).Fills[0].Price)
	equal(t, "99.9", place(t, b, market("sell2", broker.Sell, 1)).Fills[0].Price)

	after := snapshot(t, b)
	equal(t, "90", after.Position("AAA"))
	equal(t, "10996.8", after.Cash["USD"])
	equal(t, "19996.8", after.NetLiquidation)

	news, cursor, err := b.Await(t.Context(), account, before.Cursor)
	require.NoError(t, err)
	require.Len(t, news, 4)
	require.Equal(t, after.Cursor, cursor)
}

func TestRestingOrdersFillWhenAQuoteCrosses(t *testing.T) {
	b := open(t, nil)
	require.Equal(t, broker.StatusWorking, place(t, b, limit("buy", broker.Buy, 10, "99.95")).Status)
	require.Equal(t, broker.StatusWorking, place(t, b, limit("sell", broker.Sell, 10, "100.05")).Status)
	require.Len(t, snapshot(t, b).Orders, 2)

	require.NoError(t, b.SetQuote("AAA", dec("99.8"), dec("99.96")))
	require.Equal(t, broker.StatusWorking, state(t, b, "buy").Status, "one tick too dear")
	require.NoError(t, b.SetQuote("AAA", dec("99.7"), dec("99.90")))
	equal(t, "99.9", state(t, b, "buy").Fills[0].Price)
	require.Equal(t, broker.StatusWorking, state(t, b, "sell").Status)
	require.NoError(t, b.SetQuote("AAA", dec("100.05"), dec("101")))
	equal(t, "100.05", state(t, b, "sell").Fills[0].Price)
}

func TestOrdersWithoutAQuoteRest(t *testing.T) {
	b := open(t, nil)
	require.NoError(t, b.ClearQuote("AAA"))
	require.Equal(t, broker.StatusWorking, place(t, b, market("m", broker.Sell, 1)).Status)
	_, err := b.Snapshot(t.Context(), account)
	require.ErrorContains(t, err, "no price for AAA")
	require.NoError(t, b.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"AAA": {Close: decimal.NewNullDecimal(dec("98"))}}))
	equal(t, "98", state(t, b, "m").Fills[0].Price)
	require.ErrorContains(t, b.SetQuotes(map[broker.InstrumentID]marketdata.Quote{"AAA": {}}), "no price")
	require.ErrorIs(t, b.SetQuote("ZZZ", dec("1"), dec("1")), broker.ErrUnknownInstrument)
	require.ErrorIs(t, b.ClearQuote("ZZZ"), broker.ErrUnknownInstrument)
}

func TestOrdersAreValidated(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   string
		change func(*broker.Order)
	}{
		{"unknown symbol", "200", func(o *broker.Order) { o.Instrument = "NOSUCH" }},
		{"ambiguous symbol", "200", func(o *broker.Order) { o.Instrument = "TWIN" }},
		{"another contract", "200", func(o *broker.Order) { o.Ref = "12345" }},
		{"half a share", "10243", func(o *broker.Order) { o.Quantity = dec("0.5") }},
		{"half a tick", "110", func(o *broker.Order) { o.Limit = dec("100.005") }},
		{"short sale", "201", func(o *broker.Order) { o.Side, o.Quantity = broker.Sell, dec("101") }},
		{"too dear", "201", func(o *broker.Order) { o.Quantity = dec("100") }},
		{"short sale of what is not held", "201", func(o *broker.Order) { o.Side, o.Instrument = broker.Sell, "BBB" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, nil)
			o := limit("x", broker.Buy, 1, "101")
			c.change(&o)
			s := place(t, b, o)
			require.Equal(t, broker.StatusRejected, s.Status)
			require.Equal(t, c.code, s.Code)
			require.NotEmpty(t, s.Reason)
			require.Empty(t, snapshot(t, b).Orders)
		})
	}
}

func TestOddLotsAndTicks(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Instruments[0].Lot, cfg.Instruments[0].Tick = dec("0.25"), dec("0.05")
	})
	o := limit("x", broker.Buy, 1, "100.10")
	o.Quantity = dec("1.75")
	require.Equal(t, broker.StatusFilled, place(t, b, o).Status)
	o.ID, o.Quantity = "y", dec("1.8")
	require.Equal(t, "10243", place(t, b, o).Code)
	o.ID, o.Quantity, o.Limit = "z", dec("1"), dec("100.12")
	require.Equal(t, "110", place(t, b, o).Code)
}

func TestWorkingOrdersTieUpSharesAndCash(t *testing.T) {
	b := open(t, nil)
	place(t, b, limit("s1", broker.Sell, 60, "110"))
	require.Equal(t, "201", place(t, b, limit("s2", broker.Sell, 60, "110")).Code)
	require.Equal(t, broker.StatusWorking, place(t, b, limit("s3", broker.Sell, 40, "110")).Status)
	place(t, b, limit("b1", broker.Buy, 60, "90"))
	require.Equal(t, "201", place(t, b, limit("b2", broker.Buy, 60, "90")).Code)
	require.NoError(t, b.Cancel(t.Context(), account, "b1"))
	require.Equal(t, broker.StatusWorking, place(t, b, limit("b3", broker.Buy, 60, "90")).Status)
}

func TestShortAndMarginWhereAllowed(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.AllowShort, cfg.AllowMargin = true, true })
	place(t, b, market("s", broker.Sell, 110))
	equal(t, "-10", snapshot(t, b).Position("AAA"))
	place(t, b, market("b", broker.Buy, 10))
	o := market("big", broker.Buy, 390) // 39,039 of an equity of about 19,900
	require.Equal(t, broker.StatusFilled, place(t, b, o).Status)
	require.Equal(t, "201", place(t, b, market("bigger", broker.Buy, 10)).Code)
	require.True(t, snapshot(t, b).Cash["USD"].IsNegative())
}

func TestSlippageStaysWithinTheLimit(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Slippage = fake.Ticks(5) })
	equal(t, "100.15", place(t, b, limit("a", broker.Buy, 1, "101")).Fills[0].Price)
	equal(t, "100.12", place(t, b, limit("b", broker.Buy, 1, "100.12")).Fills[0].Price)
	equal(t, "99.85", place(t, b, market("c", broker.Sell, 1)).Fills[0].Price)
	equal(t, "99.88", place(t, b, limit("d", broker.Sell, 1, "99.88")).Fills[0].Price)
}

func TestFeesHaveAMinimumPerOrder(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Fees = fake.Commission{PerUnit: dec("0.1"), Fraction: dec("0.0001"), Minimum: dec("2")}
		cfg.Fill = fake.Partial{Lots: 20}
	})
	s := place(t, b, limit("a", broker.Sell, 60, "99.9"))
	require.Len(t, s.Fills, 3)
	fees := make([]string, 3)
	for i, f := range s.Fills {
		require.True(t, f.Fee.Valid)
		require.Equal(t, broker.Currency("USD"), f.FeeCurrency)
		fees[i] = f.Fee.Decimal.String()
	}
	// 20 units cost 2.1998, beyond the minimum; later ones as much.
	require.Equal(t, []string{"2.1998", "2.1998", "2.1998"}, fees)
	equal(t, "1", dec("1")) // the helper compares by value
	s = place(t, b, limit("b", broker.Sell, 1, "99.9"))
	equal(t, "2", s.Fills[0].Fee.Decimal)
	equal(t, "16085.3006", snapshot(t, b).Cash["USD"])
}

func TestFeesCountForBuyingPower(t *testing.T) {
	b := open(t, func(cfg *fake.Config) {
		cfg.Accounts[0].Cash["USD"] = dec("1001")
		cfg.Fees = fake.Commission{Minimum: dec("1")}
	})
	require.Equal(t, "201", place(t, b, limit("a", broker.Buy, 10, "100.1")).Code)
	require.NoError(t, b.Deposit(account, broker.Money{Amount: dec("1"), Currency: "USD"}))
	require.Equal(t, broker.StatusFilled, place(t, b, limit("b", broker.Buy, 10, "100.1")).Status)
	equal(t, "0", snapshot(t, b).Cash["USD"])
}

func TestPartialFillsInTheirTime(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) {
		cfg.Clock, cfg.Fill = clock, fake.Fraction{Of: dec("0.4"), Every: time.Minute}
	})
	s := place(t, b, limit("a", broker.Buy, 10, "101"))
	equal(t, "4", s.Filled())
	require.Equal(t, broker.StatusWorking, s.Status)
	equal(t, "6", s.Remaining())

	clock.Advance(59 * time.Second)
	equal(t, "4", func() decimal.Decimal { s := state(t, b, "a"); return s.Filled() }())
	clock.Advance(5 * time.Minute) // both others are past; they are dated with their own time
	s = state(t, b, "a")
	require.Equal(t, broker.StatusFilled, s.Status)
	require.Len(t, s.Fills, 3)
	require.Equal(t, []time.Time{monday, monday.Add(time.Minute), monday.Add(2 * time.Minute)},
		[]time.Time{s.Fills[0].Time, s.Fills[1].Time, s.Fills[2].Time})
	equal(t, "2", s.Fills[2].Quantity)
}

func TestPartialFillThenCancelKeepsTheFill(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) {
		cfg.Clock, cfg.Fill = clock, fake.Partial{Lots: 3, Every: time.Minute}
	})
	place(t, b, limit("a", broker.Buy, 10, "101"))
	require.NoError(t, b.Cancel(t.Context(), account, "a"))
	clock.Advance(time.Hour)
	s := state(t, b, "a")
	require.Equal(t, broker.StatusCancelled, s.Status)
	equal(t, "3", s.Filled())
	equal(t, "103", snapshot(t, b).Position("AAA"))
}

func TestDelayedFillsPayThePriceOfTheirTime(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Fill = clock, fake.Delayed{By: time.Minute} })
	place(t, b, limit("a", broker.Buy, 10, "101"))
	place(t, b, limit("b", broker.Buy, 10, "100.2"))
	clock.Advance(30 * time.Second)
	require.NoError(t, b.SetQuote("AAA", dec("100.3"), dec("100.5")))
	clock.Advance(time.Minute)
	equal(t, "100.5", state(t, b, "a").Fills[0].Price)
	require.Equal(t, broker.StatusWorking, state(t, b, "b").Status, "its limit does not allow the price, so it rests")
	require.NoError(t, b.SetQuote("AAA", dec("100"), dec("100.2")))
	clock.Advance(time.Minute)
	equal(t, "100.2", state(t, b, "b").Fills[0].Price)
}

// atPrice fills at fixed prices, and asks for more than there is.
type atPrice struct{}

func (atPrice) Slices(r fake.FillRequest) []fake.Slice {
	return []fake.Slice{
		{Quantity: dec("1"), Price: dec("500")}, {Quantity: dec("0")}, {Quantity: r.Quantity.Add(r.Quantity), Price: dec("99.5")},
	}
}

func TestAFillModelCannotBreakAnOrder(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Fill = atPrice{} })
	s := place(t, b, limit("a", broker.Buy, 10, "101"))
	require.Equal(t, broker.StatusFilled, s.Status)
	equal(t, "10", s.Filled())
	equal(t, "101", s.Fills[0].Price)
	equal(t, "99.5", s.Fills[1].Price)
}

func TestLatency(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Latency = clock, time.Second })
	require.Equal(t, broker.StatusPending, place(t, b, limit("a", broker.Buy, 10, "90")).Status)
	require.Equal(t, broker.StatusPending, place(t, b, limit("b", broker.Buy, 10, "101")).Status)
	clock.Advance(time.Second)
	require.Equal(t, broker.StatusWorking, state(t, b, "a").Status)
	require.Equal(t, broker.StatusFilled, state(t, b, "b").Status)
	require.NoError(t, b.Cancel(t.Context(), account, "a"))
	require.Equal(t, broker.StatusPendingCancel, state(t, b, "a").Status)
	require.NoError(t, b.SetQuote("AAA", dec("80"), dec("80")))
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status, "until the cancel arrives, the order can fill")
	clock.Advance(time.Second)
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status)
}
