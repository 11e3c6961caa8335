package ibkr

import (
	"context"
	"fmt"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/scmhub/ibsync"

	"github.com/evenkeel/evenkeel/broker"
)

// memory is how long the end of an order is remembered beyond the gateway's own
// memory, which ends at midnight.
const memory = 24 * time.Hour

// newBook makes an empty book.
func (b *Broker) newBook() *book {
	return newBook(int64(b.cfg.ClientID), b.nameOf, b.cfg.Now)
}

// synchronise reads everything anew, which begins an epoch. If the link is lost
// meanwhile it returns without one: it will be called again.
func (b *Broker) synchronise(ctx context.Context, s *session) error {
	b.mu.Lock()
	old := s.book
	s.book = b.newBook()
	for _, e := range old.all {
		if !e.acked { // written on this connection, and not answered yet
			s.book.add(e)
		}
	}
	fresh := s.book
	b.mu.Unlock()

	if err := b.readAll(ctx, s); err != nil {
		if !b.lostMeanwhile(s) {
			return fmt.Errorf("ibkr: synchronise: %w", err)
		}
		return nil
	}
	b.mu.Lock()
	if s.err != nil || s.book != fresh || len(s.stale) > 0 || !b.turn(turnRead) {
		b.mu.Unlock()
		return s.cause() // nil: the link was lost meanwhile, and all is read anew when it is back
	}
	fresh.conclude(0)
	if b.last != nil {
		fresh.inherit(b.last, b.cfg.Now().Add(-memory))
	}
	b.noteAcks(fresh)
	b.last = fresh
	b.nextID = max(b.nextID, s.firstID, min(fresh.highest, lastOrderID)+1)
	b.mu.Unlock()

	if err := b.beat(ctx, s); err != nil {
		return fmt.Errorf("ibkr: synchronise: %w", err)
	}
	if epoch, orders := b.begun(s, fresh); epoch > 0 {
		b.log.Info("synchronised", "epoch", uint64(epoch), "orders", orders)
	}
	return nil
}

// begun begins an epoch, unless something came in between.
func (b *Broker) begun(s *session, fresh *book) (epoch broker.Epoch, orders int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.err != nil || b.phase != synchronised {
		return 0, 0
	}
	b.epoch++
	s.served, b.synced = true, b.cfg.Now()
	b.turn(turnBeat)
	return b.epoch, len(fresh.all)
}

// lostMeanwhile reports whether the session lives on, and its link was lost or
// came back, so that what was asked may not have been answered.
func (b *Broker) lostMeanwhile(s *session) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.err == nil && (b.phase == frozen || len(s.stale) > 0)
}

// readAll asks for all that a session begins with.
func (b *Broker) readAll(ctx context.Context, s *session) error {
	if _, err := b.nextValidID(ctx, s); err != nil {
		return err
	}
	if _, err := s.ask(ctx, question{
		name: "own open orders", id: askOpen, prio: prioResolve,
		ask: func(c *ibapi.EClient, _ int64) { c.ReqOpenOrders() },
	}); err != nil {
		return err
	}
	if _, err := b.sweep(ctx, s); err != nil {
		return err
	}
	for _, a := range b.cfg.Accounts {
		if _, err := s.positions(ctx, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// sweep looks at all orders of the day: the open ones of all clients, executions,
// completed ones, in this order, so that one which ends meanwhile is not missed.
// The book has heard of them when it returns. It returns the place in the book at
// which the look began.
func (b *Broker) sweep(ctx context.Context, s *session) (since uint64, err error) {
	b.mu.Lock()
	bk := s.book
	since = bk.seq
	b.mu.Unlock()
	if err := s.askOpenOrders(ctx); err != nil {
		return 0, err
	}
	if _, err := s.ask(ctx, question{
		name: "executions", prio: prioResolve,
		ask: func(c *ibapi.EClient, id int64) { c.ReqExecutions(id, ibsync.NewExecutionFilter()) },
	}); err != nil {
		return 0, err
	}
	if _, err := s.ask(ctx, question{
		name: "completed orders", id: askCompleted, prio: prioResolve,
		ask: func(c *ibapi.EClient, _ int64) { c.ReqCompletedOrders(false) },
	}); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.book != bk {
		return 0, fmt.Errorf("ibkr: orders were read anew meanwhile: %w", broker.ErrSession)
	}
	bk.conclude(since)
	b.noteAcks(bk)
	return since, nil
}

// askOpenOrders asks for the open orders of all clients.
func (s *session) askOpenOrders(ctx context.Context) error {
	_, err := s.ask(ctx, question{
		name: "open orders", id: askOpen, prio: prioResolve,
		ask: func(c *ibapi.EClient, _ int64) { c.ReqAllOpenOrders() },
	})
	return err
}

// nextValidID asks for the lowest order id that the gateway would accept.
func (b *Broker) nextValidID(ctx context.Context, s *session) (int64, error) {
	rows, err := s.ask(ctx, question{
		name: "next order id", id: askNextID, prio: prioResolve,
		ask: func(c *ibapi.EClient, _ int64) { c.ReqIDs(1) },
	})
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if id, ok := r.(int64); ok && id > 0 && id < lastOrderID {
			return id, nil
		}
	}
	return 0, fmt.Errorf("ibkr: the next order id is %v: reset the order ids in the gateway's API settings", rows)
}

// raiseIDs asks for the next order id, after one was refused as used.
func (b *Broker) raiseIDs(s *session) {
	s.out.add(&job{
		prio: prioResolve, verdict: make(chan error, 1),
		encode: func(c *ibapi.EClient) { c.ReqIDs(1) },
	})
}
