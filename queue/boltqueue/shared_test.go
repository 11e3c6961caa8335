package boltqueue_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

// TestOneFileForBoth: a queue and a journal share a file that either of them may
// open; a file of one alone is refused by the other.
func TestOneFileForBoth(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "both.db")
	j, err := boltjournal.Open(path, nil)
	require.NoError(t, err)
	_, err = boltqueue.Open(path, &boltqueue.Options{LockWait: time.Millisecond})
	require.ErrorIs(t, err, boltqueue.ErrInUse)
	require.NoError(t, j.Close())
	_, err = boltqueue.Open(path, nil)
	require.ErrorIs(t, err, boltqueue.ErrForeign)
	require.ErrorContains(t, err, "a journal, not a queue")

	j, err = boltjournal.Open(path, nil)
	require.NoError(t, err)
	q, err := boltqueue.New(j.DB(), nil)
	require.NoError(t, err)
	publish(t, q, queue.Event{Account: "U1", Command: "rebalance"})
	d := receive(t, q)
	b, err := j.Begin(ctx, journal.Claim{Account: "U1", Event: d.Event.ID, Command: "rebalance", Fence: d.Fence, Time: time.Now()})
	require.NoError(t, err)
	require.NoError(t, q.Close())
	require.NoError(t, j.Close())

	require.NoError(t, boltqueue.Compact(ctx, path, nil))
	q = open(t, path, nil)
	j, err = boltjournal.New(q.DB(), nil)
	require.NoError(t, err)
	require.NoError(t, q.Settle(ctx, d.Lease(), queue.Verdict{Verb: queue.VerbAck}))
	s, err := j.Account(ctx, "U1")
	require.NoError(t, err)
	require.Equal(t, []journal.RunID{b.Run.ID}, s.Unfinished)
	require.NoError(t, j.Close())
}

// TestWhatStopsOneStopsBoth: when one of the two learns that the file cannot be
// trusted any more, the other takes nothing either, though the cause is gone.
func TestWhatStopsOneStopsBoth(t *testing.T) {
	claim := journal.Claim{Account: "U1", Event: "e", Command: "rebalance", Time: time.Now()}
	for name, notices := range map[string]func(*boltqueue.Queue, *boltjournal.Journal) error{
		"the queue": func(q *boltqueue.Queue, _ *boltjournal.Journal) error {
			_, err := q.Publish(t.Context(), queue.Event{Account: "U1", Command: "rebalance"})
			return err
		},
		"the journal": func(_ *boltqueue.Queue, j *boltjournal.Journal) error {
			_, err := j.Begin(t.Context(), claim)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "both.db")
			q := open(t, path, nil)
			j, err := boltjournal.New(q.DB(), nil)
			require.NoError(t, err)
			require.NoError(t, os.Rename(path, path+".away"))
			require.ErrorIs(t, notices(q, j), boltfile.ErrUnusable)
			require.NoError(t, os.Rename(path+".away", path))
			_, err = q.Publish(t.Context(), queue.Event{Account: "U2", Command: "rebalance"})
			require.ErrorIs(t, err, boltqueue.ErrUnusable)
			_, err = q.Receive(t.Context())
			require.ErrorIs(t, err, boltqueue.ErrUnusable)
			_, err = j.Begin(t.Context(), claim)
			require.ErrorIs(t, err, boltjournal.ErrUnusable)
			_, err = j.Account(t.Context(), "U1")
			require.ErrorIs(t, err, boltjournal.ErrUnusable)
			require.NoError(t, q.Close())

			q = open(t, path, nil)
			j, err = boltjournal.New(q.DB(), nil)
			require.NoError(t, err)
			_, err = j.Begin(t.Context(), claim)
			require.NoError(t, err, "opened again, it works")
		})
	}
}

// TestReceiveDoesNotScan: with 40 times as many accounts waiting, a delivery looks
// at hardly more.
func TestReceiveDoesNotScan(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "q.db"), nil)
	looks := func() int64 {
		d := receive(t, q)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		stats := func() *bbolt.TxStats { s := q.DB().Stats(); return &s.TxStats }
		before := stats().GetCursorCount()
		d = receive(t, q)
		require.NoError(t, d.Ack(t.Context(), queue.Note{}))
		return stats().GetCursorCount() - before
	}
	fill(t, q, 50)
	few := looks()
	fill(t, q, 2000)
	many := looks()
	require.LessOrEqual(t, many, few+20)
	t.Logf("%d cursors with 50 accounts, %d with 2000", few, many)
}
