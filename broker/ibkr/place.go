package ibkr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/scmhub/ibsync"

	"github.com/evenkeel/evenkeel/broker"
)

// send is an order that this broker has written, or is about to.
type send struct {
	order   broker.Order
	id      int64     // the numeric one, once it is given
	at      time.Time // of the write
	written bool      // or it may have been
	acked   bool      // the gateway has said a word of it
	doubt   error     // the write failed half-way
	done    chan struct{}
}

// Place writes the order once and waits for the gateway's word for a moment, see
// [Timing.Acknowledge]. All that must be true at the write is checked when the
// order's turn has come, right before its first byte: the context, the session
// and its epoch, SendBefore, the restart window. If ctx ends while the order is being
// written, Place returns when it knows whether it was: within some seconds.
func (b *Broker) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	state, err := b.place(ctx, order)
	var e *broker.Error
	if errors.As(err, &e) && e.Order == "" {
		c := *e
		c.Order = order.ID
		return state, &c
	}
	return state, err
}

func (b *Broker) place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	const op = "place"
	if err := order.Check(); err != nil {
		return broker.OrderState{}, &broker.Error{Op: op, Account: order.Account, Kind: broker.KindPermanent, Err: err}
	}
	s, err := b.begin(ctx, op, order.Account)
	if err != nil {
		return broker.OrderState{}, err
	}
	if known, state, err := b.known(ctx, s, &order, nil); known || err != nil {
		return state, err
	}
	all, err := b.resolve(ctx, s.session, op, []broker.InstrumentID{order.Instrument})
	if err != nil {
		return broker.OrderState{}, err
	}
	wire, err := wireOrder(&order, all[order.Instrument])
	if err != nil {
		return broker.OrderState{}, &broker.Error{Op: op, Account: order.Account, Instrument: order.Instrument, Kind: broker.KindPermanent, Err: err}
	}
	own := &send{order: order, done: make(chan struct{})}
	if known, state, err := b.known(ctx, s, &order, own); known || err != nil {
		return state, err
	}
	err = b.transmit(ctx, s, own, all[order.Instrument], wire)
	close(own.done)
	if err != nil {
		return broker.OrderState{}, err
	}
	return b.acknowledge(ctx, s, own)
}

// wireOrder makes the library's form of an order.
func wireOrder(o *broker.Order, t *terms) (*ibsync.Order, error) {
	if o.Ref != "" && o.Ref != t.Ref {
		return nil, fmt.Errorf("%s is contract %s now, the order names %s: nothing was sent", o.Instrument, t.Ref, o.Ref)
	}
	if t.Kind != broker.Stock {
		return nil, fmt.Errorf("%s is of kind %q: only stocks are traded", o.Instrument, t.contract.kind)
	}
	if t.Lot.Sign() > 0 && !o.Quantity.Mod(t.Lot).IsZero() {
		return nil, fmt.Errorf("quantity %s of %s is no multiple of %s: for fractions of a share see Config.Fractional", o.Quantity, o.Instrument, t.Lot)
	}
	quantity, err := toFixed(o.Quantity)
	if err != nil {
		return nil, fmt.Errorf("quantity: %w", err)
	}
	var w *ibsync.Order
	switch o.Type {
	case broker.Limit:
		limit, err := toFloat(o.Limit)
		if err != nil {
			return nil, fmt.Errorf("limit: %w", err)
		}
		w = ibsync.LimitOrder(string(o.Side), quantity, limit)
	case broker.Market:
		w = ibsync.MarketOrder(string(o.Side), quantity)
	default:
		return nil, fmt.Errorf("type %q cannot be sent", o.Type)
	}
	w.Account, w.OrderRef, w.TIF = string(o.Account), string(o.ID), string(o.TIF)
	return w, nil
}

// known returns the state of an order whose ID the broker has already. If it has
// not, own becomes the one that writes the order, unless it is nil.
func (b *Broker) known(ctx context.Context, s seen, order *broker.Order, own *send) (bool, broker.OrderState, error) {
	key := refKey{order.Account, order.ID}
	for {
		b.mu.Lock()
		state, wait, found, err := b.knownLocked(s, key, order)
		if wait == nil && !found && err == nil && own != nil {
			b.sends[key] = own
		}
		b.mu.Unlock()
		if wait == nil {
			return found, state, err
		}
		select { // somebody else is writing it
		case <-wait:
		case <-ctx.Done():
			return true, broker.OrderState{}, fault("place", order.Account, ctx.Err())
		}
	}
}

func (b *Broker) knownLocked(s seen, key refKey, order *broker.Order) (state broker.OrderState, wait <-chan struct{}, found bool, err error) {
	if err := b.stillLocked(s, "place", order.Account); err != nil {
		return state, nil, false, err
	}
	sent := b.sends[key]
	if sent != nil && !sent.finished() {
		return state, sent.done, true, nil
	}
	if e := s.session.book.find(key.account, key.ref); e != nil {
		state := e.copy()
		if !e.state.Order.Same(order) {
			return state, nil, true, conflict(order, &state.Order)
		}
		if sent != nil && sent.doubt != nil && !e.acked {
			return broker.OrderState{}, nil, true, indeterminate(order, sent.doubt)
		}
		return state, nil, true, nil
	}
	if sent != nil {
		return state, nil, true, indeterminate(order, errors.New("it was written in an earlier session, and the gateway does not show it"))
	}
	return state, nil, false, nil
}

func (x *send) finished() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

