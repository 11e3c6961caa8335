package ibkr_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// buy is an order that the market takes at once; bid is one that rests.
func buy(quantity string) broker.Order { return limit(quantity, "102") }
func bid(quantity string) broker.Order { return limit(quantity, "90") }

func limit(quantity, price string) broker.Order {
	return broker.Order{
		ID: broker.OrderID("t." + rand.Text()[:20]), Account: account, Instrument: "AAPL", Side: broker.Buy, Quantity: dec(quantity),
		Type: broker.Limit, Limit: dec(price), TIF: broker.Day,
	}
}

// rig is a broker on a gateway.
type rig struct {
	*ibkr.Broker
	g *gatewaysim.Gateway
}

func newRig(t *testing.T, version int, change func(*gatewaysim.Config, *ibkr.Config)) *rig {
	t.Helper()
	var cfg ibkr.Config
	g := gateway(t, func(sim *gatewaysim.Config) {
		sim.ServerVersion = version
		if change != nil {
			cfg = config(nil)
			change(sim, &cfg)
		}
	})
	if change == nil {
		cfg = config(nil)
	}
	cfg.Address = g.Addr()
	return &rig{Broker: open(t, cfg), g: g}
}

func (r *rig) inject(t *testing.T, f gatewaysim.Fault) {
	t.Helper()
	_, err := r.g.Inject(f)
	require.NoError(t, err)
}

// state is what Orders tells of one order.
func (r *rig) state(t *testing.T, id broker.OrderID) (broker.OrderState, bool) {
	t.Helper()
	states, err := r.Orders(soon(t), account, broker.OrderQuery{ID: id})
	require.NoError(t, err)
	require.LessOrEqual(t, len(states), 1)
	if len(states) == 0 {
		return broker.OrderState{}, false
	}
	return states[0], true
}

// until waits for news that make an order as it must become.
func (r *rig) until(t *testing.T, id broker.OrderID, ok func(*broker.OrderState) bool) broker.OrderState {
	t.Helper()
	ctx := soon(t)
	var last broker.OrderState
	for after := (broker.Cursor{}); ; {
		news, cursor, err := r.Await(ctx, account, after)
		require.NoError(t, err, "in vain: the order is %+v", last)
		after = cursor
		for i := range news {
			if news[i].Order.ID != id {
				continue
			}
			if last = news[i]; ok(&last) {
				return last
			}
		}
	}
}

func filled(s *broker.OrderState) bool {
	return s.Status == broker.StatusFilled && s.Filled().Equal(s.Order.Quantity)
}

// recovered waits until orders can be sent in a later epoch.
func (r *rig) recovered(t *testing.T, before broker.Epoch) {
	t.Helper()
	require.Eventually(t, func() bool { return r.Epoch() > before }, 10*time.Second, 5*time.Millisecond, "the session did not come back: %v", r.Stats())
}

// Whatever is wrong with the reports of a fill, the fill is counted, once.
func TestFillReports(t *testing.T) {
	t.Parallel()
	for _, f := range []gatewaysim.Fault{
		{Name: gatewaysim.FaultFillWithoutStatus},
		{Name: gatewaysim.FaultStatusWithoutExec},
		{Name: gatewaysim.FaultDuplicateStatus},
		{Name: gatewaysim.FaultReorderStatus},
		{Name: gatewaysim.FaultRegressStatus},
		{Name: gatewaysim.FaultWrongRemaining},
		{Name: gatewaysim.FaultDuplicateExec},
		{Name: gatewaysim.FaultCommissionNone},
		{Name: gatewaysim.FaultCommissionOdd},
		{Name: gatewaysim.FaultOddExecTime},
		{Name: gatewaysim.FaultAckLate},
		{Name: gatewaysim.FaultCorrectExec, Price: dec("99")},
		{Name: gatewaysim.FaultLinkLostMidFill},
	} {
		t.Run(f.Name, func(t *testing.T) {
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				epoch := r.Epoch()
				r.inject(t, f)
				o := buy("10")
				_, err := r.Place(soon(t), o)
				if f.Name == gatewaysim.FaultLinkLostMidFill {
					if err != nil {
						require.ErrorIs(t, err, broker.ErrIndeterminate)
					}
					r.recovered(t, epoch)
				} else {
					require.NoError(t, err)
				}
				state := r.until(t, o.ID, filled)
				for _, fill := range state.Fills {
					require.False(t, fill.Time.IsZero())
					if f.Name == gatewaysim.FaultCommissionNone || f.Name == gatewaysim.FaultCommissionOdd {
						require.False(t, fill.Fee.Valid, "a fee that is not known is not known")
					}
				}
				again, ok := r.state(t, o.ID)
				require.True(t, ok)
				require.True(t, filled(&again), "after a look: %+v", again)
				if f.Name == gatewaysim.FaultCorrectExec {
					r.until(t, o.ID, func(s *broker.OrderState) bool { return s.Fills[0].Price.Equal(dec("99")) })
				}
				require.Equal(t, 1, r.g.Fired(f.Name))
			})
		})
	}
}

