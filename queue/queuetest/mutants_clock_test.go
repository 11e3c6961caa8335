package queuetest_test

import (
	"context"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

var clockMutants = []mutant{
	{"stores when a retry is due, and nothing else", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if v.Verb == queue.VerbRetry {
				v = queue.Verdict{Verb: queue.VerbDefer, Until: b.now().Add(max(v.After, 0))}
			}
			return b.Queue.Settle(ctx, l, v)
		}
	}, "a clock that is set back makes no retry wait longer"},
	{"waits for a time as it does for a retry", nil, func(b *broken) {
		b.settle = func(ctx context.Context, l queue.Lease, v queue.Verdict) error {
			if v.Verb == queue.VerbDefer {
				v.Verb, v.After = queue.VerbRetry, v.Until.Sub(b.now())
			}
			return b.Queue.Settle(ctx, l, v)
		}
	}, "what waits for a time goes by the clock, however it is set"},
	{"measures leases by the time of day", nil, func(b *broken) {
		var mu sync.Mutex
		ends := map[string]time.Time{}
		b.lease = func(l *queue.Lease) {
			mu.Lock()
			defer mu.Unlock()
			ends[l.Token] = b.now().Add(l.Duration)
		}
		b.extend = func(ctx context.Context, l queue.Lease) (queue.Lease, error) {
			mu.Lock()
			end := ends[l.Token]
			mu.Unlock()
			if b.now().After(end) {
				return l, queue.ErrLeaseLost
			}
			longer, err := b.Queue.Extend(ctx, l)
			if err == nil {
				b.lease(&longer)
			}
			return longer, err
		}
	}, "a clock that is set ends no lease and forgets no Key"},
}
