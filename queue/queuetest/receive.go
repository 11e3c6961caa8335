package queuetest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var receiveCases = []testCase{
	{name: "receive ends with its context", run: receiveEnds},
	{name: "receive with an ended context takes nothing", run: receiveEnded},
	{name: "a receiver that left loses no event", run: receiverLeft},
	{name: "cancelling while events come loses none", run: cancelRace},
	{name: "a publication wakes a waiting receiver", run: wokenByPublish},
	{name: "the passing of time wakes a waiting receiver", run: wokenByTime},
	{name: "an earlier time wakes a waiting receiver first", run: wokenEarlier},
	{name: "a settlement wakes a waiting receiver", run: wokenBySettle},
	{name: "a lost lease wakes a waiting receiver", run: wokenByCrash},
	{name: "an operator wakes a waiting receiver", run: wokenByOperator, needs: needsAdmin},
	{name: "each of many waiting receivers gets an event", run: allWoken},
	{name: "receivers that leave hand on their watch", run: watchHandedOn},
	{name: "a closed queue neither takes nor gives", run: closedQueue, needs: needsClose},
}

func receiveEnds(e *env) {
	for want, ctx := range map[error]func() (context.Context, context.CancelFunc){
		context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(e.Context(), e.Quiet)
		},
		context.Canceled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(e.Context())
			e.Cleanup(cancel)
			timer := time.AfterFunc(e.Quiet, cancel)
			e.Cleanup(func() { timer.Stop() })
			return ctx, cancel
		},
	} {
		ctx, cancel := ctx()
		d, err := e.join(e.begin(ctx, e.Queue), e.Quiet)
		cancel()
		require.ErrorIs(e, err, want)
		require.Nil(e, d)
	}
}

func receiveEnded(e *env) {
	id := e.put("A")
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	d, err := e.join(e.begin(ctx, e.Queue), 0)
	require.ErrorIs(e, err, context.Canceled)
	require.Nil(e, d)
	e.is(id, queue.Queued)
	require.Zero(e, e.nextIs(id).Crashes)
}

func receiverLeft(e *env) {
	for range 3 {
		e.none("nothing was published")
	}
	ids := []string{e.put("A"), e.put("B")}
	for range ids {
		d := e.next()
		require.Contains(e, ids, d.Event.ID)
		require.Zero(e, d.Crashes)
		e.ack(d)
	}
}

func cancelRace(e *env) {
	const rounds = 40
	seen := map[string]int{}
	take := func(d *queue.Delivery) {
		require.Zero(e, d.Crashes, "a delivery was made to a receiver that had left")
		seen[d.Event.ID]++
		e.ack(d)
	}
	for i := range rounds {
		ctx, cancel := context.WithCancel(e.Context())
		r := e.begin(ctx, e.Queue)
		if i%2 == 0 {
			go cancel()
			e.put("A")
		} else {
			e.Advance(e.Quiet / rounds)
			e.put("A") // it may be on its way to the receiver already
			cancel()
		}
		if d, err := e.join(r, 0); err == nil {
			take(d)
		} else {
			require.ErrorIs(e, err, context.Canceled)
		}
	}
	for tries := 0; len(seen) < rounds; tries++ {
		require.Less(e, tries, rounds, "events were settled again and again")
		take(e.next())
	}
	e.none("all events were settled")
	for id, n := range seen {
		require.Equal(e, 1, n, "deliveries of event %s", id)
	}
}

func wokenByPublish(e *env) {
	r := e.sleepers(1)[0]
	id := e.put("A")
	require.Equal(e, id, e.woken(r, "the publication").Event.ID)
}

func wokenByTime(e *env) {
	event := e.event("A")
	event.NotBefore = e.Now().Add(2 * e.Lease)
	id := e.publish(event).ID
	r := e.sleepers(1)[0]
	e.Advance(e.Lease)
	require.Empty(e, r, "it is not due yet")
	e.Advance(e.Lease)
	d := e.woken(r, "the time")
	require.Equal(e, id, d.Event.ID)
	require.False(e, e.Now().Before(event.NotBefore), "not before its time")
}

func wokenEarlier(e *env) {
	late, early := e.event("A"), e.event("B")
	late.NotBefore, early.NotBefore = e.Now().Add(20*e.Lease), e.Now().Add(e.Lease)
	e.publish(late)
	r := e.sleepers(2)
	id := e.publish(early).ID
	e.Advance(e.Lease)
	d, _ := e.anyWoken(r[0], r[1], "the earlier time")
	require.Equal(e, id, d.Event.ID)
}