// Whatever is wrong with a cancel, its answer concludes nothing.
func TestCancelReports(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault  gatewaysim.Fault
		status broker.Status
		filled string
	}{
		{gatewaysim.Fault{Name: gatewaysim.FaultCancelNeverConfirmed}, broker.StatusPendingCancel, "0"},
		{gatewaysim.Fault{Name: gatewaysim.FaultLoseCancel}, broker.StatusPendingCancel, "0"},
		{gatewaysim.Fault{Name: gatewaysim.FaultFillOnCancel}, broker.StatusFilled, "10"},
		{gatewaysim.Fault{Name: gatewaysim.FaultFillAfterCancel, Quantity: dec("4")}, broker.StatusCancelled, "4"},
		{gatewaysim.Fault{Name: gatewaysim.FaultFillAfterCancel}, broker.StatusFilled, "10"},
		{gatewaysim.Fault{Name: gatewaysim.FaultCancelLate}, broker.StatusCancelled, "0"},
		{gatewaysim.Fault{Name: gatewaysim.FaultCancelError, Code: 10147}, broker.StatusPendingCancel, "0"},
		{gatewaysim.Fault{Name: gatewaysim.FaultCancelError, Code: 161}, broker.StatusPendingCancel, "0"},
	} {
		t.Run(row.fault.Name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				o := bid("10")
				_, err := r.Place(soon(t), o)
				require.NoError(t, err)
				r.inject(t, row.fault)
				require.NoError(t, r.Cancel(soon(t), account, o.ID))
				require.Eventually(t, func() bool { return r.g.Fired(row.fault.Name) == 1 }, 5*time.Second, time.Millisecond)
				r.until(t, o.ID, func(s *broker.OrderState) bool { return s.Status == row.status && s.Filled().Equal(dec(row.filled)) })
			})
		})
	}
}

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		fault   gatewaysim.Fault
		code    string
		refusal broker.Refusal
		text    string
	}{
		{"margin", gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Text: "Order rejected - reason: insufficient margin"}, "201", broker.RefusedMargin, ""},
		{"permission", gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Code: 203}, "203", broker.RefusedPermission, ""},
		{"price", gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Code: 110}, "110", broker.RefusedPrice, ""},
		{"fractions", gatewaysim.Fault{Name: gatewaysim.FaultRejectOrder, Code: 10243}, "10243", "", "fractional"},
		{"read-only", gatewaysim.Fault{Name: gatewaysim.FaultReadOnly}, "321", "", "untick 'Read-Only API'"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				r.inject(t, row.fault)
				o := buy("10")
				_, err := r.Place(soon(t), o)
				require.NoError(t, err)
				state := r.until(t, o.ID, func(s *broker.OrderState) bool { return s.Status == broker.StatusRejected })
				require.Equal(t, row.code, state.Code)
				require.Equal(t, row.refusal, state.Refusal)
				require.Contains(t, state.Reason, row.text)
				again, err := r.Place(soon(t), o)
				require.NoError(t, err)
				require.Equal(t, broker.StatusRejected, again.Status, "the same ID is the same order")
			})
		})
	}
}

// Inactive without a reason is no refusal; a preset that changes the order shows.
func TestOddOrders(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultInactive})
		o := bid("10")
		_, err := r.Place(soon(t), o)
		require.NoError(t, err)
		state, ok := r.state(t, o.ID)
		require.True(t, ok)
		require.False(t, state.Status.Terminal(), "%+v", state)

		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHoldOrder})
		held := bid("10")
		_, err = r.Place(soon(t), held)
		require.NoError(t, err)
		state, ok = r.state(t, held.ID)
		require.True(t, ok)
		require.Equal(t, broker.StatusHeld, state.Status)

		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultAlterOrder, Quantity: dec("7")})
		altered := bid("10")
		_, err = r.Place(soon(t), altered)
		require.NoError(t, err)
		state, ok = r.state(t, altered.ID)
		require.True(t, ok)
		require.Equal(t, "7", state.Order.Quantity.String(), "the echo tells what the gateway made of it")
		require.False(t, altered.Same(&state.Order))
		_, err = r.Place(soon(t), altered)
		require.ErrorIs(t, err, broker.ErrOrderConflict)
	})
}

