package remotebroker

import (
	"context"
	"maps"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Accounts returns the accounts of the exchange.
func (c *Client) Accounts(ctx context.Context) ([]broker.Account, error) {
	r, err := c.call(ctx, &request{Method: MethodAccounts})
	if err != nil {
		return nil, err
	}
	return r.Accounts, nil
}

// Snapshot returns an account as it is now.
func (c *Client) Snapshot(ctx context.Context, account broker.AccountID) (broker.Snapshot, error) {
	r, err := c.call(ctx, &request{Method: MethodSnapshot, Account: account})
	if err != nil {
		return broker.Snapshot{}, err
	}
	s := r.Snapshot
	s.Cash, s.FX = orEmpty(s.Cash), orEmpty(s.FX)
	if r.NoneSettled {
		s.SettledCash = orEmpty(s.SettledCash)
	}
	return s, nil
}

// orEmpty is a map that is not nil: empty ones come out of the wire as nil.
func orEmpty(m map[broker.Currency]decimal.Decimal) map[broker.Currency]decimal.Decimal {
	if m == nil {
		return map[broker.Currency]decimal.Decimal{}
	}
	return m
}

// Resolve returns the instruments.
func (c *Client) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	r, err := c.call(ctx, &request{Method: MethodResolve, Symbols: ids})
	if err != nil {
		return nil, err
	}
	found := make(map[broker.InstrumentID]broker.Instrument, len(r.Instruments))
	maps.Copy(found, r.Instruments)
	return found, nil
}

// Place sends an order once. See the package comment for what an error means.
func (c *Client) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	q := &request{Method: MethodPlace, Order: order}
	r, failed := c.roundTrip(ctx, q)
	switch {
	case failed != nil && failed.sent:
		return broker.OrderState{}, c.lost(q, broker.KindIndeterminate, failed.err)
	case failed != nil:
		return broker.OrderState{}, c.lost(q, broker.KindTransient, failed.err)
	}
	return r.State, r.Err.fromWire()
}

// Cancel asks to cancel an order.
func (c *Client) Cancel(ctx context.Context, account broker.AccountID, id broker.OrderID) error {
	_, err := c.call(ctx, &request{Method: MethodCancel, Account: account, ID: id})
	return err
}

// Orders returns the orders that the exchange remembers.
func (c *Client) Orders(ctx context.Context, account broker.AccountID, query broker.OrderQuery) ([]broker.OrderState, error) {
	r, err := c.call(ctx, &request{Method: MethodOrders, Account: account, ID: query.ID, Query: query})
	if err != nil {
		return nil, err
	}
	return r.States, nil
}

// Await waits for news.
func (c *Client) Await(ctx context.Context, account broker.AccountID, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	q := &request{Method: MethodAwait, Account: account, After: after}
	r, failed := c.roundTrip(ctx, q)
	switch {
	case failed != nil && ctx.Err() != nil:
		return nil, after, ctx.Err()
	case failed != nil:
		return nil, after, c.lost(q, broker.KindTransient, failed.err)
	case r.Err != nil:
		return nil, after, r.Err.fromWire()
	}
	return r.States, r.Cursor, nil
}

// Sessions returns when instruments trade.
func (c *Client) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	r, err := c.call(ctx, &request{Method: MethodSessions, From: from, To: to, Symbols: ids})
	if err != nil {
		return nil, err
	}
	found := make(map[broker.InstrumentID][]broker.Session, len(r.Sessions))
	maps.Copy(found, r.Sessions)
	return found, nil
}

// WhatIf previews an order.
func (c *Client) WhatIf(ctx context.Context, order broker.Order) (broker.WhatIf, error) {
	r, err := c.call(ctx, &request{Method: MethodWhatIf, Order: order})
	if err != nil {
		return broker.WhatIf{}, err
	}
	return r.WhatIf, nil
}

// Probe makes a round trip to the exchange.
func (c *Client) Probe(ctx context.Context) (broker.Probe, error) {
	r, err := c.call(ctx, &request{Method: MethodProbe})
	if err != nil {
		return broker.Probe{}, err
	}
	return r.Probe, nil
}

// ProveAbsent asks whether an order certainly never reached the exchange.
func (c *Client) ProveAbsent(ctx context.Context, account broker.AccountID, id broker.OrderID) (bool, error) {
	r, err := c.call(ctx, &request{Method: MethodProveAbsent, Account: account, ID: id})
	if err != nil {
		return false, err
	}
	return r.Absent, nil
}

// Quotes returns the quotes of the exchange.
func (c *Client) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	r, err := c.call(ctx, &request{Method: MethodQuotes, Symbols: ids})
	if err != nil {
		return marketdata.Quotes{}, err
	}
	q := marketdata.Quotes{
		Found:   make(map[broker.InstrumentID]marketdata.Quote, len(r.Quotes.Found)),
		Missing: make(map[broker.InstrumentID]string, len(r.Quotes.Missing)),
	}
	maps.Copy(q.Found, r.Quotes.Found)
	maps.Copy(q.Missing, r.Quotes.Missing)
	return q, nil
}
