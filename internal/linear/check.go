package linear

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/evenkeel/evenkeel/queue"
)

// Queue is what is checked: a queue, and the driver behind its deliveries.
type Queue interface {
	queue.EventQueue
	queue.Driver
}

// T is what is needed of a test.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Options say how hard it is tried.
type Options struct {
	// Accounts and Events are how many accounts there are, and how many events
	// each gets. Defaults: 3 and 20.
	Accounts, Events int
	// Workers is how many clients receive, beside two that publish. Default: 8.
	Workers int
	// Lease is the lease of the queue. Required.
	Lease time.Duration
	// Seed chooses what the clients do. Default: 0.
	Seed uint64
	// Patience is how long it may take. Default: a minute.
	Patience time.Duration
}

// recorder keeps the history.
type recorder struct {
	began time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	// endings are the leases that ended an event.
	endings map[string]bool
}

// Check drives the clients, each with its own queue value (they share the
// events), and fails the test if what they saw fits no order.
func Check(t T, clients func() Queue, o Options) {
	t.Helper()
	o.Accounts, o.Events, o.Workers = cmp.Or(o.Accounts, 3), cmp.Or(o.Events, 20), cmp.Or(o.Workers, 8)
	o.Patience = cmp.Or(o.Patience, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), o.Patience)
	defer cancel()
	r := &recorder{began: time.Now(), endings: map[string]bool{}}
	left := new(atomic.Int64)
	left.Store(int64(o.Accounts * o.Events))
	over, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for n := range 2 {
		q, rng := clients(), rand.New(rand.NewPCG(o.Seed, uint64(n)))
		all.Go(func() { r.produce(ctx, n, q, rng, &o) })
	}
	for n := range o.Workers {
		w := &worker{
			recorder: r, n: n + 2, q: clients(), rng: rand.New(rand.NewPCG(o.Seed, uint64(n+2))),
			accounts: o.Accounts, lease: o.Lease, left: left, stop: stop,
		}
		all.Go(func() { w.run(over) })
	}
	all.Wait()
	stop()
	if ctx.Err() != nil {
		t.Errorf("%d events did not end within %s", left.Load(), o.Patience)
		return
	}
	r.judge(t, o.Lease)
}

// judge looks for the order.
func (r *recorder) judge(t T, lease time.Duration) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(model(lease), r.ops, time.Minute)
	t.Logf("%d operations", len(r.ops))
	switch result {
	case porcupine.Ok:
	case porcupine.Illegal:
		t.Errorf("the history of %d operations fits no order: the queue is not linearizable", len(r.ops))
		t.Logf("the longest orders that fit cover %d operations", longest(&info))
	default:
		t.Errorf("the search for an order of %d operations took too long", len(r.ops))
	}
}

// longest is how many operations the best orders cover.
func longest(info *porcupine.LinearizationInfo) int {
	n := 0
	for _, part := range info.PartialLinearizationsOperations() {
		best := 0
		for _, order := range part {
			best = max(best, len(order))
		}
		n += best
	}
	return n
}

// now is the time of the history.
func (r *recorder) now() int64 { return int64(time.Since(r.began)) }

// add notes an operation. One that had no answer may take effect at any time
// after its call.
func (r *recorder) add(client int, in input, out output) {
	out.back = r.now()
	back := out.back
	if out.answer == unknown {
		back, out.back = math.MaxInt64, math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: in, Call: in.call, Output: out, Return: back})
}

// answered reads an answer from an error.
func answered(err error) answer {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, queue.ErrLeaseLost):
		return lost
	case errors.Is(err, queue.ErrSettled):
		return settled
	}
	return unknown
}

// produce publishes half of the events, in any order of accounts. What had no
// answer is published again until it has one.
func (r *recorder) produce(ctx context.Context, half int, q Queue, rng *rand.Rand, o *Options) {
	var todo []string
	for a := range o.Accounts {
		for e := range o.Events {
			if e%2 == half {
				todo = append(todo, fmt.Sprintf("%s.%d", accountName(a), e))
			}
		}
	}
	rng.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	for _, id := range todo {
		account, _, _ := strings.Cut(id, ".")
		e := queue.Event{ID: id, Account: account, Command: "rebalance", Payload: fmt.Appendf(nil, `{"n":%q}`, id)}
		in := input{verb: publish, account: account, event: id, call: r.now()}
		for ctx.Err() == nil {
			if _, err := q.Publish(ctx, e); err == nil {
				r.add(half, in, output{answer: ok}) // repeated or not: it is one operation
				break
			}
		}
		time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
	}
}

// accountName is the name of an account by its number.
func accountName(n int) string { return fmt.Sprint("A", n) }
