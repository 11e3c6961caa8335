package redisqueue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

const (
	storedJSON = `{"schema":1,"id":"i","account":"A","command":"c"}`
	storedInfo = "4 3 1760000000000000 A c k same op sup"
	storedMeta = "dead 1760000000000001 2 1 17 1760000000000002 suc tok dig dead old:dig:retry, 1"
	storedItem = `1760000000000003 dead 2 17 {"run":"r","class":"x","operator":"o","detail":"d"}`
)

// TestStoredForm: what this release stores is read for ever.
func TestStoredForm(t *testing.T) {
	at := func(n int64) time.Time { return time.UnixMicro(1760000000000000 + n).UTC() }
	entry, err := redisqueue.ReadEntry(storedInfo+"\n"+storedJSON, storedMeta+"\n"+storedItem+"\n", "1760000000000009")
	require.NoError(t, err)
	require.Equal(t, queue.Entry{
		Event: queue.Event{Schema: 1, ID: "i", Account: "A", Command: "c", Created: at(0)},
		State: queue.Dead, Due: at(1), Attempt: 2, Crashes: 1, Fence: 17, First: at(2), Successor: "suc",
		History: []queue.HistoryItem{{Time: at(0), What: "published"}, {Time: at(3), What: "dead", Attempt: 2, Fence: 17, Run: "r", Class: "x", Operator: "o", Detail: "d"}},
	}, entry)
}

// FuzzReadEntry: whatever the server answers is an entry or an error.
func FuzzReadEntry(f *testing.F) {
	f.Add(storedJSON, storedInfo, storedMeta, storedItem, "1760000000000009")
	f.Add("", "", "", "", "")
	f.Add(storedJSON, storedInfo, "queued 99999999999999999999 1 0 0       -1", "x", "-")
	f.Fuzz(func(t *testing.T, j, i, m, h, now string) {
		entry, err := redisqueue.ReadEntry(i+"\n"+j, m+"\n"+h, now)
		if err == nil && len(entry.History) > strings.Count(m+h, "\n")+2 {
			t.Fatalf("%d items of history out of %q", len(entry.History), h)
		}
		if _, err := redisqueue.ReadItem(h); err == nil && len(h) < 8 {
			t.Fatalf("an item out of %q", h)
		}
	})
}
