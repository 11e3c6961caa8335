package boltjournal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/journal"
)

// What can be wrong with the file. Use errors.Is.
var (
	// ErrInUse: another process has the file open, or this one twice.
	ErrInUse = boltfile.ErrInUse
	// ErrDamaged: the file was cut off, or is not what was written to it.
	ErrDamaged = boltfile.ErrDamaged
	// ErrForeign: the file is no journal's.
	ErrForeign = boltfile.ErrForeign
	// ErrNewerSchema: the file was written by a newer release.
	ErrNewerSchema = boltfile.ErrNewerSchema
	// ErrDiskFull: there is no room.
	ErrDiskFull = boltfile.ErrDiskFull
	// ErrUnusable: a write failed, and what the disk holds is not known: close the
	// journal and open it again.
	ErrUnusable = boltfile.ErrUnusable
	// ErrClosed: the journal was closed.
	ErrClosed = boltfile.ErrClosed
)

// Options tunes a [Journal]. The zero value has the defaults.
type Options struct {
	// KeepRuns is how many finished runs of each account are kept, the newest
	// ones; a negative number keeps all. Default: 100.
	KeepRuns int
	// Retain is how long before the end of the newest finished run of its account
	// a run may have ended to be kept. Default: not limited.
	Retain time.Duration
	// LockWait is how long [Open] waits for another process to close the file.
	// Default: 1 s.
	LockWait time.Duration
	// MaxBytes bounds the size of the file. Default: not bounded.
	MaxBytes int64
	// CheckLimit is up to which size, in bytes, the whole file is checked when it
	// is opened. Default: 64 MiB.
	CheckLimit int64
}

// filled returns the options, or every fault, joined.
func (o *Options) filled() (Options, error) {
	var f Options
	if o != nil {
		f = *o
	}
	var faults []error
	if f.Retain < 0 {
		faults = append(faults, fmt.Errorf("Retain is %v", f.Retain))
	}
	if f.KeepRuns == 0 {
		f.KeepRuns = 100
	}
	file := f.file()
	if err := errors.Join(append(faults, file.Check())...); err != nil {
		return Options{}, fmt.Errorf("boltjournal: options: %w", err)
	}
	return f, nil
}

// file returns the options of the file.
func (o *Options) file() boltfile.Options {
	return boltfile.Options{LockWait: o.LockWait, MaxBytes: o.MaxBytes, CheckLimit: o.CheckLimit}
}

// Journal is a [journal.Journal] in a file. Create it with [Open] or [New]. Safe
// for concurrent use; it starts no goroutine.
type Journal struct {
	opts Options
	file *boltfile.File
}

var _ journal.Journal = (*Journal)(nil)

// Open opens the journal in a file and makes the file if there is none. The folder
// must exist. Close the journal when it is done with.
func Open(path string, o *Options) (*Journal, error) {
	opts, err := o.filled()
	if err != nil {
		return nil, err
	}
	file, err := boltfile.Open(path, kind, opts.file())
	if err != nil {
		return nil, err
	}
	return &Journal{opts: opts, file: file}, nil
}

// New uses a bbolt database that is open and stays its owner's: closing the
// journal does not close it. The database may hold other things, a queue for
// example. Options for the file itself do not matter, and
// it is not looked at as [Open] does: best take the DB of one that Open opened.
func New(db *bbolt.DB, o *Options) (*Journal, error) {
	opts, err := o.filled()
	if err != nil {
		return nil, err
	}
	file, err := boltfile.Wrap(db, kind)
	if err != nil {
		return nil, err
	}
	return &Journal{opts: opts, file: file}, nil
}

// DB returns the database, to be shared with a queue. It is closed with the
// journal if [Open] opened it.
func (j *Journal) DB() *bbolt.DB { return j.file.DB() }

// Close waits for what is under way, and closes the file if [Open] opened it.
// Further calls return nil.
func (j *Journal) Close() error { return j.file.Close() }

// Compact rewrites the file of a journal that nobody has open, so that it takes no
// more space than it needs. All that it holds is kept, also a queue. The new file
// takes the place of the old one in one step, once it is complete and on the disk;
// after an error, or if the process dies, the old one stands. It needs room for
// both.
func Compact(ctx context.Context, path string, o *Options) error {
	opts, err := o.filled()
	if err != nil {
		return err
	}
	return boltfile.Compact(ctx, path, kind, opts.file())
}
