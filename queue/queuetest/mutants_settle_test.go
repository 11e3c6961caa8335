package queuetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// settles makes the broken queue settle with another verdict.
func settles(change func(*queue.Verdict)) func(*broken) {
	return func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			change(&v)
			return b.Queue.Settle(ctx, l, v)
		}
	}
}

// swallows makes settling succeed where it should fail.
func swallows(target error) func(*broken) {
	return func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if err := b.Queue.Settle(ctx, l, v); !errors.Is(err, target) {
				return err
			}
			return nil
		}
	}
}

var settleMutants = []mutant{
	{"keeps an account leased after ack", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if v.Verb == queue.VerbAck {
				return nil
			}
			return b.Queue.Settle(ctx, l, v)
		}
	}, "an account has one lease at a time"},
	{"delivers again after ack", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbAck {
			v.Verb = queue.VerbDefer
		}
	}), "ack ends an event"},
	{"counts a deferral as an attempt", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbDefer {
			v.Verb, v.After = queue.VerbRetry, time.Until(v.Until)
		}
	}), "defer comes at its time as the same attempt"},
	{"does not count attempts", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbRetry {
			v.Verb, v.Until = queue.VerbDefer, time.Now().Add(max(v.After, 0))
		}
	}), "retry comes after its delay as the next attempt"},
	{"remembers the last settlement of an event only", nil, func(b *broken) {
		var mu sync.Mutex
		last := map[string]string{}
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			mu.Lock()
			defer mu.Unlock()
			e, err := b.Queue.Entry(ctx, l.Event)
			if err == nil && last[l.Event] != "" && last[l.Event] != l.Token && (e.State != queue.Leased || e.Fence != l.Fence) {
				return queue.ErrLeaseLost
			}
			if err = b.Queue.Settle(ctx, l, v); err == nil {
				last[l.Event] = l.Token
			}
			return err
		}
	}, "a settlement is known after later deliveries"},
	{"retries at once", nil, settles(func(v *queue.Verdict) { v.After = 0 }), "a retry holds up later events of its command"},
	{"defers at once", nil, settles(func(v *queue.Verdict) { v.Until = time.Time{} }), "a deferral holds up later events of its command"},
	{"retries late", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbRetry {
			v.After = max(v.After, 0) + 2*lease
		}
	}), "a delay in the past is none"},
	{"holds up the command of a held event", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbHold {
			v.Verb, v.Until = queue.VerbDefer, time.Now().Add(never)
		}
	}), "hold parks an event and frees its account"},
	{"holds up the command of a dead event", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbDead {
			v.Verb, v.Until = queue.VerbDefer, time.Now().Add(never)
		}
	}), "dead keeps an event with its history and frees its account"},
	{"lets dead letters vanish", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbDead {
			v.Verb = queue.VerbAck
		}
	}), "dead keeps an event with its history and frees its account"},
	{"ignores MinFence", nil, settles(func(v *queue.Verdict) { v.MinFence = 0 }), "MinFence lifts the fence of the account"},
	{"takes any verb for an ack", nil, settles(func(v *queue.Verdict) {
		if v.Check() != nil {
			*v = queue.Verdict{Verb: queue.VerbAck}
		}
	}), "an unknown verb changes nothing"},
	{"forgets why a delivery ended", nil, settles(func(v *queue.Verdict) { v.Note = queue.Note{} }), "the history tells the whole story"},
	{"accepts a late settlement", nil, swallows(queue.ErrLeaseLost), "settling a lost lease fails and changes nothing"},
	{"accepts another verdict for a settled lease", nil, swallows(queue.ErrSettled), "another verdict for a settled lease is refused"},
	{"does not know its own settlement again", nil, func(b *broken) {
		settled := map[string]bool{}
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if settled[l.Token] {
				return queue.ErrLeaseLost
			}
			err := b.Queue.Settle(ctx, l, v)
			settled[l.Token] = err == nil
			return err
		}
	}, "a settlement whose reply was lost may be repeated"},
	{"accepts a late extension", nil, func(b *broken) {
		b.extend = func(ctx context.Context, l queue.Lease) (queue.Lease, error) {
			if renewed, err := b.Queue.Extend(ctx, l); err == nil {
				return renewed, nil
			}
			return l, nil
		}
	}, "extending a lost lease fails"},
	{"only says that it extends", nil, func(b *broken) {
		b.extend = func(_ context.Context, l queue.Lease) (queue.Lease, error) {
			l.Expires = time.Now().Add(lease)
			return l, nil
		}
	}, "extending keeps a lease"},
	{"settles and says that it failed", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			err := b.Queue.Settle(ctx, l, v)
			if err == nil && v.Verb == queue.VerbHold {
				return errors.New("reply lost")
			}
			return err
		}
	}, "settling twice is refused"},
}

