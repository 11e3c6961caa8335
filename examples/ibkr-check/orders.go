package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
)

// confirm is how long a cancel and a fill may take, refusal how long the word that
// an order is refused may take after the order itself.
const (
	confirm = 60 * time.Second
	refusal = 5 * time.Second
)

func place(ctx context.Context, w *world) (verdict, string) {
	if w.price.IsZero() || w.instrument.Ref == "" {
		return unclear, "there is no contract or no price"
	}
	w.order = w.limitOrder(w.ref(1), broker.Buy, w.far())
	state, err := w.broker.Place(ctx, w.order)
	if err != nil {
		return fail, err.Error()
	}
	if state.Status == broker.StatusPending {
		if state, err = w.settled(ctx, w.order.ID, func(s *broker.OrderState) bool { return s.Status != broker.StatusPending }); err != nil {
			return fail, "never acknowledged: " + err.Error()
		}
	}
	if state.Status == broker.StatusHeld {
		if state, err = w.decided(ctx, state); err != nil {
			return fail, "no word of what became of it: " + err.Error()
		}
	}
	detail := fmt.Sprintf("%s %s %s at %s is %s, permanent id %s", w.order.Side, w.order.Quantity, w.order.Instrument, w.order.Limit, state.Status, state.BrokerID)
	switch {
	case state.Status == broker.StatusRejected || state.Filled().Sign() > 0:
		return fail, strings.TrimSpace(detail + " " + state.Code + " " + state.Reason)
	case state.Status == broker.StatusHeld && (w.open || ctx.Err() != nil): // while the market is closed, orders are
		return unclear, strings.TrimSpace(detail + ", and not refused so far " + state.Code + " " + state.Reason)
	}
	return pass, detail
}

// decided waits for what becomes of an order that is held: a gateway first shows
// also an order that it refuses as held, and then says why. An order of which
// nothing more is said in time stays as it is.
func (w *world) decided(ctx context.Context, held broker.OrderState) (broker.OrderState, error) {
	ctx, stop := context.WithTimeout(ctx, refusal)
	defer stop()
	state, err := w.settled(ctx, held.Order.ID, func(s *broker.OrderState) bool { return s.Status != broker.StatusHeld })
	if err != nil && ctx.Err() != nil {
		return held, nil
	}
	return state, err
}

func presets(ctx context.Context, w *world) (verdict, string) {
	state, err := w.look(ctx, w.order.ID)
	switch {
	case err != nil:
		return unclear, err.Error()
	case !state.Order.Same(&w.order):
		return fail, fmt.Sprintf("the gateway made of it: %s %s at %s, %s (code %s)", state.Order.Side, state.Order.Quantity, state.Order.Limit, state.Order.TIF, state.Code)
	case state.Code != "":
		return pass, fmt.Sprintf("the order is as it was sent; the gateway said %s: %s", state.Code, state.Reason)
	}
	return pass, "the order is as it was sent, without a remark"
}

func refOfOpen(ctx context.Context, w *world) (verdict, string) {
	state, v, detail := w.afterReconnect(ctx, w.order.ID)
	if v == pass && state.Status.Terminal() {
		return fail, fmt.Sprintf("the order is %s: %s %s", state.Status, state.Code, state.Reason)
	}
	return v, detail
}

func cancel(ctx context.Context, w *world) (verdict, string) {
	if w.order.ID == "" {
		return unclear, "nothing was placed"
	}
	began := time.Now()
	if err := w.broker.Cancel(ctx, w.o.account, w.order.ID); err != nil {
		return fail, err.Error()
	}
	state, err := w.settled(ctx, w.order.ID, func(s *broker.OrderState) bool { return s.Status.Terminal() })
	switch {
	case err != nil:
		return fail, "not confirmed: " + err.Error()
	case state.Status != broker.StatusCancelled:
		return fail, fmt.Sprintf("it is %s: %s %s", state.Status, state.Code, state.Reason)
	}
	return pass, fmt.Sprintf("confirmed after %s", time.Since(began).Round(time.Millisecond))
}

func gone(ctx context.Context, w *world) (verdict, string) {
	left, err := w.leftovers(ctx)
	switch {
	case err != nil:
		return fail, err.Error()
	case len(left) > 0:
		return fail, fmt.Sprintf("still open: %v", left)
	}
	return pass, "no open order of this program"
}

