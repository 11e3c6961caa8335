package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

var (
	_ broker.Broker          = (*Broker)(nil)
	_ broker.Calendar        = (*Broker)(nil)
	_ broker.WhatIfer        = (*Broker)(nil)
	_ broker.Prober          = (*Broker)(nil)
	_ broker.AbsenceProver   = (*Broker)(nil)
	_ marketdata.PriceSource = (*Broker)(nil)
)

// Broker is a fake broker. Make one with [New]. Safe for concurrent use.
type Broker struct {
	cfg Config // constant but for FX

	mu          sync.Mutex // guards cfg.FX and all below; never held across a wait
	accounts    []*account
	listed      []broker.Account // the same, as they are told
	byAccount   map[broker.AccountID]*account
	instruments []*instrument
	byID        map[broker.InstrumentID]*instrument
	currencies  []broker.Currency

	epoch  broker.Epoch
	down   bool // no session until upAt
	upAt   time.Time
	closed bool

	orders   map[broker.OrderID]*order // every order with an ID that is kept
	gone     IDSet                     // of those that are not
	received []*order                  // all orders that are kept, in the order of arrival
	room     []order                   // for those to come
	told     []broker.Fill             // room for fills that are told
	orderIDs serial
	fillIDs  serial
	refused  []Refusal
	cancels  []LedgerCancel
	external []External

	due      agenda
	now      time.Time     // up to when everything that is due has happened
	midnight time.Time     // when the broker forgets what ended before
	news     chan struct{} // closed at the next news; nil if nobody waits
	scratch  []tally
	made     decimals

	armed []*armed
	fired map[string]int
	lag   *lagging
}

// instrument is an instrument and its quote.
type instrument struct {
	broker.Instrument
	index, currency int
	wholeLots       bool // the lot is 1
	tickExp         int32
	evenTicks       bool // the tick is a power of ten
	quote           marketdata.Quote
	mark            decimal.Decimal // what a unit is valued at; zero if not known
	version         uint64          // of the mark, from 1
	session         broker.Session  // the one that is open, or the next, as of seen
	seen            time.Time
}

// New returns a broker as configured, in its first session.
func New(cfg Config) (*Broker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	b := &Broker{
		cfg: cfg, epoch: 1, now: cfg.Now(),
		byAccount: make(map[broker.AccountID]*account, len(cfg.Accounts)),
		byID:      make(map[broker.InstrumentID]*instrument, len(cfg.Instruments)),
		orders:    map[broker.OrderID]*order{},
		fired:     map[string]int{},
		orderIDs:  serial{number: 1000}, fillIDs: serial{prefix: "x", number: 1},
	}
	b.midnight = nextMidnight(b.now)
	for _, t := range cfg.Instruments {
		b.addInstrument(t)
	}
	for id, q := range cfg.Quotes {
		b.byID[id].set(q)
	}
	for i := range cfg.Accounts {
		b.addAccount(&cfg.Accounts[i])
	}
	b.goOn(cfg.Books)
	return b, nil
}

