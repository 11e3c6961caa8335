package boltqueue

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/queue"
)

// What can be wrong with the file. Use errors.Is.
var (
	// ErrInUse: another process has the file open, or this one twice.
	ErrInUse = boltfile.ErrInUse
	// ErrDamaged: the file was cut off, or is not what was written to it.
	ErrDamaged = boltfile.ErrDamaged
	// ErrForeign: the file is no queue's.
	ErrForeign = boltfile.ErrForeign
	// ErrNewerSchema: the file was written by a newer release.
	ErrNewerSchema = boltfile.ErrNewerSchema
	// ErrDiskFull: there is no room. It comes with [queue.ErrFull].
	ErrDiskFull = boltfile.ErrDiskFull
	// ErrUnusable: a write failed, and what the disk holds is not known: close the
	// queue and open it again.
	ErrUnusable = boltfile.ErrUnusable
)

// kind describes the content of the file, see the buckets in work.go.
var kind = boltfile.Kind{
	Name: "queue", Package: "boltqueue", Schema: 1,
	Buckets: []string{
		bEvents, bKeys, bAccounts, bLine, bDelayed, bQueued, bLeased, bReady, bStates, bEnded, bDead, bActions, bTokens, bCounts,
	},
}

// Open opens the queue in a file and makes the file if there is none. The folder
// must exist. Close the queue when it is done with.
func Open(path string, o *Options) (*Queue, error) {
	opts, err := o.filled()
	if err != nil {
		return nil, err
	}
	file, err := boltfile.Open(path, kind, opts.file())
	if err != nil {
		return nil, err
	}
	q, err := start(file, opts)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return q, nil
}

// New uses a bbolt database that is open and stays its owner's: closing the queue
// does not close it. The database may hold other things, a journal for example; at
// most one Queue may use it at a time. Options for the file itself do not matter, and
// it is not looked at as [Open] does: best take the DB of one that Open opened.
func New(db *bbolt.DB, o *Options) (*Queue, error) {
	opts, err := o.filled()
	if err != nil {
		return nil, err
	}
	file, err := boltfile.Wrap(db, kind)
	if err != nil {
		return nil, err
	}
	return start(file, opts)
}

// DB returns the database, to be shared with a journal. It is closed with the
// queue if [Open] opened it.
func (q *Queue) DB() *bbolt.DB { return q.file.DB() }

// Compact rewrites the file of a queue that nobody has open, so that it takes no
// more space than it needs. All that it holds is kept, also a journal. The new
// file takes the place of the old one in one step, once it is complete and on the
// disk; after an error, or if the process dies, the old one stands. It needs room
// for both.
func Compact(ctx context.Context, path string, o *Options) error {
	opts, err := o.filled()
	if err != nil {
		return err
	}
	return boltfile.Compact(ctx, path, kind, opts.file())
}

// stored adds what the caller decides by to an error of the file.
func stored(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, boltfile.ErrClosed) && !errors.Is(err, queue.ErrClosed):
		return fmt.Errorf("%w: %w", queue.ErrClosed, err)
	case errors.Is(err, boltfile.ErrDiskFull) && !errors.Is(err, queue.ErrFull):
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	}
	return err
}
