package remotebroker_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
)

// world is an exchange, its server and a client.
type world struct {
	exchange *fake.Broker
	server   *remotebroker.Server
	client   *remotebroker.Client
	path     string
	hooks    remotebroker.Hooks
	cutNext  atomic.Bool // the answer to the next order
}

var errCut = errors.New("cut")

// after cuts, if that is wished, then runs the test's own hook.
func (w *world) after(ctx context.Context, c remotebroker.Call) error {
	if c.Method == remotebroker.MethodPlace && w.cutNext.CompareAndSwap(true, false) {
		return errCut
	}
	if w.hooks.After != nil {
		return w.hooks.After(ctx, c)
	}
	return nil
}

// received is how many orders with an ID the ledger has.
func (w *world) received(id broker.OrderID) int {
	n := 0
	for _, o := range w.exchange.Ledger().Orders {
		if o.Sent.ID == id {
			n++
		}
	}
	return n
}

func order(id broker.OrderID) broker.Order {
	return broker.Order{
		ID: id, Account: account, Instrument: "AAA", Side: broker.Buy, Quantity: dec("1"), Type: broker.Limit,
		Limit: dec("50"), TIF: broker.Day,
	}
}

func TestCutBeforeTheOrderIsTaken(t *testing.T) {
	w := newWorld(t, remotebroker.Hooks{Before: func(_ context.Context, c remotebroker.Call) error {
		if c.Method == remotebroker.MethodPlace {
			return errCut
		}
		return nil
	}}, nil)
	_, err := w.client.Place(t.Context(), order("a"))
	require.ErrorIs(t, err, broker.ErrIndeterminate, "bytes have left: the client cannot know")
	require.Zero(t, w.received("a"))
}

func TestCutAfterTheOrderWasTaken(t *testing.T) {
	w := newWorld(t, remotebroker.Hooks{}, nil)
	w.cutNext.Store(true)
	_, err := w.client.Place(t.Context(), order("a"))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	require.Equal(t, 1, w.received("a"))
	states, err := w.client.Orders(t.Context(), account, broker.OrderQuery{ID: "a"})
	require.NoError(t, err)
	require.Len(t, states, 1)
}

func TestWithoutAConnectionNothingIsSent(t *testing.T) {
	c := remotebroker.NewClient("unix", filepath.Join(t.TempDir(), "nobody"), "tester")
	_, err := c.Place(t.Context(), order("a"))
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindTransient, e.Kind)
	require.Equal(t, account, e.Account)
	require.NoError(t, c.Close())
	_, err = c.Place(t.Context(), order("a"))
	require.ErrorIs(t, err, broker.ErrClosed)
	_, err = c.Accounts(t.Context())
	require.ErrorIs(t, err, broker.ErrClosed)
}

// An exchange that takes the order and never answers.
func TestPlaceEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent"))
	require.NoError(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		c, err := l.Accept()
		if err == nil {
			buf := make([]byte, 1<<16)
			for err == nil {
				_, err = c.Read(buf)
			}
			_ = c.Close()
		}
	})
	client := remotebroker.NewClient("unix", l.Addr().String(), "tester")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = client.Place(ctx, order("a"))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	conns.Wait()
	require.NoError(t, l.Close())
	require.NoError(t, client.Close())
}

func TestGuardsOfTheSendTravel(t *testing.T) {
	w := newWorld(t, remotebroker.Hooks{}, nil)
	late := order("late")
	late.SendBefore = time.Now().Add(-time.Second)
	_, err := w.client.Place(t.Context(), late)
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindWait, e.Kind)

	stale := order("stale")
	stale.Epoch = 99
	_, err = w.client.Place(t.Context(), stale)
	require.ErrorIs(t, err, broker.ErrSession)
	require.Empty(t, w.exchange.Ledger().Orders)
}

