package ibkr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

var minusOne = decimal.New(-1, 0)

// Broker is a connection to Interactive Brokers. Make one with [Open]; close it
// with [Broker.Close]. Safe for concurrent use.
type Broker struct {
	cfg Config
	log *slog.Logger

	stop context.CancelFunc
	done chan struct{} // closed when nothing of the broker runs any more

	priceSlot chan struct{} // the type of market data is one for the whole connection
	history   *historian

	mu      sync.Mutex // guards all below and the state of the session; never held across a wait
	session *session
	phase   phase
	epoch   broker.Epoch
	closed  bool
	why     error         // there is no session
	retryAt time.Time     // when the next one is tried
	news    chan struct{} // closed at the next news; nil if nobody waits
	last    *book         // of the last epoch
	nextID  int64
	sends   map[refKey]*send
	names   map[int64]broker.InstrumentID // by contract
	terms   map[broker.InstrumentID]*terms
	synced  time.Time // when the link was last stable from
}

// Open connects to the gateway and returns when everything was read and orders
// may be sent: after [Timing.Settle] at the earliest. It tries again as
// [Timing.Retries] says, unless that cannot help. From then on the broker keeps
// itself connected, until Close.
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Broker{
		cfg: cfg, log: cfg.Logger, stop: stop, done: make(chan struct{}),
		priceSlot: make(chan struct{}, 1), history: newHistorian(),
		nextID: cfg.LastOrderID + 1, sends: map[refKey]*send{}, names: map[int64]broker.InstrumentID{}, terms: map[broker.InstrumentID]*terms{},
	}
	for id, pin := range cfg.Instruments {
		if pin.ConID != 0 {
			b.names[pin.ConID] = id
		}
	}
	libraryLog.add(b.log)
	first := make(chan error, 1)
	go b.keep(run, first)
	select {
	case err := <-first:
		if err == nil {
			return b, nil
		}
		_ = b.Close()
		return nil, b.opening(err)
	case <-ctx.Done():
		b.mu.Lock()
		why := b.why
		if b.phase == frozen {
			why = errLinkLost
		}
		b.mu.Unlock()
		_ = b.Close()
		return nil, b.opening(errors.Join(context.Cause(ctx), why))
	}
}

// opening classes the error of Open.
func (b *Broker) opening(err error) error {
	e := fault("open", "", err)
	var fatal *fatalError
	var g *gatewayError
	switch {
	case errors.As(err, &fatal):
		e.Kind = broker.KindPermanent
	case errors.As(err, &g) && codeOf(g.code).meaning == clientTaken:
		e.Kind, e.Until = broker.KindWait, b.cfg.Now().Add(b.cfg.Timing.LongestRetry)
	}
	return e
}

// Close ends the session and waits until nothing of the broker runs any more.
// Every call fails with [broker.ErrClosed] from then on, those that wait too.
// Orders that work go on working. Closing twice is no error.
func (b *Broker) Close() error {
	b.mu.Lock()
	already := b.closed
	b.closed = true
	b.wake()
	b.mu.Unlock()
	b.stop()
	<-b.done
	if !already {
		libraryLog.remove(b.log)
	}
	return nil
}

// Accounts returns the configured accounts, which the gateway manages.
func (b *Broker) Accounts(ctx context.Context) ([]broker.Account, error) {
	if _, err := b.begin(ctx, "accounts", ""); err != nil {
		return nil, err
	}
	list := make([]broker.Account, len(b.cfg.Accounts))
	for i, a := range b.cfg.Accounts {
		list[i] = broker.Account{ID: a.ID, Mode: a.Mode}
	}
	return list, nil
}

// Probe asks the gateway for its time. As the gateway answers that once a second
// only, a probe may wait for its turn.
func (b *Broker) Probe(ctx context.Context) (broker.Probe, error) {
	s, err := b.begin(ctx, "probe", "")
	if err != nil {
		return broker.Probe{}, err
	}
	at, err := b.gatewayTime(ctx, s.session)
	if err != nil {
		return broker.Probe{}, fault("probe", "", err)
	}
	if err := b.still(s, "probe", ""); err != nil {
		return broker.Probe{}, err
	}
	return broker.Probe{Epoch: s.epoch, Time: at}, nil
}

// Epoch returns the number of the present session, zero if there is none.
func (b *Broker) Epoch() broker.Epoch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.phase != ready {
		return 0
	}
	return b.epoch
}

// Stats are counts of the present connection.
type Stats struct {
	Phase               string
	Epoch               broker.Epoch
	ServerVersion       int // of the gateway, zero without a session
	FramesIn, FramesOut int64
	BytesIn, BytesOut   int64
	NextOrderID         int64
	LastError           error // why there is no session, if so
}

