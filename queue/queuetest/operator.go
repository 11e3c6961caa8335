package queuetest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var operatorCases = []testCase{
	{name: "release puts a held event back into the line", run: releases, needs: needsAdmin},
	{name: "requeue asks for a dead event again", run: requeues, needs: needsAdmin},
	{name: "a dead event is asked for again once", run: requeuesOnce, needs: needsAdmin},
	{name: "drop ends an event for good", run: drops, needs: needsAdmin},
	{name: "dropping a waiting retry frees its command", run: dropFrees, needs: needsAdmin},
	{name: "actions in a wrong state change nothing", run: wrongStates, needs: needsAdmin},
	{name: "an action needs operator, reason and a known event", run: actionNeeds, needs: needsAdmin},
	{name: "a repeated token returns the first receipt", run: tokenRepeated, needs: needsAdmin},
	{name: "a token of another action is refused", run: tokenConflict, needs: needsAdmin},
	{name: "stats count by state and name the oldest", run: statsCount, needs: needsAdmin},
	{name: "entries come oldest first", run: entriesOrder, needs: needsAdmin},
}

// held and dead publish an event and bring it into its state.
func (e *env) held(account string) string {
	e.Helper()
	id := e.put(account)
	require.NoError(e, e.nextIs(id).Hold(e.Context(), queue.Note{}))
	return id
}

func (e *env) dead(account string) string {
	e.Helper()
	id := e.put(account)
	require.NoError(e, e.nextIs(id).Dead(e.Context(), queue.Note{}))
	return id
}

func releases(e *env) {
	id := e.held("A")
	later := e.put("A")
	fence := e.entry(id).Fence
	require.Equal(e, queue.Receipt{ID: id}, e.operator(queue.Release, id))
	e.is(id, queue.Queued)
	d := e.nextIs(id) // at its place, before the later one
	require.Equal(e, []int{1, 0}, []int{d.Attempt, d.Crashes})
	require.Greater(e, d.Fence, fence)
	e.ack(d)
	e.ack(e.nextIs(later))
}

func requeues(e *env) {
	event := e.event("A")
	event.Key, event.Payload, event.NotBefore = "key", json.RawMessage(`{"a":1}`), e.Now().Add(-time.Minute)
	id := e.publish(event).ID
	require.NoError(e, e.nextIs(id).Retry(e.Context(), 0, queue.Note{}))
	require.NoError(e, e.nextIs(id).Dead(e.Context(), queue.Note{}))
	receipt := e.operator(queue.Requeue, id)
	require.NotEqual(e, id, receipt.ID, "it is a new event")
	require.False(e, receipt.Duplicate)
	e.accepted[receipt.ID] = true
	old := e.entry(id)
	require.Equal(e, queue.Dead, old.State, "the old one stays")
	require.Equal(e, receipt.ID, old.Successor)
	last := old.History[len(old.History)-1]
	require.Equal(e, []string{"requeue", "ana", "because"}, []string{last.What, last.Operator, last.Detail})

	d := e.nextIs(receipt.ID)
	require.Equal(e, id, d.Event.Origin)
	require.Equal(e, []string{event.Account, event.Command, ""}, []string{d.Event.Account, d.Event.Command, d.Event.Key})
	require.JSONEq(e, `{"a":1}`, string(d.Event.Payload))
	require.Equal(e, []int{1, 0}, []int{d.Attempt, d.Crashes}, "it begins anew")
	require.False(e, d.First.Before(old.First))
	e.ack(d)
	require.Equal(e, queue.Receipt{ID: id, Duplicate: true}, e.publish(event), "the Key names the first one still")
}

func requeuesOnce(e *env) {
	id := e.dead("A")
	receipt := e.operator(queue.Requeue, id)
	e.accepted[receipt.ID] = true
	_, err := e.admin().Operator(e.Context(), queue.Action{Verb: queue.Requeue, ID: id, Operator: "bob", Reason: "too"})
	require.ErrorIs(e, err, queue.ErrWrongState)
	require.ErrorContains(e, err, receipt.ID, "it names the successor")
	e.ack(e.nextIs(receipt.ID))
	e.none("it was asked for once")
	e.operator(queue.Drop, id)
	e.is(id, queue.Done)
}

