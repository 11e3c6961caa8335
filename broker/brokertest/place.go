package brokertest

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// placers is how many goroutines place at once.
const placers = 8

func placeCases() []testCase {
	return []testCase{
		{"an order is carried as it was sent", nil, carriesOrder},
		{"a marketable order fills within its limit", nil, fillsWithinLimit},
		{"positions and cash agree with the fills", nil, booksFills},
		{"the same ID twice is one order", nil, sameIDTwice},
		{"the same ID from many at once is one order", nil, sameIDAtOnce},
		{"a different order under a known ID is a conflict", nil, conflicts},
		{"orders placed at once all arrive", nil, placesAtOnce},
		{"a malformed order is refused unsent", nil, refusesMalformed},
		{"an order decided in another session is refused unsent", nil, refusesOtherEpoch},
		{"an order past its last instant is refused unsent", nil, refusesLate},
		{"an order before its last instant in its session is sent", nil, acceptsInTime},
		{"an order of an ended context is refused unsent", nil, refusesEndedContext},
		{"a refusal by the broker is a state with a reason", nil, rejectsAsState},
		{"an order in doubt can be found", func(f *Features) bool { return f.NoPlaceCuts }, findsInDoubt},
		{"an order that vanished is not known", func(f *Features) bool { return f.NoSilentLoss }, forgetsVanished},
	}
}

func carriesOrder(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	state := s.works(t, o.ID)
	require.True(t, o.Same(&state.Order), "sent %+v, echoed %+v", o, state.Order)
	require.NotEmpty(t, state.BrokerID, "the broker's own identity of the order")
	require.False(t, state.Updated.IsZero(), "when it was updated")
	require.Empty(t, state.Fills, "fills of a resting order")
	require.True(t, state.Remaining().Equal(o.Quantity), "remaining is %s of %s", state.Remaining(), o.Quantity)
}

func fillsWithinLimit(t tb, s *suite) {
	for _, side := range []broker.Side{broker.Buy, broker.Sell} {
		o := s.taken(0, side)
		s.place(t, o)
		state := s.filled(t, o)
		seen := map[string]bool{}
		for _, f := range state.Fills {
			require.NotEmpty(t, f.ID, "identity of a fill")
			require.False(t, seen[f.ID], "fill %s is there twice", f.ID)
			seen[f.ID] = true
			require.Equal(t, o.ID, f.Order, "a fill carries the ID of its order")
			require.Equal(t, o.Instrument, f.Instrument)
			require.Equal(t, side, f.Side)
			require.True(t, f.Quantity.Sign() > 0, "quantity of a fill is %s", f.Quantity)
			require.False(t, f.Time.IsZero(), "time of a fill")
			worse := f.Price.Sub(o.Limit).Mul(decimal.New(side.Sign(), 0))
			require.True(t, worse.Sign() <= 0, "%s with limit %s filled at %s", side, o.Limit, f.Price)
		}
		require.True(t, state.Remaining().IsZero(), "remaining of a filled order")
	}
}

func booksFills(t tb, s *suite) {
	before := s.snapshot(t)
	position, cash := before.Position(s.Instruments[0].ID), map[broker.Currency]decimal.Decimal{}
	for c, amount := range before.Cash {
		cash[c] = amount
	}
	currency := s.terms[s.Instruments[0].ID].Currency
	for _, side := range []broker.Side{broker.Buy, broker.Buy, broker.Sell} {
		o := s.taken(0, side)
		s.place(t, o)
		s.filled(t, o)
		state := s.until(t, o.ID, "charged", func(state *broker.OrderState) bool {
			for _, f := range state.Fills {
				if !f.Fee.Valid {
					return false
				}
			}
			return true
		})
		sign := decimal.New(side.Sign(), 0)
		for _, f := range state.Fills {
			position = position.Add(f.Quantity.Mul(sign))
			cash[currency] = cash[currency].Sub(f.Quantity.Mul(f.Price).Mul(sign))
			if !f.Fee.Decimal.IsZero() {
				cash[f.FeeCurrency] = cash[f.FeeCurrency].Sub(f.Fee.Decimal)
			}
		}
	}
	var after broker.Snapshot
	for waited := time.Duration(0); waited <= s.Patience; waited += s.Patience / 100 {
		if after = s.snapshot(t); after.Position(s.Instruments[0].ID).Equal(position) && sameCash(after.Cash, cash) {
			return
		}
		s.Advance(s.Patience / 100)
	}
	require.Equal(t, position.String(), after.Position(s.Instruments[0].ID).String(), "position: before and fills against after")
	for c, amount := range cash {
		require.Equal(t, amount.String(), after.Cash[c].String(), "cash in %s: before and fills against after", c)
	}
}

// sameCash compares amounts by currency.
func sameCash(a, b map[broker.Currency]decimal.Decimal) bool {
	for c, amount := range b {
		if !a[c].Equal(amount) {
			return false
		}
	}
	return true
}

func sameIDTwice(t tb, s *suite) {
	for _, o := range []broker.Order{s.resting(0, broker.Buy), s.taken(0, broker.Buy)} {
		s.place(t, o)
		first := s.until(t, o.ID, "acknowledged", func(state *broker.OrderState) bool { return state.Status != broker.StatusPending })
		second := s.place(t, o)
		require.Equal(t, first.BrokerID, second.BrokerID, "the second call returned another order")
		require.True(t, o.Same(&second.Order), "sent %+v, returned %+v", o, second.Order)
		s.once(t, o.ID)
	}
}

