package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

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