func drops(e *env) {
	heldID, deadID := e.held("A"), e.dead("A")
	later := e.event("A")
	later.NotBefore = e.Now().Add(e.Lease)
	delayedID := e.publish(later).ID
	queuedID := e.put("A")
	for _, id := range []string{heldID, deadID, delayedID, queuedID} {
		require.Equal(e, queue.Receipt{ID: id}, e.operator(queue.Drop, id))
		entry := e.entry(id)
		require.Equal(e, queue.Done, entry.State)
		last := entry.History[len(entry.History)-1]
		require.Equal(e, []string{"drop", "ana", "because"}, []string{last.What, last.Operator, last.Detail})
	}
	e.Advance(2 * e.Lease)
	e.none("all were dropped")
}

func dropFrees(e *env) {
	event := e.event("A")
	first := e.start(event)
	second := e.publish(event).ID
	require.NoError(e, first.Retry(e.Context(), 50*e.Lease, queue.Note{}))
	e.none("the retry comes first")
	e.operator(queue.Drop, first.Event.ID)
	e.ack(e.nextIs(second))
}

func wrongStates(e *env) {
	ids := map[queue.State]string{queue.Held: e.held("A"), queue.Dead: e.dead("A")}
	done := e.put("A")
	e.ack(e.nextIs(done))
	old := e.event("B")
	ids[queue.Done], ids[queue.Superseded] = done, e.publish(old).ID
	ids[queue.Queued] = e.publish(old).ID
	later := e.event("A")
	later.NotBefore = e.Now().Add(50 * e.Lease)
	ids[queue.Delayed] = e.publish(later).ID
	ids[queue.Leased] = e.put("A")
	var leased *queue.Delivery
	for tries := 0; leased == nil || leased.Event.Account != "A"; tries++ {
		require.Less(e, tries, 3)
		leased = e.next()
		if leased.Event.Account == "B" {
			require.NoError(e, leased.Dead(e.Context(), queue.Note{}))
			ids[queue.Queued] = ""
		}
	}
	allowed := map[queue.ActionVerb][]queue.State{
		queue.Release: {queue.Held},
		queue.Requeue: {queue.Dead},
		queue.Drop:    {queue.Held, queue.Delayed, queue.Queued, queue.Dead},
	}
	for verb, states := range allowed {
		for state, id := range ids {
			if id == "" || slices.Contains(states, state) {
				continue
			}
			require.NoError(e, leased.Extend(e.Context()))
			before := e.entry(id)
			_, err := e.admin().Operator(e.Context(), queue.Action{Verb: verb, ID: id, Operator: "ana", Reason: "because"})
			require.ErrorIs(e, err, queue.ErrWrongState, "%s of a %s event", verb, state)
			require.Equal(e, before, e.entry(id), "nothing changed")
		}
	}
	e.ack(leased)
}

func actionNeeds(e *env) {
	id := e.held("A")
	valid := queue.Action{Verb: queue.Release, ID: id, Operator: "ana", Reason: "because"}
	for name, spoil := range map[string]func(*queue.Action){
		"verb":     func(a *queue.Action) { a.Verb = "erase" },
		"id":       func(a *queue.Action) { a.ID = "" },
		"operator": func(a *queue.Action) { a.Operator = " " },
		"reason":   func(a *queue.Action) { a.Reason = "" },
	} {
		action := valid
		spoil(&action)
		_, err := e.admin().Operator(e.Context(), action)
		require.ErrorIs(e, err, queue.ErrInvalidAction, name)
		require.ErrorContains(e, err, name)
		e.is(id, queue.Held)
	}
	for _, verb := range []queue.ActionVerb{queue.Release, queue.Requeue, queue.Drop} {
		_, err := e.admin().Operator(e.Context(), queue.Action{Verb: verb, ID: "nobody", Operator: "ana", Reason: "because"})
		require.ErrorIs(e, err, queue.ErrUnknownEvent)
	}
	_, err := e.admin().Entry(e.Context(), "nobody")
	require.ErrorIs(e, err, queue.ErrUnknownEvent)
}