func refOfCompleted(ctx context.Context, w *world) (verdict, string) {
	state, v, detail := w.afterReconnect(ctx, w.order.ID)
	if v == pass && state.Status != broker.StatusCancelled {
		return fail, fmt.Sprintf("the order is %s: %s %s", state.Status, state.Code, state.Reason)
	}
	return v, detail
}

// cleanUp cancels what is left, if anything.
func cleanUp(ctx context.Context, w *world) (verdict, string) {
	if w.broker == nil {
		if err := w.reconnect(ctx); err != nil {
			return fail, fmt.Sprintf("look yourself whether one of %v is open: %v", w.placed, err)
		}
	}
	left, err := w.leftovers(ctx)
	if err != nil {
		return fail, err.Error()
	}
	for _, id := range left {
		if one := w.undo(ctx, w.broker, id); one != nil { // the other client id may have placed it
			one = w.other(ctx, nil, func(b *ibkr.Broker) error { return w.undo(ctx, b, id) })
			err = errors.Join(err, one)
		}
	}
	if err != nil {
		return fail, fmt.Sprintf("cancel by hand: %v: %v", left, err)
	}
	return pass, fmt.Sprintf("%d orders were placed, %d were left and are cancelled now", len(w.placed), len(left))
}

// undo cancels an order and waits until it is.
func (w *world) undo(ctx context.Context, b *ibkr.Broker, id broker.OrderID) error {
	if err := b.Cancel(ctx, w.o.account, id); err != nil {
		return err
	}
	_, err := settled(ctx, b, w.o.account, id, func(s *broker.OrderState) bool { return s.Status.Terminal() })
	return err
}

// leftovers are the open orders of this program, of any run.
func (w *world) leftovers(ctx context.Context) ([]broker.OrderID, error) {
	all, err := w.broker.Orders(ctx, w.o.account, broker.OrderQuery{OpenOnly: true})
	if err != nil {
		return nil, err
	}
	var left []broker.OrderID
	for i := range all {
		if strings.HasPrefix(string(all[i].Order.ID), "ekcheck.") {
			left = append(left, all[i].Order.ID)
		}
	}
	return left, nil
}

// look reads one order.
func (w *world) look(ctx context.Context, id broker.OrderID) (broker.OrderState, error) {
	if id == "" {
		return broker.OrderState{}, errors.New("nothing was placed")
	}
	all, err := w.broker.Orders(ctx, w.o.account, broker.OrderQuery{ID: id})
	if err != nil {
		return broker.OrderState{}, err
	}
	if len(all) != 1 {
		return broker.OrderState{}, fmt.Errorf("%d orders have the reference %s", len(all), id)
	}
	return all[0], nil
}

// afterReconnect looks for an order in a new session.
func (w *world) afterReconnect(ctx context.Context, id broker.OrderID) (broker.OrderState, verdict, string) {
	if id == "" {
		return broker.OrderState{}, unclear, "nothing was placed"
	}
	if err := w.reconnect(ctx); err != nil {
		return broker.OrderState{}, fail, err.Error()
	}
	state, err := w.look(ctx, id)
	if err != nil {
		return state, fail, err.Error()
	}
	return state, pass, fmt.Sprintf("found by its reference of %d characters: %s, filled %s", len(id), state.Status, state.Filled())
}

// settled waits until an order is as wanted.
func (w *world) settled(ctx context.Context, id broker.OrderID, wanted func(*broker.OrderState) bool) (broker.OrderState, error) {
	return settled(ctx, w.broker, w.o.account, id, wanted)
}

func settled(
	ctx context.Context, b *ibkr.Broker, account broker.AccountID, id broker.OrderID, wanted func(*broker.OrderState) bool,
) (broker.OrderState, error) {
	ctx, stop := context.WithTimeout(ctx, confirm)
	defer stop()
	var cursor broker.Cursor
	for {
		news, next, err := b.Await(ctx, account, cursor)
		if err != nil {
			return broker.OrderState{}, err
		}
		for i := range news {
			if news[i].Order.ID == id && wanted(&news[i]) {
				return news[i], nil
			}
		}
		cursor = next
	}
}
