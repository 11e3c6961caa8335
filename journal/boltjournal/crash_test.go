package boltjournal_test

import (
	"context"
	"encoding/json"
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

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
)

var kills = flag.Int("kills", 6, "how many times a process at work on a journal is killed")

// child does runs until it is killed, and says what it did.
func child(path string) {
	j, err := boltjournal.Open(path, &boltjournal.Options{KeepRuns: -1})
	if err != nil {
		bolttest.Say("error %v", err)
		return
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			account := broker.AccountID(fmt.Sprint("U", n))
			for i := 0; ; i++ {
				if err := childRun(j, account, fmt.Sprintf("%d-%d-%d", os.Getpid(), n, i)); err != nil {
					bolttest.Say("error %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// childRun does one run, saying before it sends what a broker would see.
func childRun(j *boltjournal.Journal, account broker.AccountID, event string) error {
	ctx := context.Background()
	b, err := j.Begin(ctx, journal.Claim{Account: account, Event: event, Command: "rebalance", Time: start})
	if err != nil {
		return err
	}
	bolttest.Say("begun %s %s %d", b.Grant.Run, account, b.Grant.Fence)
	if err := j.Checkpoint(ctx, b.Grant, journal.Step{Name: "plan", Time: start, Data: json.RawMessage(`{"a":1}`)}); err != nil {
		return err
	}
	bolttest.Say("reached %s", b.Grant.Run)
	for k := range 3 {
		ref := fmt.Sprintf("%s.%d", event, k)
		if err := j.Intend(ctx, b.Grant, intentOf(b.Grant, ref)); err != nil {
			return err
		}
		bolttest.Say("intended %s %s", b.Grant.Run, ref)
		bolttest.Say("settling %s %s", b.Grant.Run, ref)
		if err := j.Settle(ctx, b.Grant, settled(ref, journal.Filled)); err != nil {
			return err
		}
		bolttest.Say("settled %s %s", b.Grant.Run, ref)
	}
	bolttest.Say("finishing %s", b.Grant.Run)
	if err := j.Finish(ctx, b.Grant, ending(start)); err != nil {
		return err
	}
	bolttest.Say("finished %s", b.Grant.Run)
	return nil
}

// told is what the killed processes said about a run.
type told struct {
	account             broker.AccountID
	fence               uint64
	reached             bool
	intended            map[string]bool
	settling, settled   map[string]bool
	finishing, finished bool
}

// TestKilled: whatever was acknowledged by a process that is killed at any moment
// is there when the file is opened again, and nothing that was not begun.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	all := map[string]*told{}
	lines := 0
	for range *kills {
		for _, line := range bolttest.Killed(t, path) {
			lines++
			f := strings.Fields(line)
			require.NotEqual(t, "error", f[0], line)
			r := all[f[1]]
			if r == nil {
				r = &told{intended: map[string]bool{}, settling: map[string]bool{}, settled: map[string]bool{}}
				all[f[1]] = r
			}
			switch f[0] {
			case "begun":
				fence, err := strconv.ParseUint(f[3], 10, 64)
				require.NoError(t, err)
				r.account, r.fence = broker.AccountID(f[2]), fence
			case "reached":
				r.reached = true
			case "intended":
				r.intended[f[2]] = true
			case "settling":
				r.settling[f[2]] = true
			case "settled":
				r.settled[f[2]] = true
			case "finishing":
				r.finishing = true
			case "finished":
				r.finished = true
			}
		}
		check(t, path, all)
	}
	t.Logf("%d kills, %d runs, %d lines", *kills, len(all), lines)
}

// check holds the file to what was said.
func check(t *testing.T, path string, all map[string]*told) {
	t.Helper()
	j, err := boltjournal.Open(path, &boltjournal.Options{KeepRuns: -1, LockWait: 5 * time.Second})
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	for id, r := range all {
		run, err := j.Run(t.Context(), journal.RunID(id))
		require.NoError(t, err, "a run that was begun")
		require.Equal(t, r.fence, run.Fence)
		s, err := j.Account(t.Context(), r.account)
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.Fence, r.fence)
		require.True(t, !r.reached || run.Step("plan") != nil, "a step that was recorded")
		found := map[string]*journal.Settlement{}
		for _, i := range run.Intents {
			found[string(i.Order.ID)] = i.Settlement
		}
		for ref := range r.intended {
			require.Contains(t, found, ref, "an intent that was recorded")
		}
		for ref, settlement := range found {
			require.True(t, !r.settled[ref] || settlement != nil, "a settlement that was recorded: %s", ref)
			require.True(t, r.settling[ref] || settlement == nil, "nobody settled %s", ref)
		}
		require.True(t, !r.finished || run.Outcome != nil, "a result that was recorded")
		require.True(t, r.finishing || run.Outcome == nil, "nobody finished %s", id)
	}
}
