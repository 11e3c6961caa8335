package queuetest

import (
	"fmt"
	"slices"
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
	{name: "a retry holds up its account", run: retryHoldsUp},
	{name: "a deferral holds up its account", run: deferHoldsUp},
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
	e.put("A")
	e.put("A")
	e.put("B")
	e.put("C")
	open := map[string]*queue.Delivery{}
	for range 3 {
		d := e.next()
		require.NotContains(e, open, d.Event.Account)
		open[d.Event.Account] = d
	}
	require.NoError(e, open["A"].Retry(e.Context(), 10*e.Lease, queue.Note{}))
	require.NoError(e, open["B"].Hold(e.Context(), queue.Note{}))
	id := e.put("B")
	e.ack(e.nextIs(id)) // while A waits and C is leased
	e.ack(open["C"])
	e.none("only A has an event, and it waits")
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

func retryHoldsUp(e *env) {
	first, second := e.put("A"), e.put("A")
	require.NoError(e, e.nextIs(first).Retry(e.Context(), 2*e.Lease, queue.Note{}))
	e.none("the retry comes first")
	e.Advance(2 * e.Lease)
	e.ack(e.nextIs(first))
	e.ack(e.nextIs(second))
}

func deferHoldsUp(e *env) {
	first, second := e.put("A"), e.put("A")
	require.NoError(e, e.nextIs(first).Defer(e.Context(), e.Now().Add(2*e.Lease), queue.Note{}))
	e.none("the deferred event comes first")
	e.Advance(2 * e.Lease)
	e.ack(e.nextIs(first))
	e.ack(e.nextIs(second))
}

func crashHoldsPlace(e *env) {
	first, second := e.put("A"), e.put("A")
	e.nextIs(first)
	e.expire()
	e.ack(e.nextIs(first))
	e.ack(e.nextIs(second))
}

func orderUnderRetries(e *env) {
	want := map[string][]string{}
	const accounts, events = 4, 5
	for range events {
		for i := range accounts {
			account := fmt.Sprintf("A%d", i)
			want[account] = append(want[account], e.put(account))
		}
	}
	got := map[string][]string{}
	for step := 0; sum(got) < accounts*events; step++ {
		require.Less(e, step, 10*accounts*events, "retries do not end")
		d := e.next()
		require.Equal(e, want[d.Event.Account][len(got[d.Event.Account])], d.Event.ID, "no later event overtakes a retry")
		if step%3 != 2 && d.Attempt < 3 {
			require.NoError(e, d.Retry(e.Context(), time.Duration(step%2)*e.Quiet/4, queue.Note{}))
			continue
		}
		got[d.Event.Account] = append(got[d.Event.Account], d.Event.ID)
		e.ack(d)
	}
	for account := range want {
		require.True(e, slices.Equal(want[account], got[account]))
	}
}

func sum(lists map[string][]string) int {
	n := 0
	for _, l := range lists {
		n += len(l)
	}
	return n
}
