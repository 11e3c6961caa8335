package fake

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// SetQuote sets the bid and ask of an instrument. Resting orders that it
// crosses fill.
func (b *Broker) SetQuote(id broker.InstrumentID, bid, ask decimal.Decimal) error {
	return b.SetQuotes(map[broker.InstrumentID]marketdata.Quote{
		id: {Bid: decimal.NewNullDecimal(bid), Ask: decimal.NewNullDecimal(ask)},
	})
}

// SetQuotes sets several quotes as of one moment. A quote without a time is
// always as new as the reading of it; one without a tier is live. Unknown
// instruments and quotes without a price are errors, and then nothing is set.
func (b *Broker) SetQuotes(quotes map[broker.InstrumentID]marketdata.Quote) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, q := range quotes {
		if b.byID[id] == nil {
			return fmt.Errorf("fake: set quotes: %s: %w", id, broker.ErrUnknownInstrument)
		}
		if !q.Priced() {
			return fmt.Errorf("fake: set quotes: %s has no price: want a bid and an ask, a last or a close: %w", id, errNoPrice)
		}
	}
	b.catchUp(now)
	b.take(quotes)
	return nil
}

// ClearQuote takes an instrument's quote away, as in a halt: nothing fills and
// the account has no valuation if it holds some.
func (b *Broker) ClearQuote(id broker.InstrumentID) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.byID[id]
	if i == nil {
		return fmt.Errorf("fake: clear quote: %s: %w", id, broker.ErrUnknownInstrument)
	}
	b.catchUp(now)
	i.set(marketdata.Quote{})
	return nil
}

// SetFX sets how many units of to one unit of from is worth.
func (b *Broker) SetFX(from, to broker.Currency, rate decimal.Decimal) error {
	if rate.Sign() <= 0 || from == "" || to == "" || from == to {
		return fmt.Errorf("fake: set fx: %q to %q is %s: want two currencies and a positive rate", from, to, rate)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.FX[Pair{from, to}] = rate
	return nil
}

// Quotes returns the quotes at which orders fill.
func (b *Broker) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	c := Call{Method: MethodQuotes}
	if err := b.before(ctx, c); err != nil {
		return marketdata.Quotes{}, err
	}
	if err := b.refresh(ctx, ids); err != nil {
		return marketdata.Quotes{}, err
	}
	quotes, err := b.quotes(c, ids)
	if hookErr := b.after(c); hookErr != nil {
		return marketdata.Quotes{}, hookErr
	}
	return quotes, err
}

func (b *Broker) quotes(c Call, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failCall(c); err != nil {
		return marketdata.Quotes{}, err
	}
	b.catchUp(now)
	out := marketdata.Quotes{
		Found: make(map[broker.InstrumentID]marketdata.Quote, len(ids)), Missing: map[broker.InstrumentID]string{},
	}
	for _, id := range ids {
		i := b.byID[id]
		switch {
		case i == nil:
			out.Missing[id] = "the broker does not know the instrument"
		case !i.quote.Priced():
			out.Missing[id] = "there is no quote"
		default:
			q := i.quote
			if q.Time.IsZero() {
				q.Time = b.now
			}
			out.Found[id] = q
		}
	}
	return out, nil
}

// refresh asks the feed for quotes: of the given instruments and of those with
// resting orders.
func (b *Broker) refresh(ctx context.Context, wanted []broker.InstrumentID) error {
	if b.cfg.Prices == nil {
		return nil
	}
	ids := b.restingAnd(wanted)
	if len(ids) == 0 {
		return nil
	}
	quotes, err := b.cfg.Prices.Quotes(ctx, ids)
	if err != nil {
		return fmt.Errorf("the feed: %w", err)
	}
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now) // what was due before fills at the quotes of before
	b.take(quotes.Found)
	return nil
}

// restingAnd lists the given instruments that are known, and those with open orders.
func (b *Broker) restingAnd(wanted []broker.InstrumentID) []broker.InstrumentID {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := make([]broker.InstrumentID, 0, len(wanted))
	for _, id := range wanted {
		if b.byID[id] != nil {
			ids = append(ids, id)
		}
	}
	for _, a := range b.accounts {
		for _, o := range a.open {
			if o.instrument != nil {
				ids = append(ids, o.instrument.ID)
			}
		}
	}
	return ids
}

// holdings lists what an account holds, if there is a feed to ask for it.
func (b *Broker) holdings(id broker.AccountID) []broker.InstrumentID {
	if b.cfg.Prices == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.byAccount[id]
	if a == nil {
		return nil
	}
	var ids []broker.InstrumentID
	for i := range a.held {
		if !a.held[i].quantity.IsZero() {
			ids = append(ids, b.instruments[i].ID)
		}
	}
	return ids
}

// take sets quotes, then fills what they cross in the order of arrival.
func (b *Broker) take(quotes map[broker.InstrumentID]marketdata.Quote) {
	for id, q := range quotes {
		if i := b.byID[id]; i != nil {
			i.set(q)
		}
	}
	for _, a := range b.accounts {
		for n := 0; n < len(a.open); {
			o := a.open[n]
			if o.instrument != nil {
				if _, ok := quotes[o.instrument.ID]; ok {
					b.match(o)
				}
			}
			if n < len(a.open) && a.open[n] == o {
				n++
			}
		}
	}
}

// half turns a sum of two prices into their mean.
var half = decimal.New(5, -1)

// set replaces the quote and values it as the engine does: the middle of bid
// and ask, else last, else close.
func (i *instrument) set(q marketdata.Quote) {
	if q.Tier == "" {
		q.Tier = marketdata.TierLive
	}
	for _, p := range [...]*decimal.NullDecimal{&q.Bid, &q.Ask, &q.Last, &q.Close} {
		if !good(*p) {
			*p = decimal.NullDecimal{}
		}
	}
	i.quote = q
	i.version++
	switch {
	case q.Bid.Valid && q.Ask.Valid && q.Bid.Decimal.Equal(q.Ask.Decimal):
		i.mark = q.Bid.Decimal
	case q.Bid.Valid && q.Ask.Valid && q.Bid.Decimal.LessThan(q.Ask.Decimal):
		i.mark = q.Bid.Decimal.Add(q.Ask.Decimal).Mul(half)
	case q.Last.Valid:
		i.mark = q.Last.Decimal
	default:
		i.mark = q.Close.Decimal
	}
}

// price is what an order of a side pays or gets: the ask or the bid, else the
// last price, else the close.
func (i *instrument) price(side broker.Side) (decimal.Decimal, bool) {
	p := i.quote.Ask
	if side == broker.Sell {
		p = i.quote.Bid
	}
	switch {
	case p.Valid:
		return p.Decimal, true
	case i.quote.Last.Valid:
		return i.quote.Last.Decimal, true
	}
	return i.quote.Close.Decimal, i.quote.Close.Valid
}

func good(p decimal.NullDecimal) bool { return p.Valid && p.Decimal.Sign() > 0 }
