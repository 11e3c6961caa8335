package queue_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var update = flag.Bool("update", false, "write the golden files of the current schema")

var (
	small = queue.Event{Account: "DU123", Command: "rebalance"}
	full  = queue.Event{
		ID: "01J9", Key: "daily:2026-01-05", Account: "DU123", Command: "rebalance", Origin: "01J8",
		Payload:   json.RawMessage(`{"force":true,"policy":{"note":"a<b & c"}}`),
		NotBefore: time.Date(2026, 1, 5, 9, 30, 0, 0, time.FixedZone("EST", -5*3600)),
		Created:   time.Date(2026, 1, 5, 6, 0, 0, 123456789, time.UTC),
	}
	entry = queue.Entry{
		Event: full, State: queue.Dead, Due: full.NotBefore, Attempt: 2, Crashes: 1, Fence: 17,
		First: full.NotBefore.Add(time.Second), Successor: "01JA",
		History: []queue.HistoryItem{
			{Time: full.Created, What: queue.WhatPublished},
			{Time: full.NotBefore.Add(time.Second), What: queue.WhatDelivered, Attempt: 1, Fence: 16},
			{Time: full.NotBefore.Add(31 * time.Second), What: queue.WhatCrashed, Attempt: 1, Fence: 16},
			{Time: full.NotBefore.Add(32 * time.Second), What: string(queue.VerbDead), Attempt: 2, Fence: 17, Run: "r1", Class: "rejected", Detail: "allocation: sum is 1.7"},
			{Time: full.NotBefore.Add(time.Hour), What: string(queue.Requeue), Attempt: 2, Operator: "ana", Detail: "sum corrected"},
		},
	}
)

// TestGolden: what was written once is read for ever, and is still written so.
func TestGolden(t *testing.T) {
	for name, event := range map[string]queue.Event{"event_v1_small.json": small, "event_v1_full.json": full} {
		data, err := queue.EncodeEvent(event)
		require.NoError(t, err)
		golden(t, name, data)
		got, err := queue.DecodeEvent(read(t, name))
		require.NoError(t, err)
		event.Schema = 1
		requireSameEvent(t, event, got)
	}
	data, err := queue.EncodeEntry(entry)
	require.NoError(t, err)
	golden(t, "entry_v1.json", data)
	got, err := queue.DecodeEntry(read(t, "entry_v1.json"))
	require.NoError(t, err)
	requireSameEntry(t, entry, got)
}

// golden compares data with a file, or writes the file.
func golden(t *testing.T, name string, data []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name), append(data, '\n'), 0o600))
	}
	require.Equal(t, strings.TrimSpace(string(read(t, name))), string(data))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// requireSameText: the form is the same byte for byte, not only its meaning.
func requireSameText(t *testing.T, want string, got []byte) {
	t.Helper()
	require.Equal(t, want, string(got))
}

func requireSameEvent(t *testing.T, want, got queue.Event) {
	t.Helper()
	require.True(t, want.NotBefore.Equal(got.NotBefore) && want.Created.Equal(got.Created), "%v, %v", want, got)
	want.NotBefore, want.Created = got.NotBefore, got.Created
	require.Equal(t, want, got)
}

func requireSameEntry(t *testing.T, want, got queue.Entry) {
	t.Helper()
	a, err := queue.EncodeEntry(want)
	require.NoError(t, err)
	b, err := queue.EncodeEntry(got)
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
}

