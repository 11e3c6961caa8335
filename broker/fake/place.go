package fake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Place receives an order. A refusal is a state with IBKR's code for it.
func (b *Broker) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	c := Call{Method: MethodPlace, Account: order.Account, Order: order.ID}
	var state broker.OrderState
	if err := b.before(ctx, c); err != nil {
		b.refuse(&order, err)
		return state, err
	}
	var wanted []broker.InstrumentID
	if b.cfg.Prices != nil {
		wanted = []broker.InstrumentID{order.Instrument}
	}
	if err := b.refresh(ctx, wanted); err != nil {
		err = b.fault(c, broker.KindTransient, err)
		b.refuse(&order, err)
		return state, err
	}
	state, err := b.place(c, &order)
	if hookErr := b.after(c); hookErr != nil {
		return broker.OrderState{}, hookErr
	}
	return state, err
}

// refuse records a send that never left.
func (b *Broker) refuse(order *broker.Order, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = append(b.refused, Refusal{Time: b.now, Order: *order, Why: why.Error()})
}

func (b *Broker) place(c Call, order *broker.Order) (broker.OrderState, error) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	a, err := b.mayPlace(c, order, now)
	if err != nil {
		b.refused = append(b.refused, Refusal{Time: b.now, Order: *order, Why: err.Error()})
		return broker.OrderState{}, err
	}
	if o, ok := b.orders[order.ID]; ok {
		o.duplicates++
		if sent := o.sent(); !sent.Same(order) {
			return o.state(&b.told), b.fault(c, broker.KindPermanent, fmt.Errorf("%w: it is %s", broker.ErrOrderConflict, describe(&sent)))
		}
		return o.state(&b.told), nil
	}
	if b.forgotten(order.ID) {
		return broker.OrderState{}, b.fault(c, broker.KindPermanent,
			fmt.Errorf("%w: it was received before and is forgotten (Config.KeepOrders)", broker.ErrOrderConflict))
	}
	q := b.quirkOf(order)
	if q != nil && (q.lost != "" || q.err != nil) {
		return b.lose(c, order, q)
	}
	o := b.receive(a, order, q)
	state := o.state(&b.told)
	if q == nil {
		return state, nil
	}
	return b.answer(c, state, q)
}

// mayPlace checks all that must be right before anything is written.
func (b *Broker) mayPlace(c Call, order *broker.Order, now time.Time) (*account, error) {
	if err := b.ready(c); err != nil {
		return nil, err
	}
	if err := order.Check(); err != nil {
		return nil, b.fault(c, broker.KindPermanent, err)
	}
	a, err := b.account(c)
	if err != nil {
		return nil, err
	}
	if order.Epoch != 0 && order.Epoch != b.epoch {
		return nil, b.fault(c, broker.KindSession, fmt.Errorf("decided in session %d, now it is %d: read the account again", order.Epoch, b.epoch))
	}
	if !order.SendBefore.IsZero() && now.After(order.SendBefore) {
		return nil, b.fault(c, broker.KindWait, fmt.Errorf("it is past %s, the last instant to send it", order.SendBefore.UTC().Format(time.RFC3339Nano)))
	}
	return a, nil
}

// lose answers for an order that the exchange will never see.
func (b *Broker) lose(c Call, order *broker.Order, q *quirk) (broker.OrderState, error) {
	why := q.lost
	if q.err != nil {
		why = q.err.Error()
	}
	b.refused = append(b.refused, Refusal{Time: b.now, Order: *order, Why: why})
	switch {
	case q.err != nil:
		return broker.OrderState{}, q.err
	case q.silent:
		return broker.OrderState{Order: echo(order), Status: broker.StatusPending, Updated: b.now}, nil
	}
	return broker.OrderState{}, b.fault(c, broker.KindIndeterminate, errNoAnswer)
}

