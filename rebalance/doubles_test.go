package rebalance_test

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
)

// quotes passes prices on, but one is as it says.
type quotes struct {
	marketdata.PriceSource
	id    broker.InstrumentID
	quote marketdata.Quote
}

func (q quotes) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	all, err := q.PriceSource.Quotes(ctx, ids)
	if err == nil {
		if old, ok := all.Found[q.id]; ok {
			q.quote.Tier, q.quote.Time = cmp.Or(q.quote.Tier, old.Tier), old.Time
			all.Found[q.id] = q.quote
		}
	}
	return all, err
}

// sourceFunc is a function that is an allocation source.
type sourceFunc func() (allocation.Allocation, error)

func (f sourceFunc) Allocation(context.Context, allocation.Query) (allocation.Allocation, error) {
	return f()
}

// deafQueue does not hear extensions while deaf is set.
type deafQueue struct {
	queue.EventQueue
	deaf *atomic.Bool
}

func (q deafQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := q.EventQueue.Receive(ctx)
	if err != nil {
		return nil, err
	}
	heard := queue.NewDelivery(d.Event, d.Lease(), deafDriver{d, q.deaf})
	heard.Attempt, heard.Crashes, heard.First = d.Attempt, d.Crashes, d.First
	return heard, nil
}

// deafDriver passes on what is heard.
type deafDriver struct {
	d    *queue.Delivery
	deaf *atomic.Bool
}

func (d deafDriver) Extend(ctx context.Context, _ queue.Lease) (queue.Lease, error) {
	if d.deaf.Load() {
		return queue.Lease{}, errors.New("no answer")
	}
	err := d.d.Extend(ctx)
	return d.d.Lease(), err
}

func (d deafDriver) Settle(ctx context.Context, _ queue.Lease, v queue.Verdict) error {
	return d.d.Settle(ctx, v)
}

// mute is a journal that answers no claim until a time.
type mute struct {
	journal.Journal
	until time.Time
}

func (m mute) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	if time.Now().Before(m.until) {
		return journal.Begun{}, errors.New("no answer")
	}
	return m.Journal.Begin(ctx, c)
}

// onlyOnce is a policy that retries nothing.
type onlyOnce struct{}

func (onlyOnce) Do(ctx context.Context, f func(context.Context) error) error { return f(ctx) }

// edited is a broker of which some answers are changed: snapshots, and states of orders
// wherever they are told.
type edited struct {
	*fake.Broker
	snapshot func(*broker.Snapshot)
	state    func(*broker.OrderState)
}

func (b edited) Snapshot(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
	s, err := b.Broker.Snapshot(ctx, id)
	if b.snapshot != nil && err == nil {
		b.snapshot(&s)
	}
	return s, err
}

func (b edited) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	s, err := b.Broker.Place(ctx, o)
	if b.state != nil {
		b.state(&s)
	}
	return s, err
}

func (b edited) Orders(ctx context.Context, id broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
	s, err := b.Broker.Orders(ctx, id, q)
	b.states(s)
	return s, err
}

func (b edited) Await(ctx context.Context, id broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	s, c, err := b.Broker.Await(ctx, id, c)
	b.states(s)
	return s, c, err
}

func (b edited) states(list []broker.OrderState) {
	for i := range list {
		if b.state != nil {
			b.state(&list[i])
		}
	}
}
