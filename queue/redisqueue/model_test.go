package redisqueue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

var (
	seeds    = flag.Int("seeds", 3, "how many seeds the model test runs")
	fromSeed = flag.Uint64("seed", 1, "the first seed of the model test")
)

// TestAgainstMemory does the same random operations on this queue and on that in
// memory, and compares every answer and the state of every event.
func TestAgainstMemory(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]string{
		"mini": redistest.Mini(t).Addr(), "server": redistest.Single(t, redistest.Options{AppendFsync: "no"}).Addr,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]int{}
			for i := range *seeds {
				seed := *fromSeed + uint64(i)
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { newPair(t, addr, seed, seen).walk(500) })
			}
			for _, what := range []string{
				"ok", "duplicate", "superseded", queue.ErrFull.Error(), queue.ErrInvalidEvent.Error(), "delivered", "nothing", "ack", "retry",
				"defer", "hold", "dead", queue.ErrLeaseLost.Error(), queue.ErrSettled.Error(), "release", "requeue", "drop",
				queue.ErrWrongState.Error(),
			} {
				require.NotZero(t, seen[what], "%s never happened: %v", what, seen)
			}
		})
	}
}

// pair is the two queues, and what they were asked.
type pair struct {
	*testing.T
	r      *rand.Rand
	mem    *memqueue.Queue
	red    *redisqueue.Queue
	given  int  // IDs that the queue in memory gave
	fresh  bool // it gave one in this step
	others int  // IDs that it did not need
	ids    []string
	leases [][2]queue.Lease
	last   map[string]queue.Verdict
	serial int
	seen   map[string]int
}

const keep = 100_000 // forgetting is looked at elsewhere

func newPair(t *testing.T, addr string, seed uint64, seen map[string]int) *pair {
	t.Helper()
	p := &pair{T: t, r: rand.New(rand.NewPCG(seed, 0)), last: map[string]queue.Verdict{}, seen: seen}
	first := func() string { p.given++; p.fresh = true; return fmt.Sprint("id", p.given) }
	second := func() string {
		if p.fresh {
			return fmt.Sprint("id", p.given)
		}
		p.others++
		return fmt.Sprint("other", p.others)
	}
	p.mem = memqueue.New(memqueue.Options{MaxEvents: 45, MaxPerAccount: 6, KeepDone: keep, NewID: first})
	p.red = open(t, client(t, addr), redisqueue.Options{
		Name: fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()), MaxEvents: 45, MaxPerAccount: 6, KeepDone: keep, NewID: second,
	})
	return p
}

func (p *pair) walk(steps int) {
	for step := range steps {
		switch lot := p.r.IntN(100); {
		case lot < 35:
			p.publish()
		case lot < 65:
			p.receive()
		case lot < 85:
			p.settle()
		case lot < 88:
			p.extend()
		default:
			p.operate()
		}
		p.compare(step%50 == 49)
	}
	faults, err := p.red.Audit(p.Context())
	require.NoError(p, err)
	require.Empty(p, faults)
}

// same compares two errors by the sentinels they match.
func (p *pair) same(want, got error, did string) {
	p.Helper()
	for _, s := range []error{
		queue.ErrFull, queue.ErrInvalidEvent, queue.ErrLeaseLost, queue.ErrSettled, queue.ErrWrongState, queue.ErrUnknownEvent, queue.ErrInvalidAction,
	} {
		require.Equal(p, errors.Is(want, s), errors.Is(got, s), "%s: want %v, got %v", did, want, got)
		if errors.Is(want, s) {
			p.seen[s.Error()]++
		}
	}
	require.Equal(p, want == nil, got == nil, "%s: want %v, got %v", did, want, got)
}

func (p *pair) publish() {
	event := queue.Event{Account: fmt.Sprint("A", p.r.IntN(6)), Command: fmt.Sprint("c", p.r.IntN(7))}
	switch p.r.IntN(6) {
	case 0:
		event.Key = fmt.Sprint("k", p.r.IntN(30))
	case 1:
		event.Key = event.Account + event.Command + fmt.Sprint(p.r.IntN(2))
	case 2:
		event.ID = event.Account + event.Command
	}
	switch p.r.IntN(5) {
	case 0:
		event.NotBefore = time.Now().Add(time.Hour)
	case 1:
		event.NotBefore = time.Now().Add(-time.Hour)
	}
	p.fresh = false
	want, wantErr := p.mem.Publish(p.Context(), event)
	got, err := p.red.Publish(p.Context(), event)
	p.same(wantErr, err, fmt.Sprintf("publish %+v", event))
	require.Equal(p, want, got)
	switch {
	case err != nil:
	case got.Duplicate:
		p.seen["duplicate"]++
	case got.Superseded != "":
		p.seen["superseded"]++
		p.ids = append(p.ids, got.ID)
	default:
		p.seen["ok"]++
		p.ids = append(p.ids, got.ID)
	}
}

// try receives what is there.
func try(ctx context.Context, q queue.EventQueue, wait time.Duration) (*queue.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return q.Receive(ctx)
}

