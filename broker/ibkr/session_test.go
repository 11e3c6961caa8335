package ibkr_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// While the gateway has lost IBKR nothing is sent and nothing is read; when it is
// back everything is read anew, in a new epoch on the same connection.
func TestLostLink(t *testing.T) {
	t.Parallel()
	for _, back := range []string{gatewaysim.FaultLinkBack, gatewaysim.FaultLinkBackDataLost} {
		t.Run(back, func(t *testing.T) {
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				resting := bid("10")
				_, err := r.Place(soon(t), resting)
				require.NoError(t, err)
				snap, err := r.Snapshot(soon(t), account)
				require.NoError(t, err)

				r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
				require.Eventually(t, func() bool { return r.Stats().Phase == "frozen" }, 5*time.Second, time.Millisecond)
				o := bid("10")
				_, err = r.Place(soon(t), o)
				require.ErrorIs(t, err, broker.ErrSession)
				require.NotErrorIs(t, err, broker.ErrIndeterminate)
				_, err = r.Snapshot(soon(t), account)
				require.ErrorIs(t, err, broker.ErrSession)
				_, _, err = r.Await(soon(t), account, snap.Cursor)
				require.ErrorIs(t, err, broker.ErrSession)
				require.ErrorContains(t, err, "lost its connection to IBKR")

				r.inject(t, gatewaysim.Fault{Name: back})
				r.recovered(t, snap.Epoch)
				_, found := r.g.Exchange().OrderByRef(string(o.ID))
				require.False(t, found)
				state, ok := r.state(t, resting.ID)
				require.True(t, ok)
				require.Equal(t, broker.StatusWorking, state.Status)
				o.Epoch = snap.Epoch
				_, err = r.Place(soon(t), o)
				require.ErrorIs(t, err, broker.ErrSession, "decided before the link was lost")
				require.Len(t, r.g.Ledger(gatewaysim.KindConnected), 1, "the connection lives on")
			})
		})
	}
}

// A peer that is silent is found out by the heartbeat.
func TestHalfOpenConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.Timing.Heartbeat, cfg.Timing.Answer = 1100*time.Millisecond, 400*time.Millisecond
	})
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHalfOpen})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := r.Snapshot(ctx, account)
	require.Error(t, err)
	require.Less(t, time.Since(begin), time.Second, "nothing hangs longer than its context")
	r.recovered(t, epoch)
}

// After a restart the gateway counts order ids from lower ones: ours go on above
// all that were ever used, and an order of before keeps its fills.
func TestRestartWithRollback(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		first := buy("10")
		for range 3 {
			_, err := r.Place(soon(t), bid("1"))
			require.NoError(t, err)
		}
		_, err := r.Place(soon(t), first)
		require.NoError(t, err)
		r.until(t, first.ID, filled)
		epoch, used := r.Epoch(), r.Stats().NextOrderID
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNightlyRestart, Count: 50, For: gatewaysim.Duration(50 * time.Millisecond)})
		r.recovered(t, epoch)
		require.GreaterOrEqual(t, r.Stats().NextOrderID, used)
		second := buy("10")
		_, err = r.Place(soon(t), second)
		require.NoError(t, err)
		r.until(t, second.ID, filled)
		state, ok := r.state(t, first.ID)
		require.True(t, ok)
		require.Len(t, state.Fills, 1)
		one, _ := r.g.Exchange().OrderByRef(string(first.ID))
		two, _ := r.g.Exchange().OrderByRef(string(second.ID))
		require.Greater(t, two.OrderID, one.OrderID)
	})
}

