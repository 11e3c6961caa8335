package main

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// memoryServer is a queue and a journal in the memory of the parent process, for
// its children to use.
type memoryServer struct {
	queue   *memqueue.Queue
	journal *journal.Memory
}

func newMemoryServer() *memoryServer {
	return &memoryServer{
		queue: memqueue.New(memqueue.Options{
			Lease: lease, MaxCrashes: maxCrashes, History: historyKept,
		}),
		journal: journal.NewMemory(journal.MemoryOptions{KeepRuns: -1}),
	}
}

// view is what the parent itself sees.
func (m *memoryServer) view() *stores {
	return &stores{queue: m.queue, admin: m.queue, journal: m.journal, close: func() error { return nil }}
}

// Store is the service that children call.
type Store struct{ m *memoryServer }

// The arguments of its methods, and Answer, what comes back.
type (
	CheckpointArgs struct {
		Grant journal.Grant
		Step  journal.Step
	}
	IntendArgs struct {
		Grant   journal.Grant
		Intents []journal.Intent
	}
	SettleArgs struct {
		Grant       journal.Grant
		Settlements []journal.Settlement
	}
	FinishArgs struct {
		Grant   journal.Grant
		Outcome journal.Outcome
	}
	VerdictArgs struct {
		Lease   queue.Lease
		Verdict queue.Verdict
	}
	Answer struct {
		Err      *farError
		Begun    journal.Begun
		Standing journal.Standing
		Runs     []journal.Run
		Receipt  queue.Receipt
		Lease    queue.Lease
		Stats    queue.Stats
		Entries  []queue.Entry
		Delivery *delivered
	}
)

// delivered is a delivery on its way.
type delivered struct {
	Event            queue.Event
	Lease            queue.Lease
	Attempt, Crashes int
	First            time.Time
}

// A call lasts no longer than this: who makes it may be dead.
const callTime = 100 * time.Millisecond

func callContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTime)
}

func (s *Store) Begin(c journal.Claim, a *Answer) (_ error) {
	begun, err := s.m.journal.Begin(context.Background(), c)
	a.Begun, a.Err = begun, toFar(err)
	return nil
}

func (s *Store) Checkpoint(c CheckpointArgs, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Checkpoint(context.Background(), c.Grant, c.Step))
	return nil
}

func (s *Store) Intend(c IntendArgs, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Intend(context.Background(), c.Grant, c.Intents...))
	return nil
}

func (s *Store) Settle(c SettleArgs, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Settle(context.Background(), c.Grant, c.Settlements...))
	return nil
}

func (s *Store) Finish(c FinishArgs, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Finish(context.Background(), c.Grant, c.Outcome))
	return nil
}

func (s *Store) Block(c journal.Block, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Block(context.Background(), c))
	return nil
}

func (s *Store) Unblock(c journal.Unblock, a *Answer) (_ error) {
	a.Err = toFar(s.m.journal.Unblock(context.Background(), c))
	return nil
}

func (s *Store) Account(id broker.AccountID, a *Answer) (_ error) {
	standing, err := s.m.journal.Account(context.Background(), id)
	a.Standing, a.Err = standing, toFar(err)
	return nil
}

func (s *Store) Run(id journal.RunID, a *Answer) (_ error) {
	run, err := s.m.journal.Run(context.Background(), id)
	a.Runs, a.Err = []journal.Run{run}, toFar(err)
	return nil
}

func (s *Store) Runs(id broker.AccountID, a *Answer) (_ error) {
	for run, err := range s.m.journal.Runs(context.Background(), id) {
		if err != nil {
			a.Err = toFar(err)
			break
		}
		a.Runs = append(a.Runs, run)
	}
	return nil
}

func (s *Store) Publish(e queue.Event, a *Answer) (_ error) {
	receipt, err := s.m.queue.Publish(context.Background(), e)
	a.Receipt, a.Err = receipt, toFar(err)
	return nil
}

func (s *Store) Receive(_ struct{}, a *Answer) (_ error) {
	ctx, cancel := callContext()
	defer cancel()
	d, err := s.m.queue.Receive(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	a.Err = toFar(err)
	if d != nil {
		a.Delivery = &delivered{Event: d.Event, Lease: d.Lease(), Attempt: d.Attempt, Crashes: d.Crashes, First: d.First}
	}
	return nil
}

func (s *Store) Extend(l queue.Lease, a *Answer) (_ error) {
	renewed, err := s.m.queue.Extend(context.Background(), l)
	a.Lease, a.Err = renewed, toFar(err)
	return nil
}

func (s *Store) Verdict(v VerdictArgs, a *Answer) (_ error) {
	a.Err = toFar(s.m.queue.Settle(context.Background(), v.Lease, v.Verdict))
	return nil
}

func (s *Store) Stats(_ struct{}, a *Answer) (_ error) {
	stats, err := s.m.queue.Stats(context.Background())
	a.Stats, a.Err = stats, toFar(err)
	return nil
}
