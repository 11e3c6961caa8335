package paper

import (
	"context"
	"fmt"
	"slices"
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
	// File keeps what the accounts hold. Required.
	File     string
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

// Broker is a fake broker whose accounts outlive the process.
type Broker struct {
	*fake.Broker
	market  *market
	file    string
	frozen  bool
	earlier map[broker.OrderID]bool // received by an earlier process

	mu    sync.Mutex
	state state
}

var (
	_ broker.Broker        = (*Broker)(nil)
	_ broker.AbsenceProver = (*Broker)(nil)
)

// Open returns the broker as an earlier process left it, or a new one.
func Open(c Config) (*Broker, error) {
	if c.Day <= 0 {
		c.Day = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	m, err := newMarket(c.Prices, c.Day, c.Now)
	if err != nil {
		return nil, err
	}
	kept, err := load(c.File)
	if err != nil {
		return nil, err
	}
	b := &Broker{market: m, file: c.File, frozen: c.ReadOnly, earlier: map[broker.OrderID]bool{}, state: state{Schema: stateSchema}}
	if kept != nil {
		m.first, b.state = min(kept.Day, len(m.days)-1), *kept
		for _, id := range kept.Orders {
			b.earlier[id] = true
		}
	}
	b.Broker, err = fake.New(fake.Config{
		Accounts: b.accounts(c.Accounts), Instruments: b.instruments(), Prices: m, Now: c.Now,
		Fees: fake.Commission{Minimum: decimal.New(1, 0), PerUnit: decimal.New(5, -3)},
	})
	if err != nil {
		return nil, fmt.Errorf("paper: %w", err)
	}
	return b, b.keep("")
}

// accounts returns the accounts as they were kept, the new ones as configured.
func (b *Broker) accounts(configured []Account) []fake.Account {
	var all []fake.Account
	for _, a := range configured {
		f := fake.Account{ID: a.ID, Type: a.Type, Cash: map[broker.Currency]decimal.Decimal{"USD": a.Cash}, Positions: a.Positions}
		if kept, ok := b.state.Accounts[a.ID]; ok {
			f.Cash, f.Positions = kept.Cash, kept.Positions
		}
		all = append(all, f)
	}
	return all
}

func (b *Broker) instruments() []broker.Instrument {
	var all []broker.Instrument
	for _, id := range b.market.history.Symbols() {
		all = append(all, broker.Instrument{ID: id})
	}
	return all
}

// keep writes down what the accounts hold, after an order was received.
func (b *Broker) keep(received broker.OrderID) error {
	if b.frozen {
		return nil
	}
	accounts, err := b.Broker.Accounts(context.Background())
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock() // the file is written under it: its versions must not overtake each other
	s := state{Schema: stateSchema, Day: b.market.day(), Accounts: map[broker.AccountID]holding{}, Orders: b.state.Orders}
	for _, a := range accounts {
		positions, cash, err := b.Holdings(a.ID)
		if err != nil {
			return err
		}
		s.Accounts[a.ID] = holding{cash, positions}
	}
	if received != "" && !slices.Contains(s.Orders, received) {
		s.Orders = append(slices.Clone(s.Orders), received)
		s.Orders = s.Orders[max(0, len(s.Orders)-keptOrders):]
	}
	if err := s.save(b.file); err != nil {
		return fmt.Errorf("paper: keep the accounts: %w", err)
	}
	b.state = s
	return nil
}

// Place receives an order. If what it did cannot be written down, its outcome
// counts as unknown: a later process would not know of it.
func (b *Broker) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	placed, err := b.Broker.Place(ctx, order)
	if err != nil {
		return placed, err
	}
	if err := b.keep(order.ID); err != nil {
		return placed, &broker.Error{Op: "place", Kind: broker.KindIndeterminate, Account: order.Account, Order: order.ID, Err: err}
	}
	return placed, nil
}

// ProveAbsent is certain only of orders of this process.
func (b *Broker) ProveAbsent(ctx context.Context, account broker.AccountID, id broker.OrderID) (bool, error) {
	if b.earlier[id] {
		return false, nil
	}
	return b.Broker.ProveAbsent(ctx, account, id)
}

// Close writes down what the accounts hold and ends the session.
func (b *Broker) Close() error {
	if err := b.keep(""); err != nil {
		return err
	}
	return b.Broker.Close()
}
