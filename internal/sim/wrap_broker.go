package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
)

// simBroker is the brokerage as one process reaches it.
type simBroker struct{ p *process }

// provingBroker can prove that an order is absent, too.
type provingBroker struct{ simBroker }

var (
	_ broker.Broker        = simBroker{}
	_ broker.Calendar      = simBroker{}
	_ broker.Prober        = simBroker{}
	_ broker.AbsenceProver = provingBroker{}
)

// brokerage is the broker of a process.
func (p *process) brokerage() broker.Broker {
	if p.w.prover {
		return provingBroker{simBroker{p}}
	}
	return simBroker{p}
}

// inject arms a fault of the fake broker for the next call, if it strikes.
func (b simBroker) inject(c call, name Fault, f func() fake.Fault) {
	w := b.p.w
	if perMille, on := w.chance[name]; !on || w.isQuiet() || !c.a.odds(perMille) {
		return
	}
	w.note(c.a, "FAULT "+string(name), string(c.account), nil)
	w.broker.Inject(f())
}

// failRead arms the failure of a read.
func (b simBroker) failRead(c call, method string) {
	b.inject(c, fake.FaultFailCall, func() fake.Fault {
		kind := pick(c.a.rng, []broker.Kind{broker.KindTransient, broker.KindTransient, broker.KindTransient, broker.KindSession, broker.KindIndeterminate})
		return fake.FailCall{Method: method, Kind: kind}
	})
}

// Accounts implements [broker.Broker].
func (b simBroker) Accounts(ctx context.Context) ([]broker.Account, error) {
	c := b.p.enter(ctx, "accounts", "")
	b.failRead(c, fake.MethodAccounts)
	list, err := b.p.w.broker.Accounts(ctx)
	c.leave(ctx, err)
	return list, err
}

// Snapshot implements [broker.Broker].
func (b simBroker) Snapshot(ctx context.Context, account broker.AccountID) (broker.Snapshot, error) {
	c := b.p.enter(ctx, "snapshot", account)
	b.failRead(c, fake.MethodSnapshot)
	b.inject(c, fake.FaultRefuseSnapshotTag, func() fake.Fault { return fake.RefuseSnapshotTag{} })
	snap, err := b.p.w.broker.Snapshot(ctx, account)
	if err == nil {
		b.p.saw(ctx, &snap)
	}
	c.leave(ctx, err)
	return snap, err
}

// saw keeps what a worker was shown.
func (p *process) saw(ctx context.Context, snap *broker.Snapshot) {
	wk := p.who(ctx)
	wk.positions = make(map[broker.InstrumentID]string, len(snap.Positions))
	for i := range snap.Positions {
		wk.positions[snap.Positions[i].Instrument] = snap.Positions[i].Quantity.String()
	}
}

// Resolve implements [broker.Broker].
func (b simBroker) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	c := b.p.enter(ctx, "resolve", "")
	b.failRead(c, fake.MethodResolve)
	found, err := b.p.w.broker.Resolve(ctx, ids...)
	c.leave(ctx, err)
	return found, err
}

// Sessions implements [broker.Calendar].
func (b simBroker) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	c := b.p.enter(ctx, "sessions", "")
	b.failRead(c, fake.MethodSessions)
	sessions, err := b.p.w.broker.Sessions(ctx, from, to, ids...)
	c.leave(ctx, err)
	return sessions, err
}

// Probe implements [broker.Prober].
func (b simBroker) Probe(ctx context.Context) (broker.Probe, error) {
	c := b.p.enter(ctx, "probe", "")
	b.failRead(c, fake.MethodProbe)
	answer, err := b.p.w.broker.Probe(ctx)
	c.leave(ctx, err)
	return answer, err
}

// Place implements [broker.Broker].
func (b simBroker) Place(ctx context.Context, order broker.Order) (broker.OrderState, error) {
	c := b.p.enter(ctx, fmt.Sprintf("place %s %s %s %s at %s", order.ID, order.Side, order.Quantity, order.Instrument, order.Limit), order.Account)
	w := b.p.w
	for _, q := range b.quirks(c, &order) {
		b.inject(c, q.name, q.fault)
	}
	w.check.sending(&order)
	state, err := w.broker.Place(ctx, order)
	w.check.placed(&order, &state, err)
	c.leave(ctx, err)
	return state, err
}

// quirk is a fault that strikes one order.
type quirk struct {
	name  Fault
	fault func() fake.Fault
}

