package redisqueue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/retry"
)

// TestNewQueueInThePlaceOfTheOld: a queue that was lost is not mistaken for the one
// that another process made since.
func TestNewQueueInThePlaceOfTheOld(t *testing.T) {
	mini := redistest.Mini(t)
	q := open(t, client(t, mini.Addr()), redisqueue.Options{})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	d := next(t, q)
	mini.FlushAll()
	other := open(t, client(t, mini.Addr()), redisqueue.Options{})
	publish(t, other, queue.Event{Account: "A", Command: "c"})

	_, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c"})
	require.ErrorIs(t, err, redisqueue.ErrLost)
	require.ErrorContains(t, err, "opened after the old one was lost")
	require.Equal(t, retry.Session, retry.ClassOf(err))
	require.ErrorIs(t, d.Ack(t.Context(), queue.Note{}), redisqueue.ErrLost)
	_, err = q.Receive(t.Context())
	require.ErrorIs(t, err, redisqueue.ErrLost)
	_, err = q.Stats(t.Context())
	require.ErrorIs(t, err, redisqueue.ErrLost)
	again := open(t, client(t, mini.Addr()), redisqueue.Options{})
	require.NoError(t, next(t, again).Ack(t.Context(), queue.Note{}))
}

// TestFenceOnAnotherServer: another server may never have heard of a fence that the
// one before gave. It starts above all of them.
func TestFenceOnAnotherServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	c := client(t, server.Addr)
	q := open(t, c, redisqueue.Options{})
	fence := func() uint64 {
		publish(t, q, queue.Event{Account: "A", Command: "c"})
		d := next(t, q)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		return d.Fence
	}
	require.Equal(t, []uint64{1, 2}, []uint64{fence(), fence()})
	known := map[string]string{}
	keep := func() {
		for _, key := range c.Keys(t.Context(), "*").Val() {
			known[key] = c.Dump(t.Context(), key).Val()
		}
	}
	lose := func() { // the tail, and restart as another server
		require.NoError(t, c.FlushDB(t.Context()).Err())
		for key, value := range known {
			require.NoError(t, c.RestoreReplace(t.Context(), key, 0, value).Err())
		}
		server.Restart()
	}
	keep()
	var lost uint64
	for range 3 {
		lost = max(lost, fence(), fence())
		lose()
		again := fence()
		require.Greater(t, again, lost)
		require.Less(t, again, uint64(queue.MaxFence))
		require.Equal(t, again+1, fence(), "once for each server")
		lost = again + 1
		lose() // and that one, too
	}
	faults, err := q.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
}

// TestChannelIsForbidden: who may not wake receivers publishes all the same, who may
// not be woken receives all the same, and both are told when the queue is opened.
func TestChannelIsForbidden(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	server.Do("ACL", "SETUSER", "mute", "on", ">secret", "~*", "resetchannels", "+@all")
	var warnings []string
	warn := func(err error) { warnings = append(warnings, err.Error()) }
	sleeper := open(t, client(t, server.Addr), redisqueue.Options{})
	got := make(chan *queue.Delivery, 1)
	go func() {
		d, err := sleeper.Receive(t.Context())
		if err == nil {
			got <- d
		}
		close(got)
	}()
	require.Eventually(t, func() bool { // it sleeps, so a publication must wake it
		parts := strings.Fields(server.Do("GET", prefix+"ctl").(string))
		return parts[4] == "1"
	}, 5*time.Second, 10*time.Millisecond)

	options, err := redisconn.Parse("redis://mute:secret@" + server.Addr)
	require.NoError(t, err)
	c := redis.NewUniversalClient(options)
	t.Cleanup(func() { _ = c.Close() })
	q := open(t, c, redisqueue.Options{OnWarning: warn})
	require.Len(t, warnings, 2, "%v", warnings)
	for i, verb := range []string{"publish to", "subscribe to"} {
		require.Contains(t, warnings[i], "redis: check: channel: the user may not "+verb+" "+prefix+"wake")
		require.Contains(t, warnings[i], "allow the channel in the ACL")
	}
	id := publish(t, q, queue.Event{Account: "A", Command: "c"})
	d := <-got
	require.NotNil(t, d)
	require.Equal(t, id, d.Event.ID)
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	publish(t, sleeper, queue.Event{Account: "A", Command: "c"})
	require.NoError(t, next(t, q).Ack(t.Context(), queue.Note{}))
	faults, err := q.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
}
