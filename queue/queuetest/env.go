package queuetest

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

// env is one case at work.
type env struct {
	T
	Harness
	accepted map[string]bool // IDs
	serial   int
}

func newEnv(t T, h Harness) *env {
	t.Helper()
	require.NotNil(t, h.Queue, "Harness.Queue")
	require.Positive(t, h.Lease, "Harness.Lease")
	require.Positive(t, h.MaxCrashes, "Harness.MaxCrashes")
	if h.MaxPerAccount > 0 {
		require.GreaterOrEqual(t, h.MaxPerAccount, 40, "Harness.MaxPerAccount: the suite needs lines of that length")
	}
	if h.Advance == nil {
		h.Advance = time.Sleep
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	h.Quiet = cmp.Or(h.Quiet, h.Lease/10)
	h.Patience = cmp.Or(h.Patience, h.Lease)
	if d, ok := h.Queue.(queue.Driver); ok && h.Driver == nil {
		h.Driver = d
	}
	_, isAdmin := h.Queue.(queue.Admin)
	require.NotEqual(t, h.Features.NoAdmin, isAdmin, "Features.NoAdmin must say whether Queue is a queue.Admin")
	return &env{T: t, Harness: h, accepted: map[string]bool{}}
}

// has is what the harness offers.
func (e *env) has() need {
	var n need
	for _, offer := range [...]struct {
		is  bool
		bit need
	}{
		{!e.Features.NoAdmin, needsAdmin},
		{e.Driver != nil, needsDriver},
		{e.MaxPerAccount > 0, needsLimit},
		{e.Close != nil, needsClose},
		{e.Open != nil, needsOpen},
		{e.Restart != nil, needsRestart},
		{e.SetClock != nil, needsClock},
	} {
		if offer.is {
			n |= offer.bit
		}
	}
	return n
}

// event is a valid event of an account, with a command of its own.
func (e *env) event(account string) queue.Event {
	e.serial++
	return queue.Event{Account: account, Command: fmt.Sprintf("command%d", e.serial)}
}

// publish publishes an event that must be accepted.
func (e *env) publish(event queue.Event) queue.Receipt {
	e.Helper()
	receipt, err := e.Queue.Publish(e.Context(), event)
	require.NoError(e, err, "publish")
	require.NotEmpty(e, receipt.ID, "a receipt names the event")
	if !receipt.Duplicate {
		require.NotContains(e, e.accepted, receipt.ID, "an ID was given twice")
		e.accepted[receipt.ID] = true
	}
	return receipt
}

// put publishes an event with a command of its own and returns its ID.
func (e *env) put(account string) string {
	e.Helper()
	return e.publish(e.event(account)).ID
}

// start publishes an event that is delivered at once. The same event published
// again then follows it and does not take its place.
func (e *env) start(event queue.Event) *queue.Delivery {
	e.Helper()
	return e.nextIs(e.publish(event).ID)
}

// next returns the delivery that must be there.
func (e *env) next() *queue.Delivery {
	e.Helper()
	d, err := e.receive(e.Queue, e.Patience)
	require.NoError(e, err, "an event is due, but none is delivered")
	require.NotNil(e, d)
	return d
}

// nextIs returns the delivery, which must be of this event.
func (e *env) nextIs(id string) *queue.Delivery {
	e.Helper()
	d := e.next()
	require.Equal(e, id, d.Event.ID, "another event was delivered: %+v", d.Event)
	return d
}

// none makes sure that nothing is delivered.
func (e *env) none(why string) {
	e.Helper()
	d, err := e.receive(e.Queue, e.Quiet)
	if d != nil {
		require.Fail(e, "an event was delivered", "%+v, although %s", d.Event, why)
	}
	require.ErrorIs(e, err, context.DeadlineExceeded)
}

// receive calls Receive and stops it after the wait.
func (e *env) receive(q queue.EventQueue, wait time.Duration) (*queue.Delivery, error) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), wait)
	defer cancel()
	return e.join(e.begin(ctx, q), wait)
}

// receiving is a call of Receive under way.
type receiving chan received

type received struct {
	delivery *queue.Delivery
	err      error
	at       time.Time
}

// begin starts a receiver.
func (e *env) begin(ctx context.Context, q queue.EventQueue) receiving {
	r := make(receiving, 1)
	go func() {
		d, err := q.Receive(ctx)
		r <- received{d, err, e.Now()}
	}()
	return r
}

// join waits until the receiver returns, which it must within the wait and some
// patience.
func (e *env) join(r receiving, wait time.Duration) (*queue.Delivery, error) {
	e.Helper()
	limit := time.NewTimer(wait + e.Patience)
	defer limit.Stop()
	select {
	case got := <-r:
		return got.delivery, got.err
	case <-limit.C:
		require.Fail(e, "Receive did not return", "%v after it should have", e.Patience)
		return nil, nil
	}
}

