package ibkr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Limits of historical requests: 60 in ten minutes, of which two are left for
// others; the same one not within 15 s.
const (
	historyMost   = 58
	historySpan   = 10 * time.Minute
	historyRepeat = 16 * time.Second
	// historyAtOnce is how many are under way at a time.
	historyAtOnce = 20
)

// historian paces historical requests and keeps the answers for as long as they
// must not be asked for again.
type historian struct {
	mu     sync.Mutex
	window window
	kept   map[int64]keptBar // by contract
}

type keptBar struct {
	quote marketdata.Quote
	err   error
	at    time.Time
}

func newHistorian() *historian {
	return &historian{window: window{most: historyMost, span: historySpan}, kept: map[int64]keptBar{}}
}

// recent returns an answer that is too young to ask again.
func (h *historian) recent(conID int64, now time.Time) (keptBar, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.kept[conID]
	return k, ok && now.Sub(k.at) < historyRepeat
}

func (h *historian) keep(conID int64, k keptBar) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept[conID] = k
}

// turn waits until a request is allowed.
func (h *historian) turn(ctx context.Context) error {
	for {
		h.mu.Lock()
		wait := h.window.take(time.Now())
		h.mu.Unlock()
		if wait == 0 {
			return nil
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("the gateway allows %d historical requests in %s: %w", historyMost, historySpan, ctx.Err())
		}
	}
}

// askHistory asks for closing prices of what is still missing.
func (b *Broker) askHistory(ctx context.Context, s *session, all map[broker.InstrumentID]*terms, answer *priceAnswer) {
	failed := askEach(all, historyAtOnce, answer, func(t *terms) (marketdata.Quote, error) { return b.closing(ctx, s, t) })
	for id, err := range failed {
		reason := fmt.Sprintf("%s: %v", marketdata.TierHistorical, err)
		if before := answer.Missing[id]; before != "" {
			reason = before + "; " + reason
		}
		answer.Missing[id] = reason
	}
}

// closing asks for an instrument's last closing price.
func (b *Broker) closing(ctx context.Context, s *session, t *terms) (marketdata.Quote, error) {
	if k, ok := b.history.recent(t.contract.conID, time.Now()); ok {
		return k.quote, k.err
	}
	if err := b.history.turn(ctx); err != nil {
		return marketdata.Quote{}, err
	}
	rows, err := s.ask(ctx, question{
		name: "history of " + string(t.ID), prio: prioPrice,
		ask: func(c *ibapi.EClient, id int64) {
			c.ReqHistoricalData(id, t.orderContract(), "", "10 D", "1 day", "TRADES", true, 1, false, nil)
		},
		drop: func(c *ibapi.EClient, id int64) { c.CancelHistoricalData(id) },
	})
	var q marketdata.Quote
	if err == nil {
		q, err = lastClose(rows, t, b.cfg.Now())
	}
	var refused *gatewayError
	if err == nil || errors.As(err, &refused) {
		b.history.keep(t.contract.conID, keptBar{q, err, time.Now()})
	}
	return q, err
}

// lastClose is the close of the newest bar whose day is over.
func lastClose(rows []any, t *terms, now time.Time) (marketdata.Quote, error) {
	var best marketdata.Quote
	local := now.In(t.zone)
	for _, r := range rows {
		bar, ok := r.(barRow)
		if !ok {
			continue
		}
		day, err := barDay(bar.date, t.zone)
		if err != nil {
			return marketdata.Quote{}, err
		}
		over := dayEnd(t, day)
		if p := price(bar.close); p.Valid && !over.After(local) && over.After(best.Time) {
			best = marketdata.Quote{Close: p, Tier: marketdata.TierHistorical, Time: over}
		}
	}
	if !best.Close.Valid {
		return best, fmt.Errorf("no closing price among %d bars", len(rows))
	}
	return best, nil
}

// barDay reads the day of a bar: 20251125, or a time on that day.
func barDay(s string, zone *time.Location) (time.Time, error) {
	if len(s) >= len(dayLayout) {
		if day, err := time.ParseInLocation(dayLayout, s[:len(dayLayout)], zone); err == nil {
			return day, nil
		}
	}
	return time.Time{}, fmt.Errorf("ibkr: bar of %.40q: want a day such as 20251125", s)
}

// dayEnd is when trading of a day ended: as the hours say, or at 16:00.
func dayEnd(t *terms, day time.Time) time.Time {
	next := day.AddDate(0, 0, 1)
	for _, s := range slices.Backward(t.hours) {
		if s.Close.After(day) && !s.Close.After(next) {
			return s.Close
		}
	}
	return clock(day, 16*time.Hour)
}
