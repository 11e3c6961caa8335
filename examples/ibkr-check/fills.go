package main

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// slip is how far a marketable limit may be from the market.
var slip = decimal.New(1, -2)

func buyOne(ctx context.Context, w *world) (verdict, string) {
	if v, detail := w.tradable(ctx); v != pass {
		return v, detail
	}
	snap, err := w.broker.Snapshot(ctx, w.o.account)
	if err != nil {
		return fail, err.Error()
	}
	w.before = snap.Position(w.o.symbol)
	w.buy = w.limitOrder(w.ref(2), broker.Buy, w.ask.Mul(decimal.New(1, 0).Add(slip)))
	began := time.Now()
	if _, err := w.broker.Place(ctx, w.buy); err != nil {
		return fail, err.Error()
	}
	state, err := w.settled(ctx, w.buy.ID, func(s *broker.OrderState) bool { return s.Status.Terminal() })
	w.filledAt = time.Now()
	switch {
	case err != nil:
		return unclear, "not filled in time, see clean up: " + err.Error()
	case state.Status != broker.StatusFilled:
		return fail, fmt.Sprintf("it is %s: %s %s", state.Status, state.Code, state.Reason)
	case !state.Filled().Equal(w.buy.Quantity):
		return fail, fmt.Sprintf("filled, but the executions are %s of %s", state.Filled(), w.buy.Quantity)
	}
	w.bought = true
	return pass, fmt.Sprintf("%s %s at %s after %s", state.Filled(), w.o.symbol, state.Fills[0].Price, time.Since(began).Round(time.Millisecond))
}

// tradable makes sure that a marketable order makes sense now.
func (w *world) tradable(ctx context.Context) (verdict, string) {
	if v, detail := hours(ctx, w); v != pass || !w.open {
		return unclear, "the market must be open: " + detail
	}
	if v, detail := anyPrice(ctx, w); v != pass || w.ask.Sign() <= 0 || w.bid.Sign() <= 0 {
		return unclear, "no bid and ask: " + detail
	}
	return pass, ""
}

func positionLag(ctx context.Context, w *world) (verdict, string) {
	if !w.bought {
		return unclear, "nothing was bought"
	}
	want := w.before.Add(w.buy.Quantity)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		snap, err := w.broker.Snapshot(ctx, w.o.account)
		if err != nil {
			return fail, err.Error()
		}
		lag := time.Since(w.filledAt)
		switch has := snap.Position(w.o.symbol); {
		case has.Equal(want) && lag < 30*time.Second:
			return pass, fmt.Sprintf("the position shows the fill within %s", lag.Round(time.Millisecond))
		case lag > 60*time.Second:
			return fail, fmt.Sprintf("a minute after the fill the position is %s, not %s", has, want)
		case has.Equal(want):
			return fail, fmt.Sprintf("the position showed the fill only after %s", lag.Round(time.Millisecond))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fail, ctx.Err().Error()
		}
	}
}

func refOfExecution(ctx context.Context, w *world) (verdict, string) {
	if !w.bought {
		return unclear, "nothing was bought"
	}
	state, v, detail := w.afterReconnect(ctx, w.buy.ID)
	if v == pass && !state.Filled().Equal(w.buy.Quantity) {
		return fail, fmt.Sprintf("the executions under the reference are %s of %s", state.Filled(), w.buy.Quantity)
	}
	return v, detail
}

func fee(ctx context.Context, w *world) (verdict, string) {
	if !w.bought {
		return unclear, "nothing was bought"
	}
	state, err := w.look(ctx, w.buy.ID)
	if err != nil {
		return fail, err.Error()
	}
	for _, f := range state.Fills {
		if !f.Fee.Valid {
			return unclear, fmt.Sprintf("execution %s has no fee yet", f.ID)
		}
	}
	return pass, fmt.Sprintf("%s %s", state.Fills[0].Fee.Decimal, state.Fills[0].FeeCurrency)
}

// sellRace sells what was bought and cancels at once; what the cancel saved is
// sold after all.
func sellRace(ctx context.Context, w *world) (verdict, string) {
	if !w.bought {
		return unclear, "nothing was bought"
	}
	state, err := w.sell(ctx, w.ref(3), w.buy.Quantity, w.broker.Cancel)
	if err != nil {
		return fail, "sell by hand what is left: " + err.Error()
	}
	consistent := state.Status == broker.StatusCancelled || state.Status == broker.StatusFilled && state.Filled().Equal(w.buy.Quantity)
	detail := fmt.Sprintf("%s with %s filled", state.Status, state.Filled())
	left := w.buy.Quantity.Sub(state.Filled())
	if left.Sign() > 0 {
		rest, err := w.sell(ctx, w.ref(4), left, leave)
		if err != nil || rest.Status != broker.StatusFilled {
			return fail, fmt.Sprintf("%s; sell by hand %s %s: %s %v", detail, left.Sub(rest.Filled()), w.o.symbol, rest.Status, err)
		}
	}
	if !consistent {
		return fail, detail + " " + state.Code + " " + state.Reason
	}
	return pass, detail
}

// leave does nothing with an order that was sent.
func leave(context.Context, broker.AccountID, broker.OrderID) error { return nil }

// sell sells at the market, does something with the order, and waits for the end.
func (w *world) sell(
	ctx context.Context, id broker.OrderID, quantity decimal.Decimal, then func(context.Context, broker.AccountID, broker.OrderID) error,
) (broker.OrderState, error) {
	if v, detail := w.tradable(ctx); v != pass {
		return broker.OrderState{}, fmt.Errorf("%s", detail)
	}
	o := w.limitOrder(id, broker.Sell, w.bid.Mul(decimal.New(1, 0).Sub(slip)))
	o.Quantity = quantity
	if _, err := w.broker.Place(ctx, o); err != nil {
		return broker.OrderState{}, err
	}
	if err := then(ctx, w.o.account, id); err != nil {
		return broker.OrderState{}, err
	}
	return w.settled(ctx, id, func(s *broker.OrderState) bool { return s.Status.Terminal() })
}