// quirks are the faults that can strike an order.
func (b simBroker) quirks(c call, order *broker.Order) []quirk {
	part := func() decimal.Decimal {
		return order.Quantity.Mul(decimal.New(int64(c.a.rng.IntN(10)), -1)).Truncate(0)
	}
	for_ := func(least, most time.Duration) time.Duration { return c.a.between(least, most) }
	return []quirk{
		{fake.FaultRejectOrder, func() fake.Fault {
			return fake.RejectOrder{Code: pick(c.a.rng, []string{"201", "110", "203"})}
		}},
		{fake.FaultLoseAck, func() fake.Fault { return fake.LoseAck{} }},
		{fake.FaultLoseOrder, func() fake.Fault { return fake.LoseOrder{} }},
		{fake.FaultSwallowOrder, func() fake.Fault { return fake.SwallowOrder{} }},
		{fake.FaultDelayOrder, func() fake.Fault { return fake.DelayOrder{By: for_(time.Second, 2*time.Minute)} }},
		{fake.FaultPartialThenStop, func() fake.Fault { return fake.PartialThenStop{Quantity: part()} }},
		{fake.FaultPartialThenCancel, func() fake.Fault { return fake.PartialThenCancel{Quantity: part()} }},
		{fake.FaultAlterOrder, func() fake.Fault { return fake.AlterOrder{} }},
		{fake.FaultHoldOrder, func() fake.Fault {
			return fake.HoldOrder{For: pick(c.a.rng, []time.Duration{0, 10 * time.Second, 5 * time.Minute})}
		}},
		{fake.FaultStatusWithoutFills, func() fake.Fault {
			b.p.w.check.hidesFills(order.ID)
			return fake.StatusWithoutFills{For: for_(time.Second, time.Minute)}
		}},
		{fake.FaultFillsWithoutStatus, func() fake.Fault { return fake.FillsWithoutStatus{} }},
		{fake.FaultCorrectFill, func() fake.Fault {
			b.p.w.check.outsideUntil(order.Account, time.Now().Add(10*time.Minute)) // it may fill late
			f := fake.CorrectFill{After: for_(0, time.Minute), Price: order.Limit}
			if c.a.odds(300) { // nearly all of the fill is taken back
				f.Quantity = decimal.New(1, 0)
				b.p.w.check.correctsFill(order.ID)
			}
			return f
		}},
		{fake.FaultLateFee, func() fake.Fault { return fake.LateFee{For: for_(time.Second, 5*time.Minute)} }},
		{fake.FaultCutSession, func() fake.Fault {
			f := fake.CutSession{Before: 1, For: for_(0, time.Minute)}
			if c.a.odds(500) {
				f.Before, f.After = 0, 1
			}
			return f
		}},
		{fake.FaultLagPositions, func() fake.Fault {
			b.p.w.check.positionsLag()
			return fake.LagPositions{N: 1 + c.a.rng.IntN(3), For: for_(time.Second, time.Minute)}
		}},
	}
}

// Cancel implements [broker.Broker].
func (b simBroker) Cancel(ctx context.Context, account broker.AccountID, id broker.OrderID) error {
	c := b.p.enter(ctx, "cancel "+string(id), account)
	b.failRead(c, fake.MethodCancel)
	b.inject(c, fake.FaultNeverConfirmCancel, func() fake.Fault { return fake.NeverConfirmCancel{} })
	b.inject(c, fake.FaultFillAfterCancel, func() fake.Fault { return fake.FillAfterCancel{After: c.a.between(time.Second, time.Minute)} })
	err := b.p.w.broker.Cancel(ctx, account, id)
	c.leave(ctx, err)
	return err
}

// Orders implements [broker.Broker].
func (b simBroker) Orders(ctx context.Context, account broker.AccountID, query broker.OrderQuery) ([]broker.OrderState, error) {
	c := b.p.enter(ctx, "orders", account)
	b.failRead(c, fake.MethodOrders)
	states, err := b.p.w.broker.Orders(ctx, account, query)
	c.leave(ctx, err)
	return states, err
}

// Await implements [broker.Broker]. It looks again and again instead of waiting
// inside of the fake, where it would be woken at instants of other classes.
func (b simBroker) Await(ctx context.Context, account broker.AccountID, after broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	c := b.p.enter(ctx, "await", account)
	b.failRead(c, fake.MethodAwait)
	b.inject(c, fake.FaultDuplicateNews, func() fake.Fault { return fake.DuplicateNews{} })
	b.inject(c, fake.FaultReorderNews, func() fake.Fault { return fake.ReorderNews{} })
	for pause := 20 * quantum; ; pause = min(2*pause, time.Second) {
		look, stop := context.WithTimeout(ctx, 1)
		states, cursor, err := b.p.w.broker.Await(look, account, after)
		stop()
		if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			c.a.wait(ctx, pause, nil)
			b.p.alive(c.a, c.rank)
			c.a.beyond(ctx)
			if err = ctx.Err(); err == nil {
				continue
			}
		}
		c.leave(ctx, err)
		return states, cursor, err
	}
}

// ProveAbsent implements [broker.AbsenceProver].
func (b provingBroker) ProveAbsent(ctx context.Context, account broker.AccountID, id broker.OrderID) (bool, error) {
	c := b.p.enter(ctx, "prove absent "+string(id), account)
	b.failRead(c, fake.MethodProveAbsent)
	b.inject(c, fake.FaultDoubtAbsence, func() fake.Fault { return fake.DoubtAbsence{} })
	absent, err := b.p.w.broker.ProveAbsent(ctx, account, id)
	c.leave(ctx, err)
	return absent, err
}
