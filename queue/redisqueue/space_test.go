package redisqueue_test

import (
	"fmt"
	"strings"
	"sync"
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

const prefix = "evenkeel:{evenkeel:main}:queue:"

func publish(t testing.TB, q *redisqueue.Queue, event queue.Event) string {
	t.Helper()
	receipt, err := q.Publish(t.Context(), event)
	require.NoError(t, err)
	return receipt.ID
}

// TestForeignKeySpace: what is not ours, or is newer than we are, is left alone.
func TestForeignKeySpace(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(c redis.UniversalClient) error
		is    error
		wants []string
	}{
		"newer": {func(c redis.UniversalClient) error {
			return c.Set(t.Context(), prefix+"ctl", "evenkeel-queue 2 whatever comes", 0).Err()
		}, queue.ErrNewerSchema, []string{"schema 2", "knows 1", prefix}},
		"foreign": {func(c redis.UniversalClient) error {
			return c.Set(t.Context(), prefix+"ctl", "a shopping cart", 0).Err()
		}, redisqueue.ErrForeign, []string{"shopping", prefix + "ctl"}},
		"a list": {func(c redis.UniversalClient) error {
			return c.RPush(t.Context(), prefix+"ctl", "x").Err()
		}, redisconn.ErrWrongType, []string{prefix + "ctl is a list, not a string"}},
	} {
		t.Run(name, func(t *testing.T) {
			conn := client(t, redistest.Mini(t).Addr())
			require.NoError(t, c.set(conn))
			_, err := redisqueue.Open(t.Context(), conn, redisqueue.Options{})
			require.ErrorIs(t, err, c.is)
			for _, want := range c.wants {
				require.ErrorContains(t, err, want)
			}
			require.NotEqual(t, retry.Transient, retry.ClassOf(err))
			keys, err := conn.Keys(t.Context(), "*").Result()
			require.NoError(t, err)
			require.Len(t, keys, 1, "nothing was added")
		})
	}
}

// TestMeanwhile: what happens to the key space of an open queue is told.
func TestMeanwhile(t *testing.T) {
	c := client(t, redistest.Single(t, redistest.Options{AppendFsync: "no"}).Addr)
	name := fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano())
	p := "evenkeel:{evenkeel:" + name + "}:queue:"
	q := open(t, c, redisqueue.Options{Name: name})
	publish(t, q, queue.Event{Account: "A", Command: "c", Key: "k"})

	require.NoError(t, c.Rename(t.Context(), p+"keys", p+"away").Err())
	require.NoError(t, c.Set(t.Context(), p+"keys", "x", 0).Err())
	_, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c", Key: "k"})
	require.ErrorIs(t, err, redisconn.ErrWrongType)
	require.ErrorContains(t, err, p+"keys is a string, not a hash")
	require.NoError(t, c.Rename(t.Context(), p+"away", p+"keys").Err())

	old, err := c.Get(t.Context(), p+"ctl").Result()
	require.NoError(t, err)
	require.NoError(t, c.Set(t.Context(), p+"ctl", "evenkeel-queue 7 x", 0).Err())
	_, err = q.Publish(t.Context(), queue.Event{Account: "A", Command: "d"})
	require.ErrorIs(t, err, queue.ErrNewerSchema)
	_, err = try(t.Context(), q, time.Second)
	require.ErrorIs(t, err, queue.ErrNewerSchema)
	require.NoError(t, c.Set(t.Context(), p+"ctl", old, 0).Err())
	d := next(t, q)

	require.NoError(t, c.Del(t.Context(), p+"ctl").Err())
	err = d.Ack(t.Context(), queue.Note{})
	require.ErrorIs(t, err, redisqueue.ErrLost)
	require.Equal(t, retry.Session, retry.ClassOf(err))
}

