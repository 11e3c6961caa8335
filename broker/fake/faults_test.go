package fake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// fired checks how often faults struck.
func fired(t *testing.T, b *fake.Broker, name string, times int) {
	t.Helper()
	require.Equal(t, map[string]int{name: times}, b.Faults())
}

// faulty returns a broker with a clock and armed faults.
func faulty(t *testing.T, faults ...fake.Fault) (*fake.Broker, *fake.Clock) {
	t.Helper()
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock = clock })
	b.Inject(faults...)
	return b, clock
}

func TestRejectOrder(t *testing.T) {
	b, _ := faulty(t, fake.RejectOrder{N: 2, Code: "201", Reason: "no"})
	require.Equal(t, broker.StatusFilled, place(t, b, market("a", broker.Buy, 1)).Status)
	place(t, b, market("a", broker.Buy, 1)) // a duplicate is not counted
	s := place(t, b, market("b", broker.Buy, 1))
	require.Equal(t, broker.StatusRejected, s.Status)
	require.Equal(t, []string{"201", "no"}, []string{s.Code, s.Reason})
	require.Equal(t, broker.StatusFilled, place(t, b, market("c", broker.Buy, 1)).Status)
	fired(t, b, fake.FaultRejectOrder, 1)
	require.Equal(t, 1, b.Ledger().Orders[0].Duplicates)
}

func TestAlwaysAndOn(t *testing.T) {
	b, _ := faulty(t, fake.Always(fake.On("BBB", fake.RejectOrder{N: 2})))
	for n, want := range []broker.Status{broker.StatusFilled, broker.StatusRejected, broker.StatusRejected} {
		require.Equal(t, broker.StatusFilled, place(t, b, market(broker.OrderID("a"+string(rune('0'+n))), broker.Buy, 1)).Status)
		o := market(broker.OrderID("b"+string(rune('0'+n))), broker.Buy, 1)
		o.Instrument = "BBB"
		require.Equal(t, want, place(t, b, o).Status)
	}
	fired(t, b, fake.FaultRejectOrder, 2)
	b.ClearFaults()
	o := market("last", broker.Buy, 1)
	o.Instrument = "BBB"
	require.Equal(t, broker.StatusFilled, place(t, b, o).Status)
}

func TestLoseAck(t *testing.T) {
	b, _ := faulty(t, fake.LoseAck{})
	_, err := b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status)
	absent, err := b.ProveAbsent(t.Context(), account, "a")
	require.NoError(t, err)
	require.False(t, absent)
	fired(t, b, fake.FaultLoseAck, 1)
}

func TestLoseAndSwallowOrder(t *testing.T) {
	b, _ := faulty(t, fake.LoseOrder{}, fake.SwallowOrder{N: 2}, fake.DoubtAbsence{})
	_, err := b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	require.Equal(t, broker.StatusPending, place(t, b, market("b", broker.Buy, 1)).Status)
	require.Empty(t, b.Ledger().Orders)
	require.Len(t, b.Ledger().Refused, 2)
	require.Equal(t, fake.FaultSwallowOrder, b.Ledger().Refused[1].Why)
	require.ErrorIs(t, b.Cancel(t.Context(), account, "b"), broker.ErrUnknownOrder)
	for _, want := range []bool{false, true} { // the first is doubted
		absent, err := b.ProveAbsent(t.Context(), account, "b")
		require.NoError(t, err)
		require.Equal(t, want, absent)
	}
}

func TestDelayOrder(t *testing.T) {
	b, clock := faulty(t, fake.DelayOrder{By: time.Minute})
	_, err := b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	states, err := b.Orders(t.Context(), account, broker.OrderQuery{})
	require.NoError(t, err)
	require.Empty(t, states)
	require.Empty(t, snapshot(t, b).Orders)
	require.ErrorIs(t, b.Cancel(t.Context(), account, "a"), broker.ErrUnknownOrder)
	absent, err := b.ProveAbsent(t.Context(), account, "a")
	require.NoError(t, err)
	require.False(t, absent, "it is on its way")
	clock.Advance(time.Minute)
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status)
	equal(t, "101", snapshot(t, b).Position("AAA"))
}

func TestPartialThenStopAndCancel(t *testing.T) {
	b, clock := faulty(t, fake.PartialThenStop{Quantity: dec("3")}, fake.PartialThenCancel{N: 2, Quantity: dec("4")})
	s := place(t, b, market("stop", broker.Buy, 10))
	require.Equal(t, broker.StatusWorking, s.Status)
	equal(t, "3", s.Filled())
	s = place(t, b, market("cancel", broker.Buy, 10))
	require.Equal(t, broker.StatusCancelled, s.Status)
	equal(t, "4", s.Filled())
	clock.Advance(time.Hour)
	require.NoError(t, b.SetQuote("AAA", dec("50"), dec("50")))
	s = state(t, b, "stop")
	equal(t, "3", s.Filled())
	require.NoError(t, b.Cancel(t.Context(), account, "stop"))
	require.Equal(t, broker.StatusCancelled, state(t, b, "stop").Status)
}

