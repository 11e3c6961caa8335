package memqueue_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

var (
	seeds    = flag.Int("seeds", 10, "how many seeds the model test runs")
	fromSeed = flag.Uint64("seed", 1, "the first seed of the model test")
)

// TestAgainstModel does thousands of random operations on the queue and on a
// model of it, and compares every answer and the state of every event.
func TestAgainstModel(t *testing.T) {
	const steps = 3000
	for i := range *seeds {
		seed := *fromSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newWalk(t, seed).walk(steps) })
		})
	}
}

// walk is one random walk.
type walk struct {
	*testing.T
	r      *rand.Rand
	q      *memqueue.Queue
	m      *model
	leases []queue.Lease // of all deliveries, the lost ones too
	last   map[string]queue.Verdict
	serial int
	seen   map[string]int // what happened, so that the walk is known to get around
}

func newWalk(t *testing.T, seed uint64) *walk {
	t.Helper()
	const lease, keep = 30 * time.Second, 60
	w := &walk{
		T: t, r: rand.New(rand.NewPCG(seed, 0)), last: map[string]queue.Verdict{}, seen: map[string]int{},
		m: &model{
			maxCrashes: 3, maxEvents: 45, maxLine: 6, keep: keep, lease: lease,
			fences: map[string]uint64{}, tokens: map[string]mAction{},
		},
	}
	w.q = memqueue.New(memqueue.Options{
		Lease: lease, MaxEvents: 45, MaxPerAccount: 6, KeepDone: keep,
		NewID: func() string { return fmt.Sprintf("id%d", w.m.accepted) }, // the model is asked first
	})
	return w
}

func (w *walk) walk(steps int) {
	for step := range steps {
		w.m.at(time.Now())
		switch lot := w.r.IntN(100); {
		case lot < 30:
			w.publish()
		case lot < 58:
			w.receive()
		case lot < 78:
			w.settle()
		case lot < 82:
			w.extend()
		case lot < 94:
			w.operate()
		default:
			time.Sleep(time.Duration(w.r.IntN(20)) * time.Second)
		}
		w.compare(step%25 == 0)
	}
	for _, what := range []string{
		"ok", "duplicate", "superseded", queue.ErrFull.Error(), queue.ErrInvalidEvent.Error(), "delivered", "crashed before", "nothing",
		"ack", "retry", "defer", "hold", "dead", queue.ErrLeaseLost.Error(), queue.ErrSettled.Error(), "extended",
		"held up by its command", "went on past a wait", "was due and was passed",
		"release", "requeue", "drop", queue.ErrWrongState.Error(), queue.ErrUnknownEvent.Error(), queue.ErrInvalidAction.Error(), "dead by crashes",
	} {
		require.NotZero(w, w.seen[what], "%s never happened: %v", what, w.seen)
	}
}

// same compares an error with the sentinel that the model wants.
func (w *walk) same(want, got error, did string) {
	w.Helper()
	if want == nil {
		require.NoError(w, got, did)
		return
	}
	w.seen[want.Error()]++
	require.ErrorIs(w, got, want, did)
}

func (w *walk) account() string { return fmt.Sprintf("A%d", w.r.IntN(6)) }

func (w *walk) publish() {
	event := queue.Event{Account: w.account(), Command: fmt.Sprintf("c%d", w.r.IntN(7))}
	switch w.r.IntN(6) {
	case 0:
		event.Key = fmt.Sprintf("k%d", w.r.IntN(40))
	case 1:
		event.Key = event.Account + event.Command + fmt.Sprint(w.r.IntN(2))
	case 2:
		event.ID = event.Account + event.Command
	}
	if w.r.IntN(3) == 0 {
		event.NotBefore = time.Now().Add(time.Duration(w.r.IntN(60)-10) * time.Second)
	}
	want, wantErr := w.m.publish(event)
	got, err := w.q.Publish(w.Context(), event)
	w.same(wantErr, err, fmt.Sprintf("publish %+v", event))
	require.Equal(w, want, got)
	switch {
	case got.Duplicate:
		w.seen["duplicate"]++
	case got.Superseded != "":
		w.seen["superseded"]++
	case err == nil:
		w.seen["ok"]++
	}
}

func (w *walk) receive() {
	want := w.m.next()
	w.noteOrder(want)
	ctx, cancel := context.WithTimeout(w.Context(), time.Nanosecond)
	defer cancel()
	d, err := w.q.Receive(ctx)
	if want == nil {
		require.Nil(w, d, "nothing may be delivered")
		require.ErrorIs(w, err, context.DeadlineExceeded)
		w.seen["nothing"]++
		return
	}
	require.NoError(w, err, "event %s must be delivered", want.event.ID)
	require.Equal(w, want.event.ID, d.Event.ID)
	w.m.deliver(want, d.Lease().Token)
	require.Equal(w, []any{want.attempt, want.crashes, want.fence}, []any{d.Attempt, d.Crashes, d.Fence})
	require.True(w, want.expires.Equal(d.Lease().Expires))
	w.leases = append(w.leases, d.Lease())
	if w.seen["delivered"]++; d.Crashes > 0 {
		w.seen["crashed before"]++
	}
}