func TestErrorsSurvive(t *testing.T) {
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		err   error
		match error
	}{
		"every field": {&broker.Error{
			Op: "snapshot", Kind: broker.KindWait, Account: "U1", Instrument: "AAA", Order: "o", Code: "201", Until: until,
			Err: errors.New("why"),
		}, nil},
		"a sentinel":               {&broker.Error{Op: "snapshot", Kind: broker.KindPermanent, Err: broker.ErrUnknownAccount}, broker.ErrUnknownAccount},
		"a wrapped sentinel":       {&broker.Error{Op: "snapshot", Err: errors.Join(errors.New("x"), broker.ErrOrderConflict)}, broker.ErrOrderConflict},
		"the session":              {&broker.Error{Op: "snapshot", Kind: broker.KindSession, Err: errors.New("gone")}, broker.ErrSession},
		"an indeterminate one":     {&broker.Error{Op: "snapshot", Kind: broker.KindIndeterminate, Err: errors.New("gone")}, broker.ErrIndeterminate},
		"a context":                {context.DeadlineExceeded, context.DeadlineExceeded},
		"a plain error":            {errors.New("plain"), nil},
		"without a cause":          {&broker.Error{Op: "snapshot"}, nil},
		"a context under a broker": {&broker.Error{Op: "snapshot", Err: context.Canceled}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, remotebroker.Hooks{}, func(cfg *fake.Config) {
				cfg.OnCall = func(k fake.Call) error {
					if k.Method == fake.MethodSnapshot {
						return c.err
					}
					return nil
				}
			})
			_, got := w.client.Snapshot(t.Context(), account)
			require.EqualError(t, got, c.err.Error())
			if c.match != nil {
				require.ErrorIs(t, got, c.match)
			}
			var want, have *broker.Error
			if errors.As(c.err, &want) {
				require.ErrorAs(t, got, &have)
				require.Equal(t, want.Kind, have.Kind)
				require.Equal(t, want.Code, have.Code)
				require.True(t, want.Until.Equal(have.Until))
				for _, s := range []error{broker.ErrSession, broker.ErrUnknownAccount, broker.ErrClosed, context.Canceled} {
					require.Equal(t, errors.Is(c.err, s), errors.Is(got, s), "matches %q", s)
				}
			}
		})
	}
}

func TestAwaitLeavesNothingOnTheServer(t *testing.T) {
	w := newWorld(t, remotebroker.Hooks{}, nil)
	snap, err := w.client.Snapshot(t.Context(), account)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, _, err := w.client.Await(ctx, account, snap.Cursor)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Await: %v", err)
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool { return w.server.Active() == 0 }, 5*time.Second, time.Millisecond)
}

func TestHooksSeeEachCall(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(when string) func(context.Context, remotebroker.Call) error {
		return func(_ context.Context, c remotebroker.Call) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, when+" "+c.Client+" "+c.Method+" "+string(c.Account)+" "+string(c.Order))
			return nil
		}
	}
	w := newWorld(t, remotebroker.Hooks{Before: note("before"), After: note("after")}, nil)
	_, err := w.client.Place(t.Context(), order("a"))
	require.NoError(t, err)
	require.NoError(t, w.client.Cancel(t.Context(), account, "a"))
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{
		"before tester place U1 a", "after tester place U1 a", "before tester cancel U1 a", "after tester cancel U1 a",
	}, seen)
}

func TestClosingTheServerEndsWhoeverWaits(t *testing.T) {
	w := newWorld(t, remotebroker.Hooks{}, nil)
	snap, err := w.client.Snapshot(t.Context(), account)
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() { _, _, err = w.client.Await(t.Context(), account, snap.Cursor) })
	require.Eventually(t, func() bool { return w.server.Active() == 1 }, 5*time.Second, time.Millisecond)
	_ = w.server.Close()
	all.Wait()
	require.Error(t, err)
	require.NotErrorIs(t, err, broker.ErrIndeterminate)
}