// Stats returns how the connection stands.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := Stats{Phase: b.phase.String(), Epoch: b.epoch, NextOrderID: b.nextID, LastError: b.why}
	if s := b.session; s != nil {
		c := &s.door.count
		st.ServerVersion = s.door.version
		st.FramesIn, st.FramesOut, st.BytesIn, st.BytesOut = c.framesIn.Load(), c.framesOut.Load(), c.bytesIn.Load(), c.bytesOut.Load()
	}
	return st
}

// seen is the session and epoch in which a call began.
type seen struct {
	session *session
	epoch   broker.Epoch
}

// begin is how every call begins that asks the gateway.
func (b *Broker) begin(ctx context.Context, op string, account broker.AccountID) (seen, error) {
	if err := ctx.Err(); err != nil {
		return seen{}, fault(op, account, err)
	}
	s, err := b.ready(op, account)
	if err != nil {
		return seen{}, err
	}
	if account != "" && b.account(account) == nil {
		return seen{}, &broker.Error{
			Op: op, Account: account, Kind: broker.KindPermanent,
			Err: fmt.Errorf("%w: this broker acts for %d others: see Config.Accounts", broker.ErrUnknownAccount, len(b.cfg.Accounts)),
		}
	}
	return s, nil
}

// account returns a configured account, nil if it is none.
func (b *Broker) account(id broker.AccountID) *Account {
	for i := range b.cfg.Accounts {
		if b.cfg.Accounts[i].ID == id {
			return &b.cfg.Accounts[i]
		}
	}
	return nil
}

// ready returns the session, if orders may be sent in it.
func (b *Broker) ready(op string, account broker.AccountID) (seen, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.notReady(op, account); err != nil {
		return seen{}, err
	}
	return seen{b.session, b.epoch}, nil
}

// still reports whether the epoch of a call is still the present one.
func (b *Broker) still(s seen, op string, account broker.AccountID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stillLocked(s, op, account)
}

func (b *Broker) stillLocked(s seen, op string, account broker.AccountID) error {
	if err := b.notReady(op, account); err != nil {
		return err
	}
	if b.session != s.session || b.epoch != s.epoch {
		return sessionError(op, account, fmt.Errorf("the session changed to %d meanwhile: %w", b.epoch, broker.ErrSession))
	}
	return nil
}

// failure is the error of a call in which err came up, or nil: if its session is
// over that is what it tells, unless its own context has ended.
func (b *Broker) failure(ctx context.Context, s seen, op string, account broker.AccountID, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failureLocked(ctx, s, op, account, err)
}

func (b *Broker) failureLocked(ctx context.Context, s seen, op string, account broker.AccountID, err error) error {
	if gone := b.stillLocked(s, op, account); gone != nil && ctx.Err() == nil {
		return gone
	}
	if err != nil {
		return fault(op, account, err)
	}
	return nil
}

// notReady says why there is no session to act in, or nothing. The lock is held.
func (b *Broker) notReady(op string, account broker.AccountID) error {
	switch {
	case b.closed:
		return &broker.Error{Op: op, Account: account, Kind: broker.KindPermanent, Err: broker.ErrClosed}
	case b.phase == ready:
		return nil
	case b.phase == frozen:
		return sessionError(op, account, errLinkLost)
	}
	cause := fmt.Errorf("no session with %s (%s): %w", b.cfg.Address, b.phase, broker.ErrSession)
	if b.why != nil {
		cause = fmt.Errorf("%w: %w", cause, b.why)
	}
	err := sessionError(op, account, cause)
	var g *gatewayError
	if b.phase != connecting {
		return err
	}
	if end, in := b.cfg.waits(b.cfg.Now()); in {
		err.Kind, err.Until = broker.KindWait, end
	} else if errors.As(b.why, &g) && codeOf(g.code).meaning == clientTaken {
		err.Kind, err.Until = broker.KindWait, b.retryAt
	}
	return err
}

var errLinkLost = fmt.Errorf("the gateway has lost its connection to IBKR: %w", broker.ErrSession)

// waits reports whether the gateway is expected to be away, and until when.
func (c *Config) waits(t time.Time) (time.Time, bool) {
	if end, in := c.Restart.contains(t); in {
		return end, true
	}
	return c.Login.contains(t)
}

func sessionError(op string, account broker.AccountID, err error) *broker.Error {
	return &broker.Error{Op: op, Account: account, Kind: broker.KindSession, Err: err}
}

// wake tells those who wait that there is news. The lock is held.
func (b *Broker) wake() {
	if b.news != nil {
		close(b.news)
		b.news = nil
	}
}

// next returns what is closed at the next news. The lock is held.
func (b *Broker) next() <-chan struct{} {
	if b.news == nil {
		b.news = make(chan struct{})
	}
	return b.news
}
