package wirecrash_test

import (
	"context"
	"maps"
	"os"
	"sync"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
)

// points counts the steps of a child and kills it at one of them.
type points struct {
	mu     sync.Mutex
	kill   string // "name#2" is the second time that it gets there
	counts map[string]int
}

// at is called at each step.
func (p *points) at(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[name]++
	if nth(name, p.counts[name]) == p.kill {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // until it is dead
	}
}

// around is a step before and one after a call.
func (p *points) around(name string) (after func()) {
	p.at(name + " before")
	return func() { p.at(name + " after") }
}

// reached returns how often each step was reached.
func (p *points) reached() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// pointJournal has steps around each write.
type pointJournal struct {
	journal.Journal
	*points
}

func (j pointJournal) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	defer j.around("journal begin")()
	return j.Journal.Begin(ctx, c)
}

func (j pointJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	defer j.around("journal checkpoint " + s.Name)()
	return j.Journal.Checkpoint(ctx, g, s)
}

func (j pointJournal) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	defer j.around("journal intend " + string(intents[0].Order.Side))()
	return j.Journal.Intend(ctx, g, intents...)
}

func (j pointJournal) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	defer j.around("journal settle")()
	return j.Journal.Settle(ctx, g, s...)
}

func (j pointJournal) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	defer j.around("journal finish")()
	return j.Journal.Finish(ctx, g, o)
}

func (j pointJournal) Block(ctx context.Context, b journal.Block) error {
	defer j.around("journal block")()
	return j.Journal.Block(ctx, b)
}

// pointQueue has steps around publishing and receiving, and before settling.
type pointQueue struct {
	queue.EventQueue
	*points
}

func (q pointQueue) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	defer q.around("queue publish")()
	return q.EventQueue.Publish(ctx, e)
}

func (q pointQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := q.EventQueue.Receive(ctx)
	if err != nil {
		return nil, err
	}
	q.at("queue receive after")
	outer := queue.NewDelivery(d.Event, d.Lease(), pointDriver{d, q.points})
	outer.Attempt, outer.Crashes, outer.First = d.Attempt, d.Crashes, d.First
	return outer, nil
}

type pointDriver struct {
	d *queue.Delivery
	*points
}

func (p pointDriver) Extend(ctx context.Context, _ queue.Lease) (queue.Lease, error) {
	err := p.d.Extend(ctx)
	return p.d.Lease(), err
}

func (p pointDriver) Settle(ctx context.Context, _ queue.Lease, v queue.Verdict) error {
	defer p.around("queue " + string(v.Verb))()
	return p.d.Settle(ctx, v)
}

// pointBroker has steps around each call.
type pointBroker struct {
	broker.Broker
	prices marketdata.PriceSource
	*points
}

// Unwrap shows the optional roles.
func (b pointBroker) Unwrap() broker.Broker { return b.Broker }

func (b pointBroker) Snapshot(ctx context.Context, a broker.AccountID) (broker.Snapshot, error) {
	defer b.around("broker snapshot")()
	return b.Broker.Snapshot(ctx, a)
}

func (b pointBroker) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	defer b.around("broker resolve")()
	return b.Broker.Resolve(ctx, ids...)
}

func (b pointBroker) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	defer b.around("broker place " + string(o.Side))()
	return b.Broker.Place(ctx, o)
}

func (b pointBroker) Cancel(ctx context.Context, a broker.AccountID, id broker.OrderID) error {
	defer b.around("broker cancel")()
	return b.Broker.Cancel(ctx, a, id)
}

func (b pointBroker) Orders(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
	defer b.around("broker orders")()
	return b.Broker.Orders(ctx, a, q)
}

func (b pointBroker) Await(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	defer b.around("broker await")()
	return b.Broker.Await(ctx, a, c)
}

func (b pointBroker) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	defer b.around("broker quotes")()
	return b.prices.Quotes(ctx, ids)
}