// TestUnreadableEvent: an event of a newer schema is kept and delivered, for the
// worker to defer; one that cannot be read is a dead letter.
func TestUnreadableEvent(t *testing.T) {
	c := client(t, redistest.Mini(t).Addr())
	var mu sync.Mutex
	var warned []error
	q := open(t, c, redisqueue.Options{OnWarning: func(err error) { mu.Lock(); defer mu.Unlock(); warned = append(warned, err) }})
	newer, err := queue.DecodeEvent([]byte(`{"schema":9,"id":"n","account":"N","command":"c","priority":7}`))
	require.ErrorIs(t, err, queue.ErrNewerSchema)
	publish(t, q, newer)
	d := next(t, q)
	require.Equal(t, 9, d.Event.Schema)
	data, err := queue.EncodeEvent(d.Event)
	require.NoError(t, err)
	require.Contains(t, string(data), `"priority":7`)
	require.NoError(t, d.Defer(t.Context(), time.Now().Add(time.Hour), queue.Note{}))

	id := publish(t, q, queue.Event{Account: "A", Command: "c", NotBefore: time.Now().Add(300 * time.Millisecond)})
	stored, err := c.Get(t.Context(), prefix+"ev:"+id).Result()
	require.NoError(t, err)
	line, _, _ := strings.Cut(stored, "\n")
	require.NoError(t, c.Set(t.Context(), prefix+"ev:"+id, line+"\n"+`{"broken`, 0).Err())
	good := publish(t, q, queue.Event{Account: "B", Command: "c", NotBefore: time.Now().Add(400 * time.Millisecond)})
	require.Equal(t, good, next(t, q).Event.ID, "it starves nobody")
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, stats.Counts[queue.Dead])
	raw, err := c.Get(t.Context(), prefix+"ev:"+id).Result()
	require.NoError(t, err)
	require.Equal(t, line+"\n"+`{"broken`, raw, "its raw form is kept")
	_, err = q.Entry(t.Context(), id)
	require.ErrorContains(t, err, "stored form")
	mu.Lock()
	defer mu.Unlock()
	require.ErrorContains(t, warned[len(warned)-1], id)
}

// TestLostIndexes: whoever deletes an index stops the queue for a moment only,
// and the audit names every fault.
func TestLostIndexes(t *testing.T) {
	c := client(t, redistest.Mini(t).Addr())
	q := open(t, c, redisqueue.Options{Lease: 300 * time.Millisecond})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	require.Equal(t, "A", next(t, q).Event.Account)
	publish(t, q, queue.Event{Account: "B", Command: "c"})
	publish(t, q, queue.Event{Account: "C", Command: "c", NotBefore: time.Now().Add(time.Hour)})
	faults, err := q.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)

	require.NoError(t, c.Del(t.Context(), prefix+"ready", prefix+"wait", prefix+"lease", prefix+"later").Err())
	faults, err = q.Audit(t.Context())
	require.NoError(t, err)
	found := map[string]bool{}
	for _, f := range faults {
		found[f.Key] = true
	}
	require.Equal(t, map[string]bool{"acct:A": true, "acct:B": true, "acct:C": true}, found, "%v", faults)

	again := open(t, c, redisqueue.Options{Lease: 300 * time.Millisecond}) // sweeps within a second
	got := map[string]int{}
	for range 2 {
		d := next(t, again)
		got[d.Event.Account] = d.Crashes
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	}
	require.Equal(t, map[string]int{"A": 1, "B": 0}, got)
	faults, err = again.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
}