// noteOrder notes what the rule of the line did to the next delivery.
func (w *walk) noteOrder(next *mEvent) {
	for _, e := range w.m.events {
		if w.m.due(e) && w.m.heldUp(e) && !w.m.leased(e.event.Account) {
			w.seen["held up by its command"]++
		}
	}
	if next == nil {
		return
	}
	for _, e := range w.m.earlier(next) {
		if w.m.waits(e) {
			w.seen["went on past a wait"]++
		}
		if w.m.due(e) {
			w.seen["was due and was passed"]++
		}
	}
}

// pick returns a lease, mostly a young one.
func (w *walk) pick() (queue.Lease, bool) {
	if len(w.leases) == 0 {
		return queue.Lease{}, false
	}
	return w.leases[len(w.leases)-1-min(w.r.IntN(len(w.leases)), w.r.IntN(6))], true
}

func (w *walk) settle() {
	lease, ok := w.pick()
	if !ok {
		return
	}
	verdict := queue.Verdict{Note: queue.Note{Cause: fmt.Sprint(w.r.IntN(3))}}
	switch w.r.IntN(8) {
	case 0, 1:
		verdict.Verb = queue.VerbAck
	case 2, 3:
		verdict.Verb, verdict.After = queue.VerbRetry, time.Duration(w.r.IntN(40))*time.Second
	case 4:
		verdict.Verb, verdict.Until = queue.VerbDefer, time.Now().Add(time.Duration(w.r.IntN(60)-20)*time.Second)
	case 5:
		verdict.Verb = queue.VerbHold
	case 6:
		verdict.Verb, verdict.MinFence = queue.VerbDead, uint64(w.r.IntN(1000))
	default: // once more
		if verdict, ok = w.last[lease.Token]; !ok {
			return
		}
	}
	want := w.m.settle(lease, verdict)
	w.same(want, w.q.Settle(w.Context(), lease, verdict), fmt.Sprintf("settle %+v with %+v", lease, verdict))
	if want == nil {
		w.last[lease.Token] = verdict
		w.seen[string(verdict.Verb)]++
	}
}

func (w *walk) extend() {
	lease, ok := w.pick()
	if !ok {
		return
	}
	want := w.m.extend(lease)
	got, err := w.q.Extend(w.Context(), lease)
	w.same(want, err, "extend")
	if want == nil {
		require.True(w, got.Expires.Equal(time.Now().Add(w.m.lease)))
		w.seen["extended"]++
	}
}

func (w *walk) operate() {
	action := queue.Action{ID: "nobody", Operator: "ana", Reason: "because"}
	action.Verb = [...]queue.ActionVerb{queue.Release, queue.Requeue, queue.Drop}[w.r.IntN(3)]
	if n := len(w.m.events); n > 0 && w.r.IntN(20) > 0 {
		of := w.m.events[w.r.IntN(n)]
		if action.Verb != queue.Drop { // prefer those with which it works
			for range 8 {
				if of.state == queue.Held || of.state == queue.Dead {
					break
				}
				of = w.m.events[w.r.IntN(n)]
			}
		}
		action.ID = of.event.ID
	}
	w.serial++
	action.Token = fmt.Sprintf("t%d", w.serial-min(w.r.IntN(w.serial), w.r.IntN(2)))
	if first, ok := w.m.tokens[action.Token]; ok && w.r.IntN(2) == 0 {
		action = first.action
	}
	want, wantErr := w.m.operator(action)
	got, err := w.q.Operator(w.Context(), action)
	w.same(wantErr, err, fmt.Sprintf("%+v", action))
	require.Equal(w, want, got)
	if err == nil {
		w.seen[string(action.Verb)]++
	}
}

// compare compares the counts, and now and then every event.
func (w *walk) compare(all bool) {
	w.m.at(time.Now())
	want := map[queue.State]int{}
	for _, state := range queue.States() {
		want[state] = 0
	}
	oldest := time.Time{}
	for _, e := range w.m.events {
		state := w.m.shown(e)
		want[state]++
		if state == queue.Queued && (oldest.IsZero() || e.due.Before(oldest)) {
			oldest = e.due
		}
		if state == queue.Dead && e.crashes >= w.m.maxCrashes {
			w.seen["dead by crashes"]++
		}
	}
	stats, err := w.q.Stats(w.Context())
	require.NoError(w, err)
	require.Equal(w, want, stats.Counts)
	require.True(w, oldest.Equal(stats.OldestDue), "oldest due: %v, not %v", stats.OldestDue, oldest)
	if !all {
		return
	}
	for _, e := range w.m.events {
		entry, err := w.q.Entry(w.Context(), e.event.ID)
		require.NoError(w, err)
		require.Equal(w, []any{w.m.shown(e), e.attempt, e.crashes, e.fence, e.successor},
			[]any{entry.State, entry.Attempt, entry.Crashes, entry.Fence, entry.Successor}, "event %s", e.event.ID)
		if e.state == queue.Queued {
			require.True(w, e.due.Equal(entry.Due), "event %s", e.event.ID)
		}
		_, err = queue.EncodeEntry(entry)
		require.NoError(w, err)
	}
}
