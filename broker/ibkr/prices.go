package ibkr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// dataTypes are the gateway's numbers for the tiers, best first.
var dataTypes = []struct {
	tier   marketdata.Tier
	number int64
}{
	{marketdata.TierLive, 1}, {marketdata.TierFrozen, 2}, {marketdata.TierDelayed, 3}, {marketdata.TierDelayedFrozen, 4},
}

// competingWait is how long prices are waited for while the user is logged in
// elsewhere.
const competingWait = 5 * time.Minute

// priceAnswer is the answer to Quotes while it is made.
type priceAnswer struct {
	marketdata.Quotes
	competing error // somebody else gets the prices
}

// Quotes asks for prices, the best tier first and each further one only for what
// is still missing, all instruments of a tier at once. It returns as soon as each
// has its price. While the user is logged in elsewhere (10197) there is no price,
// and a lesser tier is not taken in its place: if no instrument has one the error
// says when to try again.
func (b *Broker) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	const op = "quotes"
	answer := priceAnswer{Quotes: marketdata.Quotes{Found: map[broker.InstrumentID]marketdata.Quote{}, Missing: map[broker.InstrumentID]string{}}}
	s, err := b.begin(ctx, op, "")
	if err != nil {
		return marketdata.Quotes{}, err
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(ids)))
	all, err := b.priceable(ctx, s.session, wanted, &answer)
	if err != nil {
		return marketdata.Quotes{}, err
	}
	// The type of data is one for the whole connection.
	select {
	case b.priceSlot <- struct{}{}:
		defer func() { <-b.priceSlot }()
	case <-ctx.Done():
		return marketdata.Quotes{}, fault(op, "", ctx.Err())
	}
	for _, t := range dataTypes {
		if !slices.Contains(b.cfg.Tiers, t.tier) || len(all) == 0 {
			continue
		}
		if err := b.askTier(ctx, s.session, t.number, t.tier, all, &answer); err != nil {
			return marketdata.Quotes{}, b.failure(ctx, s, op, "", err)
		}
	}
	if slices.Contains(b.cfg.Tiers, marketdata.TierHistorical) {
		b.askHistory(ctx, s.session, all, &answer)
	}
	if err := b.still(s, op, ""); err != nil && ctx.Err() == nil {
		return marketdata.Quotes{}, err
	}
	if err := ctx.Err(); err != nil && len(all) > 0 {
		return marketdata.Quotes{}, fault(op, "", err)
	}
	if answer.competing != nil && len(answer.Found) == 0 {
		e := fault(op, "", answer.competing)
		e.Kind, e.Until = broker.KindWait, b.cfg.Now().Add(competingWait)
		return marketdata.Quotes{}, e
	}
	for id := range all {
		if answer.Missing[id] == "" {
			answer.Missing[id] = "no tier of prices may be asked for: see Config.Tiers"
		}
	}
	return answer.Quotes, nil
}

// priceable returns the terms of the instruments that can have a price. Unknown
// ones are missing.
func (b *Broker) priceable(ctx context.Context, s *session, ids []broker.InstrumentID, answer *priceAnswer) (map[broker.InstrumentID]*terms, error) {
	all := make(map[broker.InstrumentID]*terms, len(ids))
	errs := make([]error, len(ids))
	read := make([]map[broker.InstrumentID]*terms, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { read[i], errs[i] = b.resolve(ctx, s, "quotes", []broker.InstrumentID{id}) })
	}
	wg.Wait()
	for i, id := range ids {
		switch err := errs[i]; {
		case err == nil:
			all[id] = read[i][id]
		case errors.Is(err, broker.ErrUnknownInstrument) || errors.Is(err, broker.ErrAmbiguousInstrument):
			answer.Missing[id] = err.Error()
		default:
			return nil, err
		}
	}
	return all, nil
}

// askTier asks for prices of one tier and moves what was found from all to the
// answer.
func (b *Broker) askTier(ctx context.Context, s *session, number int64, tier marketdata.Tier, all map[broker.InstrumentID]*terms, answer *priceAnswer) error {
	if err := s.write(ctx, &job{prio: prioPrice, encode: func(c *ibapi.EClient) { c.ReqMarketDataType(number) }}); err != nil {
		return err
	}
	failed := askEach(all, b.cfg.MarketDataLines, answer, func(t *terms) (marketdata.Quote, error) { return b.askPrice(ctx, s, tier, t) })
	for id, err := range failed {
		answer.Missing[id] = fmt.Sprintf("%s: %v", tier, err)
		if g, ok := errors.AsType[*gatewayError](err); ok && codeOf(g.code).meaning == noPriceNow {
			answer.competing = err
			delete(all, id)
		}
	}
	select {
	case <-s.ended:
		return s.cause()
	default:
		return ctx.Err()
	}
}

