package redisqueue_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/queuetest"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/retry"
)

// TestConformanceSentinel: behind a sentinel the queue is the same, while a
// replica follows.
func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, redistest.Options{AppendFsync: "no"})
	queuetest.RunLive(t, func(t *testing.T) queuetest.Harness {
		c := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{
			Addrs: []string{s.Addr}, MasterName: redistest.MasterName, PoolSize: 32,
		}))
		t.Cleanup(func() { _ = c.Close() })
		return harness(t, t.Name(), c, slow)
	})
	s.AwaitReplica() // which has it all
}

// TestFsyncBarrier: a publication waits for the disk of the master, and one that
// the disk does not get is refused, though it is in the queue.
func TestFsyncBarrier(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AppendFsync: "everysec"})
	found := regexp.MustCompile(`redis_version:(\d+)\.(\d+)\S*`).FindStringSubmatch(fmt.Sprint(s.Do("info", "server")))
	require.Len(t, found, 3)
	major, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	minor, err := strconv.Atoi(found[2])
	require.NoError(t, err)
	if major < 7 || major == 7 && minor < 2 {
		t.Skipf("%s has no WAITAOF: put a redis-server of 7.2 or newer first in PATH", found[0])
	}
	q := open(t, client(t, s.Addr), redisqueue.Options{Barrier: &redisqueue.Barrier{Fsync: true, Timeout: time.Second}})
	s.Do("config", "resetstat")
	first := publish(t, q, queue.Event{Account: "A", Command: "c", Key: "first"})
	require.Regexp(t, `cmdstat_waitaof:calls=[1-9]`, s.Do("info", "commandstats"))
	s.Kill()
	s.Restart()
	require.Equal(t, first, next(t, q).Event.ID)

	s.Set("appendfsync", "no")
	hasty := open(t, client(t, s.Addr), redisqueue.Options{Barrier: &redisqueue.Barrier{Fsync: true, Timeout: 10 * time.Millisecond}})
	event := queue.Event{Account: "B", Command: "c", Key: "second"}
	_, err = hasty.Publish(t.Context(), event)
	require.ErrorContains(t, err, "fsync of the master: 0", "the disk has not got it")
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)
	s.Set("appendfsync", "always")
	receipt, err := hasty.Publish(t.Context(), event)
	require.NoError(t, err)
	require.True(t, receipt.Duplicate, "it was in the queue")
	require.Equal(t, receipt.ID, next(t, q).Event.ID)
}