var operatorMutants = []mutant{
	{"forgets the history", nil, func(b *broken) { b.entry = func(e *queue.Entry) { e.History = nil } }, "the history tells the whole story"},
	{"keeps the oldest history", func(o *memqueue.Options) { o.History = 1000 }, func(b *broken) {
		b.entry = func(e *queue.Entry) { e.History = e.History[:min(50, len(e.History))] }
	}, "the history keeps the newest fifty"},
	{"keeps long texts whole", nil, func(b *broken) {
		b.entry = func(e *queue.Entry) {
			for i := range e.History {
				if len(e.History[i].Detail) > 1000 {
					e.History[i].Detail += e.History[i].Detail
				}
			}
		}
	}, "long texts are cut in the history"},
	{"forgets held events in its stats", nil, func(b *broken) {
		b.stats = func(s *queue.Stats) { delete(s.Counts, queue.Held) }
	}, "hold parks an event and frees its account"},
	{"names no oldest event", nil, func(b *broken) {
		b.stats = func(s *queue.Stats) { s.OldestDue = time.Time{} }
	}, "stats count by state and name the oldest"},
	{"lists the newest first", nil, func(b *broken) {
		b.entries = func(ctx context.Context, s queue.State) iter.Seq2[queue.Entry, error] {
			var all []queue.Entry
			for e, err := range b.Queue.Entries(ctx, s) {
				if err == nil {
					all = append(all, e)
				}
			}
			slices.Reverse(all)
			return func(yield func(queue.Entry, error) bool) {
				for _, e := range all {
					if !yield(e, nil) {
						return
					}
				}
			}
		}
	}, "entries come oldest first"},
	{"releases nothing", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if e, err := b.Queue.Entry(ctx, a.ID); a.Verb == queue.Release && err == nil && e.State == queue.Held && a.Check() == nil {
				return queue.Receipt{ID: a.ID}, nil
			}
			return b.Queue.Operator(ctx, a)
		}
	}, "release puts a held event back into the line"},
	{"does not say what an event repeats", nil, func(b *broken) {
		b.deliver = func(d *queue.Delivery) { d.Event.Origin = "" }
	}, "requeue asks for a dead event again"},
	{"asks for a dead event again and again", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			r, err := b.Queue.Operator(ctx, a)
			if e, _ := b.Queue.Entry(ctx, a.ID); errors.Is(err, queue.ErrWrongState) && a.Verb == queue.Requeue && e.State == queue.Dead {
				return b.Queue.Publish(ctx, queue.Event{Account: e.Event.Account, Command: e.Event.Command, Origin: a.ID})
			}
			return r, err
		}
	}, "a dead event is asked for again once"},
	{"drops nothing", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if e, err := b.Queue.Entry(ctx, a.ID); a.Verb == queue.Drop && err == nil && e.State != queue.Leased && a.Check() == nil {
				return queue.Receipt{ID: a.ID}, nil
			}
			return b.Queue.Operator(ctx, a)
		}
	}, "drop ends an event for good"},
	{"lets a dropped retry hold up its command", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if e, err := b.Queue.Entry(ctx, a.ID); a.Verb == queue.Drop && err == nil && e.State == queue.Delayed && e.Fence > 0 {
				return queue.Receipt{ID: a.ID}, nil
			}
			return b.Queue.Operator(ctx, a)
		}
	}, "dropping a waiting retry frees its command"},
	{"says yes in a wrong state", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			r, err := b.Queue.Operator(ctx, a)
			if errors.Is(err, queue.ErrWrongState) {
				return queue.Receipt{ID: a.ID}, nil
			}
			return r, err
		}
	}, "actions in a wrong state change nothing"},
	{"acts without a reason", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if a.Reason == "" {
				a.Reason = "none"
			}
			return b.Queue.Operator(ctx, a)
		}
	}, "an action needs operator, reason and a known event"},
	{"ignores the token", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			a.Token = ""
			return b.Queue.Operator(ctx, a)
		}
	}, "a repeated token returns the first receipt"},
	{"lets one token stand for two actions", nil, func(b *broken) {
		first := map[string]queue.Receipt{}
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if r, ok := first[a.Token]; ok && a.Token != "" {
				return r, nil
			}
			r, err := b.Queue.Operator(ctx, a)
			first[a.Token] = r
			return r, err
		}
	}, "a token of another action is refused"},
}
