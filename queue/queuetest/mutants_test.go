package queuetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

var receiveMutants = []mutant{
	{"ignores the context of Receive", nil, func(b *broken) {
		b.receive = func(context.Context) (*queue.Delivery, error) { return b.Queue.Receive(b.life) }
	}, "receive ends with its context"},
	{"takes an event for an ended context", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			if ctx.Err() != nil {
				_, _ = b.Queue.Receive(b.life)
			}
			return b.Queue.Receive(ctx)
		}
	}, "receive with an ended context takes nothing"},
	{"delivers to receivers that left", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			got := make(chan *queue.Delivery, 1)
			go func() {
				if d, err := b.Queue.Receive(b.life); err == nil {
					got <- d
				}
			}()
			select {
			case d := <-got:
				return d, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}, "a receiver that left loses no event"},
	{"loses what came while it was cancelled", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			d, err := b.Queue.Receive(ctx)
			if err == nil && b.count()%10 == 0 {
				return nil, context.Canceled
			}
			return d, err
		}
	}, "cancelling while events come loses none"},
	{"looks for publications now and then", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			for {
				short, cancel := context.WithTimeout(ctx, time.Nanosecond)
				d, err := b.Queue.Receive(short)
				cancel()
				if err == nil {
					return d, nil
				}
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(3 * lease):
				}
			}
		}
	}, "a publication wakes a waiting receiver"},
	{"sleeps until something is published", nil, func(b *broken) { onlyWakenBy(b, "publish") }, "the passing of time wakes a waiting receiver"},
	{"sleeps through settlements", nil, func(b *broken) { onlyWakenBy(b, "publish") }, "a settlement wakes a waiting receiver"},
	{"sleeps through lost leases", nil, func(b *broken) { onlyWakenBy(b, "publish") }, "a lost lease wakes a waiting receiver"},
	{"sleeps through operators", nil, func(b *broken) { onlyWakenBy(b, "publish") }, "an operator wakes a waiting receiver"},
	{"sleeps until the first time it saw", nil, func(b *broken) { onlyWakenBy(b, "settle") }, "an earlier time wakes a waiting receiver first"},
	{"wakes one receiver of many", nil, func(b *broken) {
		turn := make(chan struct{}, 1)
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			select {
			case turn <- struct{}{}:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			d, err := b.Queue.Receive(ctx)
			if err != nil {
				<-turn
			}
			return d, err
		}
	}, "each of many waiting receivers gets an event"},
	{"has one watcher and forgets it", nil, func(b *broken) {
		watched := false
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			b.mu.Lock()
			first := !watched
			watched = true
			b.mu.Unlock()
			if first {
				return b.Queue.Receive(ctx)
			}
			short, cancel := context.WithTimeout(ctx, time.Nanosecond)
			defer cancel()
			if d, err := b.Queue.Receive(short); err == nil {
				return d, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}, "receivers that leave hand on their watch"},
	{"goes on after it was closed", nil, func(b *broken) {
		b.closes = func() error { return nil }
	}, "a closed queue neither takes nor gives"},
	{"delivers twice", nil, func(b *broken) {
		var last *queue.Delivery
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			b.mu.Lock()
			again := last
			last = nil
			b.mu.Unlock()
			if again != nil {
				return again, nil
			}
			d, err := b.Queue.Receive(ctx)
			b.mu.Lock()
			last = d
			b.mu.Unlock()
			return d, err
		}
	}, "many consumers settle each event once"},
	{"reuses the fence", nil, func(b *broken) { b.lease = func(l *queue.Lease) { l.Fence = 1 } }, "fences of an account only go up"},
	{"counts fences per event", nil, func(b *broken) {
		fences := map[string]uint64{}
		b.lease = func(l *queue.Lease) {
			b.mu.Lock()
			defer b.mu.Unlock()
			fences[l.Event]++
			l.Fence = fences[l.Event]
		}
	}, "fences of an account only go up"},
	{"reuses the token", nil, func(b *broken) {
		current := map[string]string{}
		b.lease = func(l *queue.Lease) {
			b.mu.Lock()
			defer b.mu.Unlock()
			current[l.Event], l.Token = l.Token, l.Event
		}
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			b.mu.Lock()
			l.Token = current[l.Event]
			b.mu.Unlock()
			return b.Queue.Settle(ctx, l, v)
		}
	}, "every delivery has a token of its own"},
	{"does not look at the token", nil, func(b *broken) {
		current := map[string]string{}
		b.lease = func(l *queue.Lease) {
			b.mu.Lock()
			defer b.mu.Unlock()
			current[l.Event] = l.Token
		}
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			b.mu.Lock()
			l.Token = current[l.Event]
			b.mu.Unlock()
			return b.Queue.Settle(ctx, l, v)
		}
	}, "settling after another worker has the event fails and changes nothing"},
	{"takes a forged token", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if l.Token != "" && l.Token[len(l.Token)-1] == 'x' {
				l.Token = l.Token[:len(l.Token)-1]
			}
			return b.Queue.Settle(ctx, l, v)
		}
	}, "a forged or foreign lease is lost"},
	{"promises a longer lease than it gives", nil, func(b *broken) {
		b.lease = func(l *queue.Lease) { l.Expires = l.Expires.Add(time.Hour) }
	}, "a lease says what it is and when it ends"},
	{"has shorter leases than it says", func(o *memqueue.Options) { o.Lease = lease / 3 }, nil, "a lease that runs out is a crash, and the event comes again"},
	{"forgets when an event was first delivered", nil, func(b *broken) {
		b.deliver = func(d *queue.Delivery) { d.First = time.Now() }
	}, "a lease that runs out is a crash, and the event comes again"},
	{"lets crashes raise the attempt", nil, func(b *broken) {
		b.deliver = func(d *queue.Delivery) { d.Attempt += d.Crashes }
	}, "crashes and attempts are counted apart"},
	{"does not count crashes", nil, func(b *broken) {
		b.deliver = func(d *queue.Delivery) { d.Crashes = 0 }
	}, "a consumer killed between receive and ack loses nothing"},
	{"never gives up on crashes", func(o *memqueue.Options) { o.MaxCrashes = 1000 }, nil, "an event that keeps crashing ends as a dead letter"},
	{"gives up too early", func(o *memqueue.Options) { o.MaxCrashes = 2 }, nil, "an event that keeps crashing ends as a dead letter"},
}