// AddInstrument lists another instrument, with the defaults of
// [Config.Instruments]. One that is there already is an error.
func (b *Broker) AddInstrument(t broker.Instrument) error {
	t = Config{Instruments: []broker.Instrument{t}}.withDefaults().Instruments[0]
	if err := checkInstrument(&t); err != nil {
		return fmt.Errorf("fake: add instrument: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.byID[t.ID]; ok {
		return fmt.Errorf("fake: add instrument: %s is there already", t.ID)
	}
	b.addInstrument(t)
	return nil
}

func (b *Broker) addInstrument(t broker.Instrument) {
	i := &instrument{Instrument: t, index: len(b.instruments), currency: b.currencyIndex(t.Currency), version: 1}
	one := decimal.New(1, 0)
	i.wholeLots = t.Lot.Equal(one)
	i.tickExp = t.Tick.Exponent()
	i.evenTicks = t.Tick.Equal(decimal.New(1, i.tickExp))
	b.instruments = append(b.instruments, i)
	b.byID[t.ID] = i
}

func (b *Broker) addAccount(c *Account) {
	a := &account{
		id: c.ID, mode: c.Mode, kind: c.Type, base: c.Base, settleDays: c.SettleDays, reportFunds: c.ReportFunds,
	}
	a.cashIn(b.currencyIndex(c.Base))
	for _, cur := range slices.Sorted(maps.Keys(c.Cash)) {
		a.addCash(b.currencyIndex(cur), c.Cash[cur])
	}
	for id, quantity := range c.Positions {
		a.addPosition(b.byID[id].index, quantity)
	}
	b.accounts = append(b.accounts, a)
	b.listed = append(b.listed, broker.Account{ID: a.id, Mode: a.mode})
	b.byAccount[c.ID] = a
}

// currencyIndex returns the index of a currency, a new one if needed.
func (b *Broker) currencyIndex(c broker.Currency) int {
	if i := slices.Index(b.currencies, c); i >= 0 {
		return i
	}
	b.currencies = append(b.currencies, c)
	return len(b.currencies) - 1
}

// Close ends the session for good: every call fails with [broker.ErrClosed],
// those that wait too. Orders that work go on working.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wake()
	return nil
}

// do is the frame of every call but Await: hooks outside, f with the lock held
// and everything that was due done.
func (b *Broker) do(ctx context.Context, c Call, wanted []broker.InstrumentID, f func() error) error {
	if err := b.before(ctx, c); err != nil {
		return err
	}
	if err := b.refresh(ctx, wanted); err != nil && len(wanted) > 0 {
		return b.fault(c, broker.KindTransient, err)
	} // else the feed only matters to orders that rest, and they can wait
	err := b.locked(c, f)
	if hookErr := b.after(c); hookErr != nil {
		return hookErr
	}
	return err
}

// before runs what comes before a call.
func (b *Broker) before(ctx context.Context, c Call) error {
	if err := ctx.Err(); err != nil {
		return b.fault(c, broker.KindTransient, err)
	}
	if b.cfg.OnCall == nil {
		return nil
	}
	return b.cfg.OnCall(c)
}

// after runs what comes after a call.
func (b *Broker) after(c Call) error {
	if b.cfg.OnCall == nil {
		return nil
	}
	c.After = true
	return b.cfg.OnCall(c)
}

// locked runs f with the lock held, if there is a session.
func (b *Broker) locked(c Call, f func() error) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	if err := b.ready(c); err != nil {
		return err
	}
	return f()
}

// ready reports why a call cannot be served.
func (b *Broker) ready(c Call) error {
	if b.closed {
		return b.fault(c, broker.KindPermanent, broker.ErrClosed)
	}
	if b.down {
		return b.fault(c, broker.KindSession, fmt.Errorf("the connection is lost: %w", broker.ErrSession))
	}
	return b.failCall(c)
}

// fault makes the error of a call.
func (b *Broker) fault(c Call, kind broker.Kind, err error) error {
	return &broker.Error{Op: c.Method, Kind: kind, Account: c.Account, Order: c.Order, Err: err}
}

// account finds an account.
func (b *Broker) account(c Call) (*account, error) {
	if a, ok := b.byAccount[c.Account]; ok {
		return a, nil
	}
	return nil, b.fault(c, broker.KindPermanent, broker.ErrUnknownAccount)
}

// catchUp makes everything happen that is due by now.
func (b *Broker) catchUp(now time.Time) {
	if b.down && !now.Before(b.upAt) {
		b.down = false
	}
	for h := b.due.first(); h != nil && !h.at.After(now); h = b.due.first() {
		b.due.pop()
		b.now = laterOf(b.now, h.at)
		b.happen(h)
	}
	b.now = laterOf(b.now, now)
	if !b.now.Before(b.midnight) {
		b.forget()
	}
}

// wake tells those who wait that there is news.
func (b *Broker) wake() {
	if b.news != nil {
		close(b.news)
		b.news = nil
	}
}

// laterOf returns the later of two instants.
func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// nextMidnight is when the day of t ends, in UTC.
func nextMidnight(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
}
