package main

import (
	"context"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// A point is a place in the life of a worker at which it can be killed, stopped
// or cut off: "journal intend SELL before". Those of journal and queue ask the
// parent from the child; those of the broker are hooks of the exchange.

// pointer asks the parent at each point. The answer may never come.
type pointer func(name, account string)

// around asks before and after a call.
func (p pointer) around(name, account string) (after func()) {
	p(name+" before", account)
	return func() { p(name+" after", account) }
}

// pointJournal has a point around each write.
type pointJournal struct {
	journal.Journal
	at pointer
}

func (j pointJournal) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	defer j.at.around("journal begin", string(c.Account))()
	return j.Journal.Begin(ctx, c)
}

func (j pointJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	defer j.at.around("journal checkpoint "+s.Name, string(g.Account))()
	return j.Journal.Checkpoint(ctx, g, s)
}

func (j pointJournal) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	defer j.at.around("journal intend "+string(intents[0].Order.Side), string(g.Account))()
	return j.Journal.Intend(ctx, g, intents...)
}

func (j pointJournal) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	defer j.at.around("journal settle", string(g.Account))()
	return j.Journal.Settle(ctx, g, s...)
}

func (j pointJournal) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	defer j.at.around("journal finish", string(g.Account))()
	return j.Journal.Finish(ctx, g, o)
}

func (j pointJournal) Block(ctx context.Context, b journal.Block) error {
	defer j.at.around("journal block", string(b.Account))()
	return j.Journal.Block(ctx, b)
}

// pointQueue has a point around each verb.
type pointQueue struct {
	queue.EventQueue
	at pointer
}

func (q pointQueue) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	defer q.at.around("queue publish", e.Account)()
	return q.EventQueue.Publish(ctx, e)
}

func (q pointQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := q.EventQueue.Receive(ctx)
	if err != nil {
		return nil, err
	}
	q.at("queue receive after", d.Event.Account)
	outer := queue.NewDelivery(d.Event, d.Lease(), pointDriver{d, q.at})
	outer.Attempt, outer.Crashes, outer.First = d.Attempt, d.Crashes, d.First
	return outer, nil
}

// pointDriver has a point around each verb of a delivery.
type pointDriver struct {
	d  *queue.Delivery
	at pointer
}

func (p pointDriver) Extend(ctx context.Context, _ queue.Lease) (queue.Lease, error) {
	defer p.at.around("queue extend", p.d.Event.Account)()
	err := p.d.Extend(ctx)
	return p.d.Lease(), err
}

func (p pointDriver) Settle(ctx context.Context, _ queue.Lease, v queue.Verdict) error {
	defer p.at.around("queue "+string(v.Verb), p.d.Event.Account)()
	return p.d.Settle(ctx, v)
}