func TestAlterOrder(t *testing.T) {
	b, _ := faulty(t, fake.AlterOrder{}, fake.AlterOrder{N: 2, Change: func(o *broker.Order) { o.Quantity = dec("7") }})
	o := limit("a", broker.Buy, 10, "101")
	s := place(t, b, o)
	require.False(t, o.Same(&s.Order))
	equal(t, "90.9", s.Order.Limit)
	require.Equal(t, broker.StatusWorking, s.Status)
	_, err := b.Place(t.Context(), o)
	require.NoError(t, err, "the broker compares with what it was sent")
	s = place(t, b, limit("b", broker.Sell, 10, "99"))
	equal(t, "7", s.Order.Quantity)
	equal(t, "7", s.Filled())
	l := b.Ledger()
	equal(t, "10", l.Order("b").Sent.Quantity)
	equal(t, "7", l.Order("b").Works.Quantity)
}

func TestHoldOrder(t *testing.T) {
	b, clock := faulty(t, fake.HoldOrder{For: time.Minute}, fake.HoldOrder{N: 2})
	require.Equal(t, broker.StatusHeld, place(t, b, market("a", broker.Buy, 1)).Status)
	require.Equal(t, broker.StatusHeld, place(t, b, market("b", broker.Buy, 1)).Status)
	clock.Advance(time.Minute)
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status)
	clock.Advance(10 * time.Hour)
	require.Equal(t, broker.StatusHeld, state(t, b, "b").Status)
	require.NoError(t, b.Cancel(t.Context(), account, "b"))
	require.Equal(t, broker.StatusCancelled, state(t, b, "b").Status)
}

func TestHeldOrdersDieAtTheClose(t *testing.T) {
	clock := fake.NewClock(at(t, "2026-03-02 15:00"))
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Hours = clock, fake.NYSE() })
	b.Inject(fake.HoldOrder{})
	place(t, b, market("a", broker.Buy, 1))
	clock.Set(at(t, "2026-03-02 21:00"))
	require.Equal(t, broker.StatusCancelled, state(t, b, "a").Status)
}

func TestStatusWithoutFills(t *testing.T) {
	b, clock := faulty(t, fake.StatusWithoutFills{For: time.Minute})
	s := place(t, b, market("a", broker.Buy, 1))
	require.Equal(t, broker.StatusFilled, s.Status)
	require.Empty(t, s.Fills)
	equal(t, "101", snapshot(t, b).Position("AAA"))
	news, _, err := b.Await(t.Context(), account, snapshot(t, b).Cursor)
	require.NoError(t, err)
	require.Len(t, news[0].Fills, 1)
	require.Equal(t, monday.Add(time.Minute), clock.Now())
}

func TestFillsWithoutStatus(t *testing.T) {
	b, clock := faulty(t, fake.FillsWithoutStatus{})
	s := place(t, b, market("a", broker.Buy, 1))
	require.Equal(t, broker.StatusWorking, s.Status)
	equal(t, "1", s.Filled())
	clock.Advance(time.Hour)
	require.Equal(t, broker.StatusWorking, state(t, b, "a").Status)
	require.Empty(t, snapshot(t, b).Orders)
	l := b.Ledger()
	require.Equal(t, broker.StatusFilled, l.Order("a").Status)
}

func TestCorrectFill(t *testing.T) {
	b, clock := faulty(t, fake.CorrectFill{After: time.Minute, Price: dec("100"), Quantity: dec("9")})
	s := place(t, b, market("a", broker.Buy, 10))
	equal(t, "8999", snapshot(t, b).Cash["USD"])
	clock.Advance(time.Minute)
	corrected := state(t, b, "a")
	require.Len(t, corrected.Fills, 1)
	require.Equal(t, s.Fills[0].ID, corrected.Fills[0].ID)
	equal(t, "100", corrected.Fills[0].Price)
	equal(t, "9", corrected.Fills[0].Quantity)
	equal(t, "9100", snapshot(t, b).Cash["USD"])
	equal(t, "109", snapshot(t, b).Position("AAA"))
}

