package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// worker is a client that receives.
type worker struct {
	*recorder
	n        int
	q        Queue
	rng      *rand.Rand
	accounts int
	lease    time.Duration
	left     *atomic.Int64 // events that did not end
	stop     context.CancelFunc
	past     []past
}

// past is a settlement that took effect.
type past struct {
	lease   queue.Lease
	verdict queue.Verdict
}

// run works until all events ended.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		call := w.now()
		d, err := w.q.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, queue.ErrClosed) {
				w.unanswered(call)
			}
			continue
		}
		lease := d.Lease()
		w.add(w.n, input{verb: receive, account: lease.Account, call: call},
			output{answer: ok, event: d.Event.ID, token: lease.Token, fence: lease.Fence})
		w.handle(context.WithoutCancel(ctx), lease)
	}
}

// unanswered notes a delivery of which nobody heard: it can have been to any
// account, so to each.
func (w *worker) unanswered(call int64) {
	for a := range w.accounts {
		w.add(w.n, input{verb: receive, account: accountName(a), call: call}, output{answer: unknown})
	}
}

// handle does with a lease what workers do, good and bad.
func (w *worker) handle(ctx context.Context, lease queue.Lease) {
	for range w.rng.IntN(3) {
		if w.dally(4); w.rng.IntN(5) == 0 {
			w.dally(12) // perhaps beyond the lease
		}
		call := w.now()
		longer, err := w.q.Extend(ctx, lease)
		w.add(w.n, input{verb: extend, account: lease.Account, token: lease.Token, call: call}, output{answer: answered(err)})
		if err == nil {
			lease = longer
		}
	}
	if w.rng.IntN(8) == 0 {
		w.dally(16) // perhaps beyond the lease
	}
	first := w.verdict()
	w.settle(ctx, lease, first)
	switch w.rng.IntN(6) {
	case 0:
		w.settle(ctx, lease, first) // as if the answer was lost
	case 1:
		w.settle(ctx, lease, queue.Verdict{Verb: queue.VerbAck})
	}
	if n := len(w.past); n > 0 && w.rng.IntN(4) == 0 { // as if the answer was lost long ago
		old := w.past[w.rng.IntN(n)]
		w.settle(ctx, old.lease, old.verdict)
	}
}

// dally waits up to so many eighths of a lease.
func (w *worker) dally(eighths int64) {
	time.Sleep(time.Duration(w.rng.Int64N(eighths * int64(w.lease) / 8)))
}

// verdict draws one.
func (w *worker) verdict() queue.Verdict {
	switch w.rng.IntN(10) {
	case 0, 1, 2:
		return queue.Verdict{Verb: queue.VerbRetry, After: time.Duration(w.rng.IntN(20)) * time.Millisecond}
	case 3:
		return queue.Verdict{Verb: queue.VerbDead}
	}
	return queue.Verdict{Verb: queue.VerbAck}
}

// settle settles, and again while there is no answer: then it is one operation.
func (w *worker) settle(ctx context.Context, lease queue.Lease, v queue.Verdict) {
	in := input{verb: settle, account: lease.Account, token: lease.Token, verdict: v.Verb, after: int64(v.After), call: w.now()}
	answer := unknown
	for try := 0; answer == unknown && try < 50; try++ {
		answer = answered(w.q.Settle(ctx, lease, v))
	}
	w.add(w.n, in, output{answer: answer})
	if answer == ok {
		w.past = append(w.past, past{lease, v})
	}
	if answer == ok && v.Verb != queue.VerbRetry && w.first(lease.Token) && w.left.Add(-1) == 0 {
		w.stop()
	}
}

// first reports whether this is the first time that the lease ended its event.
func (w *worker) first(token string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.endings[token]
	w.endings[token] = true
	return !seen
}
