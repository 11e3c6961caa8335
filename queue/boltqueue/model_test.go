package boltqueue_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

var seeds = flag.Int("seeds", 8, "how many random histories are compared with those of the queue in memory")

// TestSameAsInMemory: whatever is done to both, and however often one of them is
// opened anew, this queue does the same as the one in memory, which has its own
// model.
func TestSameAsInMemory(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newTwins(t, seed).run(150) })
		})
	}
}

const twinLease = 10 * time.Second

// twins are two queues to which the same is done.
type twins struct {
	*testing.T
	r          *rand.Rand
	path       string
	mem        *memqueue.Queue
	bolt       *boltqueue.Queue
	deliveries [][2]*queue.Delivery
	serial     [2]int
	ids        []string
}

func newTwins(t *testing.T, seed uint64) *twins {
	w := &twins{T: t, r: rand.New(rand.NewPCG(seed, 1)), path: filepath.Join(t.TempDir(), "q.db")}
	w.mem = memqueue.New(memqueue.Options{Lease: twinLease, MaxPerAccount: 12, MaxEvents: 40, NewID: w.newID(0)})
	w.reopen()
	t.Cleanup(func() { require.NoError(t, w.bolt.Close()) })
	return w
}

func (w *twins) newID(n int) func() string {
	return func() string { w.serial[n]++; return fmt.Sprint("e", w.serial[n]) }
}

func (w *twins) reopen() {
	if w.bolt != nil {
		require.NoError(w, w.bolt.Close())
	}
	var err error
	w.bolt, err = boltqueue.Open(w.path, &boltqueue.Options{Lease: twinLease, MaxPerAccount: 12, MaxEvents: 40, NewID: w.newID(1)})
	require.NoError(w, err)
}

func (w *twins) run(steps int) {
	for n := range steps {
		switch w.r.IntN(12) {
		case 0, 1, 2:
			w.publish()
		case 3, 4, 5:
			w.receive()
		case 6, 7, 8:
			w.settle()
		case 9:
			w.operate()
		case 10:
			time.Sleep(time.Duration(w.r.IntN(8)) * time.Second)
		case 11:
			if w.r.IntN(4) == 0 {
				w.reopen()
			}
		}
		if n%4 == 0 {
			w.compare()
		}
	}
	w.compare()
}

func pick[T any](w *twins, from ...T) T { return from[w.r.IntN(len(from))] }

func (w *twins) publish() {
	event := queue.Event{
		Account: pick(w, "A", "B", "C"), Command: pick(w, "x", "y"),
		Payload: pick(w, nil, json.RawMessage(`{"a":1}`), json.RawMessage(`{"a": 1}`)),
	}
	if w.r.IntN(3) == 0 {
		event.Key = fmt.Sprint("k", w.r.IntN(20))
	}
	if w.r.IntN(4) == 0 {
		event.NotBefore = time.Now().Add(time.Duration(w.r.IntN(20)-3) * time.Second)
	}
	a, aErr := w.mem.Publish(w.Context(), event)
	b, bErr := w.bolt.Publish(w.Context(), event)
	w.sameErr(aErr, bErr)
	require.Equal(w, a, b)
	if aErr == nil && !a.Duplicate {
		w.ids = append(w.ids, a.ID)
	}
}

func (w *twins) receive() {
	ctx, cancel := context.WithTimeout(w.Context(), time.Nanosecond)
	defer cancel()
	a, aErr := w.mem.Receive(ctx)
	b, bErr := w.bolt.Receive(w.soon(ctx))
	w.sameErr(aErr, bErr)
	if a == nil {
		require.Nil(w, b)
		return
	}
	require.Equal(w, []any{a.Event.ID, a.Attempt, a.Crashes, a.Fence, a.First.UnixNano()},
		[]any{b.Event.ID, b.Attempt, b.Crashes, b.Fence, b.First.UnixNano()})
	w.deliveries = append(w.deliveries, [2]*queue.Delivery{a, b})
}

