package brokertest

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// suite is a harness at work.
type suite struct {
	Harness
	terms map[broker.InstrumentID]broker.Instrument
}

// cases are the promises of the contract, in the order in which they are tested.
func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{readCases(), placeCases(), cancelCases(), newsCases(), sessionCases(), roleCases()} {
		all = append(all, group...)
	}
	return all
}

// resolve reads what the orders of the suite need.
func (s *suite) resolve(t tb) {
	t.Helper()
	terms, err := s.Broker.Resolve(t.Context(), s.Instruments[0].ID, s.Instruments[1].ID)
	require.NoError(t, err)
	for _, i := range s.Instruments {
		require.Contains(t, terms, i.ID)
		require.True(t, terms[i.ID].Lot.Sign() > 0 && terms[i.ID].Tick.Sign() > 0, "%s has lot %s and tick %s", i.ID, terms[i.ID].Lot, terms[i.ID].Tick)
	}
	s.terms = terms
}

// taken is an order for the n-th instrument that the market takes at once.
func (s *suite) taken(n int, side broker.Side) broker.Order {
	if side == broker.Buy {
		return s.order(n, side, s.Instruments[n].Ask.Mul(decimal.New(102, -2)))
	}
	return s.order(n, side, s.Instruments[n].Bid.Mul(decimal.New(98, -2)))
}

// resting is an order for the n-th instrument that the market does not take.
func (s *suite) resting(n int, side broker.Side) broker.Order {
	if side == broker.Buy {
		return s.order(n, side, s.Instruments[n].Bid.Mul(decimal.New(9, -1)))
	}
	return s.order(n, side, s.Instruments[n].Ask.Mul(decimal.New(11, -1)))
}

// order is an order with its limit rounded down to a tick.
func (s *suite) order(n int, side broker.Side, limit decimal.Decimal) broker.Order {
	terms := s.terms[s.Instruments[n].ID]
	return broker.Order{
		ID: s.NewID(), Account: s.Account, Instrument: terms.ID, Ref: terms.Ref, Side: side, Quantity: s.Quantity,
		Type: broker.Limit, Limit: limit.Sub(limit.Mod(terms.Tick)), TIF: broker.Day,
	}
}

// place places an order, which must not be an error.
func (s *suite) place(t tb, o broker.Order) broker.OrderState {
	t.Helper()
	state, err := s.Broker.Place(t.Context(), o)
	require.NoError(t, err, "place %s", o.ID)
	require.Equal(t, o.ID, state.Order.ID, "Place returned the state of another order")
	return state
}

// refused places an order that must fail, as not sent, with an error that names
// its kind.
func (s *suite) refused(t tb, ctx context.Context, o broker.Order, kind broker.Kind) {
	t.Helper()
	_, err := s.Broker.Place(ctx, o)
	require.Error(t, err)
	var e *broker.Error
	require.ErrorAs(t, err, &e, "an error of Place must say what is known of the order")
	require.Equal(t, kind, e.Kind, "kind of %q", err)
	s.absent(t, o.ID)
}

// absent checks that the broker has no order with an ID.
func (s *suite) absent(t tb, id broker.OrderID) {
	t.Helper()
	if !s.Features.NoReceipts {
		require.Zero(t, s.Received(id), "orders received with ID %s", id)
	}
	require.Nil(t, s.find(t, id), "order %s was not sent, but the broker tells of it", id)
}

// once checks that the broker has exactly one order with an ID.
func (s *suite) once(t tb, id broker.OrderID) {
	t.Helper()
	if !s.Features.NoReceipts {
		require.Equal(t, 1, s.Received(id), "orders received with ID %s", id)
	}
	var count int
	for _, o := range s.orders(t, broker.OrderQuery{}) {
		if o.Order.ID == id {
			count++
		}
	}
	require.Equal(t, 1, count, "orders told with ID %s", id)
}

// orders reads orders.
func (s *suite) orders(t tb, q broker.OrderQuery) []broker.OrderState {
	t.Helper()
	states, err := s.Broker.Orders(t.Context(), s.Account, q)
	require.NoError(t, err)
	return states
}

// find returns an order by its ID, nil if there is none.
func (s *suite) find(t tb, id broker.OrderID) *broker.OrderState {
	t.Helper()
	states := s.orders(t, broker.OrderQuery{ID: id})
	require.LessOrEqual(t, len(states), 1, "orders with ID %s", id)
	if len(states) == 0 {
		return nil
	}
	require.Equal(t, id, states[0].Order.ID, "the query asked for another ID")
	return &states[0]
}

