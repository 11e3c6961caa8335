package paper

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/internal/factors"
	"github.com/evenkeel/evenkeel/marketdata"
)

// market plays a history of prices: each of its days lasts for a while.
type market struct {
	history *marketdata.History
	days    []marketdata.Day
	first   int // the day that is played at began
	began   time.Time
	each    time.Duration
	now     func() time.Time
}

var _ marketdata.PriceSource = (*market)(nil)

// newMarket reads the prices of a file, or the bundled ones if path is empty.
func newMarket(path string, each time.Duration, now func() time.Time) (*market, error) {
	history, err := prices(path)
	if err != nil {
		return nil, fmt.Errorf("paper: prices: %w", err)
	}
	m := &market{history: history, days: slices.Collect(history.Days()), began: now(), each: each, now: now}
	m.first = len(m.days) / 2
	return m, nil
}

// prices reads a file, or the bundled prices.
func prices(path string) (*marketdata.History, error) {
	if path == "" {
		return factors.History()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return marketdata.ReadHistory(bytes.NewReader(data), nil)
}

// instruments are all that have prices.
func (m *market) instruments() []broker.Instrument {
	var all []broker.Instrument
	for _, id := range m.history.Symbols() {
		all = append(all, broker.Instrument{ID: id})
	}
	return all
}

// day is the number of the day that is played now. The last one stays.
func (m *market) day() int {
	return min(m.first+int(m.now().Sub(m.began)/m.each), len(m.days)-1)
}

// Quotes returns the prices of the day that is played.
func (m *market) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	if err := ctx.Err(); err != nil {
		return marketdata.Quotes{}, err
	}
	day := m.day()
	quotes := marketdata.Quotes{Found: map[broker.InstrumentID]marketdata.Quote{}, Missing: map[broker.InstrumentID]string{}}
	for _, id := range ids {
		price, ok := m.history.Price(m.days[day], id)
		if !ok {
			quotes.Missing[id] = "the paper market has no price of it on " + string(m.days[day])
			continue
		}
		q := marketdata.Quote{Last: decimal.NewNullDecimal(price), Tier: marketdata.TierLive, Time: m.now()}
		if before, ok := m.history.Price(m.days[max(day-1, 0)], id); ok {
			q.Close = decimal.NewNullDecimal(before)
		}
		quotes.Found[id] = q
	}
	return quotes, nil
}
