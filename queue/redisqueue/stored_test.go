package redisqueue_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// TestShortForm: an event that says no more than its line and its payload is stored
// without saying it twice, and every event is read as it was published.
func TestShortForm(t *testing.T) {
	for name, c := range map[string]struct {
		event queue.Event
		short bool
	}{
		"no payload":    {queue.Event{ID: "i", Account: "A", Command: "c"}, true},
		"a payload":     {queue.Event{ID: "i", Key: "k", Account: "A", Command: "c", Payload: json.RawMessage(`{"a":[1,"<&>"]}`)}, true},
		"spaces":        {queue.Event{ID: "i", Account: "A", Command: "c", Payload: json.RawMessage(`{ "a": 1 }`)}, false},
		"null":          {queue.Event{ID: "i", Account: "A", Command: "c", Payload: json.RawMessage(`null`)}, true},
		"quotes":        {queue.Event{ID: `i"\`, Account: "A", Command: "c"}, true},
		"angles":        {queue.Event{ID: "<i>", Account: "A&B", Command: "c"}, true},
		"an origin":     {queue.Event{ID: "i", Account: "A", Command: "c", Origin: "o"}, false},
		"a time":        {queue.Event{ID: "i", Account: "A", Command: "c", NotBefore: time.Unix(9, 0).UTC()}, false},
		"a newer event": {queue.Event{Schema: 2, ID: "i", Account: "A", Command: "c"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := queue.EncodeEvent(c.event)
			require.NoError(t, err)
			want, _ := queue.DecodeEvent(data)
			stored, got, err := redisqueue.Store(c.event)
			if c.event.Schema > queue.Schema {
				require.ErrorIs(t, err, queue.ErrNewerSchema)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.short, strings.HasPrefix(string(stored), "+"), "%s", stored)
			again, err := queue.EncodeEvent(got)
			require.NoError(t, err)
			require.JSONEq(t, string(data), string(again))
			require.Equal(t, want.Command, got.Command)
		})
	}
}

// TestUnusableEvent: the short form is no way around the checks.
func TestUnusableEvent(t *testing.T) {
	for _, e := range []queue.Event{
		{Account: "", Command: "c"},
		{Account: "A B", Command: "c"},
		{Schema: -1, Account: "A", Command: "c"},
		{Account: "A", Command: "c", Payload: json.RawMessage(`[]`)},
		{Account: "A", Command: "c", Payload: json.RawMessage(`{"a":1,"a":2}`)},
		{Account: "A", Command: "c", Payload: json.RawMessage(`{`)},
		{Account: "A", Command: "c", Payload: json.RawMessage("{\"a\":\"\xff\"}")},
	} {
		_, _, err := redisqueue.Store(e)
		require.ErrorIs(t, err, queue.ErrInvalidEvent, "%+v", e)
	}
}

// TestTamperedEvent: what somebody changed is not acted on.
func TestTamperedEvent(t *testing.T) {
	c := client(t, redistest.Mini(t).Addr())
	told := make(chan error, 100)
	q := open(t, c, redisqueue.Options{OnWarning: func(err error) { told <- err }})
	id := publish(t, q, queue.Event{Account: "A", Command: "c", Payload: json.RawMessage(`{"n":1}`)})
	text, err := c.Get(t.Context(), prefix+"ev:"+id).Result()
	require.NoError(t, err)
	require.Contains(t, text, "\n+")
	require.NoError(t, c.Set(t.Context(), prefix+"ev:"+id, strings.Replace(text, `{"n":1}`, `{"n":2}`, 1), 0).Err())
	nothing(t, q)
	err = <-told
	for !errors.Is(err, queue.ErrInvalidEvent) {
		err = <-told
	}
	require.ErrorContains(t, err, "are not those that were published")
	_, err = q.Entry(t.Context(), id)
	require.ErrorIs(t, err, queue.ErrInvalidEvent)
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, stats.Counts[queue.Dead])
}
