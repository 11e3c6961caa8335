package brokertest

import (
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func cancelCases() []testCase {
	return []testCase{
		{"a resting order is open until it is cancelled", nil, cancelsResting},
		{"a partial fill then a cancel keeps the fill", func(f *Features) bool { return f.NoPartialFills }, keepsPartialFill},
		{"cancelling an order that ended changes nothing", nil, cancelsEnded},
		{"cancelling an unknown order is an error that says so", nil, cancelsUnknown},
	}
}

func cancelsResting(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	s.works(t, o.ID)
	require.Len(t, s.orders(t, broker.OrderQuery{ID: o.ID, OpenOnly: true}), 1, "open orders with the ID")

	require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, o.ID))
	state := s.ended(t, o.ID, broker.StatusCancelled)
	require.Empty(t, state.Fills)
	require.True(t, state.Remaining().IsZero(), "remaining of a cancelled order")
	require.Empty(t, s.orders(t, broker.OrderQuery{ID: o.ID, OpenOnly: true}), "a cancelled order is not open")
	for _, open := range s.snapshot(t).Orders {
		require.NotEqual(t, o.ID, open.Order.ID, "a cancelled order is among the open ones of a snapshot")
	}
	require.Len(t, s.orders(t, broker.OrderQuery{ID: o.ID}), 1, "the day's orders with the ID")
}

func keepsPartialFill(t tb, s *suite) {
	before := s.snapshot(t)
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	s.works(t, o.ID)
	part := o.Quantity.Mul(decimal.New(5, -1))
	require.NoError(t, s.MakeFill(o.ID, part))
	state := s.until(t, o.ID, "filled in part", func(state *broker.OrderState) bool { return state.Filled().Equal(part) })
	require.False(t, state.Status.Terminal(), "half of the order is filled, it is %s", state.Status)
	require.True(t, state.Remaining().Equal(o.Quantity.Sub(part)), "remaining is %s", state.Remaining())

	require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, o.ID))
	state = s.ended(t, o.ID, broker.StatusCancelled)
	require.True(t, state.Filled().Equal(part), "filled is %s, want the %s of before the cancel", state.Filled(), part)
	after := s.snapshot(t)
	require.Equal(t, before.Position(o.Instrument).Add(part).String(), after.Position(o.Instrument).String(), "position")
}

func cancelsEnded(t tb, s *suite) {
	o := s.taken(0, broker.Buy)
	s.place(t, o)
	s.filled(t, o)
	gone := s.resting(0, broker.Buy)
	s.place(t, gone)
	s.works(t, gone.ID)
	for range 2 {
		require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, gone.ID))
		s.ended(t, gone.ID, broker.StatusCancelled)
	}
	require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, o.ID), "cancelling a filled order is no error")
	s.Advance(s.Quiet)
	state := s.filled(t, o)
	require.True(t, state.Filled().Equal(o.Quantity), "fills after the cancel")
}

func cancelsUnknown(t tb, s *suite) {
	id := s.NewID()
	err := s.Broker.Cancel(t.Context(), s.Account, id)
	require.ErrorIs(t, err, broker.ErrUnknownOrder)
	s.absent(t, id)
}
