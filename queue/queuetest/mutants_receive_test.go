package queuetest_test

import (
	"context"
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