// A socket that is reset anywhere in the stream, or that comes in pieces, never
// makes a half answer a whole one.
func TestWire(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		for _, name := range []string{gatewaysim.FaultSplitFrames, gatewaysim.FaultMergedFrames, gatewaysim.FaultUnknownMessage} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, version, nil)
				epoch := r.Epoch()
				r.inject(t, gatewaysim.Fault{Name: name})
				o := buy("10")
				_, err := r.Place(soon(t), o)
				require.NoError(t, err)
				r.until(t, o.ID, filled)
				snap, err := r.Snapshot(soon(t), account)
				require.NoError(t, err)
				require.Equal(t, "10", snap.Position("AAPL").String())
				require.Equal(t, epoch, snap.Epoch, "nothing of it ends a session")
			})
		}
		for _, count := range []int{1, 3, 7, 50, 200, 700} {
			r := newRig(t, version, nil)
			epoch := r.Epoch()
			r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultResetAfterBytes, Count: count})
			for range 8 {
				snap, err := r.Snapshot(soon(t), account)
				if err == nil {
					require.Equal(t, "1000000", snap.NetLiquidation.String())
					continue
				}
				require.ErrorIs(t, err, broker.ErrSession, "%v", err)
				break
			}
			r.recovered(t, epoch)
			require.Empty(t, r.g.Ledger(gatewaysim.KindUnhandshaken, gatewaysim.KindMalformed))
		}
	})
}

// Many callers and many cuts: every call ends, no message is malformed, and no
// connection begins without a handshake.
func TestCutsUnderLoad(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = r.Snapshot(ctx, account)
					_, _ = r.Orders(ctx, account, broker.OrderQuery{})
				}
			})
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = r.Place(ctx, bid("1"))
					wait, stop := context.WithTimeout(ctx, 10*time.Millisecond)
					_, _, _ = r.Await(wait, account, broker.Cursor{})
					stop()
				}
			})
		}
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-tick.C:
				r.g.Disconnect(clientID)
			case <-ctx.Done():
			}
		}
		wg.Wait()
		require.Empty(t, r.g.Ledger(gatewaysim.KindUnhandshaken))
		require.Empty(t, r.g.Ledger(gatewaysim.KindMalformed))
		refs := map[string]bool{}
		for _, o := range r.g.Exchange().Orders() {
			require.False(t, refs[o.Ref], "order %s was sent twice", o.Ref)
			refs[o.Ref] = true
		}
		r.recovered(t, 0)
	})
}

func TestCloseEndsWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	snap, err := r.Snapshot(soon(t), account)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, _, err := r.Await(context.WithoutCancel(t.Context()), account, snap.Cursor)
		done <- err
	}()
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-done, broker.ErrClosed)
	_, err = r.Snapshot(soon(t), account)
	require.ErrorIs(t, err, broker.ErrClosed)
	_, err = r.Place(soon(t), bid("1"))
	require.ErrorIs(t, err, broker.ErrClosed)
	require.NoError(t, r.Close(), "twice is no error")
}

// Another program takes the client id while the gateway is away: it is waited for.
func TestClientIDTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultClientIDInUse, Times: 3})
	r.g.Disconnect(clientID)
	require.Eventually(t, func() bool {
		_, err := r.Snapshot(soon(t), account)
		var e *broker.Error
		return errors.As(err, &e) && e.Kind == broker.KindWait
	}, 5*time.Second, time.Millisecond)
	r.recovered(t, epoch)
}

// The rate is kept whatever is asked at once.
func TestPacing(t *testing.T) {
	r := newRig(t, protoVersion, nil)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() { _, _ = r.Orders(soon(t), account, broker.OrderQuery{}) })
	}
	wg.Wait()
	entries := r.g.Ledger(gatewaysim.KindReceived)
	for i := range entries {
		n := 0
		for j := i; j < len(entries) && entries[j].Time.Sub(entries[i].Time) < time.Second; j++ {
			n++
		}
		require.LessOrEqual(t, n, 50, "messages in one second")
	}
}

// The link is lost while the session is being read: no epoch begins on half of it.
func TestLinkLostWhileReading(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	epoch := r.Epoch()
	for range 5 {
		r.g.Disconnect(clientID)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
		time.AfterFunc(30*time.Millisecond, func() { _, _ = r.g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultLinkBack}) })
		r.recovered(t, epoch)
		epoch = r.Epoch()
		_, err := r.Snapshot(soon(t), account)
		if err != nil {
			require.ErrorIs(t, err, broker.ErrSession)
		}
	}
}