func TestLateFee(t *testing.T) {
	clock := fake.NewClock(monday)
	b := open(t, func(cfg *fake.Config) { cfg.Clock, cfg.Fees = clock, fake.Commission{Minimum: dec("1")} })
	b.Inject(fake.LateFee{For: time.Second})
	require.False(t, place(t, b, market("a", broker.Buy, 1)).Fills[0].Fee.Valid)
	clock.Advance(time.Second)
	fee := state(t, b, "a").Fills[0].Fee
	require.True(t, fee.Valid)
	equal(t, "1", fee.Decimal)
}

func TestCutSession(t *testing.T) {
	b, clock := faulty(t, fake.CutSession{Before: 1, For: time.Minute}, fake.CutSession{After: 2, For: time.Minute})
	before := snapshot(t, b)
	_, err := b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorIs(t, err, broker.ErrSession)
	require.NotErrorIs(t, err, broker.ErrIndeterminate)
	require.Empty(t, b.Ledger().Orders)
	for name, call := range map[string]func() error{
		"accounts": func() error { _, err := b.Accounts(t.Context()); return err },
		"snapshot": func() error { _, err := b.Snapshot(t.Context(), account); return err },
		"orders":   func() error { _, err := b.Orders(t.Context(), account, broker.OrderQuery{}); return err },
		"await":    func() error { _, _, err := b.Await(t.Context(), account, broker.Cursor{}); return err },
		"place":    func() error { _, err := b.Place(t.Context(), market("z", broker.Buy, 1)); return err },
		"cancel":   func() error { return b.Cancel(t.Context(), account, "z") },
		"probe":    func() error { _, err := b.Probe(t.Context()); return err },
	} {
		require.ErrorIs(t, call(), broker.ErrSession, name)
	}
	clock.Advance(time.Minute)
	require.Equal(t, before.Epoch+1, snapshot(t, b).Epoch)
	_, _, err = b.Await(t.Context(), account, before.Cursor)
	require.ErrorIs(t, err, broker.ErrSession)

	_, err = b.Place(t.Context(), market("b", broker.Buy, 1))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	clock.Advance(time.Minute)
	require.Equal(t, broker.StatusFilled, state(t, b, "b").Status)
	b.Inject(fake.CutSession{})
	require.Equal(t, before.Epoch+3, snapshot(t, b).Epoch)
	fired(t, b, fake.FaultCutSession, 3)
}

func TestOrdersFillDuringACut(t *testing.T) {
	b, clock := faulty(t)
	place(t, b, limit("a", broker.Buy, 1, "99"))
	b.Inject(fake.CutSession{For: time.Hour})
	require.NoError(t, b.SetQuote("AAA", dec("98"), dec("98")))
	clock.Advance(time.Hour)
	require.Equal(t, broker.StatusFilled, state(t, b, "a").Status)
}

func TestNeverConfirmCancel(t *testing.T) {
	b, clock := faulty(t, fake.NeverConfirmCancel{})
	place(t, b, limit("a", broker.Buy, 1, "90"))
	require.NoError(t, b.Cancel(t.Context(), account, "a"))
	clock.Advance(time.Hour)
	require.Equal(t, broker.StatusPendingCancel, state(t, b, "a").Status)
	require.NoError(t, b.Cancel(t.Context(), account, "a"))
	require.Equal(t, broker.StatusCancelled, state(t, b, "a").Status)
	require.Len(t, b.Ledger().Cancels, 2)
}

func TestFillAfterCancel(t *testing.T) {
	b, clock := faulty(t, fake.FillAfterCancel{After: time.Minute, Quantity: dec("4")})
	place(t, b, limit("a", broker.Buy, 10, "90"))
	require.NoError(t, b.Cancel(t.Context(), account, "a"))
	s := state(t, b, "a")
	require.Equal(t, broker.StatusCancelled, s.Status)
	require.Empty(t, s.Fills)
	clock.Advance(time.Minute)
	s = state(t, b, "a")
	require.Equal(t, broker.StatusCancelled, s.Status, "a status does not go back from a terminal one")
	equal(t, "4", s.Filled())
	equal(t, "90", s.Fills[0].Price)
	equal(t, "104", snapshot(t, b).Position("AAA"))
}

func TestLagPositions(t *testing.T) {
	b, clock := faulty(t, fake.LagPositions{N: 1, For: time.Minute})
	place(t, b, market("a", broker.Buy, 10))
	place(t, b, market("b", broker.Buy, 5))
	s := snapshot(t, b)
	equal(t, "105", s.Position("AAA"))
	equal(t, "9499.5", s.Cash["USD"])
	equal(t, "19999.5", s.NetLiquidation)
	positions, cash, err := b.Holdings(account)
	require.NoError(t, err)
	equal(t, "115", positions["AAA"])
	equal(t, "8498.5", cash["USD"])
	clock.Advance(time.Minute)
	equal(t, "115", snapshot(t, b).Position("AAA"))
	equal(t, "19998.5", snapshot(t, b).NetLiquidation)
	fired(t, b, fake.FaultLagPositions, 1)
}

