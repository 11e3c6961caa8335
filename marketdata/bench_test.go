package marketdata_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// twenty are the instruments of the benchmarks.
func twenty() []broker.InstrumentID {
	ids := make([]broker.InstrumentID, 20)
	for i := range ids {
		ids[i] = broker.InstrumentID(fmt.Sprintf("SYM%02d", i))
	}
	return ids
}

// whole is a quote with all fields.
func whole(price int64) marketdata.Quote {
	p := decimal.NewNullDecimal(decimal.NewFromInt(price))
	return marketdata.Quote{Bid: p, Ask: p, Last: p, Close: p, Tier: marketdata.TierLive, Time: noon}
}

// staticOf has quotes of all of ids.
func staticOf(ids []broker.InstrumentID) *marketdata.Static {
	s := marketdata.NewStatic(nil)
	for i, id := range ids {
		s.Set(id, whole(int64(i+1)))
	}
	return s
}

// table is a file of 33 years of daily prices of 20 instruments.
func table() []byte {
	var b bytes.Buffer
	b.WriteString("Date")
	for _, id := range twenty() {
		b.WriteString("," + string(id))
	}
	day := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 8313 {
		b.WriteString("\n" + day.AddDate(0, 0, i).Format(time.DateOnly))
		for j := range 20 {
			fmt.Fprintf(&b, ",%d.%03d", 1+(i*7+j*31)%700, (i*13+j*17)%1000)
		}
	}
	return b.Bytes()
}

func benchmarkQuotes(b *testing.B, s marketdata.PriceSource) {
	b.Helper()
	ids := twenty()
	b.ReportAllocs()
	for b.Loop() {
		answer, err := s.Quotes(b.Context(), ids)
		if err != nil || len(answer.Found) != len(ids) {
			b.Fatal(err, answer.Missing)
		}
	}
}

func BenchmarkStaticQuotes(b *testing.B) { benchmarkQuotes(b, staticOf(twenty())) }

func BenchmarkLadderQuotes(b *testing.B) {
	ids := twenty()
	l, err := marketdata.NewLadder(
		marketdata.Rung{Source: staticOf(ids[:15])},
		marketdata.Rung{Source: staticOf(ids[15:])},
	)
	require.NoError(b, err)
	benchmarkQuotes(b, l)
}

func BenchmarkFreshQuotes(b *testing.B) {
	f, err := marketdata.NewFresh(staticOf(twenty()), marketdata.Freshness{
		MaxAge: map[marketdata.Tier]time.Duration{marketdata.TierLive: time.Minute},
		Now:    func() time.Time { return noon },
	})
	require.NoError(b, err)
	benchmarkQuotes(b, f)
}

func BenchmarkHistoryQuotes(b *testing.B) {
	h, err := marketdata.ReadHistory(bytes.NewReader(table()), nil)
	require.NoError(b, err)
	now := time.Date(2010, 6, 1, 21, 0, 0, 0, time.UTC)
	s, err := marketdata.NewHistorySource(h, &marketdata.HistorySourceOptions{Now: func() time.Time { return now }})
	require.NoError(b, err)
	benchmarkQuotes(b, s)
}

func BenchmarkReadHistory(b *testing.B) {
	csv := table()
	b.SetBytes(int64(len(csv)))
	b.ReportAllocs()
	for b.Loop() {
		h, err := marketdata.ReadHistory(bytes.NewReader(csv), nil)
		if err != nil || h.Len() != 8313 {
			b.Fatal(err)
		}
	}
}
