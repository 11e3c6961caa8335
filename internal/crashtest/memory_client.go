package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/rpc"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// remote is the queue and the journal of a child.
type remote struct{ c *rpc.Client }

// openMemory connects to the stores of the parent.
func openMemory(socket string) (*stores, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("crashtest: stores of the parent: %w", err)
	}
	r := &remote{c: rpc.NewClient(conn)}
	return &stores{queue: remoteQueue{r}, admin: remoteQueue{r}, journal: remoteJournal{Journal: nil, r: r}, close: r.c.Close}, nil
}

// call makes a call; it ends with its context.
func (r *remote) call(ctx context.Context, method string, args any) (*Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a := new(Answer)
	call := r.c.Go("Store."+method, args, a, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-call.Done:
	}
	if call.Error != nil {
		return nil, fmt.Errorf("crashtest: stores of the parent: %w", call.Error)
	}
	return a, a.Err.near()
}

// remoteJournal is the journal of a child. Kill, Resume and Approve it has not:
// nobody calls them here.
type remoteJournal struct {
	journal.Journal
	r *remote
}

func (j remoteJournal) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	a, err := j.r.call(ctx, "Begin", c)
	if err != nil {
		return journal.Begun{}, err
	}
	return a.Begun, nil
}

func (j remoteJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	_, err := j.r.call(ctx, "Checkpoint", CheckpointArgs{g, s})
	return err
}

func (j remoteJournal) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	_, err := j.r.call(ctx, "Intend", IntendArgs{g, intents})
	return err
}

func (j remoteJournal) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	_, err := j.r.call(ctx, "Settle", SettleArgs{g, s})
	return err
}

func (j remoteJournal) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	_, err := j.r.call(ctx, "Finish", FinishArgs{g, o})
	return err
}

func (j remoteJournal) Block(ctx context.Context, b journal.Block) error {
	_, err := j.r.call(ctx, "Block", b)
	return err
}

func (j remoteJournal) Unblock(ctx context.Context, u journal.Unblock) error {
	_, err := j.r.call(ctx, "Unblock", u)
	return err
}

func (j remoteJournal) Account(ctx context.Context, id broker.AccountID) (journal.Standing, error) {
	a, err := j.r.call(ctx, "Account", id)
	if err != nil {
		return journal.Standing{}, err
	}
	return a.Standing, nil
}

func (j remoteJournal) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	a, err := j.r.call(ctx, "Run", id)
	if err != nil {
		return journal.Run{}, err
	}
	return a.Runs[0], nil
}

func (j remoteJournal) Runs(ctx context.Context, id broker.AccountID) iter.Seq2[journal.Run, error] {
	return func(yield func(journal.Run, error) bool) {
		a, err := j.r.call(ctx, "Runs", id)
		if err != nil {
			yield(journal.Run{}, err)
			return
		}
		for _, run := range a.Runs {
			if !yield(run, nil) {
				return
			}
		}
	}
}

// remoteQueue is the queue of a child.
type remoteQueue struct{ r *remote }

func (q remoteQueue) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	a, err := q.r.call(ctx, "Publish", e)
	if err != nil {
		return queue.Receipt{}, err
	}
	return a.Receipt, nil
}

func (q remoteQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	for {
		a, err := q.r.call(ctx, "Receive", struct{}{})
		if err != nil {
			return nil, err
		}
		if d := a.Delivery; d != nil {
			delivery := queue.NewDelivery(d.Event, d.Lease, q)
			delivery.Attempt, delivery.Crashes, delivery.First = d.Attempt, d.Crashes, d.First
			return delivery, nil
		}
	}
}

func (q remoteQueue) Extend(ctx context.Context, l queue.Lease) (queue.Lease, error) {
	a, err := q.r.call(ctx, "Extend", l)
	if err != nil {
		return queue.Lease{}, err
	}
	return a.Lease, nil
}

func (q remoteQueue) Settle(ctx context.Context, l queue.Lease, v queue.Verdict) error {
	_, err := q.r.call(ctx, "Verdict", VerdictArgs{l, v})
	return err
}

func (q remoteQueue) Stats(ctx context.Context) (queue.Stats, error) {
	a, err := q.r.call(ctx, "Stats", struct{}{})
	if err != nil {
		return queue.Stats{}, err
	}
	return a.Stats, nil
}

func (q remoteQueue) Entry(context.Context, string) (queue.Entry, error) {
	return queue.Entry{}, errors.ErrUnsupported
}

func (q remoteQueue) Entries(context.Context, queue.State) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) { yield(queue.Entry{}, errors.ErrUnsupported) }
}

func (q remoteQueue) Operator(context.Context, queue.Action) (queue.Receipt, error) {
	return queue.Receipt{}, errors.ErrUnsupported
}