func conflict(order, has *broker.Order) error {
	return &broker.Error{Op: "place", Account: order.Account, Kind: broker.KindPermanent, Err: fmt.Errorf(
		"%w: it is %s %s %s at %s", broker.ErrOrderConflict, has.Side, has.Quantity, has.Instrument, has.Limit)}
}

func indeterminate(order *broker.Order, why error) error {
	return &broker.Error{Op: "place", Account: order.Account, Kind: broker.KindIndeterminate, Err: fmt.Errorf(
		"%w: read the orders to see what became of it", why)}
}

// transmit writes the order. A nil error says that it was written.
func (b *Broker) transmit(ctx context.Context, s seen, own *send, t *terms, wire *ibsync.Order) error {
	var bk *book
	var e *entry
	err := s.session.write(ctx, &job{
		prio: prioSend,
		encode: func(c *ibapi.EClient) {
			b.mu.Lock()
			own.id = b.nextID
			b.nextID++
			bk = s.session.book
			e = bk.expect(own.order, t.contract.conID, own.id)
			e.state.Order.Ref = t.Ref
			b.mu.Unlock()
			c.PlaceOrder(own.id, t.orderContract(), wire)
		},
		permit: func(frame []byte) error {
			if err := checkOrderFrame(s.session.door.version, frame, own.id, string(own.order.ID), false); err != nil {
				return err
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if err := b.maySend(ctx, s, &own.order); err != nil {
				return err
			}
			own.written, own.at = true, b.cfg.Now()
			return nil
		},
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, errUnsent):
		own.written, own.doubt = true, err
		return indeterminate(&own.order, err)
	}
	own.written = false
	delete(b.sends, refKey{own.order.Account, own.order.ID})
	if e != nil {
		bk.forget(e)
		if now := s.session.book; now != bk {
			now.forget(e)
		}
	}
	return b.unsentError(s, &own.order, err)
}

// maySend checks all that must be true at the write. The lock is held.
func (b *Broker) maySend(ctx context.Context, s seen, order *broker.Order) error {
	const op = "place"
	now := b.cfg.Now()
	if err := b.stillLocked(s, op, order.Account); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fault(op, order.Account, err)
	}
	if !slices.Contains(s.session.accounts, string(order.Account)) {
		return &broker.Error{
			Op: op, Account: order.Account, Kind: broker.KindPermanent,
			Err: fmt.Errorf("%w: the gateway does not manage it any more: check its login", broker.ErrUnknownAccount),
		}
	}
	if order.Epoch != 0 && order.Epoch != b.epoch {
		return sessionError(op, order.Account, fmt.Errorf("decided in session %d, now it is %d: read the account again: %w", order.Epoch, b.epoch, broker.ErrSession))
	}
	if !order.SendBefore.IsZero() && now.After(order.SendBefore) {
		return &broker.Error{
			Op: op, Account: order.Account, Kind: broker.KindWait,
			Err: fmt.Errorf("it is past %s, the last instant to send it", order.SendBefore.UTC().Format(time.RFC3339Nano)),
		}
	}
	if end, in := b.cfg.Restart.contains(now); in {
		return &broker.Error{
			Op: op, Account: order.Account, Kind: broker.KindWait, Until: end,
			Err: errors.New("the gateway is about to restart: nothing is sent before that is over"),
		}
	}
	return nil
}

// unsentError is the error for an order of which nothing was written. The lock is
// held.
func (b *Broker) unsentError(s seen, order *broker.Order, err error) error {
	var known *broker.Error
	if errors.As(err, &known) {
		return known
	}
	if gone := b.stillLocked(s, "place", order.Account); gone != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return gone
	}
	return fault("place", order.Account, err)
}

// acknowledge waits for the gateway's first word about the order.
func (b *Broker) acknowledge(ctx context.Context, s seen, own *send) (broker.OrderState, error) {
	timer := time.NewTimer(b.cfg.Timing.Acknowledge)
	defer timer.Stop()
	for over := false; ; {
		b.mu.Lock()
		e := s.session.book.find(own.order.Account, own.order.ID)
		news, gone := b.next(), b.stillLocked(s, "place", own.order.Account)
		var state broker.OrderState
		var acked bool
		if e != nil {
			state, acked = e.copy(), e.acked
			own.acked = own.acked || acked
		}
		b.mu.Unlock()
		switch {
		case acked:
			return state, nil
		case gone != nil:
			return broker.OrderState{}, indeterminate(&own.order, fmt.Errorf("the session ended before the gateway answered: %w", gone))
		case over || e == nil:
			return own.pending(), nil
		}
		select {
		case <-news:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			over = true
		}
	}
}

// pending is the state of an order that was written, and not answered yet.
func (x *send) pending() broker.OrderState {
	o := x.order
	o.Epoch, o.SendBefore = 0, time.Time{}
	return broker.OrderState{Order: o, Status: broker.StatusPending, Updated: x.at}
}

// sendMemory is how long it is remembered that an order was written. Its ID is
// never used again anyway.
const sendMemory = 7 * 24 * time.Hour

// noteAcks remembers which orders the gateway has told of. The lock is held.
func (b *Broker) noteAcks(bk *book) {
	oldest := b.cfg.Now().Add(-sendMemory)
	for key, sent := range b.sends {
		if sent.finished() && sent.at.Before(oldest) {
			delete(b.sends, key)
			continue
		}
		if e := bk.find(key.account, key.ref); e != nil && (e.acked || e.doubted) {
			sent.acked = true
		}
	}
}