// until waits until an order is as it must become, and returns it.
func (s *suite) until(t tb, id broker.OrderID, what string, ok func(*broker.OrderState) bool) broker.OrderState {
	t.Helper()
	var last *broker.OrderState
	var lastErr error
	for waited := time.Duration(0); waited <= s.Patience; waited += s.Patience / 100 {
		states, err := s.Broker.Orders(t.Context(), s.Account, broker.OrderQuery{ID: id})
		if lastErr = err; err == nil && len(states) == 1 {
			if last = &states[0]; ok(last) {
				return *last
			}
		}
		s.Advance(s.Patience / 100)
	}
	require.Fail(t, "in vain", "waited %s for order %s to be %s, it is %+v (%v)", s.Patience, id, what, last, lastErr)
	return broker.OrderState{}
}

// filled waits until an order is filled, by its fills and by its status.
func (s *suite) filled(t tb, o broker.Order) broker.OrderState {
	t.Helper()
	return s.until(t, o.ID, "filled", func(state *broker.OrderState) bool {
		return state.Status == broker.StatusFilled && state.Filled().Equal(o.Quantity)
	})
}

// works waits until an order is acknowledged, and checks that it is open.
func (s *suite) works(t tb, id broker.OrderID) broker.OrderState {
	t.Helper()
	state := s.until(t, id, "acknowledged", func(state *broker.OrderState) bool { return state.Status != broker.StatusPending })
	require.False(t, state.Status.Terminal(), "order %s should rest, it is %s: %s %s", id, state.Status, state.Code, state.Reason)
	return state
}

// ended waits until an order is terminal.
func (s *suite) ended(t tb, id broker.OrderID, status broker.Status) broker.OrderState {
	t.Helper()
	state := s.until(t, id, "terminal", func(state *broker.OrderState) bool { return state.Status.Terminal() })
	require.Equal(t, status, state.Status, "order %s: %s %s", id, state.Code, state.Reason)
	return state
}

// snapshot reads the account.
func (s *suite) snapshot(t tb) broker.Snapshot {
	t.Helper()
	snap, err := s.Broker.Snapshot(t.Context(), s.Account)
	require.NoError(t, err)
	return snap
}

// recovered reads the account once the session is back.
func (s *suite) recovered(t tb) broker.Snapshot {
	t.Helper()
	var err error
	for waited := time.Duration(0); waited <= s.Patience; waited += s.Patience / 100 {
		var snap broker.Snapshot
		if snap, err = s.Broker.Snapshot(t.Context(), s.Account); err == nil {
			return snap
		}
		s.Advance(s.Patience / 100)
	}
	require.NoError(t, err, "the session did not come back in %s", s.Patience)
	return broker.Snapshot{}
}

// await waits for news that must come.
func (s *suite) await(t tb, after broker.Cursor) ([]broker.OrderState, broker.Cursor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	defer cancel()
	news, cursor, err := s.Broker.Await(ctx, s.Account, after)
	require.NoError(t, err, "no news")
	require.NotEmpty(t, news, "Await returned without news")
	return news, cursor
}

// watched returns a context that ends when the patience does, but has no
// deadline: a broker whose time is virtual would jump to it.
func (s *suite) watched(t tb) (ctx context.Context, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(s.Patience, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// newsOf waits for the news of one order and returns its newest state.
func (s *suite) newsOf(t tb, after broker.Cursor, id broker.OrderID) (broker.OrderState, broker.Cursor) {
	t.Helper()
	for range 100 {
		var news []broker.OrderState
		news, after = s.await(t, after)
		for _, n := range news {
			if n.Order.ID == id {
				return n, after
			}
		}
	}
	require.Fail(t, "in vain", "100 times news, but none of order %s", id)
	return broker.OrderState{}, after
}

// calm reads news until none have come for a while, and returns the last cursor.
func (s *suite) calm(t tb, after broker.Cursor) broker.Cursor {
	t.Helper()
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), s.Quiet)
		_, next, err := s.Broker.Await(ctx, s.Account, after)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return after
		}
		require.NoError(t, err)
		require.NotEqual(t, after, next, "Await returned news, but the same cursor")
		after = next
	}
	require.Fail(t, "no calm", "news come again and again, though nothing happens")
	return after
}
