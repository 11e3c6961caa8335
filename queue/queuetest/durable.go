package queuetest

import (
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var durableCases = []testCase{
	{name: "two handles share one queue", run: twoHandles, needs: needsOpen},
	{name: "a restart keeps every event in its state", run: restartKeepsStates, needs: needsRestart | needsAdmin},
	{name: "a restart keeps what was promised", run: restartKeepsPromises, needs: needsRestart},
}

func twoHandles(e *env) {
	other := e.Open()
	event := e.event("A")
	event.Key = "key"
	first := e.publish(event)
	again, err := other.Publish(e.Context(), event)
	require.NoError(e, err)
	require.Equal(e, queue.Receipt{ID: first.ID, Duplicate: true}, again, "Keys are shared")
	second := e.put("A")

	d, err := e.receive(other, e.Patience)
	require.NoError(e, err)
	require.Equal(e, first.ID, d.Event.ID)
	e.none("the account is leased by the other handle")
	e.ack(d)
	d = e.nextIs(second)
	r := e.begin(e.Context(), other)
	third := e.put("A")
	e.ack(d)
	last := e.woken(r, "a settlement of the other handle")
	require.Equal(e, third, last.Event.ID)
	require.Greater(e, last.Fence, d.Fence, "fences are shared")
	e.expire()
	require.ErrorIs(e, last.Ack(e.Context(), queue.Note{}), queue.ErrLeaseLost)
	e.ack(e.nextIs(third))
}

func restartKeepsStates(e *env) {
	ids := []string{e.held("A"), e.dead("B")}
	event := e.event("A")
	event.Payload = json.RawMessage(`{"a":1}`)
	ids = append(ids, e.publish(event).ID, e.publish(event).ID)
	later := e.event("A")
	later.NotBefore = e.Now().Add(50 * e.Lease)
	ids = append(ids, e.publish(later).ID, e.put("C"))
	e.ack(e.next())
	ids = append(ids, e.put("D"))
	e.next() // stays leased
	var before []queue.Entry
	for _, id := range ids {
		before = append(before, e.entry(id))
	}
	e.Queue = e.Restart()
	for i, id := range ids {
		was, err := queue.EncodeEntry(before[i])
		require.NoError(e, err)
		is, err := queue.EncodeEntry(e.entry(id))
		require.NoError(e, err)
		require.JSONEq(e, string(was), string(is))
	}
	e.audit()
}

func restartKeepsPromises(e *env) {
	keyed := e.event("A")
	keyed.Key = "key"
	old := e.start(keyed)
	id := old.Event.ID
	follower := keyed
	follower.Key = ""
	second := e.publish(follower).ID
	e.Queue = e.Restart()
	require.Equal(e, queue.Receipt{ID: id, Duplicate: true}, e.publish(keyed))
	e.none("the account is still leased")
	e.expire()
	d := e.nextIs(id)
	require.Equal(e, 1, d.Crashes)
	require.Greater(e, d.Fence, old.Fence)
	require.NoError(e, d.Retry(e.Context(), e.Lease, queue.Note{}))
	e.Queue = e.Restart()
	e.none("the retry waits, and holds up its command")
	e.Advance(e.Lease)
	d = e.nextIs(id)
	require.Equal(e, []int{2, 1}, []int{d.Attempt, d.Crashes})
	e.ack(d)
	e.ack(e.nextIs(second))
}
