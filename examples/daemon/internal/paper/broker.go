package paper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// Account is an account to begin with.
type Account struct {
	ID        broker.AccountID
	Type      broker.AccountType
	Cash      decimal.Decimal // in USD
	Positions map[broker.InstrumentID]decimal.Decimal
}

// Config says what the broker is.
type Config struct {
	// File keeps the accounts and their orders. Required.
	File string
	// Accounts are the accounts. One that the file has holds what the file says.
	// The file's other accounts stay as they are. Required.
	Accounts []Account
	// Prices is a CSV file of closing prices. Default: the bundled ones.
	Prices string
	// Day is how long each trading day is played. Default: 1 min.
	Day time.Duration
	// ReadOnly leaves the file as it is. Default: false.
	ReadOnly bool
	// Now is the time. Default: time.Now.
	Now func() time.Time
}

// keptOrders is how many orders that ended are kept at least.
const keptOrders = 500

// Broker is a fake broker that outlives the process. Safe for concurrent use.
type Broker struct {
	*fake.Broker
	market *market
	file   string
	frozen bool

	mu    sync.Mutex // held while the file is written: its versions must not overtake each other
	saved bool       // whether the file has what is below
	count uint64     // of the broker's changes
	day   int
}

var (
	_ broker.Broker        = (*Broker)(nil)
	_ broker.WhatIfer      = (*Broker)(nil)
	_ broker.AbsenceProver = (*Broker)(nil)
)

// Open returns the broker as an earlier process left it, or a new one.
func Open(c Config) (*Broker, error) {
	c.Day = cmp.Or(max(c.Day, 0), time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	m, err := newMarket(c.Prices, c.Day, c.Now)
	if err != nil {
		return nil, err
	}
	day, books, err := load(c.File, c.Now())
	if err != nil {
		return nil, err
	}
	if books != nil {
		m.first = min(day, len(m.days)-1)
	}
	b := &Broker{market: m, file: c.File, frozen: c.ReadOnly}
	b.Broker, err = fake.New(fake.Config{
		Accounts: accounts(c.Accounts, books), Instruments: m.instruments(), Prices: m, Now: c.Now,
		Fees:  fake.Commission{Minimum: decimal.New(1, 0), PerUnit: decimal.New(5, -3)},
		Books: books, KeepOrders: keptOrders,
	})
	if err != nil {
		return nil, fmt.Errorf("paper: %s: %w", c.File, err)
	}
	return b, b.keep()
}

// accounts returns the configured accounts, and those of the books besides.
func accounts(configured []Account, books *fake.Books) []fake.Account {
	var all []fake.Account
	known := map[broker.AccountID]bool{}
	for _, a := range configured {
		known[a.ID] = true
		all = append(all, fake.Account{
			ID: a.ID, Type: a.Type, Cash: map[broker.Currency]decimal.Decimal{"USD": a.Cash}, Positions: a.Positions,
		})
	}
	if books == nil {
		return all
	}
	for i := range books.Accounts {
		if id := books.Accounts[i].ID; !known[id] {
			all = append(all, fake.Account{ID: id})
		}
	}
	return all
}

// keep writes the books down if they changed since they were. It is called after
// what changes them, and before an answer that tells of them.
func (b *Broker) keep() error {
	if b.frozen {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	count, day := b.Changes(), b.market.day()
	if b.saved && count == b.count && day == b.day {
		return nil
	}
	books := b.Books() // of now or later: what it has more is written again the next time
	if err := save(b.file, day, &books); err != nil {
		return fmt.Errorf("paper: keep the books: %w", err)
	}
	b.saved, b.count, b.day = true, count, day
	return nil
}

// Place receives an order. If it cannot be written down, its outcome counts as
// unknown: a later process would not know of it.
func (b *Broker) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	placed, err := b.Broker.Place(ctx, order)
	lost := b.keep()
	switch {
	case lost == nil:
		return placed, err
	case err == nil:
		err = &broker.Error{Op: fake.MethodPlace, Kind: broker.KindIndeterminate, Account: order.Account, Order: order.ID, Err: lost}
	}
	return broker.OrderState{}, err
}

// Cancel cancels an order.
func (b *Broker) Cancel(ctx context.Context, account broker.AccountID, id broker.OrderID) error {
	if err := b.Broker.Cancel(ctx, account, id); err != nil {
		return err
	}
	return b.told(fake.MethodCancel, account)
}

// Snapshot returns an account as it is in the file.
func (b *Broker) Snapshot(ctx context.Context, account broker.AccountID) (broker.Snapshot, error) {
	s, err := b.Broker.Snapshot(ctx, account)
	if err = cmp.Or(err, b.told(fake.MethodSnapshot, account)); err != nil {
		return broker.Snapshot{}, err
	}
	return s, nil
}

// Orders returns the orders as they are in the file.
func (b *Broker) Orders(ctx context.Context, account broker.AccountID, query broker.OrderQuery) ([]broker.OrderState, error) {
	states, err := b.Broker.Orders(ctx, account, query)
	if err = cmp.Or(err, b.told(fake.MethodOrders, account)); err != nil {
		return nil, err
	}
	return states, nil
}

// Await returns the news of orders that are in the file.
func (b *Broker) Await(ctx context.Context, account broker.AccountID, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	states, cursor, err := b.Broker.Await(ctx, account, after)
	if err = cmp.Or(err, b.told(fake.MethodAwait, account)); err != nil {
		return nil, after, err
	}
	return states, cursor, nil
}

// WhatIf previews an order on what is in the file.
func (b *Broker) WhatIf(ctx context.Context, order broker.Order) (broker.WhatIf, error) {
	w, err := b.Broker.WhatIf(ctx, order)
	if err = cmp.Or(err, b.told(fake.MethodWhatIf, order.Account)); err != nil {
		return broker.WhatIf{}, err
	}
	return w, nil
}

// told writes down what a call is about to tell. If that fails, it must not.
func (b *Broker) told(method string, account broker.AccountID) error {
	if err := b.keep(); err != nil {
		return &broker.Error{Op: method, Kind: broker.KindTransient, Account: account, Err: err}
	}
	return nil
}

// Close writes the books down and ends the session.
func (b *Broker) Close() error { return errors.Join(b.keep(), b.Broker.Close()) }
