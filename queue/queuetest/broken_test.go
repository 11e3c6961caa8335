package queuetest_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/queuetest"
)

// broken is a good queue with some of its methods replaced by bad ones.
type broken struct {
	*memqueue.Queue
	life context.Context //nolint:containedctx // ends with the bubble

	publish  func(context.Context, queue.Event) (queue.Receipt, error)
	receive  func(context.Context) (*queue.Delivery, error)
	deliver  func(*queue.Delivery) // changes a delivery on its way out
	lease    func(*queue.Lease)    // likewise its lease
	settle   func(context.Context, queue.Lease, queue.Verdict) error
	extend   func(context.Context, queue.Lease) (queue.Lease, error)
	entry    func(*queue.Entry)
	stats    func(*queue.Stats)
	entries  func(context.Context, queue.State) iter.Seq2[queue.Entry, error]
	operator func(context.Context, queue.Action) (queue.Receipt, error)
	restart  func() queue.EventQueue

	closes func() error

	mu sync.Mutex
	n  int

	off atomic.Int64 // of the clock
}

// now is the queue's clock.
func (b *broken) now() time.Time { return time.Now().Add(time.Duration(b.off.Load())) }

func (b *broken) setClock(by time.Duration) { b.off.Add(int64(by)) }

func (b *broken) Close() error {
	if b.closes != nil {
		return b.closes()
	}
	return b.Queue.Close()
}

func (b *broken) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	if b.publish != nil {
		return b.publish(ctx, e)
	}
	return b.Queue.Publish(ctx, e)
}

func (b *broken) Receive(ctx context.Context) (*queue.Delivery, error) {
	receive := b.Queue.Receive
	if b.receive != nil {
		receive = b.receive
	}
	good, err := receive(ctx)
	if err != nil {
		return nil, err
	}
	lease := good.Lease()
	if b.lease != nil {
		b.lease(&lease)
	}
	d := queue.NewDelivery(good.Event, lease, b)
	d.Attempt, d.Crashes, d.First = good.Attempt, good.Crashes, good.First
	if b.deliver != nil {
		b.deliver(d)
	}
	return d, nil
}

func (b *broken) Settle(ctx context.Context, l queue.Lease, v queue.Verdict) error {
	if b.settle != nil {
		return b.settle(ctx, l, v)
	}
	return b.Queue.Settle(ctx, l, v)
}

func (b *broken) Extend(ctx context.Context, l queue.Lease) (queue.Lease, error) {
	if b.extend != nil {
		return b.extend(ctx, l)
	}
	return b.Queue.Extend(ctx, l)
}

func (b *broken) Entry(ctx context.Context, id string) (queue.Entry, error) {
	e, err := b.Queue.Entry(ctx, id)
	if b.entry != nil && err == nil {
		b.entry(&e)
	}
	return e, err
}

func (b *broken) Stats(ctx context.Context) (queue.Stats, error) {
	s, err := b.Queue.Stats(ctx)
	if b.stats != nil {
		b.stats(&s)
	}
	return s, err
}

func (b *broken) Entries(ctx context.Context, s queue.State) iter.Seq2[queue.Entry, error] {
	if b.entries != nil {
		return b.entries(ctx, s)
	}
	return b.Queue.Entries(ctx, s)
}

func (b *broken) Operator(ctx context.Context, a queue.Action) (queue.Receipt, error) {
	if b.operator != nil {
		return b.operator(ctx, a)
	}
	return b.Queue.Operator(ctx, a)
}

// count counts calls.
func (b *broken) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return b.n
}

const (
	lease      = 30 * time.Second
	maxCrashes = 3
	maxLine    = 40
	never      = 1000 * time.Hour
)

// harness wraps a good queue, as the mutant wants it, into a broken one.
func harness(t *testing.T, m mutant) queuetest.Harness {
	t.Helper()
	life, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	b := &broken{life: life}
	options := memqueue.Options{Lease: lease, MaxCrashes: maxCrashes, MaxPerAccount: maxLine, Now: b.now}
	if m.options != nil {
		m.options(&options)
	}
	b.Queue = memqueue.New(options)
	if m.breaks != nil {
		m.breaks(b)
	}
	h := queuetest.Harness{
		Queue: b, Lease: lease, MaxCrashes: maxCrashes, MaxPerAccount: maxLine, Patience: time.Second,
		Now: b.now, SetClock: b.setClock, Close: b.Close, Open: func() queue.EventQueue { return b }, Restart: func() queue.EventQueue { return b },
	}
	if b.restart != nil {
		h.Open, h.Restart = b.restart, b.restart
	}
	return h
}

// mutant is one way to be wrong, and the case that must notice.
type mutant struct {
	name    string
	options func(*memqueue.Options)
	breaks  func(*broken)
	fails   string
}

// TestSuiteFailsBrokenQueues is the suite's own test: it lets a good queue pass,
// and notices each mutant.
func TestSuiteFailsBrokenQueues(t *testing.T) {
	for _, name := range queuetest.Names() {
		require.Empty(t, failures(t, name, mutant{}), "a good queue: %s", name)
	}
	noticed := map[string]int{}
	for _, m := range slices.Concat(publishMutants, receiveMutants, orderMutants, settleMutants, operatorMutants, clockMutants) {
		t.Run(m.name, func(t *testing.T) {
			require.Contains(t, queuetest.Names(), m.fails)
			var by []string
			for _, name := range queuetest.Names() {
				if found := failures(t, name, m); len(found) > 0 {
					noticed[name]++
					by = append(by, name)
				}
			}
			require.Contains(t, by, m.fails)
			t.Logf("noticed by %d cases", len(by))
		})
	}
	if t.Failed() || testing.Short() {
		return
	}
	for _, name := range queuetest.Names() {
		require.NotZero(t, noticed[name], "no mutant fails the case %q: can it fail at all?", name)
	}
}
