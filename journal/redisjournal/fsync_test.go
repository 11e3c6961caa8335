package redisjournal_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/retry"
)

// synced starts a server that can be waited for until its disk has what was
// written, or skips the test.
func synced(t *testing.T, appendFsync string) *redistest.Server {
	t.Helper()
	s := redistest.Start(t, redistest.Options{AppendFsync: appendFsync})
	found := regexp.MustCompile(`redis_version:(\d+)\.(\d+)\S*`).FindStringSubmatch(fmt.Sprint(s.Do("info", "server")))
	require.Len(t, found, 3)
	major, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	minor, err := strconv.Atoi(found[2])
	require.NoError(t, err)
	if major < 7 || major == 7 && minor < 2 {
		t.Skipf("%s has no WAITAOF: put a redis-server of 7.2 or newer first in PATH", found[0])
	}
	return s
}

// TestFsyncBarrier: a claim and an intent wait for the disk of the master, and are
// there after it was killed; one that the disk never gets is refused, and known.
func TestFsyncBarrier(t *testing.T) {
	t.Parallel()
	s := synced(t, "everysec")
	opts := redisjournal.Options{Fsync: true, BarrierTimeout: time.Second}
	j, err := redisjournal.Open(t.Context(), "redis://"+s.Addr, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	s.Do("config", "resetstat")
	b, err := j.Begin(t.Context(), withFence("e1", 5))
	require.NoError(t, err)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")))
	require.Regexp(t, `cmdstat_waitaof:calls=[2-9]`, s.Do("info", "commandstats"))
	s.Kill()
	s.Restart()
	standing, err := j.Account(t.Context(), "U1")
	require.NoError(t, err)
	require.Len(t, standing.Open, 1)

	s.Set("appendfsync", "no")
	hasty := journalAt(t, s.Addr, redisjournal.Options{Fsync: true, BarrierTimeout: 10 * time.Millisecond})
	_, err = hasty.Begin(t.Context(), withFence("e1", 6))
	require.ErrorContains(t, err, "fsync of the master: 0", "the disk has not got it")
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)
	s.Set("appendfsync", "always")
	again, err := hasty.Begin(t.Context(), withFence("e1", 6))
	require.NoError(t, err, "a repetition waits for the disk, too")
	require.Equal(t, uint64(6), again.Grant.Fence)
}

// TestSuiteWithFsync: the journal keeps its contract while it waits for the disk.
func TestSuiteWithFsync(t *testing.T) {
	t.Parallel()
	s := synced(t, "always")
	client := clientOf(s.Addr)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	journaltest.Run(t, func(t *testing.T) journaltest.Harness {
		opts := redisjournal.Options{Prefix: unique(), KeepRuns: 20, Fsync: true, BarrierTimeout: time.Second}
		j, err := redisjournal.New(client, opts)
		require.NoError(t, err)
		return journaltest.Harness{Journal: j, Reopen: func(journaltest.T) journal.Journal {
			j, err := redisjournal.New(client, opts)
			require.NoError(t, err)
			return j
		}}
	})
}
