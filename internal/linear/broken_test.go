package linear_test

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/linear"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// verdict keeps what a check says.
type verdict struct {
	*testing.T
	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }
func (v *verdict) Logf(string, ...any)   {}

// broken is a queue that lies.
type broken struct {
	*memqueue.Queue
	publish func(*queue.Event)
	lease   func(*queue.Lease)
	extend  func(error) error
	settle  func(error) error
	memory  *memory
}

// memory is that of a queue which forgets how an event was settled as soon as it is
// settled anew.
type memory struct {
	mu    sync.Mutex
	last  map[string]string // token, by event
	known map[string]bool   // tokens
}

// forgot reports whether the token is one of those, else notes it.
func (m *memory) forgot(l queue.Lease) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[l.Token] {
		return m.last[l.Event] != l.Token
	}
	m.last[l.Event], m.known[l.Token] = l.Token, true
	return false
}

func (b broken) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	if b.publish != nil {
		b.publish(&e)
	}
	return b.Queue.Publish(ctx, e)
}

func (b broken) Receive(ctx context.Context) (*queue.Delivery, error) {
	d, err := b.Queue.Receive(ctx)
	if err != nil || b.lease == nil && b.memory == nil {
		return d, err
	}
	lease := d.Lease()
	if b.lease != nil {
		b.lease(&lease)
	}
	return queue.NewDelivery(d.Event, lease, b), nil
}

func (b broken) Extend(ctx context.Context, l queue.Lease) (queue.Lease, error) {
	longer, err := b.Queue.Extend(ctx, l)
	if b.extend != nil && err != nil {
		return l, b.extend(err)
	}
	return longer, err
}

func (b broken) Settle(ctx context.Context, l queue.Lease, v queue.Verdict) error {
	err := b.Queue.Settle(ctx, l, v)
	if err == nil && b.memory != nil && b.memory.forgot(l) {
		return queue.ErrLeaseLost
	}
	if b.settle != nil {
		return b.settle(err)
	}
	return err
}

// unless makes a lie of one error.
func unless(target error) func(error) error {
	return func(err error) error {
		if errors.Is(err, target) {
			return nil
		}
		return err
	}
}

func TestBrokenQueuesAreFound(t *testing.T) {
	const lease = 30 * time.Millisecond
	for _, tc := range []struct {
		name  string
		lease time.Duration // the queue's, if not the one that it promises
		queue broken
	}{
		{"leases run out early", lease / 4, broken{}},
		{"a fence is given twice", 0, broken{lease: func(l *queue.Lease) { l.Fence = 1 }}},
		{"a lost lease is extended", 0, broken{extend: unless(queue.ErrLeaseLost)}},
		{"a lost lease is settled", 0, broken{settle: unless(queue.ErrLeaseLost)}},
		{"another verdict is accepted", 0, broken{settle: unless(queue.ErrSettled)}},
		{"a settlement is forgotten after the next one", 0, broken{memory: &memory{last: map[string]string{}, known: map[string]bool{}}}},
		{"events overtake each other", 0, broken{publish: func(e *queue.Event) {
			if e.ID[len(e.ID)-1]%3 == 0 {
				e.NotBefore = time.Now().Add(200 * time.Millisecond)
			}
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := &verdict{T: t}
			for seed := uint64(0); seed < 20 && !v.failed; seed++ {
				b := tc.queue
				b.Queue = memqueue.New(memqueue.Options{Lease: cmp.Or(tc.lease, lease), MaxCrashes: 1000})
				linear.Check(v, func() linear.Queue { return b }, linear.Options{Lease: lease, Seed: seed, Patience: 20 * time.Second})
			}
			require.True(t, v.failed)
		})
	}
}