// receive takes an order into the books and onto its way to the exchange.
func (b *Broker) receive(a *account, sent *broker.Order, q *quirk) *order {
	o := b.newOrder(a, sent, q)
	latency := b.cfg.Latency
	if q != nil && q.late > 0 {
		latency, o.hidden = q.late, true
	}
	if latency == 0 {
		b.arrive(o)
		return o
	}
	if !o.hidden {
		b.changed(o)
	}
	b.due.add(happening{at: b.now.Add(latency), kind: arrival, order: o})
	return o
}

// newOrder takes an order into the books.
func (b *Broker) newOrder(a *account, sent *broker.Order, q *quirk) *order {
	if keep := b.cfg.KeepOrders; keep > 0 && len(b.received) >= 2*keep {
		b.forgetAllBut(keep)
	}
	if len(b.room) == 0 {
		b.room = make([]order, 16) // they stay for long, all of them
	}
	o := &b.room[0]
	b.room = b.room[1:]
	o.order, o.order.Epoch, o.order.SendBefore = *sent, 0, time.Time{}
	o.epoch, o.sendBefore, o.account, o.instrument = sent.Epoch, sent.SendBefore, a, b.byID[sent.Instrument]
	o.brokerID, o.received, o.left = b.orderIDs.next(), b.now, sent.Quantity
	o.status, o.quirk, o.fills = broker.StatusPending, q, o.first[:0]
	if q != nil && q.alter != nil {
		received := o.order
		o.altered = &received
		q.alter(&o.order)
		o.left = o.order.Quantity
	}
	b.received = append(b.received, o)
	if sent.ID != "" {
		b.orders[sent.ID] = o
	}
	a.open = append(a.open, o)
	return o
}

// answer is what the caller of Place hears of an order that was received.
func (b *Broker) answer(c Call, state broker.OrderState, q *quirk) (broker.OrderState, error) {
	if q.cut != nil {
		b.cut(q.cut.For)
	}
	if q.noAnswer || q.cut != nil {
		return broker.OrderState{}, b.fault(c, broker.KindIndeterminate, errNoAnswer)
	}
	return state, nil
}

// echo is an order as the broker carries it: without the guards of the send.
func echo(order *broker.Order) broker.Order {
	o := *order
	o.Epoch, o.SendBefore = 0, time.Time{}
	return o
}

var (
	errNoAnswer = errors.New("no answer came after the order was written: read the orders to see what became of it")
	errNoPrice  = errors.New("no price")
)

// Cancel asks the exchange to cancel an order.
func (b *Broker) Cancel(ctx context.Context, account broker.AccountID, id broker.OrderID) error {
	c := Call{Method: MethodCancel, Account: account, Order: id}
	return b.do(ctx, c, nil, func() error {
		a, err := b.account(c)
		if err != nil {
			return err
		}
		o := b.orders[id]
		if o == nil || o.account != a || o.hidden {
			return b.fault(c, broker.KindPermanent, broker.ErrUnknownOrder)
		}
		b.cancels = append(b.cancels, LedgerCancel{Time: b.now, Account: account, Order: id, Status: o.status})
		if !o.status.Terminal() {
			b.cancel(o)
		}
		return nil
	})
}

// cancel carries out a request to cancel an open order.
func (b *Broker) cancel(o *order) {
	if b.strike(MethodCancel, &o.order, FaultNeverConfirmCancel) != nil {
		o.status = broker.StatusPendingCancel
		b.changed(o)
		return
	}
	if f, ok := b.strike(MethodCancel, &o.order, FaultFillAfterCancel).(FillAfterCancel); ok {
		b.fillLater(o, f)
		return
	}
	if b.cfg.Latency == 0 {
		b.end(o, broker.StatusCancelled, "202", "cancelled on request")
		return
	}
	o.status = broker.StatusPendingCancel
	b.due.add(happening{at: b.now.Add(b.cfg.Latency), kind: cancelling, order: o})
	b.changed(o)
}
