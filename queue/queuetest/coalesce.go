package queuetest

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var coalesceCases = []testCase{
	{name: "of events never delivered only the newest is kept", run: newestKept},
	{name: "the newest takes the place of the older one", run: newestTakesPlace},
	{name: "the NotBefore of the newest counts", run: newestNotBefore},
	{name: "an event that was delivered is not superseded", run: deliveredStays},
	{name: "other commands and other accounts are not superseded", run: othersStay},
	{name: "what was asked for last comes last", run: lastStaysLast},
	{name: "many producers leave one newest event", run: newestOfMany},
}

func newestKept(e *env) {
	event := e.event("A")
	var ids []string
	event.Payload = json.RawMessage(`{"n":3}`)
	for i := range 4 {
		receipt := e.publish(event)
		if i > 0 {
			require.Equal(e, ids[i-1], receipt.Superseded, "the receipt names whose place it took")
		} else {
			require.Empty(e, receipt.Superseded)
		}
		ids = append(ids, receipt.ID)
	}
	d := e.nextIs(ids[3])
	require.JSONEq(e, `{"n":3}`, string(d.Event.Payload))
	e.ack(d)
	e.none("the older ones were superseded")
	for i, id := range ids[:3] {
		e.is(id, queue.Superseded)
		if !e.Features.NoAdmin {
			entry := e.entry(id)
			require.Equal(e, ids[i+1], entry.Successor, "each names its successor")
			last := entry.History[len(entry.History)-1]
			require.Equal(e, queue.WhatSuperseded, last.What)
			require.Contains(e, last.Detail, ids[i+1])
		}
	}
	e.is(ids[3], queue.Done)
}

func newestTakesPlace(e *env) {
	first, second := e.event("A"), e.event("A")
	e.publish(first)
	secondID := e.publish(second).ID
	newest := e.publish(first).ID
	e.ack(e.nextIs(newest))
	e.ack(e.nextIs(secondID))
}

func newestNotBefore(e *env) {
	event := e.event("A")
	event.NotBefore = e.Now().Add(50 * e.Lease)
	e.publish(event)
	event.NotBefore = time.Time{}
	id := e.publish(event).ID
	e.ack(e.nextIs(id))

	event = e.event("A")
	e.publish(event)
	event.NotBefore = e.Now().Add(2 * e.Lease)
	id = e.publish(event).ID
	e.none("the newest is for later")
	e.Advance(2 * e.Lease)
	e.ack(e.nextIs(id))
}

func deliveredStays(e *env) {
	event := e.event("A")
	leased := e.publish(event).ID
	d := e.nextIs(leased)
	follower := e.publish(event)
	require.Empty(e, follower.Superseded, "the first is leased")
	newer := e.publish(event)
	require.Equal(e, follower.ID, newer.Superseded, "the follower was never delivered")
	require.NoError(e, d.Retry(e.Context(), e.Lease, queue.Note{}))
	newest := e.publish(event)
	require.Equal(e, newer.ID, newest.Superseded, "the first waits for its retry")
	e.Advance(e.Lease)
	d = e.nextIs(leased)
	require.NoError(e, d.Hold(e.Context(), queue.Note{}))
	require.Equal(e, newest.ID, e.publish(event).Superseded, "the first is held")
	e.is(leased, queue.Held)
	e.ack(e.next())
	e.none("one follower was kept")
}

func othersStay(e *env) {
	a := e.event("A")
	b, c := a, a
	b.Account, c.Command = "B", "other"
	ids := map[string]bool{}
	for _, event := range []queue.Event{a, b, c} {
		receipt := e.publish(event)
		require.Empty(e, receipt.Superseded)
		ids[receipt.ID] = true
	}
	for range 3 {
		d := e.next()
		require.Contains(e, ids, d.Event.ID)
		delete(ids, d.Event.ID)
		e.ack(d)
	}
	// What asks for something else is not the same event.
	raise, daily := e.event("C"), e.event("C")
	daily.Command = raise.Command
	raise.Payload, daily.Payload = json.RawMessage(`{"mode":"raise_cash"}`), json.RawMessage(`{"automatic":true}`)
	newer := raise
	newer.Schema = queue.Schema + 1
	var line []string
	for _, event := range []queue.Event{raise, daily, newer} {
		receipt := e.publish(event)
		require.Empty(e, receipt.Superseded)
		line = append(line, receipt.ID)
	}
	for _, id := range line {
		e.ack(e.nextIs(id))
	}
}

// lastStaysLast asks for one thing, another, and the first again: had the third
// taken the place of the first, the account would end with the second.
func lastStaysLast(e *env) {
	this, that := e.event("A"), e.event("A")
	that.Command = this.Command
	this.Payload, that.Payload = json.RawMessage(`{"strategy":"this"}`), json.RawMessage(`{"strategy":"that"}`)
	var line []string
	for _, event := range []queue.Event{this, that, this} {
		receipt := e.publish(event)
		require.Empty(e, receipt.Superseded)
		line = append(line, receipt.ID)
	}
	require.Equal(e, line[2], e.publish(this).Superseded, "the last one is superseded by the same again")
	for _, id := range line[:2] {
		e.ack(e.nextIs(id))
	}
	e.ack(e.next())
}

func newestOfMany(e *env) {
	event := e.event("A")
	const producers, each = 6, 5
	var mu sync.Mutex
	var faults []error
	superseded := map[string]int{}
	var wg sync.WaitGroup
	for range producers {
		wg.Go(func() {
			for range each {
				receipt, err := e.Queue.Publish(e.Context(), event)
				mu.Lock()
				if err != nil {
					faults = append(faults, err)
				} else {
					e.accepted[receipt.ID] = true
					superseded[receipt.Superseded]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Empty(e, faults)
	require.Len(e, e.accepted, producers*each)
	require.Equal(e, 1, superseded[""], "only the first took nobody's place")
	for id, n := range superseded {
		require.Equal(e, 1, n, "event %s has one successor", id)
	}
	d := e.next()
	require.Zero(e, superseded[d.Event.ID], "the one that is left has none")
	e.ack(d)
	e.none("one event was left")
}