func TestDecodeEventRefuses(t *testing.T) {
	deep := `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`
	for name, c := range map[string]struct{ in, want string }{
		"nothing":               {``, "input is empty"},
		"null":                  {`null`, "input is null"},
		"a list":                {`[]`, "cannot unmarshal array"},
		"no schema":             {`{"account":"A","command":"c"}`, `"schema" is missing: add "schema":1`},
		"schema 0":              {`{"schema":0,"account":"A","command":"c"}`, `"schema" is 0, less than 1`},
		"schema in words":       {`{"schema":"1","account":"A","command":"c"}`, `"schema" is "1", not a number`},
		"schema null":           {`{"schema":null,"account":"A","command":"c"}`, `less than 1`},
		"schema with a point":   {`{"schema":1.5,"account":"A","command":"c"}`, `"schema" is 1.5, not a number`},
		"schema out of range":   {`{"schema":1e99,"account":"A","command":"c"}`, `"schema" is 1e99, not a number`},
		"unknown field":         {`{"schema":1,"account":"A","command":"c","user":"x"}`, `unknown field "user"`},
		"duplicate field":       {`{"schema":1,"account":"A","command":"c","Account":"B"}`, `duplicate key "Account"`},
		"field in another case": {`{"schema":1,"account":"A","Command":"c"}`, `unknown field "Command": write "command"`},
		"duplicate in the payload": {
			`{"schema":1,"account":"A","command":"c","payload":{"mode":"a","mode":"b"}}`, `duplicate key "payload.mode"`,
		},
		"no account and no command": {`{"schema":1}`, "account is empty\ncommand is empty"},
		"bad time":                  {`{"schema":1,"account":"A","command":"c","not_before":"soon"}`, `"not_before": parsing time`},
		"bad year":                  {`{"schema":1,"account":"A","command":"c","not_before":"9999-12-31T23:00:00-02:00"}`, "not_before: year 10000"},
		"payload is a list":         {`{"schema":1,"account":"A","command":"c","payload":[]}`, "is not an object"},
		"payload too deep":          {`{"schema":1,"account":"A","command":"c","payload":` + deep + `}`, "nested too deep"},
		"payload too large": {
			`{"schema":1,"account":"A","command":"c","payload":{"a":"` + strings.Repeat("a", queue.MaxPayload) + `"}}`,
			"65544 bytes, at most 65536",
		},
		"far too large": {`{"schema":1,"account":"` + strings.Repeat("a", 80<<10) + `"}`, "input has 81945 bytes, at most 73728"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := queue.DecodeEvent([]byte(c.in))
			require.ErrorIs(t, err, queue.ErrInvalidEvent)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

// TestLargestEvent: what Check accepts can be stored and read again.
func TestLargestEvent(t *testing.T) {
	quotes := strings.Repeat(`"`, 128)
	e := queue.Event{
		ID: quotes, Key: quotes, Account: quotes, Command: quotes, Origin: quotes, Created: full.Created, NotBefore: full.NotBefore,
		Payload: json.RawMessage(`{"a":"` + strings.Repeat("<", queue.MaxPayload-8) + `"}`),
	}
	require.Len(t, e.Payload, queue.MaxPayload)
	data, err := queue.EncodeEvent(e)
	require.NoError(t, err)
	got, err := queue.DecodeEvent(data)
	require.NoError(t, err)
	e.Schema = 1
	requireSameEvent(t, e, got)

	e.Payload = append(e.Payload, ' ')
	_, err = queue.EncodeEvent(e)
	require.ErrorIs(t, err, queue.ErrInvalidEvent)
}

// TestNewerEvent: an old worker keeps what it cannot read.
func TestNewerEvent(t *testing.T) {
	const in = `{"account":"A","command":"rebalance","created":"2027-01-01T00:00:00Z","id":"x","not_before":{"session":"open"},` +
		`"priority":7,"schema":3,"tenant":"<t>"}`
	event, err := queue.DecodeEvent([]byte(in))
	require.ErrorIs(t, err, queue.ErrNewerSchema)
	require.ErrorContains(t, err, "schema 3, this release knows 1")
	require.Equal(t, 3, event.Schema)
	require.Equal(t, []string{"x", "A", "rebalance"}, []string{event.ID, event.Account, event.Command})
	require.True(t, event.NotBefore.IsZero(), "its new form cannot be read")
	require.NoError(t, event.Check())

	data, err := queue.EncodeEvent(event)
	require.NoError(t, err)
	requireSameText(t, in, data)

	stored, err := queue.EncodeEntry(queue.Entry{Event: event, State: queue.Delayed, Attempt: 1})
	require.NoError(t, err)
	kept, err := queue.DecodeEntry(stored)
	require.NoError(t, err, "the entry can be read, its event tells that it is newer")
	require.Equal(t, 3, kept.Event.Schema)
	data, err = queue.EncodeEvent(kept.Event)
	require.NoError(t, err)
	requireSameText(t, in, data)

	event.ID, event.NotBefore = "y", full.NotBefore
	data, err = queue.EncodeEvent(event)
	require.NoError(t, err)
	require.Contains(t, string(data), `"id":"y"`)
	require.Contains(t, string(data), `"not_before":"2026-01-05T14:30:00Z"`, "what was set since counts")

	_, err = queue.DecodeEvent([]byte(`{"schema":2,"account":7}`))
	require.ErrorIs(t, err, queue.ErrNewerSchema, "whatever else it says")
	made, err := queue.EncodeEvent(queue.Event{Schema: 2, Account: "A", Command: "c"})
	require.NoError(t, err)
	require.Contains(t, string(made), `"schema":2`)
}

func TestDecodeEntryRefuses(t *testing.T) {
	valid := string(read(t, "entry_v1.json"))
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown state":  {`"state":"dead"`, `"state":"lost"`, `state "lost" is none of`},
		"attempt":        {`"attempt":2,"crashes"`, `"attempt":-2,"crashes"`, "is negative"},
		"unknown field":  {`"crashes"`, `"accidents":0,"crashes"`, `unknown field "accidents"`},
		"broken event":   {`"account":"DU123"`, `"account":""`, "account is empty"},
		"time":           {`"time":"2026-01-05T06:00:00.123456789Z"`, `"time":"x"`, `"history[0].time": parsing time`},
		"negative fence": {`"fence":17,"first"`, `"fence":-17,"first"`, `"fence": json: cannot unmarshal number -17`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, valid, c.old)
			_, err := queue.DecodeEntry([]byte(strings.Replace(valid, c.old, c.new, 1)))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := queue.DecodeEntry([]byte(`{"schema":2,"event":{}}`))
	require.ErrorIs(t, err, queue.ErrNewerSchema)
	_, err = queue.EncodeEntry(queue.Entry{Event: small, State: "lost"})
	require.ErrorContains(t, err, `state "lost"`)
	_, err = queue.EncodeEntry(queue.Entry{Event: small, State: queue.Held, Due: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorContains(t, err, "due: year 12000")
}

func TestCut(t *testing.T) {
	require.Equal(t, "short", queue.Cut("short"))
	require.Equal(t, "a\uFFFDb", queue.Cut("a\xffb"))
	for _, long := range []string{strings.Repeat("x", 3000), strings.Repeat("é", 1500), "x" + strings.Repeat("😀", 600), strings.Repeat("\xffa", 1500)} {
		got := queue.Cut(long)
		require.LessOrEqual(t, len(got), queue.MaxDetail)
		require.Greater(t, len(got), queue.MaxDetail-8)
		require.True(t, strings.HasSuffix(got, "…"))
		require.Equal(t, got, queue.Cut(got), "cutting again changes nothing")
	}
}

// FuzzDecodeEvent: what is read can be written, and read again as the same.
func FuzzDecodeEvent(f *testing.F) {
	for _, name := range []string{"event_v1_small.json", "event_v1_full.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"schema":2,"account":"A","command":{"name":"x"},"tenant":1,"Account":"B"}`))
	f.Add([]byte(`{"schema":9,"payload":"x","id":"1","created":"2026-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"schema":1,"account":"A","command":"c","payload":{"a":[1e400,"\ud83d\ude00"]},"not_before":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		event, err := queue.DecodeEvent(data)
		newer := err != nil && event.Schema > queue.Schema
		if err != nil && !newer {
			require.ErrorIs(t, err, queue.ErrInvalidEvent)
			require.Zero(t, event)
			return
		}
		once, err := queue.EncodeEvent(event)
		if newer && err != nil {
			require.ErrorIs(t, err, queue.ErrInvalidEvent)
			return
		}
		require.NoError(t, err)
		again, err := queue.DecodeEvent(once)
		if newer {
			require.ErrorIs(t, err, queue.ErrNewerSchema)
		} else {
			require.NoError(t, err)
		}
		twice, err := queue.EncodeEvent(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		if newer {
			require.Equal(t, names(t, data), subset(names(t, once), names(t, data)), "nothing of a newer event is lost")
		}
	})
}

// FuzzDecodeEntry: as for events.
func FuzzDecodeEntry(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "entry_v1.json"))
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(`{"schema":1,"event":{"schema":2,"account":"A","command":"c","x":1},"state":"queued","due":"2026-01-01T00:00:00Z","history":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entry, err := queue.DecodeEntry(data)
		if err != nil {
			return
		}
		once, err := queue.EncodeEntry(entry)
		if err != nil {
			require.Greater(t, entry.Event.Schema, queue.Schema, "only what a newer event holds may not fit: %v", err)
			return
		}
		again, err := queue.DecodeEntry(once)
		require.NoError(t, err)
		twice, err := queue.EncodeEntry(again)
		require.NoError(t, err)
		require.True(t, bytes.Equal(once, twice))
	})
}

// names are the field names of an object.
func names(t *testing.T, data []byte) map[string]bool {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &fields))
	found := map[string]bool{}
	for name := range fields {
		found[name] = true
	}
	return found
}

// subset is what of have is in want.
func subset(have, want map[string]bool) map[string]bool {
	found := map[string]bool{}
	for name := range have {
		if want[name] {
			found[name] = true
		}
	}
	return found
}
