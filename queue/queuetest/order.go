package queuetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var orderCases = []testCase{
	{name: "an account has one lease at a time", run: oneLease},
	{name: "events of an account start in the order in which they were accepted", run: startOrder},
	{name: "accounts do not block each other", run: accountsApart},
	{name: "an event for later does not hold up others", run: laterStepsAside},
	{name: "an event for later takes its place when it is due", run: laterTakesPlace},
	{name: "a retry holds up later events of its command", run: holdsUp(retryLater)},
	{name: "a deferral holds up later events of its command", run: holdsUp(deferLater)},
	{name: "a retry does not hold up other commands of its account", run: goesOn(retryLater)},
	{name: "a deferral does not hold up other commands of its account", run: goesOn(deferLater)},
	{name: "other commands keep the order in which they were accepted", run: othersInOrder},
	{name: "an event keeps its place while it waits", run: keepsPlace},
	{name: "a crash holds its place", run: crashHoldsPlace},
	{name: "order holds under retries of several accounts", run: orderUnderRetries},
}

func oneLease(e *env) {
	ids := []string{e.put("A"), e.put("A"), e.put("A")}
	for _, id := range ids {
		d := e.nextIs(id)
		e.none("its account is leased")
		e.ack(d)
	}

	deferred := e.start(e.event("A"))
	require.NoError(e, deferred.Defer(e.Context(), e.Now().Add(e.Lease/2), queue.Note{}))
	other := e.start(e.event("A"))
	e.Advance(e.Lease / 2)
	e.none("its account is leased, although the deferred event is due")
	e.ack(other)
	e.ack(e.nextIs(deferred.Event.ID))
}

func startOrder(e *env) {
	var ids []string
	for range 12 {
		ids = append(ids, e.put("A"))
	}
	for _, id := range ids {
		e.ack(e.nextIs(id))
	}
}

func accountsApart(e *env) {
	event := e.event("A")
	e.publish(event)
	e.put("B")
	e.put("C")
	open := map[string]*queue.Delivery{}
	for range 3 {
		d := e.next()
		require.NotContains(e, open, d.Event.Account)
		open[d.Event.Account] = d
	}
	e.publish(event)
	require.NoError(e, open["A"].Retry(e.Context(), 10*e.Lease, queue.Note{}))
	require.NoError(e, open["B"].Hold(e.Context(), queue.Note{}))
	id := e.put("B")
	e.ack(e.nextIs(id)) // while A waits and C is leased
	e.ack(open["C"])
	e.none("only A has events, and they wait")
}

func laterStepsAside(e *env) {
	later := e.event("A")
	later.NotBefore = e.Now().Add(2 * e.Lease)
	laterID := e.publish(later).ID
	e.is(laterID, queue.Delayed)
	e.ack(e.nextIs(e.put("A")))
	e.none("the other one is for later")
	e.Advance(2 * e.Lease)
	e.is(laterID, queue.Queued)
	e.ack(e.nextIs(laterID))
}

func laterTakesPlace(e *env) {
	later := e.event("A")
	later.NotBefore = e.Now().Add(e.Lease)
	laterID := e.publish(later).ID
	now := e.put("A")
	e.Advance(e.Lease)
	e.ack(e.nextIs(laterID)) // it was accepted first
	e.ack(e.nextIs(now))
}

// retryLater and deferLater make an event wait for two leases.
func retryLater(e *env, d *queue.Delivery) {
	e.Helper()
	require.NoError(e, d.Retry(e.Context(), 2*e.Lease, queue.Note{}))
}

func deferLater(e *env, d *queue.Delivery) {
	e.Helper()
	require.NoError(e, d.Defer(e.Context(), e.Now().Add(2*e.Lease), queue.Note{}))
}

func holdsUp(wait func(*env, *queue.Delivery)) func(*env) {
	return func(e *env) {
		event := e.event("A")
		first := e.start(event)
		second := e.publish(event).ID
		wait(e, first)
		e.none("an earlier event of its command waits")
		newest := e.publish(event)
		require.Equal(e, second, newest.Superseded)
		e.none("an earlier event of its command still waits")
		e.Advance(2 * e.Lease)
		e.ack(e.nextIs(first.Event.ID))
		e.ack(e.nextIs(newest.ID))
	}
}

func goesOn(wait func(*env, *queue.Delivery)) func(*env) {
	return func(e *env) {
		first := e.start(e.event("A"))
		second := e.put("A")
		wait(e, first)
		e.ack(e.nextIs(second))
		wait(e, e.start(e.event("A"))) // two wait, each for itself
		e.ack(e.start(e.event("A")))
		e.is(first.Event.ID, queue.Delayed)
		e.none("what is left waits")
	}
}

func othersInOrder(e *env) {
	event := e.event("A")
	first := e.start(event)
	second := e.put("A")
	e.publish(event) // follows the first one
	third, fourth := e.put("A"), e.put("A")
	deferLater(e, first)
	e.ack(e.nextIs(second))
	require.NoError(e, e.nextIs(third).Retry(e.Context(), 0, queue.Note{}))
	e.ack(e.nextIs(third)) // it was due at once
	e.ack(e.nextIs(fourth))
	e.none("the first event and its follower wait")
}

func keepsPlace(e *env) {
	for _, wait := range []func(*queue.Delivery) error{
		func(d *queue.Delivery) error { return d.Retry(e.Context(), e.Lease, queue.Note{}) },
		func(d *queue.Delivery) error { return d.Defer(e.Context(), e.Now().Add(e.Lease), queue.Note{}) },
	} {
		event := e.event("A")
		first := e.start(event)
		second, follower, third := e.put("A"), e.publish(event).ID, e.put("A")
		require.NoError(e, wait(first))
		e.ack(e.nextIs(second))
		e.Advance(e.Lease)
		e.ack(e.nextIs(first.Event.ID))
		e.ack(e.nextIs(follower))
		e.ack(e.nextIs(third))
	}
}

func crashHoldsPlace(e *env) {
	event := e.event("A")
	first := e.start(event)
	second, follower := e.put("A"), e.publish(event).ID
	e.expire()
	e.ack(e.nextIs(first.Event.ID))
	e.ack(e.nextIs(second))
	e.ack(e.nextIs(follower))
}

// orderUnderRetries: an event is published as soon as the one before it, of the
// same account and command, was delivered, and so waits behind its retries.
func orderUnderRetries(e *env) {
	const accounts, commands, events = 4, 2, 4
	lines := map[string][]string{} // what did not end, by account and command
	published := map[string]int{}
	accept := func(account, command string) {
		key := account + "/" + command
		lines[key] = append(lines[key], e.publish(queue.Event{Account: account, Command: command}).ID)
		published[key]++
	}
	for i := range accounts * commands {
		accept(fmt.Sprintf("A%d", i%accounts), fmt.Sprintf("c%d", i/accounts))
	}
	for step, left := 0, accounts*commands*events; left > 0; step++ {
		require.Less(e, step, 10*accounts*commands*events, "retries do not end")
		d := e.next()
		key := d.Event.Account + "/" + d.Event.Command
		require.NotEmpty(e, lines[key], "it ended before")
		require.Equal(e, lines[key][0], d.Event.ID, "no later event of its command overtakes a retry")
		if len(lines[key]) == 1 && published[key] < events {
			accept(d.Event.Account, d.Event.Command)
		}
		if step%3 != 2 && d.Attempt < 3 {
			require.NoError(e, d.Retry(e.Context(), time.Duration(step%2)*e.Quiet/4, queue.Note{}))
			continue
		}
		lines[key] = lines[key][1:]
		left--
		e.ack(d)
	}
}
