package boltqueue_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

func publish(t testing.TB, q *boltqueue.Queue, event queue.Event) queue.Receipt {
	t.Helper()
	receipt, err := q.Publish(t.Context(), event)
	require.NoError(t, err)
	return receipt
}

func receive(t testing.TB, q *boltqueue.Queue) *queue.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d, err := q.Receive(ctx)
	require.NoError(t, err)
	return d
}

// clock is a clock that can be set.
type clock struct{ off time.Duration }

func (c *clock) Now() time.Time { return time.Now().Add(c.off) }

func kept(t *testing.T, q *boltqueue.Queue, id string) bool {
	t.Helper()
	_, err := q.Entry(t.Context(), id)
	if err != nil {
		require.ErrorIs(t, err, queue.ErrUnknownEvent)
	}
	return err == nil
}

// TestRetention: what ended is forgotten in time, and nothing else ever.
func TestRetention(t *testing.T) {
	var c clock
	const day = 24 * time.Hour
	o := &boltqueue.Options{Retain: 10 * day, KeyWindow: 2 * day, KeepDone: 3, Now: c.Now}
	path := filepath.Join(t.TempDir(), "q.db")
	q := open(t, path, o)
	serial := 0
	put := func(account string) string {
		serial++
		return publish(t, q, queue.Event{Account: account, Command: fmt.Sprint("c", serial), Key: fmt.Sprint("key", serial)}).ID
	}
	end := func(verb queue.Verb) string {
		id := put("A")
		d := receive(t, q)
		require.Equal(t, id, d.Event.ID)
		require.NoError(t, d.Settle(t.Context(), queue.Verdict{Verb: verb}))
		return id
	}
	held, dead := end(queue.VerbHold), end(queue.VerbDead)
	again := end(queue.VerbDead)
	requeue := queue.Action{Verb: queue.Requeue, ID: again, Operator: "ana", Reason: "fixed", Token: "token"}
	receipt, err := q.Operator(t.Context(), requeue)
	require.NoError(t, err)
	successor := receive(t, q)
	require.Equal(t, receipt.ID, successor.Event.ID)
	require.NoError(t, successor.Defer(t.Context(), c.Now().Add(300*day), queue.Note{}))
	waiting := publish(t, q, queue.Event{Account: "B", Command: "c", NotBefore: c.Now().Add(300 * day)}).ID
	var done []string
	for range 5 {
		done = append(done, end(queue.VerbAck))
	}
	fence := receiveFence(t, q, "A", &serial)

	for _, id := range done {
		require.True(t, kept(t, q, id), "within the window of keys nothing is forgotten")
	}
	c.off = 2 * day
	put("B")
	require.True(t, kept(t, q, done[0]), "a clock that is set forward makes nothing old")
	require.NoError(t, q.Close())
	q = open(t, path, o)
	require.False(t, kept(t, q, done[0]), "more than KeepDone, and out of the window")
	require.True(t, kept(t, q, done[4]))
	require.Equal(t, queue.Receipt{ID: done[4], Duplicate: true},
		publish(t, q, queue.Event{Account: "A", Command: "c" + fmt.Sprint(serial-2), Key: "key" + fmt.Sprint(serial-2)}))
	c.off = 10 * day
	require.NoError(t, q.Close())
	q = open(t, path, o)
	for _, id := range append(done, again) {
		require.False(t, kept(t, q, id), "it ended Retain ago: opening forgets it")
	}
	c.off = 200 * day
	require.NoError(t, q.Close())
	q = open(t, path, o)
	for name, id := range map[string]string{"held": held, "dead": dead, "deferred": receipt.ID, "delayed": waiting} {
		require.True(t, kept(t, q, id), "a %s event is never forgotten", name)
	}
	require.Greater(t, receiveFence(t, q, "A", &serial), fence, "fences are never forgotten")
	_, err = q.Operator(t.Context(), requeue)
	require.NoError(t, err, "the token is known until another action after Retain")

	o.RetainDead = 100 * day
	require.NoError(t, q.Close())
	q = open(t, path, o)
	require.False(t, kept(t, q, dead), "only if the options say so")
	require.True(t, kept(t, q, held))
}

// receiveFence returns the fence of a delivery of an account.
func receiveFence(t *testing.T, q *boltqueue.Queue, account string, serial *int) uint64 {
	t.Helper()
	*serial++
	id := publish(t, q, queue.Event{Account: account, Command: fmt.Sprint("c", *serial)}).ID
	for {
		d := receive(t, q)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		if d.Event.ID == id {
			return d.Fence
		}
	}
}