// askEach asks for the price of each instrument, so many of them at once, and
// moves what was found from all to the answer. It returns why the rest has none.
func askEach(
	all map[broker.InstrumentID]*terms, atOnce int, answer *priceAnswer, ask func(*terms) (marketdata.Quote, error),
) map[broker.InstrumentID]error {
	type result struct {
		id    broker.InstrumentID
		quote marketdata.Quote
		err   error
	}
	results := make(chan result, len(all))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for id, t := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			q, err := ask(t)
			results <- result{id, q, err}
		})
	}
	wg.Wait()
	close(results)
	failed := map[broker.InstrumentID]error{}
	for r := range results {
		if r.err != nil {
			failed[r.id] = r.err
			continue
		}
		answer.Found[r.id] = r.quote
		delete(answer.Missing, r.id)
		delete(all, r.id)
	}
	return failed
}

// gathering is a quote while its ticks come in. The broker's lock guards it.
type gathering struct {
	quote   marketdata.Quote
	tier    marketdata.Tier // as the gateway says
	delayed bool            // a tick was of the delayed kind
	stamp   time.Time
}

// askPrice asks for one price.
func (b *Broker) askPrice(ctx context.Context, s *session, tier marketdata.Tier, t *terms) (marketdata.Quote, error) {
	bounded, cancel := context.WithTimeout(ctx, b.cfg.Timing.Quote)
	defer cancel()
	g := &gathering{tier: tier}
	_, err := s.ask(bounded, question{
		name: "price of " + string(t.ID), prio: prioPrice,
		ask:   func(c *ibapi.EClient, id int64) { c.ReqMktData(id, t.orderContract(), "", true, false, nil) },
		drop:  func(c *ibapi.EClient, id int64) { c.CancelMktData(id) },
		each:  func(row any) bool { return g.take(row) },
		quiet: b.cfg.Timing.Quiet, enough: func() bool { return g.quote.Priced() },
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	var refused *gatewayError
	switch {
	case errors.As(err, &refused):
		return marketdata.Quote{}, err
	case g.quote.Priced(): // also if the time ran out
		return g.finished(t, b.cfg.Now()), nil
	case err != nil:
		return marketdata.Quote{}, err
	}
	return marketdata.Quote{}, errors.New("the gateway tells no price")
}

// take takes a tick, and reports whether the quote is complete.
func (g *gathering) take(row any) bool {
	r, ok := row.(tickRow)
	if !ok {
		return false
	}
	if r.dataType != 0 {
		for _, t := range dataTypes {
			if t.number == r.dataType {
				g.tier = t.tier
			}
		}
		return false
	}
	q := &g.quote
	switch r.kind {
	case ibapi.BID, ibapi.DELAYED_BID:
		q.Bid = price(r.price)
	case ibapi.ASK, ibapi.DELAYED_ASK:
		q.Ask = price(r.price)
	case ibapi.LAST, ibapi.DELAYED_LAST:
		q.Last = price(r.price)
	case ibapi.CLOSE, ibapi.DELAYED_CLOSE:
		q.Close = price(r.price)
	case ibapi.LAST_TIMESTAMP, ibapi.DELAYED_LAST_TIMESTAMP:
		if n, err := strconv.ParseInt(r.text, 10, 64); err == nil && n > 0 {
			g.stamp = time.Unix(n, 0)
		}
	}
	if r.kind >= ibapi.DELAYED_BID && r.kind <= ibapi.DELAYED_OPEN {
		g.delayed = true
	}
	return q.Bid.Valid && q.Ask.Valid && q.Last.Valid && q.Close.Valid && (g.tier == marketdata.TierLive || !g.stamp.IsZero())
}

// delay is how old delayed prices are.
const delay = 15 * time.Minute

// finished is the quote with its tier, never a better one than the ticks were,
// and its time. While the market is closed, no price is fresher than its close.
func (g *gathering) finished(t *terms, now time.Time) marketdata.Quote {
	q := g.quote
	q.Tier = g.tier
	if g.delayed && (q.Tier == marketdata.TierLive || q.Tier == marketdata.TierFrozen) {
		q.Tier = marketdata.TierDelayed
	}
	closed, since := t.closed(now)
	if closed {
		switch q.Tier {
		case marketdata.TierLive:
			q.Tier = marketdata.TierFrozen
		case marketdata.TierDelayed:
			q.Tier = marketdata.TierDelayedFrozen
		default: // no more than that already
		}
	}
	switch {
	case q.Tier == marketdata.TierLive:
		q.Time = now
	case closed:
		q.Time = earlier(g.stamp, since)
	case q.Tier == marketdata.TierDelayed || q.Tier == marketdata.TierDelayedFrozen:
		q.Time = earlier(g.stamp, now.Add(-delay))
	default:
		q.Time = g.stamp
	}
	return q
}

// earlier is the earlier of two times, of those that are known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// closed reports whether the market is closed, and since when if the hours tell.
// If they tell nothing it counts as open.
func (t *terms) closed(now time.Time) (closed bool, since time.Time) {
	if t.untold != nil {
		return false, time.Time{}
	}
	for _, s := range t.hours {
		if s.Contains(now) {
			return false, time.Time{}
		}
		if !s.Close.After(now) && s.Close.After(since) {
			since = s.Close
		}
	}
	return true, since
}
