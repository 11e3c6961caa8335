package queuetest

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var publishCases = []testCase{
	{name: "an event arrives as it was published", run: arrives},
	{name: "an ID of the producer is kept and accepted once", run: ownID},
	{name: "invalid events are refused", run: invalid},
	{name: "a Key is accepted once", run: keyOnce},
	{name: "a Key stays accepted when its event ended", run: keyEnded},
	{name: "a Key of another account or command is refused", run: keyConflict},
	{name: "one of many producers with the same Key is first", run: keyRace},
	{name: "what was handed over is copied", run: copied},
	{name: "an event of a newer schema is kept and delivered", run: newerSchema},
	{name: "a full line refuses until there is room", run: fullLine, needs: needsLimit},
}

func arrives(e *env) {
	sent := queue.Event{
		Key: "k", Account: "A", Command: "rebalance", Payload: json.RawMessage(`{"force":true,"note":"<&>"}`), Origin: "parent",
		NotBefore: e.Now().Add(-time.Hour),
	}
	before := e.Now()
	id := e.publish(sent).ID
	e.is(id, queue.Queued)
	d := e.nextIs(id)
	require.Equal(e, queue.Schema, d.Event.Schema)
	require.Equal(e, []string{"k", "A", "rebalance", "parent"}, []string{d.Event.Key, d.Event.Account, d.Event.Command, d.Event.Origin})
	require.JSONEq(e, string(sent.Payload), string(d.Event.Payload))
	require.WithinDuration(e, sent.NotBefore, d.Event.NotBefore, time.Millisecond)
	require.WithinDuration(e, before, d.Event.Created, e.Lease, "Created is when it was accepted")
	require.WithinDuration(e, before, d.First, e.Lease, "First is when it was first delivered")
	require.Equal(e, 1, d.Attempt)
	require.Zero(e, d.Crashes)
	require.Positive(e, d.Fence)
	e.is(id, queue.Leased)
	e.ack(d)
	e.is(id, queue.Done)
}

func ownID(e *env) {
	event := e.event("A")
	event.ID = "mine"
	require.Equal(e, "mine", e.publish(event).ID)
	again := e.publish(event)
	require.Equal(e, queue.Receipt{ID: "mine", Duplicate: true}, again)
	event.Account = "B"
	_, err := e.Queue.Publish(e.Context(), event)
	require.ErrorIs(e, err, queue.ErrInvalidEvent)
	e.ack(e.nextIs("mine"))
	e.none("the ID was accepted once")
}

func invalid(e *env) {
	for name, event := range map[string]queue.Event{
		"no account":         {Command: "c"},
		"no command":         {Account: "A"},
		"blank in account":   {Account: "A B", Command: "c"},
		"not ASCII":          {Account: "Ä", Command: "c"},
		"long key":           {Account: "A", Command: "c", Key: strings.Repeat("k", 129)},
		"negative schema":    {Schema: -1, Account: "A", Command: "c"},
		"payload not JSON":   {Account: "A", Command: "c", Payload: json.RawMessage(`{`)},
		"payload not object": {Account: "A", Command: "c", Payload: json.RawMessage(`[1]`)},
		"duplicate key":      {Account: "A", Command: "c", Payload: json.RawMessage(`{"mode":"a","mode":"b"}`)},
		"large payload":      {Account: "A", Command: "c", Payload: json.RawMessage(`{"a":"` + strings.Repeat("a", queue.MaxPayload) + `"}`)},
	} {
		_, err := e.Queue.Publish(e.Context(), event)
		require.ErrorIs(e, err, queue.ErrInvalidEvent, name)
	}
	_, err := e.Queue.Publish(e.Context(), queue.Event{Key: "a b"})
	for _, fault := range []string{"key", "account", "command"} {
		require.ErrorContains(e, err, fault, "every fault is named")
	}
	e.none("no event was valid")
}

func keyOnce(e *env) {
	event := e.event("A")
	event.Key = "key"
	first := e.publish(event)
	require.Equal(e, queue.Receipt{ID: first.ID}, first)
	event.Payload = json.RawMessage(`{"another":"payload"}`)
	require.Equal(e, queue.Receipt{ID: first.ID, Duplicate: true}, e.publish(event), "while it is queued")
	d := e.nextIs(first.ID)
	require.Empty(e, d.Event.Payload, "the first one counts")
	require.Equal(e, queue.Receipt{ID: first.ID, Duplicate: true}, e.publish(event), "while it is leased")
	e.ack(d)
	e.none("the Key was accepted once")

	event.Key = "another"
	require.NotEqual(e, first.ID, e.publish(event).ID)
	event.Key = ""
	e.publish(event)
}