func wokenBySettle(e *env) {
	first, second := e.put("A"), e.put("A")
	d := e.nextIs(first)
	r := e.sleepers(1)[0]
	require.Empty(e, r, "the account is leased")
	e.ack(d)
	require.Equal(e, second, e.woken(r, "the settlement").Event.ID)
}

func wokenByCrash(e *env) {
	id := e.put("A")
	e.nextIs(id)
	r := e.sleepers(1)[0]
	e.expire()
	d := e.woken(r, "the end of the lease")
	require.Equal(e, id, d.Event.ID)
	require.Equal(e, 1, d.Crashes)
}

func wokenByOperator(e *env) {
	event := e.event("A")
	first := e.start(event)
	require.NoError(e, first.Hold(e.Context(), queue.Note{}))
	second := e.start(event)
	require.NoError(e, second.Defer(e.Context(), e.Now().Add(50*e.Lease), queue.Note{}))
	third := e.publish(event).ID
	r := e.sleepers(2)
	e.operator(queue.Release, first.Event.ID) // a later event that waits does not hold it up
	got, other := e.anyWoken(r[0], r[1], "the release")
	require.Equal(e, first.Event.ID, got.Event.ID)
	e.ack(got)
	e.operator(queue.Drop, second.Event.ID)
	require.Equal(e, third, e.woken(other, "the drop of what held it up").Event.ID)
}

func allWoken(e *env) {
	const n = 6
	r := e.sleepers(n)
	want := map[string]bool{}
	for i := range n {
		want[e.put("account"+string(rune('a'+i)))] = true
	}
	for i := range n {
		d := e.woken(r[i], "one of the publications")
		require.Contains(e, want, d.Event.ID, "each event goes to one receiver")
		delete(want, d.Event.ID)
	}
}

// watchHandedOn: whichever of the waiting receivers an implementation lets watch
// the clock, its leaving must not leave the others asleep.
func watchHandedOn(e *env) {
	const n = 5
	for leaves := range n {
		event := e.event("A")
		event.NotBefore = e.Now().Add(e.Lease)
		id := e.publish(event).ID
		cancels := make([]context.CancelFunc, n)
		all := make([]receiving, n)
		for i := range n {
			ctx, cancel := context.WithCancel(e.Context())
			e.Cleanup(cancel)
			cancels[i], all[i] = cancel, e.begin(ctx, e.Queue)
			e.Advance(e.Quiet / n)
		}
		for i := range leaves { // from the front in one round, from the back in the next
			if leaves%2 == 1 {
				i = n - 1 - i
			}
			cancels[i]()
			_, err := e.join(all[i], 0)
			require.ErrorIs(e, err, context.Canceled)
			all[i] = nil
		}
		e.until(event.NotBefore)
		rest := e.gather(all)
		got, err := e.join(rest, 0)
		require.NoError(e, err)
		require.Equal(e, id, got.Event.ID)
		require.Zero(e, got.Crashes)
		for _, cancel := range cancels {
			cancel()
		}
		for range n - leaves - 1 {
			d, err := e.join(rest, 0)
			require.Nil(e, d, "two receivers got it")
			require.ErrorIs(e, err, context.Canceled)
		}
		e.ack(got)
	}
}

// gather returns what several receivers get, in the order in which they return.
// Those that are nil left.
func (e *env) gather(all []receiving) receiving {
	each := make(receiving, len(all))
	for _, r := range all {
		if r != nil {
			go func() { each <- <-r }()
		}
	}
	return each
}

func closedQueue(e *env) {
	later := e.event("A")
	later.NotBefore = e.Now().Add(e.Lease)
	e.publish(later)
	r := e.sleepers(3)
	require.NoError(e, e.Close())
	for _, waiting := range r {
		_, err := e.join(waiting, 0)
		require.ErrorIs(e, err, queue.ErrClosed)
	}
	_, err := e.Queue.Publish(e.Context(), e.event("A"))
	require.ErrorIs(e, err, queue.ErrClosed)
	e.Advance(2 * e.Lease)
	_, err = e.receive(e.Queue, e.Quiet)
	require.ErrorIs(e, err, queue.ErrClosed)
	require.NoError(e, e.Close(), "closing twice is fine")
	e.accepted = nil // what is shown of a closed queue is not promised
}
