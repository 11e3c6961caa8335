package main

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Bugs that a worker can be given, to see that the checker notices.
const (
	bugPublishLies  = "publishing is acknowledged but not done"
	bugAckFirst     = "events are acknowledged before they are run"
	bugNoIntents    = "orders are not journaled"
	bugSendTwice    = "each order is sent twice under two names"
	bugOtherTargets = "the targets are those of another strategy"
	bugSleepy       = "no event is ever taken"
)

// infect gives the worker its bug.
func infect(cfg *rebalance.Config, bug string) error {
	switch bug {
	case "":
	case bugPublishLies:
		cfg.Queue = lyingQueue{cfg.Queue}
	case bugAckFirst:
		cfg.Queue = hastyQueue{cfg.Queue}
	case bugNoIntents:
		cfg.Journal = forgetfulJournal{cfg.Journal}
	case bugSendTwice:
		cfg.Broker = doubleBroker{cfg.Broker}
	case bugOtherTargets:
		cfg.Queue = confusedQueue{cfg.Queue}
	case bugSleepy:
		cfg.Queue = sleepyQueue{cfg.Queue}
	default:
		return fmt.Errorf("crashtest: unknown bug %q", bug)
	}
	return nil
}

// lyingQueue has bugPublishLies.
type lyingQueue struct{ queue.EventQueue }

func (q lyingQueue) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	if e.Key == "key-1" {
		return queue.Receipt{ID: "not-there"}, nil
	}
	return q.EventQueue.Publish(ctx, e)
}

// hastyQueue has bugAckFirst.
type hastyQueue struct{ queue.EventQueue }

func (q hastyQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := q.EventQueue.Receive(ctx)
	if err != nil {
		return nil, err
	}
	outer := queue.NewDelivery(d.Event, d.Lease(), settled{d})
	return outer, d.Ack(ctx, queue.Note{})
}

// settled is a driver that has nothing left to do.
type settled struct{ d *queue.Delivery }

func (s settled) Extend(context.Context, queue.Lease) (queue.Lease, error) {
	l := s.d.Lease()
	l.Expires = time.Now().Add(l.Duration)
	return l, nil
}
func (s settled) Settle(context.Context, queue.Lease, queue.Verdict) error { return nil }

// forgetfulJournal has bugNoIntents.
type forgetfulJournal struct{ journal.Journal }

func (forgetfulJournal) Intend(context.Context, journal.Grant, ...journal.Intent) error { return nil }

func (forgetfulJournal) Settle(context.Context, journal.Grant, ...journal.Settlement) error {
	return nil
}

// doubleBroker has bugSendTwice.
type doubleBroker struct{ broker.Broker }

func (b doubleBroker) Unwrap() broker.Broker { return b.Broker }

func (b doubleBroker) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	again := o
	again.ID += "x"
	if _, err := b.Broker.Place(ctx, again); err != nil {
		return broker.OrderState{}, err
	}
	return b.Broker.Place(ctx, o)
}

// confusedQueue has bugOtherTargets.
type confusedQueue struct{ queue.EventQueue }

func (q confusedQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := q.EventQueue.Receive(ctx)
	if d != nil {
		d.Event.Payload = []byte(`{"mode":"liquidate_all"}`)
	}
	return d, err
}

// sleepyQueue has bugSleepy.
type sleepyQueue struct{ queue.EventQueue }

func (sleepyQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