// TestLeaseAfterRestart: it is honoured, at most for its length, and its holder
// may settle by way of the queue that was opened anew.
func TestLeaseAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, o := filepath.Join(t.TempDir(), "q.db"), &boltqueue.Options{Lease: time.Hour}
		q := open(t, path, o)
		publish(t, q, queue.Event{Account: "A", Command: "c"})
		publish(t, q, queue.Event{Account: "B", Command: "c"})
		a, b := receive(t, q), receive(t, q)
		require.NoError(t, q.Close())
		require.ErrorIs(t, a.Ack(t.Context(), queue.Note{}), queue.ErrClosed)

		// As if the clock had been an hour ahead: the leases of an hour now end in
		// a minute at most.
		o.Lease = time.Minute
		q = open(t, path, o)
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		_, err := q.Receive(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, q.Settle(t.Context(), a.Lease(), queue.Verdict{Verb: queue.VerbAck}))
		d := receive(t, q)
		require.Equal(t, b.Event.ID, d.Event.ID)
		require.Equal(t, 1, d.Crashes)
		require.Greater(t, d.Fence, b.Fence)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	})
}

// TestClockSetBackBetween: a clock that is set back while nobody has the file open
// makes no retry wait longer than its delay, and what waits for an instant waits.
func TestClockSetBackBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		path, o := filepath.Join(t.TempDir(), "q.db"), &boltqueue.Options{Now: c.Now}
		q := open(t, path, o)
		retried := publish(t, q, queue.Event{Account: "A", Command: "c"}).ID
		require.NoError(t, receive(t, q).Retry(t.Context(), time.Minute, queue.Note{}))
		behind := publish(t, q, queue.Event{Account: "A", Command: "c"}).ID
		deferred := publish(t, q, queue.Event{Account: "B", Command: "c"}).ID
		until := c.Now().Add(time.Minute)
		require.NoError(t, receive(t, q).Defer(t.Context(), until, queue.Note{}))
		require.NoError(t, q.Close())
		c.off = -6 * time.Hour

		q = open(t, path, o)
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		_, err := q.Receive(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for _, id := range []string{retried, behind} {
			d := receive(t, q)
			require.Equal(t, id, d.Event.ID)
			require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		}
		entry, err := q.Entry(t.Context(), deferred)
		require.NoError(t, err)
		require.Equal(t, queue.Delayed, entry.State)
		require.True(t, entry.Due.Equal(until))
		time.Sleep(6 * time.Hour)
		require.Equal(t, deferred, receive(t, q).Event.ID)
	})
}

// TestDamagedRecord: an event that cannot be read is an error that names it.
func TestDamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	q := open(t, path, nil)
	id := publish(t, q, queue.Event{Account: "A", Command: "c"}).ID
	require.NoError(t, q.Damage(id))
	_, err := q.Receive(t.Context())
	require.ErrorIs(t, err, boltqueue.ErrDamaged)
	require.ErrorContains(t, err, id)
	_, err = q.Entry(t.Context(), id)
	require.ErrorIs(t, err, boltqueue.ErrDamaged)
}

func TestFullDisk(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "q.db"), &boltqueue.Options{MaxBytes: 512 << 10})
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = q.Publish(t.Context(), queue.Event{Account: fmt.Sprint("A", n), Command: "c"})
	}
	require.ErrorIs(t, err, queue.ErrFull)
	require.ErrorIs(t, err, boltqueue.ErrDiskFull)
	stats, err := q.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, n-1, stats.Counts[queue.Queued])
}

func TestOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	_, err := boltqueue.Open(path, &boltqueue.Options{Lease: -1, KeepDone: -1, Retain: time.Hour, KeyWindow: 2 * time.Hour, LockWait: -1})
	for _, says := range []string{"Lease is negative", "KeepDone is negative", "Retain 1h0m0s is shorter than KeyWindow 2h0m0s", "LockWait"} {
		require.ErrorContains(t, err, says)
	}
	require.NoFileExists(t, path)
}

// TestNewInOwnDatabase: the owner's other buckets stay, and the database stays
// open.
func TestNewInOwnDatabase(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "mine.db"), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("mine"))
		return err
	}))
	q, err := boltqueue.New(db, nil)
	require.NoError(t, err)
	id := publish(t, q, queue.Event{Account: "A", Command: "c"}).ID
	require.NoError(t, q.Close())
	_, err = q.Publish(t.Context(), queue.Event{Account: "A", Command: "c"})
	require.ErrorIs(t, err, queue.ErrClosed)
	q, err = boltqueue.New(db, nil)
	require.NoError(t, err)
	require.Equal(t, id, receive(t, q).Event.ID)
	require.NoError(t, q.Close())
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { require.NotNil(t, tx.Bucket([]byte("mine"))); return nil }))
	require.NoError(t, db.Close())
}

func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	q := open(t, path, nil)
	id := publish(t, q, queue.Event{Account: "A", Command: "c"}).ID
	require.ErrorIs(t, boltqueue.Compact(t.Context(), path, &boltqueue.Options{LockWait: time.Millisecond}), boltqueue.ErrInUse)
	require.NoError(t, q.Close())
	require.NoError(t, boltqueue.Compact(t.Context(), path, nil))
	q = open(t, path, nil)
	require.Equal(t, id, receive(t, q).Event.ID)
}

func FuzzDecode(f *testing.F) {
	for _, sample := range boltqueue.Samples() {
		n, err := boltqueue.Decode(sample)
		require.NoError(f, err)
		require.Positive(f, n, "%q", sample)
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := boltqueue.Decode(data)
		require.NoError(t, err, "what was read can be written and read again")
	})
}