// onlyWakenBy makes Receive sleep until one kind of call is made.
func onlyWakenBy(b *broken, kind string) {
	called := make(chan struct{}, 1000)
	b.publish = func(ctx context.Context, e queue.Event) (queue.Receipt, error) {
		r, err := b.Queue.Publish(ctx, e)
		if kind == "publish" {
			called <- struct{}{}
		}
		return r, err
	}
	b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
		err := b.Queue.Settle(ctx, l, v)
		if kind == "settle" {
			called <- struct{}{}
		}
		return err
	}
	b.receive = func(ctx context.Context) (*queue.Delivery, error) {
		for {
			short, cancel := context.WithTimeout(ctx, time.Nanosecond)
			d, err := b.Queue.Receive(short)
			cancel()
			if err == nil {
				return d, nil
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-called:
			}
		}
	}
}

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
	{"keeps an account leased for ever after ack", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbAck {
			v.Verb, v.Until = queue.VerbDefer, time.Now().Add(never)
		}
	}), "an account has one lease at a time"},
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
	{"retries at once", nil, settles(func(v *queue.Verdict) { v.After = 0 }), "a retry holds up its account"},
	{"defers at once", nil, settles(func(v *queue.Verdict) { v.Until = time.Time{} }), "a deferral holds up its account"},
	{"retries late", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbRetry {
			v.After = max(v.After, 0) + 2*lease
		}
	}), "a delay in the past is none"},
	{"lets later events overtake a retry", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if v.Verb != queue.VerbRetry && v.Verb != queue.VerbDefer {
				return b.Queue.Settle(ctx, l, v)
			}
			at := max(v.After, time.Until(v.Until), time.Nanosecond)
			if err := b.Queue.Settle(ctx, l, queue.Verdict{Verb: queue.VerbHold}); err != nil {
				return err
			}
			time.AfterFunc(at, func() {
				_, _ = b.Queue.Operator(b.life, queue.Action{Verb: queue.Release, ID: l.Event, Operator: "x", Reason: "x"})
			})
			return nil
		}
	}, "order holds under retries of several accounts"},
	{"moves a crashed event to the end of the line", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			d, err := b.Queue.Receive(ctx)
			if err != nil || d.Crashes == 0 || b.count() > 1 {
				return d, err
			}
			_ = d.Hold(ctx, queue.Note{})
			next, err := b.Queue.Receive(ctx)
			_, _ = b.Queue.Operator(b.life, queue.Action{Verb: queue.Release, ID: d.Event.ID, Operator: "x", Reason: "x"})
			return next, err
		}
	}, "a crash holds its place"},
	{"lets an event for later keep the last place", nil, func(b *broken) {
		b.receive = func(ctx context.Context) (*queue.Delivery, error) {
			d, err := b.Queue.Receive(ctx)
			if err != nil || d.Event.NotBefore.Before(d.Event.Created) || b.count() > 1 {
				return d, err
			}
			_ = d.Hold(ctx, queue.Note{})
			next, err := b.Queue.Receive(ctx)
			_, _ = b.Queue.Operator(b.life, queue.Action{Verb: queue.Release, ID: d.Event.ID, Operator: "x", Reason: "x"})
			return next, err
		}
	}, "an event for later takes its place when it is due"},
	{"holds up the account of a held event", nil, settles(func(v *queue.Verdict) {
		if v.Verb == queue.VerbHold {
			v.Verb, v.Until = queue.VerbDefer, time.Now().Add(never)
		}
	}), "hold parks an event and frees its account"},
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
	{"lets a dropped retry hold up its account", nil, func(b *broken) {
		b.operator = func(ctx context.Context, a queue.Action) (queue.Receipt, error) {
			if e, err := b.Queue.Entry(ctx, a.ID); a.Verb == queue.Drop && err == nil && e.State == queue.Delayed && e.Fence > 0 {
				return queue.Receipt{ID: a.ID}, nil
			}
			return b.Queue.Operator(ctx, a)
		}
	}, "dropping a waiting retry frees its account"},
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