// A numeric id that is taken is no refusal: nothing is concluded, and later ids
// are higher.
func TestDuplicateOrderID(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDuplicateOrderID})
		o := bid("10")
		state, err := r.Place(soon(t), o)
		require.NoError(t, err)
		require.Equal(t, broker.StatusPending, state.Status)
		_, ok := r.state(t, o.ID)
		require.False(t, ok, "nobody has acknowledged it")
		absent, err := r.ProveAbsent(soon(t), account, o.ID)
		require.NoError(t, err)
		require.False(t, absent, "the gateway said something of it")
		other := bid("10")
		state, err = r.Place(soon(t), other)
		require.NoError(t, err)
		require.Equal(t, broker.StatusWorking, state.Status)
	})
}

// What is cut off in the send is in doubt, and a look tells what became of it.
func TestCutsInTheSend(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		found bool
	}{
		{gatewaysim.FaultCutBeforeAccept, false}, {gatewaysim.FaultCutAfterAccept, true}, {gatewaysim.FaultCutAfterAck, true}, {gatewaysim.FaultCutAfterFill, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				epoch := r.Epoch()
				r.inject(t, gatewaysim.Fault{Name: row.name})
				o := buy("10")
				if state, err := r.Place(soon(t), o); err != nil {
					require.ErrorIs(t, err, broker.ErrIndeterminate)
				} else if state.Status != broker.StatusPending { // the cut was late
					require.Contains(t, []string{gatewaysim.FaultCutAfterAck, gatewaysim.FaultCutAfterFill}, row.name)
				}
				r.recovered(t, epoch)
				_, ok := r.state(t, o.ID)
				require.Equal(t, row.found, ok)
				absent, err := r.ProveAbsent(soon(t), account, o.ID)
				require.NoError(t, err)
				require.Equal(t, !row.found, absent)
				_, err = r.Place(soon(t), o)
				if row.found {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, broker.ErrIndeterminate, "what was written once is never written again")
				}
				if row.found {
					r.until(t, o.ID, filled)
				}
				require.LessOrEqual(t, len(r.g.Exchange().Orders()), 1)
				require.Empty(t, r.g.Ledger(gatewaysim.KindUnhandshaken))
			})
		})
	}
}

// The last instant of an order counts where its first byte leaves: after the wait
// for its turn.
func TestSendBeforeCountsAtTheSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.MessagesPerSecond = 10
	})
	_, err := r.Resolve(soon(t), "AAPL")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { // use up the tokens
		defer close(done)
		for range 4 {
			_, _ = r.Orders(t.Context(), account, broker.OrderQuery{})
		}
	}()
	var refused int
	for range 5 {
		o := bid("10")
		o.SendBefore = time.Now().Add(3 * time.Millisecond)
		if _, err := r.Place(soon(t), o); err != nil {
			var e *broker.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, broker.KindWait, e.Kind)
			_, found := r.g.Exchange().OrderByRef(string(o.ID))
			require.False(t, found)
			refused++
		}
	}
	require.Positive(t, refused)
	<-done
}

// Nothing is sent while the gateway is about to restart.
func TestRestartWindow(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC()
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		from := at.Sub(midnight).Truncate(time.Second)
		cfg.Restart = &ibkr.Window{From: from, To: (from + time.Hour) % (24 * time.Hour), Zone: "UTC"}
	})
	_, err := r.Snapshot(soon(t), account)
	require.NoError(t, err, "reads go on")
	o := bid("10")
	_, err = r.Place(soon(t), o)
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindWait, e.Kind)
	require.True(t, e.Until.After(at))
	require.Empty(t, r.g.Exchange().Orders())
}

func TestForeignOrders(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		_, err := r.g.Exchange().PlaceForeign(gatewaysim.ForeignOrder{
			Account: string(account), Symbol: "MSFT", Action: "BUY", Quantity: dec("5"), Type: "LMT", Limit: dec("40"), Client: 99, Ref: "someone-else",
		})
		require.NoError(t, err)
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Len(t, snap.Orders, 1, "orders of others are seen")
		require.Equal(t, broker.OrderID("someone-else"), snap.Orders[0].Order.ID)
		require.ErrorContains(t, r.Cancel(soon(t), account, "someone-else"), "client 99")
	})
}
