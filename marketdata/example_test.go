package marketdata_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// dollars is a price field of a whole number of cents.
func dollars(cents int64) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.New(cents, -2)) }

// show prints an answer in order.
func show(q marketdata.Quotes) {
	for _, id := range slices.Sorted(maps.Keys(q.Found)) {
		fmt.Println(id, q.Found[id].Last.Decimal, q.Found[id].Tier)
	}
	for _, id := range slices.Sorted(maps.Keys(q.Missing)) {
		fmt.Println(id, "is missing:", q.Missing[id])
	}
}

// A ladder takes live prices, but none that is older than a minute or far from
// the previous close, and falls back to closing prices for what is left.
func Example() {
	now := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	session := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"AAA": {Last: dollars(10_05), Close: dollars(10_00), Tier: marketdata.TierLive, Time: now},
		"BBB": {Last: dollars(20_00), Close: dollars(20_00), Tier: marketdata.TierLive, Time: now.Add(-time.Hour)},
		"CCC": {Last: dollars(3_00), Close: dollars(30_00), Tier: marketdata.TierLive, Time: now},
	})
	history, err := marketdata.ReadHistory(strings.NewReader("Date,AAA,BBB\n2026-02-27,10.00,20.00\n"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	closes, err := marketdata.NewHistorySource(history, &marketdata.HistorySourceOptions{Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	sane, err := marketdata.NewSane(session, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fresh, err := marketdata.NewFresh(sane, marketdata.Freshness{
		MaxAge: map[marketdata.Tier]time.Duration{marketdata.TierLive: time.Minute},
		Now:    clock,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ladder, err := marketdata.NewLadder(
		marketdata.Rung{Name: "broker", Source: fresh, Timeout: 10 * time.Second},
		marketdata.Rung{Name: "closes", Source: closes, Best: marketdata.TierHistorical},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	quotes, err := ladder.Quotes(context.Background(), []broker.InstrumentID{"AAA", "BBB", "CCC"})
	if err != nil {
		fmt.Println(err)
		return
	}
	show(quotes)
	// Output:
	// AAA 10.05 live
	// BBB 20 historical
	// CCC is missing: broker: suspect: last 3 is more than 20% away from the previous close 30; closes: not in the history
}

// A backtest that trades at the close moves its clock from close to close.
func ExampleHistorySource() {
	file, err := os.Open("testdata/etf_factors_daily_2014_2022.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	history, err := marketdata.ReadHistory(file, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var now time.Time
	prices, err := marketdata.NewHistorySource(history, &marketdata.HistorySourceOptions{
		Now:  func() time.Time { return now },
		Tier: marketdata.TierLive,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for day := range history.Days() {
		if day < "2020-03-12" || day > "2020-03-16" {
			continue
		}
		now = prices.ClosedAt(day)
		quotes, err := prices.Quotes(context.Background(), []broker.InstrumentID{"MTUM", "USMV"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(now.Format(time.RFC3339), quotes.Found["MTUM"].Last.Decimal, quotes.Found["USMV"].Last.Decimal)
	}
	// Output:
	// 2020-03-12T20:00:00Z 100.187 50.84
	// 2020-03-13T20:00:00Z 108.211 54.223
	// 2020-03-16T20:00:00Z 94.831 48.757
}

func ExampleStatic() {
	prices := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"AAA": {Last: dollars(10_50), Tier: marketdata.TierLive},
	})
	prices.Now = time.Now // quotes without a time always look fresh
	quotes, err := prices.Quotes(context.Background(), []broker.InstrumentID{"AAA", "BBB"})
	if err != nil {
		fmt.Println(err)
		return
	}
	show(quotes)
	// Output:
	// AAA 10.5 live
	// BBB is missing: no quote is set
}

func ExampleReadHistory() {
	_, err := marketdata.ReadHistory(strings.NewReader("Date,AAA,BBB\n2026-02-27,10.00,n/a\n"), nil)
	fmt.Println(err)
	// Output:
	// marketdata: history: line 2: column 3 (BBB): broker: "n/a" is not a number: want digits such as 12.5 (leave the field empty for no price)
}
