package queuetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var clockCases = []testCase{
	{name: "a clock that is set back makes no retry wait longer", run: retryKeepsDelay, needs: needsClock},
	{name: "what waits for a time goes by the clock, however it is set", run: timesGoByClock, needs: needsClock},
	{name: "a clock that is set ends no lease and forgets no Key", run: setClockEndsNothing, needs: needsClock},
}

// far is by how much clocks are set: longer than anything is kept that waits.
const far = 40 * 24 * time.Hour

func retryKeepsDelay(e *env) {
	id := e.put("A")
	require.NoError(e, e.nextIs(id).Retry(e.Context(), 2*e.Lease, queue.Note{}))
	e.SetClock(-far)
	e.none("the delay is not over")
	e.Advance(2 * e.Lease)
	d := e.nextIs(id)
	require.Equal(e, 2, d.Attempt)

	require.NoError(e, d.Retry(e.Context(), 2*e.Lease, queue.Note{}))
	r := e.sleepers(1)[0]
	e.SetClock(-far)
	e.Advance(2*e.Lease + time.Minute) // after a minute it must have been noticed
	d = e.woken(r, "the end of the delay")
	require.Equal(e, 3, d.Attempt)
	e.ack(d)
}

func timesGoByClock(e *env) {
	until := e.Now().Add(4 * e.Lease)
	deferred := e.start(e.event("A"))
	require.NoError(e, deferred.Defer(e.Context(), until, queue.Note{}))
	event := e.event("B")
	event.NotBefore = until
	later := e.publish(event).ID
	e.SetClock(-2 * e.Lease)
	e.none("it is not time by either clock")
	e.Advance(4 * e.Lease)
	e.none("it is not time")
	e.until(until)
	first := e.next()
	require.False(e, e.Now().Before(until))
	second := e.next()
	require.ElementsMatch(e, []string{deferred.Event.ID, later}, []string{first.Event.ID, second.Event.ID})
	e.ack(second)

	require.NoError(e, first.Defer(e.Context(), e.Now().Add(far), queue.Note{}))
	e.none("it is not time")
	e.SetClock(far)
	e.ack(e.nextIs(first.Event.ID))
}

func setClockEndsNothing(e *env) {
	keyed := e.event("A")
	keyed.Key = "key"
	done := e.publish(keyed).ID
	e.ack(e.nextIs(done))
	id := e.put("A")
	d := e.nextIs(id)
	for _, by := range []time.Duration{far, -3 * far} {
		e.SetClock(by)
		require.NoError(e, d.Extend(e.Context()), "the lease runs on")
		e.none("the account is leased")
		e.put("A")
		require.Equal(e, queue.Receipt{ID: done, Duplicate: true}, e.publish(keyed))
	}
	e.expire()
	again := e.nextIs(id)
	require.Equal(e, 1, again.Crashes, "it ran out in its time")
	e.ack(again)
}