func TestFailCallAndRefuseSnapshotTag(t *testing.T) {
	cause := errors.New("pacing")
	b, _ := faulty(t, fake.FailCall{Method: fake.MethodOrders, N: 2, Kind: broker.KindWait, Err: cause},
		fake.FailCall{Method: fake.MethodPlace, Kind: broker.KindTransient}, fake.RefuseSnapshotTag{})
	_, err := b.Snapshot(t.Context(), account)
	require.ErrorContains(t, err, "no net liquidation value")
	snapshot(t, b)
	_, err = b.Orders(t.Context(), account, broker.OrderQuery{})
	require.NoError(t, err)
	_, err = b.Orders(t.Context(), account, broker.OrderQuery{})
	require.ErrorIs(t, err, cause)
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindWait, e.Kind)
	_, err = b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorContains(t, err, "failed by a fault")
	require.Empty(t, b.Ledger().Orders)
	require.Equal(t, 2, b.Faults()[fake.FaultFailCall])
	require.Equal(t, 1, b.Faults()[fake.FaultRefuseSnapshotTag])
}

func TestFailAnyCall(t *testing.T) {
	b, clock := faulty(t, fake.FailCall{N: 5})
	calls := []func() error{
		func() error { _, err := b.Accounts(t.Context()); return err },
		func() error { _, err := b.Resolve(t.Context(), "AAA"); return err },
		func() error { _, err := b.Quotes(t.Context(), nil); return err },
		func() error {
			ctx, cancel := clock.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := b.Await(ctx, account, broker.Cursor{}); !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		},
	}
	for _, call := range calls {
		require.NoError(t, call())
	}
	_, err := b.Probe(t.Context())
	require.ErrorContains(t, err, "broker: probe: failed by a fault")
}

func TestDuplicateNews(t *testing.T) {
	b, _ := faulty(t, fake.DuplicateNews{})
	after := snapshot(t, b).Cursor
	place(t, b, market("a", broker.Buy, 1))
	first, cursor, err := b.Await(t.Context(), account, after)
	require.NoError(t, err)
	again, cursor, err := b.Await(t.Context(), account, cursor)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, snapshot(t, b).Cursor, cursor)
}

func TestReorderNews(t *testing.T) {
	b, _ := faulty(t, fake.ReorderNews{}, fake.PartialThenStop{N: 2, Quantity: dec("3")})
	after := snapshot(t, b).Cursor
	place(t, b, market("a", broker.Buy, 1))
	place(t, b, market("b", broker.Buy, 10))
	news, cursor, err := b.Await(t.Context(), account, after)
	require.NoError(t, err)
	require.Equal(t, []broker.OrderID{"b", "a"}, []broker.OrderID{news[0].Order.ID, news[1].Order.ID})
	equal(t, "3", news[0].Filled())
	news, _, err = b.Await(t.Context(), account, cursor)
	require.NoError(t, err)
	for _, n := range news {
		if n.Order.ID == "b" {
			require.Equal(t, broker.StatusPending, n.Status, "an old state of an open order")
			require.Empty(t, n.Fills)
		} else {
			require.Equal(t, broker.StatusFilled, n.Status, "never back from a terminal status")
		}
	}
	s := state(t, b, "b")
	equal(t, "3", s.Filled())
}

func TestOnCall(t *testing.T) {
	var calls []fake.Call
	var fail func(fake.Call) error
	b := open(t, func(cfg *fake.Config) {
		cfg.OnCall = func(c fake.Call) error {
			calls = append(calls, c)
			if fail != nil {
				return fail(c)
			}
			return nil
		}
	})
	crash := errors.New("crash")
	for _, after := range []bool{false, true} {
		fail = func(c fake.Call) error {
			if c.Method == fake.MethodPlace && c.After == after {
				return crash
			}
			return nil
		}
		id := broker.OrderID(map[bool]string{false: "before", true: "after"}[after])
		_, err := b.Place(t.Context(), market(id, broker.Buy, 1))
		require.ErrorIs(t, err, crash)
		l := b.Ledger()
		require.Equal(t, after, l.Order(id) != nil, id)
	}
	require.Contains(t, calls, fake.Call{Method: fake.MethodPlace, Account: account, Order: "before"})
	fail = func(fake.Call) error { panic("crash") }
	require.PanicsWithValue(t, "crash", func() { _, _ = b.Snapshot(t.Context(), account) })
	fail = nil
	snapshot(t, b) // the fake is not locked up by the panic
}