// TestRetention: the newest that ended are kept, with their keys; the dead are
// not forgotten.
func TestRetention(t *testing.T) {
	c := client(t, redistest.Mini(t).Addr())
	q := open(t, c, redisqueue.Options{KeepDone: 10, KeyWindow: time.Microsecond})
	dead := publish(t, q, queue.Event{Account: "D", Command: "c"})
	require.NoError(t, next(t, q).Dead(t.Context(), queue.Note{}))
	var ids []string
	for i := range 50 {
		ids = append(ids, publish(t, q, queue.Event{Account: "A", Command: "c", Key: fmt.Sprint("k", i)}))
		require.NoError(t, next(t, q).Ack(t.Context(), queue.Note{}))
	}
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, stats.Counts[queue.Done], 10)
	require.LessOrEqual(t, stats.Counts[queue.Done], 20)
	require.Equal(t, 1, stats.Counts[queue.Dead])
	_, err = q.Entry(t.Context(), dead)
	require.NoError(t, err)
	_, err = q.Entry(t.Context(), ids[0])
	require.ErrorIs(t, err, queue.ErrUnknownEvent)
	receipt, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c", Key: "k49"})
	require.NoError(t, err)
	require.Equal(t, queue.Receipt{ID: ids[49], Duplicate: true}, receipt)
	receipt, err = q.Publish(t.Context(), queue.Event{Account: "A", Command: "c", Key: "k0"})
	require.NoError(t, err)
	require.False(t, receipt.Duplicate, "it was forgotten with its event")
	faults, err := q.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
}

// TestKeyWindow: within the window nothing that ended is forgotten, however many
// there are.
func TestKeyWindow(t *testing.T) {
	t.Parallel()
	q := open(t, client(t, redistest.Mini(t).Addr()), redisqueue.Options{KeepDone: 10, KeyWindow: 7 * time.Second})
	ends := func(key string) {
		publish(t, q, queue.Event{Account: "A", Command: "c", Key: key})
		require.NoError(t, next(t, q).Ack(t.Context(), queue.Note{}))
	}
	for i := range 50 {
		ends(fmt.Sprint("k", i))
	}
	receipt, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "c", Key: "k0"})
	require.NoError(t, err)
	require.True(t, receipt.Duplicate)
	q.ServerClock(8 * time.Second)
	ends("last")
	receipt, err = q.Publish(t.Context(), queue.Event{Account: "A", Command: "c", Key: "k0"})
	require.NoError(t, err)
	require.False(t, receipt.Duplicate)
	faults, err := q.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
}

// TestConformanceCluster: every script keeps to one slot.
func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.NewCluster(t, redistest.Options{AppendFsync: "no"})
	queuetest.RunLive(t, func(t *testing.T) queuetest.Harness {
		return harness(t, t.Name(), client(t, cluster.Addrs()...), slow)
	})
}

// TestFsync: a server that cannot wait for its disk is refused when the queue is
// opened.
func TestFsync(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no"}})
	_, err := redisqueue.Open(t.Context(), client(t, s.Addr), redisqueue.Options{Barrier: &redisqueue.Barrier{Fsync: true}})
	require.ErrorContains(t, err, "redis 7.2 with an append-only file is needed for Fsync")
	require.ErrorContains(t, err, "no append-only file: set appendonly yes")
	require.Equal(t, retry.Permanent, retry.ClassOf(err))
	require.Equal(t, int64(0), s.Do("dbsize"), "nothing was written")
}

// TestRefusedOptions: clients that would send a script twice by themselves, and
// options without meaning, are refused with every fault.
func TestRefusedOptions(t *testing.T) {
	c := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	defer func() { _ = c.Close() }()
	_, err := redisqueue.Open(t.Context(), c, redisqueue.Options{})
	require.ErrorContains(t, err, "MaxRetries")
	require.ErrorContains(t, err, "ContextTimeoutEnabled")
	_, err = redisqueue.Open(t.Context(), client(t, redistest.Mini(t).Addr()), redisqueue.Options{
		Name: "{x}", Lease: -1, KeyWindow: -1, MaxCrashes: -1, MaxEvents: -1, Barrier: &redisqueue.Barrier{},
	})
	for _, want := range []string{"Name", "Lease", "KeyWindow", "MaxCrashes", "MaxEvents", "barrier"} {
		require.ErrorContains(t, err, want)
	}
	_, err = redisqueue.Dial(t.Context(), "redis://ana:s3cret@127.0.0.1:1/x", redisqueue.Options{})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}
