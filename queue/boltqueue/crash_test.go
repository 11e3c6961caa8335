package boltqueue_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

var kills = flag.Int("kills", 6, "how many times a process at work on a queue is killed")

// crashOptions have leases that end soon, so that the next process goes on.
func crashOptions() *boltqueue.Options {
	return &boltqueue.Options{Lease: 30 * time.Millisecond, MaxCrashes: 1000, MaxPerAccount: 1000}
}

// child publishes and settles until it is killed, and says what it did.
func child(path string) {
	q, err := boltqueue.Open(path, crashOptions())
	if err != nil {
		bolttest.Say("error %v", err)
		return
	}
	ctx := context.Background()
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d-%d-%d", os.Getpid(), n, i)
				r, err := q.Publish(ctx, queue.Event{Account: fmt.Sprint("A", i%5), Command: "c", Key: key, Payload: []byte(`{"key":"` + key + `"}`)})
				if err != nil {
					bolttest.Say("error %v", err)
					return
				}
				bolttest.Say("published %s", r.ID)
			}
		})
		wg.Go(func() {
			for i := 0; ; i++ {
				d, err := q.Receive(ctx)
				if err != nil {
					bolttest.Say("error %v", err)
					return
				}
				bolttest.Say("leased %s %d", d.Event.ID, d.Fence)
				verb := []queue.Verb{queue.VerbAck, queue.VerbAck, queue.VerbHold, queue.VerbDead, queue.VerbRetry}[i%5]
				bolttest.Say("settling %s", d.Event.ID)
				if err := d.Settle(ctx, queue.Verdict{Verb: verb}); err == nil {
					bolttest.Say("settled %s %s", d.Event.ID, verb)
				}
			}
		})
	}
	wg.Wait()
}

// told is what the killed processes said about an event.
type told struct {
	fence    uint64
	settling bool // since it was leased last
	verb     queue.Verb
}

// TestKilled: whatever was acknowledged by a process that is killed at any moment
// is there when the file is opened again.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	events := map[string]*told{}
	lines := 0
	for range *kills {
		for _, line := range bolttest.Killed(t, path) {
			lines++
			f := strings.Fields(line)
			require.NotEqual(t, "error", f[0], line)
			e := events[f[1]]
			if e == nil {
				e = &told{}
				events[f[1]] = e
			}
			switch f[0] {
			case "leased":
				fence, err := strconv.ParseUint(f[2], 10, 64)
				require.NoError(t, err)
				*e = told{fence: max(e.fence, fence)}
			case "settling":
				e.settling = true
			case "settled":
				e.verb = queue.Verb(f[2])
			}
		}
		check(t, path, events)
	}
	t.Logf("%d kills, %d events, %d lines", *kills, len(events), lines)
}

// check holds the file to what was said.
func check(t *testing.T, path string, events map[string]*told) {
	t.Helper()
	o := crashOptions()
	o.LockWait = 5 * time.Second
	q, err := boltqueue.Open(path, o)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	states := map[queue.Verb]queue.State{queue.VerbAck: queue.Done, queue.VerbHold: queue.Held, queue.VerbDead: queue.Dead}
	for id, e := range events {
		entry, err := q.Entry(t.Context(), id)
		require.NoError(t, err, "an event that was acknowledged")
		require.GreaterOrEqual(t, entry.Fence, e.fence, "the fence of event %s", id)
		if want, final := states[e.verb]; final {
			require.Equal(t, want, entry.State, "event %s was settled: %s", id, e.verb)
		} else if e.verb == "" && !e.settling && e.fence > 0 {
			require.NotContains(t, []queue.State{queue.Done, queue.Held, queue.Dead}, entry.State, "nobody settled event %s", id)
		}
	}
	var stats queue.Stats
	require.Eventually(t, func() bool { // until the leases of the dead have ended, nothing holds still
		var err error
		stats, err = q.Stats(t.Context())
		return err == nil && stats.Counts[queue.Leased] == 0
	}, 10*time.Second, time.Millisecond)
	seen := map[string]bool{}
	for _, state := range queue.States() {
		n := 0
		for entry, err := range q.Entries(t.Context(), state) {
			require.NoError(t, err)
			require.False(t, seen[entry.Event.ID], "an event is in two states")
			seen[entry.Event.ID] = true
			n++
		}
		require.Equal(t, stats.Counts[state], n, "the count of %s", state)
	}
}