func tokenRepeated(e *env) {
	id := e.dead("A")
	action := queue.Action{Verb: queue.Requeue, ID: id, Operator: "ana", Reason: "because", Token: "t"}
	first, err := e.admin().Operator(e.Context(), action)
	require.NoError(e, err)
	e.accepted[first.ID] = true
	e.ack(e.nextIs(first.ID))
	for range 2 {
		again, err := e.admin().Operator(e.Context(), action)
		require.NoError(e, err)
		require.Equal(e, first, again)
	}
	e.none("it was asked for again once")

	held := e.held("A")
	release := queue.Action{Verb: queue.Release, ID: held, Operator: "ana", Reason: "because", Token: "r"}
	receipt, err := e.admin().Operator(e.Context(), release)
	require.NoError(e, err)
	require.NoError(e, e.nextIs(held).Hold(e.Context(), queue.Note{}))
	again, err := e.admin().Operator(e.Context(), release)
	require.NoError(e, err)
	require.Equal(e, receipt, again)
	e.is(held, queue.Held)
}

func tokenConflict(e *env) {
	first, second := e.held("A"), e.held("A")
	action := queue.Action{Verb: queue.Release, ID: first, Operator: "ana", Reason: "because", Token: "t"}
	_, err := e.admin().Operator(e.Context(), action)
	require.NoError(e, err)
	other := action
	other.ID = second
	_, err = e.admin().Operator(e.Context(), other)
	require.ErrorIs(e, err, queue.ErrInvalidAction, "another event")
	other = action
	other.Verb = queue.Drop
	_, err = e.admin().Operator(e.Context(), other)
	require.ErrorIs(e, err, queue.ErrInvalidAction, "another verb")
	e.is(second, queue.Held)
	e.ack(e.nextIs(first))

	wrong := queue.Action{Verb: queue.Requeue, ID: second, Operator: "ana", Reason: "because", Token: "w"}
	_, err = e.admin().Operator(e.Context(), wrong)
	require.ErrorIs(e, err, queue.ErrWrongState)
	wrong.Verb = queue.Release
	_, err = e.admin().Operator(e.Context(), wrong)
	require.NotErrorIs(e, err, queue.ErrInvalidAction, "what failed does not use up its token")
	require.NoError(e, err)
	e.ack(e.nextIs(second))
}

func statsCount(e *env) {
	stats, err := e.admin().Stats(e.Context())
	require.NoError(e, err)
	require.True(e, stats.OldestDue.IsZero(), "nothing waits")
	e.held("A")
	e.dead("A")
	e.ack(e.nextIs(e.put("A")))
	leased := e.put("A")
	d := e.nextIs(leased)
	before := e.Now()
	e.put("A") // waits for its account
	after := e.Now()
	e.Advance(e.Quiet)
	e.put("B")
	old := e.event("C")
	e.publish(old)
	e.publish(old)
	later := e.event("C")
	later.NotBefore = e.Now().Add(e.Lease)
	e.publish(later)
	require.NoError(e, d.Extend(e.Context()))

	stats, err = e.admin().Stats(e.Context())
	require.NoError(e, err)
	for state, want := range map[queue.State]int{
		queue.Queued: 3, queue.Delayed: 1, queue.Leased: 1, queue.Held: 1, queue.Dead: 1, queue.Done: 1, queue.Superseded: 1,
	} {
		require.Equal(e, want, stats.Counts[state], "%s", state)
	}
	slack := e.Quiet / 4
	require.False(e, stats.OldestDue.Before(before.Add(-slack)) || stats.OldestDue.After(after.Add(slack)),
		"%v: the one that has waited longest was due from %v to %v", stats.OldestDue, before, after)
	e.keep(d, later.NotBefore.Add(slack))
	stats, err = e.admin().Stats(e.Context())
	require.NoError(e, err)
	require.Equal(e, []int{4, 0}, []int{stats.Counts[queue.Queued], stats.Counts[queue.Delayed]}, "time alone makes events due")
	e.ack(d)
}

func entriesOrder(e *env) {
	var ids []string
	for _, account := range []string{"C", "A", "B", "A", "C"} {
		ids = append(ids, e.put(account))
	}
	var got []string
	for entry, err := range e.admin().Entries(e.Context(), queue.Queued) {
		require.NoError(e, err)
		got = append(got, entry.Event.ID)
	}
	require.Equal(e, ids, got)
	for entry, err := range e.admin().Entries(e.Context(), queue.Queued) {
		require.NoError(e, err)
		require.Equal(e, ids[0], entry.Event.ID)
		break // stopping early is fine
	}
	for _, err := range e.admin().Entries(e.Context(), "lost") {
		require.Error(e, err, "no such state")
	}
}