func keyEnded(e *env) {
	ends := map[string]func(*queue.Delivery) error{
		"done": func(d *queue.Delivery) error { return d.Ack(e.Context(), queue.Note{}) },
		"dead": func(d *queue.Delivery) error { return d.Dead(e.Context(), queue.Note{}) },
		"held": func(d *queue.Delivery) error { return d.Hold(e.Context(), queue.Note{}) },
	}
	for key, end := range ends {
		event := e.event("A")
		event.Key = key
		id := e.publish(event).ID
		require.NoError(e, end(e.nextIs(id)))
		require.Equal(e, queue.Receipt{ID: id, Duplicate: true}, e.publish(event), "after it was "+key)
	}
	old := e.event("A")
	newer := old
	old.Key, newer.Key = "old", "newer"
	oldID := e.publish(old).ID
	newID := e.publish(newer).ID
	require.Equal(e, queue.Receipt{ID: oldID, Duplicate: true}, e.publish(old), "after it was superseded")
	e.ack(e.nextIs(newID))
	e.none("all Keys are known")
}

func keyConflict(e *env) {
	event := e.event("A")
	event.Key = "key"
	id := e.publish(event).ID
	other := event
	other.Account = "B"
	_, err := e.Queue.Publish(e.Context(), other)
	require.ErrorIs(e, err, queue.ErrInvalidEvent, "another account")
	other = event
	other.Command = "other"
	_, err = e.Queue.Publish(e.Context(), other)
	require.ErrorIs(e, err, queue.ErrInvalidEvent, "another command")
	e.ack(e.nextIs(id))
	e.none("the others were refused")
}

func keyRace(e *env) {
	event := e.event("A")
	event.Key = "key"
	const producers = 8
	var mu sync.Mutex
	var firsts, faults []string
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range producers {
		wg.Go(func() {
			receipt, err := e.Queue.Publish(e.Context(), event)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = append(faults, err.Error())
				return
			}
			ids[receipt.ID] = true
			if !receipt.Duplicate {
				firsts = append(firsts, receipt.ID)
			}
		})
	}
	wg.Wait()
	require.Empty(e, faults)
	require.Len(e, ids, 1, "all receipts name the same event")
	require.Len(e, firsts, 1, "one was first")
	e.accepted[firsts[0]] = true
	e.ack(e.nextIs(firsts[0]))
	e.none("there was one event")
}

func copied(e *env) {
	const payload = `{"mode":"full"}`
	event := e.event("A")
	event.Payload = json.RawMessage(payload)
	id := e.publish(event).ID
	copy(event.Payload, `{"mode":"none"}`)
	d := e.nextIs(id)
	require.JSONEq(e, payload, string(d.Event.Payload), "the producer changed its copy")
	copy(d.Event.Payload, `{"mode":"none"}`)
	require.NoError(e, d.Retry(e.Context(), 0, queue.Note{}))
	d = e.nextIs(id)
	require.JSONEq(e, payload, string(d.Event.Payload), "the worker changed its copy")
	e.ack(d)
	if !e.Features.NoAdmin {
		entry := e.entry(id)
		copy(entry.Event.Payload, `{"mode":"none"}`)
		entry.History[0].What = "changed"
		require.JSONEq(e, payload, string(e.entry(id).Event.Payload), "the operator changed its copy")
		require.Equal(e, queue.WhatPublished, e.entry(id).History[0].What)
	}
}

func newerSchema(e *env) {
	event, err := queue.DecodeEvent([]byte(`{"schema":99,"account":"A","command":"c","id":"new","tenant":"t"}`))
	require.ErrorIs(e, err, queue.ErrNewerSchema)
	id := e.publish(event).ID
	d := e.nextIs(id)
	require.Equal(e, 99, d.Event.Schema)
	data, err := queue.EncodeEvent(d.Event)
	require.NoError(e, err)
	require.Contains(e, string(data), `"tenant":"t"`, "what this release cannot read is kept")
	require.NoError(e, d.Defer(e.Context(), e.Now().Add(e.Lease), queue.Note{}))
	e.Advance(e.Lease)
	e.ack(e.nextIs(id))
}

func fullLine(e *env) {
	first := e.put("A")
	for range e.MaxPerAccount - 1 {
		e.put("A")
	}
	_, err := e.Queue.Publish(e.Context(), e.event("A"))
	require.ErrorIs(e, err, queue.ErrFull)
	require.NotErrorIs(e, err, queue.ErrInvalidEvent, "trying later may help")

	d := e.nextIs(first)
	newest := e.event("A")
	newest.Command = "command2" // that of the second event
	require.NotEmpty(e, e.publish(newest).Superseded, "taking a place needs no room")
	_, err = e.Queue.Publish(e.Context(), e.event("A"))
	require.ErrorIs(e, err, queue.ErrFull, "a leased event still has its place")
	e.put("B") // another account has a line of its own
	e.ack(d)
	e.put("A")
}
