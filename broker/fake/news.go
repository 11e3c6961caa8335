package fake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Orders returns the orders of an account that are open or ended since the last
// midnight in UTC, those with the newest news last.
func (b *Broker) Orders(ctx context.Context, account broker.AccountID, query broker.OrderQuery) ([]broker.OrderState, error) {
	c := Call{Method: MethodOrders, Account: account, Order: query.ID}
	var states []broker.OrderState
	err := b.do(ctx, c, nil, func() error {
		a, err := b.account(c)
		if err != nil {
			return err
		}
		for o := a.orders.first; o != nil; o = o.next {
			if (query.ID == "" || o.order.ID == query.ID) && !(query.OpenOnly && o.status.Terminal()) {
				states = append(states, o.state(&b.told))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return states, nil
}

// Await returns the orders with news after a cursor, the oldest news first. With
// a [Clock] it never sleeps: without news it moves the clock to the next thing
// that is due, or to the end of its context. If there is neither, it blocks.
func (b *Broker) Await(ctx context.Context, account broker.AccountID, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	c := Call{Method: MethodAwait, Account: account}
	if err := ctx.Err(); err != nil {
		return nil, after, err
	}
	if err := b.before(ctx, c); err != nil {
		return nil, after, err
	}
	states, cursor, err := b.await(ctx, c, after)
	if hookErr := b.after(c); hookErr != nil {
		return nil, after, hookErr
	}
	return states, cursor, err
}

func (b *Broker) await(ctx context.Context, c Call, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	w := b.newWait(ctx)
	for first := true; ; first = false {
		_ = b.refresh(ctx, nil) // without a quote, orders rest on
		states, cursor, err := b.look(&w, c, after, first)
		if err != nil || len(states) > 0 {
			return states, cursor, err
		}
		if err := b.pause(ctx, &w); err != nil {
			return nil, after, err
		}
	}
}

// look returns what news there is. Without any it says what to wait for.
func (b *Broker) look(w *wait, c Call, after broker.Cursor, first bool) ([]broker.OrderState, broker.Cursor, error) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	if first {
		w.epoch = b.epoch
		if err := b.failCall(c); err != nil {
			return nil, after, err
		}
	}
	switch {
	case b.closed:
		return nil, after, b.fault(c, broker.KindPermanent, broker.ErrClosed)
	case b.down:
		return nil, after, b.fault(c, broker.KindSession, fmt.Errorf("the connection is lost: %w", broker.ErrSession))
	case w.epoch != b.epoch:
		return nil, after, b.fault(c, broker.KindSession, fmt.Errorf("the session changed to %d: read the account again", b.epoch))
	case after != broker.Cursor{} && after.Epoch != b.epoch:
		return nil, after, b.fault(c, broker.KindSession,
			fmt.Errorf("the cursor is of session %d, now it is %d: read the account again", after.Epoch, b.epoch))
	}
	a, err := b.account(c)
	if err != nil {
		return nil, after, err
	}
	if a.seq > after.Seq {
		cursor := broker.Cursor{Epoch: b.epoch, Seq: a.seq}
		if states := b.newsAfter(a, after.Seq); len(states) > 0 {
			return states, cursor, nil
		}
	}
	w.at, w.due, w.resting = b.now, time.Time{}, len(a.open) > 0
	if h := b.due.first(); h != nil {
		w.due = h.at
	}
	if b.news == nil {
		b.news = make(chan struct{})
	}
	w.news = b.news
	return nil, after, nil
}

// newsAfter returns the states of the orders that changed after a place in the
// news.
func (b *Broker) newsAfter(a *account, seq uint64) []broker.OrderState {
	var news []*order
	for o := a.orders.last; o != nil && o.seq > seq; o = o.prev {
		news = append(news, o)
	}
	slices.Reverse(news)
	states := make([]broker.OrderState, len(news))
	for i, o := range news {
		states[i] = o.state(&b.told)
		if o.stale {
			o.stale = false
			states[i] = outdated(states[i])
		}
	}
	if len(b.armed) > 0 && len(news) > 0 {
		b.garble(a, news, states)
	}
	return states
}

// garble repeats and reorders news, if faults say so. It is said within what
// the contract allows: a status is never taken back once it is terminal.
func (b *Broker) garble(a *account, news []*order, states []broker.OrderState) {
	again := b.strike(MethodAwait, nil, FaultDuplicateNews) != nil
	if b.strike(MethodAwait, nil, FaultReorderNews) != nil {
		slices.Reverse(states)
		again = true
		for _, o := range news {
			o.stale = !o.status.Terminal()
		}
	}
	if !again {
		return
	}
	for _, o := range news {
		a.seq++
		o.seq = a.seq
		a.orders.toEnd(o)
	}
}

// outdated is a state as it was before the newest fill.
func outdated(s broker.OrderState) broker.OrderState {
	s.Status, s.Code, s.Reason = broker.StatusPending, "", ""
	if n := len(s.Fills); n > 0 {
		s.Fills = s.Fills[:n-1]
	}
	return s
}
