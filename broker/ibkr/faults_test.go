package ibkr_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// What cannot be decoded ends the session, not the process.
func TestGarbage(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		epoch := r.Epoch()
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultGarbage})
		require.Eventually(t, func() bool {
			_, err := r.Snapshot(soon(t), account)
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
		require.GreaterOrEqual(t, r.Epoch(), epoch)
		require.Empty(t, r.g.Ledger(gatewaysim.KindUnhandshaken))
	})
}

// A gateway that moves to another socket is followed.
func TestSocketPortReset(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSocketReset})
	r.recovered(t, epoch)
}

// A warning about the rate slows us down and costs nothing else.
func TestPacingWarning(t *testing.T) {
	r := newRig(t, protoVersion, nil)
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPacingViolation, Times: 1})
	begin := time.Now()
	_, err := r.Resolve(soon(t), "AAPL")
	require.ErrorContains(t, err, "100", "the message was dropped")
	require.Less(t, time.Since(begin), time.Second, "which is known at once")
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindTransient, e.Kind)
	for range 3 {
		_, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
	}
	require.Equal(t, epoch, r.Epoch())
}

func TestPartialFills(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPartialThenStop, Quantity: dec("4")})
		stopped := buy("10")
		_, err := r.Place(soon(t), stopped)
		require.NoError(t, err)
		state := r.until(t, stopped.ID, func(s *broker.OrderState) bool { return s.Filled().Equal(dec("4")) })
		require.Equal(t, "6", state.Remaining().String())

		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultPartialThenCancel, Quantity: dec("3")})
		cancelled := buy("10")
		_, err = r.Place(soon(t), cancelled)
		require.NoError(t, err)
		state = r.until(t, cancelled.ID, func(s *broker.OrderState) bool {
			return s.Status == broker.StatusCancelled && len(s.Fills) > 0 && s.Reason != ""
		})
		require.Equal(t, "3", state.Filled().String())
		require.Equal(t, "202", state.Code)
	})
}

// An order that goes on under another permanent id is still one order with all
// its fills.
func TestTwoPermanentIDs(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, _ *ibkr.Config) {
			sim.Fill = gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 2, Every: 10 * time.Millisecond}
		})
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultTwoPermIDs, Nth: 2})
		o := buy("10")
		_, err := r.Place(soon(t), o)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			states, err := r.Orders(soon(t), account, broker.OrderQuery{ID: o.ID})
			require.NoError(t, err)
			total := dec("0")
			for i := range states {
				total = total.Add(states[i].Filled())
			}
			return total.Equal(dec("10"))
		}, 5*time.Second, 20*time.Millisecond, "no fill is lost and none counts twice")
	})
}

// After midnight the gateway forgets: what ended before is remembered by us, and
// nothing is taken for refused.
func TestMidnight(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		o := buy("10")
		_, err := r.Place(soon(t), o)
		require.NoError(t, err)
		r.until(t, o.ID, filled)
		epoch := r.Epoch()
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMidnightCut})
		r.g.Disconnect(clientID)
		r.recovered(t, epoch)
		state, ok := r.state(t, o.ID)
		require.True(t, ok)
		require.True(t, filled(&state), "%+v", state)
	})
}

// Another process, which knows nothing of the orders, reads what became of them.
func TestAnotherProcessGoesOn(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		resting, taken, refused := bid("10"), buy("10"), bid("999999999")
		for _, o := range []broker.Order{resting, taken, refused} {
			_, err := r.Place(soon(t), o)
			require.NoError(t, err)
		}
		r.until(t, taken.ID, filled)
		before := r.Stats().NextOrderID
		require.NoError(t, r.Close())

		cfg := config(r.g)
		next := &rig{Broker: open(t, cfg), g: r.g}
		require.GreaterOrEqual(t, next.Stats().NextOrderID, before-1, "ids go on")
		state, ok := next.state(t, taken.ID)
		require.True(t, ok)
		require.True(t, filled(&state), "%+v", state)
		state, err := next.Place(soon(t), resting)
		require.NoError(t, err)
		require.Equal(t, broker.StatusWorking, state.Status, "the ID is known")
		require.NoError(t, next.Cancel(soon(t), account, resting.ID))
		next.until(t, resting.ID, func(s *broker.OrderState) bool { return s.Status == broker.StatusCancelled })
		orders := 0
		for _, o := range r.g.Exchange().Orders() {
			if o.Ref == string(resting.ID) {
				orders++
			}
		}
		require.Equal(t, 1, orders)
	})
}

// An order that was swallowed is proven absent; one that another session could
// have is not.
func TestProofOfAbsence(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLoseOrder})
		lost := bid("10")
		state, err := r.Place(soon(t), lost)
		require.NoError(t, err)
		require.Equal(t, broker.StatusPending, state.Status)
		absent, err := r.ProveAbsent(soon(t), account, lost.ID)
		require.NoError(t, err)
		require.True(t, absent)

		_, err = r.Place(soon(t), bid("10")) // a higher id is used now
		require.NoError(t, err)
		absent, err = r.ProveAbsent(soon(t), account, lost.ID)
		require.NoError(t, err)
		require.False(t, absent, "its id counts as used")
		absent, err = r.ProveAbsent(soon(t), account, "never-heard-of")
		require.NoError(t, err)
		require.False(t, absent, "another process may have sent it")
	})
}

// An order that pends for ever is known to the gateway: nothing proves it absent.
func TestPendingIsNotAbsent(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultOrderPendsForever})
	o := bid("10")
	_, err := r.Place(soon(t), o)
	require.NoError(t, err)
	absent, err := r.ProveAbsent(soon(t), account, o.ID)
	require.NoError(t, err)
	require.False(t, absent)
	state, ok := r.state(t, o.ID)
	require.True(t, ok)
	require.Equal(t, broker.StatusPending, state.Status)
}

func TestLibraryDoesNotMuteTheProcess(t *testing.T) {
	require.NotEqual(t, zerolog.InfoLevel, zerolog.GlobalLevel(), "zerolog's level is as zerolog has it")
}