func sameIDAtOnce(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	errs := make([]error, placers)
	var wg sync.WaitGroup
	for n := range placers {
		wg.Go(func() { _, errs[n] = s.Broker.Place(t.Context(), o) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	s.works(t, o.ID)
	s.once(t, o.ID)
}

func conflicts(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	s.place(t, o)
	s.works(t, o.ID)
	for what, change := range map[string]func(*broker.Order){
		"quantity":   func(o *broker.Order) { o.Quantity = o.Quantity.Add(o.Quantity) },
		"limit":      func(o *broker.Order) { o.Limit = o.Limit.Sub(s.terms[o.Instrument].Tick) },
		"side":       func(o *broker.Order) { o.Side = broker.Sell },
		"instrument": func(o *broker.Order) { o.Instrument, o.Ref = s.Instruments[1].ID, s.terms[s.Instruments[1].ID].Ref },
	} {
		other := o
		change(&other)
		_, err := s.Broker.Place(t.Context(), other)
		require.ErrorIs(t, err, broker.ErrOrderConflict, "another %s", what)
	}
	s.once(t, o.ID)
	state := s.works(t, o.ID)
	require.True(t, o.Same(&state.Order), "the stored order was changed")
}

func placesAtOnce(t tb, s *suite) {
	orders := make([]broker.Order, placers)
	errs := make([]error, placers)
	var wg sync.WaitGroup
	for n := range orders {
		orders[n] = s.resting(n%2, broker.Buy)
		wg.Go(func() { _, errs[n] = s.Broker.Place(t.Context(), orders[n]) })
	}
	wg.Wait()
	for n := range orders {
		require.NoError(t, errs[n])
		state := s.works(t, orders[n].ID)
		require.True(t, orders[n].Same(&state.Order), "sent %+v, echoed %+v", orders[n], state.Order)
		s.once(t, orders[n].ID)
	}
}

func refusesMalformed(t tb, s *suite) {
	for what, change := range map[string]func(*broker.Order){
		"no ID":               func(o *broker.Order) { o.ID = "" },
		"an ID too long":      func(o *broker.Order) { o.ID = broker.OrderID(strings.Repeat("x", 33)) },
		"an ID with a colon":  func(o *broker.Order) { o.ID = "a:b" },
		"no side":             func(o *broker.Order) { o.Side = "" },
		"a quantity of zero":  func(o *broker.Order) { o.Quantity = decimal.Decimal{} },
		"a negative quantity": func(o *broker.Order) { o.Quantity = o.Quantity.Neg() },
		"no limit":            func(o *broker.Order) { o.Limit = decimal.Decimal{} },
		"no time in force":    func(o *broker.Order) { o.TIF = "" },
	} {
		o := s.resting(0, broker.Buy)
		change(&o)
		_, err := s.Broker.Place(t.Context(), o)
		require.Error(t, err, what)
		var e *broker.Error
		require.ErrorAs(t, err, &e, what)
		require.Equal(t, broker.KindPermanent, e.Kind, "kind of %q (%s)", err, what)
		if o.ID != "" {
			s.absent(t, o.ID)
		}
	}
}

func refusesOtherEpoch(t tb, s *suite) {
	epoch := s.snapshot(t).Epoch
	for _, other := range []broker.Epoch{epoch + 1, epoch + 1000} {
		o := s.resting(0, broker.Buy)
		o.Epoch = other
		s.refused(t, t.Context(), o, broker.KindSession)
	}
}

func refusesLate(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	o.SendBefore = s.Now().Add(-time.Second)
	s.refused(t, t.Context(), o, broker.KindWait)
}

func acceptsInTime(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	o.Epoch, o.SendBefore = s.snapshot(t).Epoch, s.Now().Add(time.Hour)
	s.place(t, o)
	s.works(t, o.ID)
	s.once(t, o.ID)
}

func refusesEndedContext(t tb, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := s.resting(0, broker.Buy)
	_, err := s.Broker.Place(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, broker.ErrIndeterminate, "nothing can have been written")
	s.absent(t, o.ID)
}

func rejectsAsState(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	o.Quantity = s.TooMuch
	s.place(t, o)
	state := s.ended(t, o.ID, broker.StatusRejected)
	require.NotEmpty(t, state.Code, "code")
	require.NotEmpty(t, state.Reason, "reason")
	require.Empty(t, state.Fills, "fills of a rejected order")
	require.Empty(t, s.orders(t, broker.OrderQuery{ID: o.ID, OpenOnly: true}), "a rejected order is not open")
}

func findsInDoubt(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	require.NoError(t, s.CutNextPlace())
	_, err := s.Broker.Place(t.Context(), o)
	require.ErrorIs(t, err, broker.ErrIndeterminate, "the order was written and not answered")
	s.recovered(t)
	s.works(t, o.ID)
	s.once(t, o.ID)
	if prover, ok := broker.As[broker.AbsenceProver](s.Broker); ok {
		absent, err := prover.ProveAbsent(t.Context(), s.Account, o.ID)
		require.NoError(t, err)
		require.False(t, absent, "the order works, its absence cannot be proven")
	}
}

func forgetsVanished(t tb, s *suite) {
	o := s.resting(0, broker.Buy)
	require.NoError(t, s.LoseNextPlace())
	state, err := s.Broker.Place(t.Context(), o)
	if err != nil {
		require.ErrorIs(t, err, broker.ErrIndeterminate)
	} else {
		require.Equal(t, broker.StatusPending, state.Status, "nobody acknowledged the order")
	}
	s.Advance(s.Quiet)
	s.absent(t, o.ID)
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, o.ID), broker.ErrUnknownOrder)
}