// comes waits for the delivery of an event that may not come before its time.
func (e *env) comes(id string, due time.Time) *queue.Delivery {
	e.Helper()
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	r := e.begin(ctx, e.Queue)
	e.until(due)
	limit := time.NewTimer(e.Patience)
	defer limit.Stop()
	select {
	case got := <-r:
		require.NoError(e, got.err)
		require.False(e, got.at.Before(due), "it came %v too early", due.Sub(got.at))
		require.Equal(e, id, got.delivery.Event.ID, "another event was delivered: %+v", got.delivery.Event)
		return got.delivery
	case <-limit.C:
		require.Fail(e, "an event is due, but it does not come", "%v after its time", e.Patience)
		return nil
	}
}

// sleepers starts receivers and gives them time to wait.
func (e *env) sleepers(n int) []receiving {
	ctx, cancel := context.WithCancel(e.Context())
	e.Cleanup(cancel)
	all := make([]receiving, n)
	for i := range all {
		all[i] = e.begin(ctx, e.Queue)
		e.Advance(e.Quiet / time.Duration(n))
	}
	return all
}

// woken returns what a waiting receiver got.
func (e *env) woken(r receiving, by string) *queue.Delivery {
	e.Helper()
	d, err := e.join(r, 0)
	require.NoError(e, err)
	require.NotNil(e, d, "woken by %s", by)
	return d
}

// anyWoken returns what one of two waiting receivers got, and the other one.
func (e *env) anyWoken(a, b receiving, by string) (*queue.Delivery, receiving) {
	e.Helper()
	limit := time.NewTimer(e.Patience)
	defer limit.Stop()
	var got received
	select {
	case got = <-a:
		a = b
	case got = <-b:
	case <-limit.C:
		require.Fail(e, "no receiver was woken", "by %s", by)
	}
	require.NoError(e, got.err)
	return got.delivery, a
}

// expire lets the leases run out.
func (e *env) expire() { e.Advance(e.Lease + e.Lease/4) }

// wait lets so much time pass that what would come by itself had come.
func (e *env) wait() {
	if e.live {
		e.Advance(2 * e.Lease)
		return
	}
	e.Advance(10 * e.Lease)
}

// until lets time pass up to an instant.
func (e *env) until(then time.Time) { e.Advance(max(then.Sub(e.Now()), 0)) }

// keep lets time pass up to an instant and extends a lease meanwhile, so often that
// it does not run out on a busy machine.
func (e *env) keep(d *queue.Delivery, then time.Time) {
	e.Helper()
	for left := then.Sub(e.Now()); left > 0; left = then.Sub(e.Now()) {
		e.Advance(min(left, e.Lease/8))
		require.NoError(e, d.Extend(e.Context()))
	}
}

// admin is the queue in its role of Admin, which newEnv made sure of.
func (e *env) admin() queue.Admin {
	admin, _ := e.Queue.(queue.Admin)
	return admin
}

// entry returns an event's entry.
func (e *env) entry(id string) queue.Entry {
	e.Helper()
	entry, err := e.admin().Entry(e.Context(), id)
	require.NoError(e, err)
	require.Equal(e, id, entry.Event.ID)
	return entry
}

// is makes sure of an event's state, if the queue shows it.
func (e *env) is(id string, state queue.State) {
	e.Helper()
	if !e.Features.NoAdmin {
		require.Equal(e, state, e.entry(id).State, "state of event %s", id)
	}
}

// operator does an action that must succeed.
func (e *env) operator(verb queue.ActionVerb, id string) queue.Receipt {
	e.Helper()
	receipt, err := e.admin().Operator(e.Context(), queue.Action{Verb: verb, ID: id, Operator: "ana", Reason: "because"})
	require.NoError(e, err)
	return receipt
}

// ack settles a delivery.
func (e *env) ack(d *queue.Delivery) {
	e.Helper()
	require.NoError(e, d.Ack(e.Context(), queue.Note{Class: "completed"}))
}

// audit makes sure that each accepted event is in exactly one state.
func (e *env) audit() {
	e.Helper()
	if e.Features.NoAdmin || e.accepted == nil {
		return
	}
	stats, err := e.admin().Stats(e.Context())
	require.NoError(e, err)
	found := map[string]queue.State{}
	for _, state := range queue.States() {
		n := 0
		for entry, err := range e.admin().Entries(e.Context(), state) {
			require.NoError(e, err)
			require.Equal(e, state, entry.State)
			require.NotContains(e, found, entry.Event.ID, "an event is in two states")
			found[entry.Event.ID] = state
			n++
		}
		require.Equal(e, n, stats.Counts[state], "Stats and Entries differ in %s", state)
	}
	require.Len(e, found, len(e.accepted), "not every accepted event is in a state: %v", found)
	for id := range e.accepted {
		require.Contains(e, found, id, "an accepted event is gone")
	}
	sum := 0
	for _, n := range stats.Counts {
		sum += n
	}
	require.Equal(e, len(e.accepted), sum, "the sum of Stats")
}
