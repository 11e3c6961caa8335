package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
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
}

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
	options := memqueue.Options{Lease: lease, MaxCrashes: maxCrashes, MaxPerAccount: maxLine}
	if m.options != nil {
		m.options(&options)
	}
	life, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	b := &broken{Queue: memqueue.New(options), life: life}
	if m.breaks != nil {
		m.breaks(b)
	}
	h := queuetest.Harness{
		Queue: b, Lease: lease, MaxCrashes: maxCrashes, MaxPerAccount: maxLine, Patience: time.Second,
		Close: b.Close, Open: func() queue.EventQueue { return b }, Restart: func() queue.EventQueue { return b },
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
		require.Empty(t, failures(t, name, func(t *testing.T) queuetest.Harness { return harness(t, mutant{}) }), "a good queue: %s", name)
	}
	noticed := map[string]int{}
	for _, m := range slices.Concat(publishMutants, receiveMutants, settleMutants, operatorMutants) {
		t.Run(m.name, func(t *testing.T) {
			require.Contains(t, queuetest.Names(), m.fails)
			var by []string
			for _, name := range queuetest.Names() {
				if found := failures(t, name, func(t *testing.T) queuetest.Harness { return harness(t, m) }); len(found) > 0 {
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

var publishMutants = []mutant{
	{"loses every third event", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			if n := b.count(); n%3 == 0 {
				return queue.Receipt{ID: fmt.Sprintf("lost%d", n)}, nil
			}
			return b.Queue.Publish(ctx, e)
		}
	}, "events of an account start in the order in which they were accepted"},
	{"forgets the time of its publication", nil, func(b *broken) {
		b.deliver = func(d *queue.Delivery) { d.Event.Created = time.Time{} }
	}, "an event arrives as it was published"},
	{"gives every event an ID of its own", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			e.ID = ""
			return b.Queue.Publish(ctx, e)
		}
	}, "an ID of the producer is kept and accepted once"},
	{"ignores the Key", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			e.Key = ""
			return b.Queue.Publish(ctx, e)
		}
	}, "a Key is accepted once"},
	{"forgets the Key when the event ended", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			r, err := b.Queue.Publish(ctx, e)
			if entry, _ := b.Queue.Entry(ctx, r.ID); r.Duplicate && entry.State == queue.Done {
				e.Key = ""
				return b.Queue.Publish(ctx, e)
			}
			return r, err
		}
	}, "a Key stays accepted when its event ended"},
	{"takes a Key across accounts", nil, func(b *broken) {
		first := map[string]string{}
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if id := first[e.Key]; e.Key != "" && id != "" {
				return queue.Receipt{ID: id, Duplicate: true}, nil
			}
			r, err := b.Queue.Publish(ctx, e)
			first[e.Key] = r.ID
			return r, err
		}
	}, "a Key of another account or command is refused"},
	{"looks for the Key before it stores the event", nil, func(b *broken) {
		seen := map[string]string{}
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			b.mu.Lock()
			id := seen[e.Key]
			b.mu.Unlock()
			if id != "" {
				return queue.Receipt{ID: id, Duplicate: true}, nil
			}
			time.Sleep(time.Nanosecond)
			key := e.Key
			e.Key = ""
			r, err := b.Queue.Publish(ctx, e)
			b.mu.Lock()
			seen[key] = r.ID
			b.mu.Unlock()
			return r, err
		}
	}, "one of many producers with the same Key is first"},
	{"keeps the caller's payload", nil, func(b *broken) {
		payloads := map[string][]byte{}
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			r, err := b.Queue.Publish(ctx, e)
			b.mu.Lock()
			payloads[r.ID] = e.Payload
			b.mu.Unlock()
			return r, err
		}
		b.deliver = func(d *queue.Delivery) {
			b.mu.Lock()
			d.Event.Payload = payloads[d.Event.ID]
			b.mu.Unlock()
		}
	}, "what was handed over is copied"},
	{"refuses events of a newer schema", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			if e.Schema > queue.Schema {
				return queue.Receipt{}, queue.ErrNewerSchema
			}
			return b.Queue.Publish(ctx, e)
		}
	}, "an event of a newer schema is kept and delivered"},
	{"drops what it cannot read", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			return b.Queue.Publish(ctx, queue.Event{
				Schema: e.Schema, ID: e.ID, Key: e.Key, Account: e.Account, Command: e.Command,
				Payload: e.Payload, NotBefore: e.NotBefore, Origin: e.Origin,
			})
		}
	}, "an event of a newer schema is kept and delivered"},
	{"accepts invalid events", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			r, err := b.Queue.Publish(ctx, e)
			if errors.Is(err, queue.ErrInvalidEvent) {
				return b.Queue.Publish(ctx, queue.Event{Account: "A", Command: "c"})
			}
			return r, err
		}
	}, "invalid events are refused"},
	{"has no limit", func(o *memqueue.Options) { o.MaxPerAccount = 1000 }, nil, "a full line refuses until there is room"},
	{"reorders", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			if b.count()%2 == 1 && e.NotBefore.IsZero() {
				e.NotBefore = time.Now().Add(time.Nanosecond)
			}
			return b.Queue.Publish(ctx, e)
		}
	}, "events of an account start in the order in which they were accepted"},
	{"ignores NotBefore", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			e.NotBefore = time.Time{}
			return b.Queue.Publish(ctx, e)
		}
	}, "the NotBefore of the newest counts"},
	{"lets an event for later hold up its account", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			for entry := range b.Queue.Entries(ctx, queue.Delayed) {
				for other := range b.Queue.Entries(ctx, queue.Queued) {
					if entry.Event.Account == other.Event.Account && entry.Event.Created.Before(other.Event.Created.Add(1)) {
						<-ctx.Done()
						return nil, ctx.Err()
					}
				}
			}
			return b.Queue.Receive(ctx)
		}
	}, "an event for later does not hold up others"},
	{"does not coalesce", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			e.Command = fmt.Sprintf("%s#%d", e.Command, b.count())
			return b.Queue.Publish(ctx, e)
		}
		b.deliver = func(d *queue.Delivery) { d.Event.Command, _, _ = strings.Cut(d.Event.Command, "#") }
	}, "of events never delivered only the newest is kept"},
	{"coalesces across accounts", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			for old := range b.Queue.Entries(ctx, queue.Queued) {
				if old.Event.Command == e.Command && old.Event.Account != e.Account {
					return queue.Receipt{ID: old.Event.ID + "x", Superseded: old.Event.ID}, nil
				}
			}
			return b.Queue.Publish(ctx, e)
		}
	}, "other commands and other accounts are not superseded"},
	{"coalesces an event that was delivered", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			for _, state := range []queue.State{queue.Leased, queue.Delayed, queue.Held} {
				for old := range b.Queue.Entries(ctx, state) {
					if old.Event.Account == e.Account && old.Event.Command == e.Command && old.Fence > 0 {
						return queue.Receipt{ID: old.Event.ID + "x", Superseded: old.Event.ID}, nil
					}
				}
			}
			return b.Queue.Publish(ctx, e)
		}
	}, "an event that was delivered is not superseded"},
	{"puts the newest at the end of the line", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			superseded := ""
			for old := range b.Queue.Entries(ctx, queue.Queued) {
				if old.Event.Account == e.Account && old.Event.Command == e.Command && old.Fence == 0 && e.Key == "" {
					superseded = old.Event.ID
				}
			}
			if superseded != "" {
				_, _ = b.Queue.Operator(ctx, queue.Action{Verb: queue.Drop, ID: superseded, Operator: "x", Reason: "x"})
			}
			r, err := b.Queue.Publish(ctx, e)
			r.Superseded = superseded
			return r, err
		}
	}, "the newest takes the place of the older one"},
	{"coalesces without a lock", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			r, err := b.Queue.Publish(ctx, e)
			if r.Superseded != "" && b.count() > 8 {
				r.Superseded = ""
			}
			return r, err
		}
	}, "many producers leave one newest event"},
	{"has one line for all accounts", nil, func(b *broken) {
		accounts := map[string]string{}
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			account := e.Account
			if e.Check() == nil {
				e.Account = "all"
			}
			r, err := b.Queue.Publish(ctx, e)
			b.mu.Lock()
			accounts[r.ID] = account
			b.mu.Unlock()
			return r, err
		}
		b.deliver = func(d *queue.Delivery) {
			b.mu.Lock()
			d.Event.Account = accounts[d.Event.ID]
			b.mu.Unlock()
		}
	}, "accounts do not block each other"},
	{"leases events, not accounts", nil, func(b *broken) {
		b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
			if e.Check() == nil {
				e.Account = fmt.Sprintf("%s#%d", e.Account, b.count())
			}
			return b.Queue.Publish(ctx, e)
		}
		b.deliver = func(d *queue.Delivery) { d.Event.Account, _, _ = strings.Cut(d.Event.Account, "#") }
	}, "an account has one lease at a time"},
	{"is a queue of its own in each handle", nil, func(b *broken) {
		b.restart = func() queue.EventQueue { return memqueue.New(memqueue.Options{Lease: lease}) }
	}, "two handles share one queue"},
	{"forgets everything in a restart", nil, func(b *broken) {
		b.restart = func() queue.EventQueue { return memqueue.New(memqueue.Options{Lease: lease}) }
	}, "a restart keeps every event in its state"},
	{"forgets its promises in a restart", nil, func(b *broken) {
		b.restart = func() queue.EventQueue { return memqueue.New(memqueue.Options{Lease: lease}) }
	}, "a restart keeps what was promised"},
}
