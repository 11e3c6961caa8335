package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// simAllocations is the allocation source as one process reaches it.
type simAllocations struct{ p *process }

// Allocation implements [allocation.AllocationSource].
func (s simAllocations) Allocation(ctx context.Context, query allocation.Query) (allocation.Allocation, error) {
	c := s.p.enter(ctx, "allocation "+query.Strategy, query.Account)
	if query.Strategy == poisoned && s.p.mortal { // this event kills whoever handles it
		s.p.w.mark(PoisonEvent)
		c.done(nil)
		s.p.die()
	}
	a, err := s.answer(ctx, c, query)
	c.leave(ctx, err)
	return a, err
}

// answer is the current model, or what a fault makes of it.
func (s simAllocations) answer(ctx context.Context, c call, query allocation.Query) (allocation.Allocation, error) {
	w := s.p.w
	fail := func(kind allocation.Kind, code string, until time.Time) error {
		return &allocation.Error{Kind: kind, Strategy: query.Strategy, Code: code, Until: until, Err: errors.New("the source is not well")}
	}
	switch {
	case w.strikes(c.a, AllocTimeout):
		c.a.wait(ctx, c.a.between(5*time.Second, time.Minute), nil)
		if err := ctx.Err(); err != nil {
			return allocation.Allocation{}, err
		}
		return allocation.Allocation{}, fail(allocation.KindTransient, "504", time.Time{})
	case w.strikes(c.a, AllocBusy):
		return allocation.Allocation{}, fail(allocation.KindTransient, "503", time.Now().Add(c.a.between(time.Second, 10*time.Minute)))
	case w.strikes(c.a, AllocDenied):
		return allocation.Allocation{}, fail(allocation.KindPermanent, "403", time.Time{})
	}
	current, older := w.models.get(query.Strategy)
	switch {
	case current.Strategy == "":
		err := fail(allocation.KindPermanent, "404", time.Time{})
		return allocation.Allocation{}, errors.Join(allocation.ErrUnknownStrategy, err)
	case w.strikes(c.a, AllocEmpty):
		current.Targets = nil
	case w.strikes(c.a, AllocGarbage):
		current.Targets = slices.Clone(current.Targets)
		current.Targets[0].Weight = pick(c.a.rng, []decimal.Decimal{decimal.New(-5, -1), decimal.New(17, -1), decimal.New(2, -1).Neg()})
	case older.Strategy != "" && w.strikes(c.a, AllocStale):
		return older, nil
	}
	return current, nil
}

// simPrices is the price source as one process reaches it.
type simPrices struct{ p *process }

// Quotes implements [marketdata.PriceSource].
func (s simPrices) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	c := s.p.enter(ctx, "quotes", "")
	quotes, err := s.answer(ctx, c, ids)
	c.leave(ctx, err)
	return quotes, err
}

// answer is what the market shows, or what a fault makes of it. What is made bad
// is kept, so that the checker knows that nothing may be traded on it.
func (s simPrices) answer(ctx context.Context, c call, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	w := s.p.w
	wk := s.p.who(ctx)
	wk.bad, wk.prices = map[broker.InstrumentID]string{}, map[broker.InstrumentID]decimal.Decimal{}
	if w.strikes(c.a, PriceError) {
		return marketdata.Quotes{}, &lie{"no quotes"}
	}
	quotes, err := w.broker.Quotes(ctx, ids)
	if err != nil || len(ids) == 0 {
		return quotes, err
	}
	for id := range quotes.Found {
		wk.prices[id] = quotes.Found[id].Last.Decimal
	}
	id := pick(c.a.rng, ids)
	q, found := quotes.Found[id]
	for missing := range quotes.Missing {
		wk.bad[missing] = "missing"
	}
	switch {
	case !found:
	case w.strikes(c.a, PriceMissing):
		delete(quotes.Found, id)
		quotes.Missing[id] = "no subscription"
		wk.bad[id] = "missing"
	case w.strikes(c.a, PriceStale):
		q.Time = time.Now().Add(-2 * time.Hour)
		quotes.Found[id] = q
		wk.bad[id] = "stale"
	case w.strikes(c.a, PriceCrossed):
		q.Bid, q.Ask = q.Ask, q.Bid
		q.Last = decimal.NullDecimal{}
		quotes.Found[id] = q
		wk.bad[id] = fmt.Sprintf("crossed: bid %s, ask %s", q.Bid.Decimal, q.Ask.Decimal)
	case w.strikes(c.a, PriceDelayed):
		q.Tier = marketdata.TierDelayed
		quotes.Found[id] = q
		wk.bad[id] = "delayed"
	}
	return quotes, nil
}