// soon is a context that ends at the same instant and has not ended yet.
func (w *twins) soon(ctx context.Context) context.Context {
	if ctx.Err() == nil {
		return ctx
	}
	soon, cancel := context.WithTimeout(w.Context(), time.Nanosecond)
	w.Cleanup(cancel)
	return soon
}

func (w *twins) settle() {
	if len(w.deliveries) == 0 {
		return
	}
	i := w.r.IntN(len(w.deliveries))
	if w.r.IntN(3) > 0 {
		i = len(w.deliveries) - 1
	}
	d := w.deliveries[i]
	if w.r.IntN(5) == 0 {
		_, a := w.mem.Extend(w.Context(), d[0].Lease())
		_, b := w.bolt.Extend(w.Context(), d[1].Lease())
		w.sameErr(a, b)
		return
	}
	v := queue.Verdict{
		Verb:  pick(w, queue.VerbAck, queue.VerbRetry, queue.VerbDefer, queue.VerbHold, queue.VerbDead),
		After: time.Duration(w.r.IntN(9)) * time.Second, Until: time.Now().Add(time.Duration(w.r.IntN(9)-2) * time.Second),
		Note: queue.Note{Run: "r", Class: "c", Cause: pick(w, "", "because")},
	}
	if w.r.IntN(6) == 0 {
		v.MinFence = d[0].Fence + uint64(w.r.IntN(5))
	}
	// By way of the queue, which may have been opened anew since.
	w.sameErr(w.mem.Settle(w.Context(), d[0].Lease(), v), w.bolt.Settle(w.Context(), d[1].Lease(), v))
	if w.r.IntN(6) == 0 { // a lost reply, or another verdict
		if w.r.IntN(2) == 0 {
			v.Verb = queue.VerbAck
		}
		w.sameErr(w.mem.Settle(w.Context(), d[0].Lease(), v), w.bolt.Settle(w.Context(), d[1].Lease(), v))
	}
}

func (w *twins) operate() {
	if len(w.ids) == 0 {
		return
	}
	action := queue.Action{
		Verb: pick(w, queue.Release, queue.Requeue, queue.Requeue, queue.Drop), ID: pick(w, w.ids...), Operator: "ana", Reason: "because",
		Token: pick(w, "", "", "t1", "t2", "t3", "t4"),
	}
	a, aErr := w.mem.Operator(w.Context(), action)
	b, bErr := w.bolt.Operator(w.Context(), action)
	w.sameErr(aErr, bErr)
	require.Equal(w, a, b)
	if aErr == nil && a.ID != action.ID {
		w.ids = append(w.ids, a.ID)
	}
}

func (w *twins) sameErr(a, b error) {
	w.Helper()
	require.Equal(w, a == nil, b == nil, "in memory: %v; in the file: %v", a, b)
	for _, target := range []error{
		queue.ErrInvalidEvent, queue.ErrInvalidAction, queue.ErrFull, queue.ErrSettled, queue.ErrLeaseLost,
		queue.ErrUnknownEvent, queue.ErrWrongState, context.DeadlineExceeded,
	} {
		require.Equal(w, errors.Is(a, target), errors.Is(b, target), "in memory: %v; in the file: %v", a, b)
	}
}

func (w *twins) compare() {
	w.Helper()
	a, err := w.mem.Stats(w.Context())
	require.NoError(w, err)
	b, err := w.bolt.Stats(w.Context())
	require.NoError(w, err)
	require.Equal(w, a.Counts, b.Counts)
	require.True(w, a.OldestDue.Equal(b.OldestDue), "oldest due: %v, %v", a.OldestDue, b.OldestDue)
	for _, state := range queue.States() {
		var all [2][]string
		for n, q := range []queue.Admin{w.mem, w.bolt} {
			for entry, err := range q.Entries(w.Context(), state) {
				require.NoError(w, err)
				form, err := queue.EncodeEntry(entry)
				require.NoError(w, err)
				all[n] = append(all[n], string(form))
			}
		}
		require.Equal(w, all[0], all[1], "the events that are %s", state)
	}
}
