package ibkr

import (
	"context"
	"fmt"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
)

// Orders looks at all orders of the day, of all clients and of the user, and
// returns the matching ones. An order that was acknowledged, is not open any more
// and is not among the completed ones either is left out: what became of it is not
// known.
func (b *Broker) Orders(ctx context.Context, account broker.AccountID, query broker.OrderQuery) ([]broker.OrderState, error) {
	const op = "orders"
	s, err := b.begin(ctx, op, account)
	if err != nil {
		return nil, err
	}
	since, err := b.sweep(ctx, s.session)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failureLocked(ctx, s, op, account, err); err != nil {
		return nil, err
	}
	return s.session.book.orders(account, query, since), nil
}

// Await waits for news of the account's orders. Orders of other clients and of
// the user are news only when something looks at them: Orders, or Snapshot.
func (b *Broker) Await(ctx context.Context, account broker.AccountID, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	const op = "await"
	if err := ctx.Err(); err != nil {
		return nil, after, err
	}
	s, err := b.begin(ctx, op, account)
	if err != nil {
		return nil, after, err
	}
	if after != (broker.Cursor{}) && after.Epoch != s.epoch {
		return nil, after, sessionError(op, account, fmt.Errorf(
			"the cursor is of session %d, now it is %d: read the account again: %w", after.Epoch, s.epoch, broker.ErrSession))
	}
	for {
		b.mu.Lock()
		if err := b.stillLocked(s, op, account); err != nil {
			b.mu.Unlock()
			return nil, after, err
		}
		bk := s.session.book
		states := bk.news(account, after.Seq)
		cursor, news := broker.Cursor{Epoch: s.epoch, Seq: bk.seq}, b.next()
		b.mu.Unlock()
		if len(states) > 0 {
			return states, cursor, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, after, ctx.Err()
		}
	}
}

// Cancel asks the gateway to cancel an order that this client id has placed. An
// order of another client id or of the user is an error: the gateway would refuse.
func (b *Broker) Cancel(ctx context.Context, account broker.AccountID, id broker.OrderID) error {
	const op = "cancel"
	s, err := b.begin(ctx, op, account)
	if err != nil {
		return err
	}
	local, over, err := b.cancellable(ctx, s, account, id)
	if err != nil || over {
		return err
	}
	err = s.session.write(ctx, &job{
		prio:   prioCancel,
		encode: func(c *ibapi.EClient) { c.CancelOrder(local.order, ibapi.NewOrderCancel()) },
	})
	if err != nil {
		e := fault(op, account, err)
		e.Order = id
		if gone := b.still(s, op, account); gone != nil && ctx.Err() == nil {
			e.Kind = broker.KindSession
		}
		return e
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bk := s.session.book
	if e := bk.find(account, id); e != nil && !e.state.Status.Terminal() && e.state.Status != broker.StatusPendingCancel {
		e.state.Status = broker.StatusPendingCancel
		bk.changed(e)
		b.wake()
	}
	return nil
}

// cancellable returns by which numeric id an order is cancelled, or that it has
// ended.
func (b *Broker) cancellable(ctx context.Context, s seen, account broker.AccountID, id broker.OrderID) (local localKey, over bool, err error) {
	const op = "cancel"
	for look := range 2 {
		if look > 0 {
			if _, err := b.sweep(ctx, s.session); err != nil {
				return local, false, fault(op, account, err)
			}
		}
		b.mu.Lock()
		e := s.session.book.find(account, id)
		told := e != nil && e.acked
		if told {
			local, over = e.local, e.state.Status.Terminal()
		}
		b.mu.Unlock()
		if told {
			break
		}
		if look > 0 {
			return local, false, &broker.Error{Op: op, Account: account, Order: id, Kind: broker.KindPermanent, Err: broker.ErrUnknownOrder}
		}
	}
	if !over && (local.client != int64(b.cfg.ClientID) || local.order <= 0) {
		return local, false, &broker.Error{Op: op, Account: account, Order: id, Kind: broker.KindPermanent, Err: fmt.Errorf(
			"it was placed by client %d, and this is client %d: cancel it there, or by hand", local.client, b.cfg.ClientID)}
	}
	return local, over, nil
}