func (p *pair) receive() {
	want, wantErr := try(p.Context(), p.mem, 5*time.Millisecond)
	wait := 5 * time.Second
	if want == nil {
		wait = 15 * time.Millisecond
	}
	got, err := try(p.Context(), p.red, wait)
	if want == nil && got != nil { // the millisecond was over before it looked: what is ready it gives at once
		want, wantErr = try(p.Context(), p.mem, time.Second)
	}
	if want == nil {
		require.Nil(p, got, "nothing may be delivered")
		require.ErrorIs(p, err, context.DeadlineExceeded)
		require.ErrorIs(p, wantErr, context.DeadlineExceeded)
		p.seen["nothing"]++
		return
	}
	require.NoError(p, err, "event %s must be delivered", want.Event.ID)
	require.Equal(p, []any{want.Event.ID, want.Attempt, want.Crashes, want.Fence}, []any{got.Event.ID, got.Attempt, got.Crashes, got.Fence})
	p.leases = append(p.leases, [2]queue.Lease{want.Lease(), got.Lease()})
	p.seen["delivered"]++
}

// pick returns a lease of each, mostly a young one.
func (p *pair) pick() ([2]queue.Lease, bool) {
	if len(p.leases) == 0 {
		return [2]queue.Lease{}, false
	}
	return p.leases[len(p.leases)-1-min(p.r.IntN(len(p.leases)), p.r.IntN(6))], true
}

func (p *pair) settle() {
	lease, ok := p.pick()
	if !ok {
		return
	}
	v := queue.Verdict{Note: queue.Note{Cause: fmt.Sprint(p.r.IntN(3))}}
	switch p.r.IntN(9) {
	case 0, 1:
		v.Verb = queue.VerbAck
	case 2, 3:
		v.Verb, v.After = queue.VerbRetry, time.Duration(p.r.IntN(2))*time.Hour
	case 4, 5:
		v.Verb, v.Until = queue.VerbDefer, time.Now().Add(time.Duration(p.r.IntN(2)*2-1)*time.Hour)
	case 6:
		v.Verb = queue.VerbHold
	case 7:
		v.Verb, v.MinFence = queue.VerbDead, uint64(p.r.IntN(1000))
	default: // once more
		if v, ok = p.last[lease[0].Token]; !ok {
			return
		}
	}
	want := p.mem.Settle(p.Context(), lease[0], v)
	got := p.red.Settle(p.Context(), lease[1], v)
	if before, settled := p.last[lease[0].Token]; settled && errors.Is(want, queue.ErrLeaseLost) && !errors.Is(got, queue.ErrLeaseLost) {
		// That in memory knows the last settlement of an event only.
		require.Equal(p, before.Equal(v), got == nil, "%v", got)
		require.Equal(p, !before.Equal(v), errors.Is(got, queue.ErrSettled), "%v", got)
		return
	}
	p.same(want, got, fmt.Sprintf("settle %+v with %+v", lease, v))
	if want == nil {
		p.last[lease[0].Token] = v
		p.seen[string(v.Verb)]++
	}
}

func (p *pair) extend() {
	lease, ok := p.pick()
	if !ok {
		return
	}
	_, want := p.mem.Extend(p.Context(), lease[0])
	_, err := p.red.Extend(p.Context(), lease[1])
	p.same(want, err, "extend")
}

func (p *pair) operate() {
	a := queue.Action{ID: "nobody", Operator: "ana", Reason: "because"}
	a.Verb = [...]queue.ActionVerb{queue.Release, queue.Requeue, queue.Drop}[p.r.IntN(3)]
	if len(p.ids) > 0 && p.r.IntN(20) > 0 {
		for range 8 { // prefer those with which it works
			a.ID = p.ids[p.r.IntN(len(p.ids))]
			entry, err := p.mem.Entry(p.Context(), a.ID)
			require.NoError(p, err)
			if entry.State == queue.Held || entry.State == queue.Dead {
				break
			}
		}
	}
	p.serial++
	a.Token = fmt.Sprint("t", p.serial-min(p.r.IntN(p.serial), p.r.IntN(2)))
	p.fresh = false
	want, wantErr := p.mem.Operator(p.Context(), a)
	got, err := p.red.Operator(p.Context(), a)
	p.same(wantErr, err, fmt.Sprintf("%+v", a))
	require.Equal(p, want, got)
	if err == nil {
		p.seen[string(a.Verb)]++
		if p.fresh {
			p.ids = append(p.ids, got.ID)
		}
	}
}

// compare compares the counts, and now and then every event.
func (p *pair) compare(all bool) {
	want, err := p.mem.Stats(p.Context())
	require.NoError(p, err)
	got, err := p.red.Stats(p.Context())
	require.NoError(p, err)
	require.Equal(p, want.Counts, got.Counts)
	require.Equal(p, want.OldestDue.IsZero(), got.OldestDue.IsZero())
	if !all {
		return
	}
	for _, state := range queue.States() {
		var ids [2][]string
		for i, q := range []queue.Admin{p.mem, p.red} {
			for entry, err := range q.Entries(p.Context(), state) {
				require.NoError(p, err)
				ids[i] = append(ids[i], entry.Event.ID)
			}
		}
		require.Equal(p, ids[0], ids[1], "%s", state)
	}
	for _, id := range p.ids {
		w, err := p.mem.Entry(p.Context(), id)
		require.NoError(p, err)
		g, err := p.red.Entry(p.Context(), id)
		require.NoError(p, err)
		require.WithinDuration(p, w.Due, g.Due, time.Second, "event %s", id)
		require.Equal(p, []any{w.State, w.Attempt, w.Crashes, w.Fence, w.Successor, len(w.History)},
			[]any{g.State, g.Attempt, g.Crashes, g.Fence, g.Successor, len(g.History)}, "event %s", id)
		for i := range w.History {
			w.History[i].Time, g.History[i].Time = time.Time{}, time.Time{}
		}
		require.Equal(p, w.History, g.History)
	}
}
