package boltfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// maxShared is how many writes share a commit at most.
const maxShared = 256

// File is an open file. Safe for concurrent use.
type File struct {
	db    *bbolt.DB
	path  string // which bbolt forgets
	place string // the same, wherever the process goes
	kind  Kind
	owned *os.File    // Close closes the database, which has this file open
	inode os.FileInfo // of the file that is open, whatever has its name by now

	fate *fate // of the database

	mu      sync.Mutex
	pending []*write // wait for a commit
	leading bool     // somebody commits, or was told to
	closed  bool
}

// write is one call of Update.
type write struct {
	do    func(*Tx) error
	taken bool          // into a commit, or to lead one
	lead  chan struct{} // told to commit for all that wait
	done  chan struct{}
	err   error
}

// DB returns the database, for others that share it.
func (f *File) DB() *bbolt.DB { return f.db }

// Path returns the name of the file.
func (f *File) Path() string { return f.path }

// Close waits for what is under way and closes the file, if it was opened here.
// Further calls do nothing.
func (f *File) Close() error {
	f.mu.Lock()
	was := f.closed
	f.closed = true
	f.mu.Unlock()
	switch {
	case was || f.owned == nil:
		return nil
	case f.fate.isStuck(): // only the lock of the file can be let go of
		return f.explained(f.owned.Close())
	}
	return f.explained(f.db.Close())
}

// View runs a function that reads. What it reads is valid only within.
func (f *File) View(ctx context.Context, read func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.usable(); err != nil {
		return err
	}
	var result error // of read, to be handed on as it is
	err := f.view(func(tx *bbolt.Tx) error {
		result = read(&Tx{root: tx.Bucket(f.kind.bucket())})
		return nil
	})
	switch {
	case err == nil:
		return result
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		err = ErrClosed
	}
	return f.explained(err)
}

func (f *File) view(read func(*bbolt.Tx) error) error {
	return f.shielded(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			_, err := recovered(func() error { return read(tx) })
			return err
		})
	})
}

// shielded runs what calls bbolt. A panic of bbolt's own may leave it locked:
// nothing more is asked of it then.
func (f *File) shielded(work func() error) error {
	broke, err := recovered(work)
	if broke {
		f.fate.jam(err)
	}
	return err
}

// Update runs a function that writes, and returns when that is on the disk. If
// the function returns an error, nothing of it is stored and the error is
// returned as it is; other errors come from the file.
//
// The function may run more than once, with others in one transaction, and on
// another goroutine; it must set all its results anew each time. After ctx ended
// nothing is begun; what was begun is waited for.
func (f *File) Update(ctx context.Context, do func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{do: do, lead: make(chan struct{}, 1), done: make(chan struct{})}
	if f.join(w) {
		f.commit()
		return w.err
	}
	select {
	case <-w.done:
	case <-w.lead:
		f.commit()
	case <-ctx.Done():
		if f.withdraw(w) {
			return ctx.Err()
		}
		select {
		case <-w.done:
		case <-w.lead:
			f.commit()
		}
	}
	return w.err
}

// join puts a write into the line. It reports whether its caller has to commit.
func (f *File) join(w *write) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, w)
	if f.leading {
		return false
	}
	f.leading, w.taken = true, true
	return true
}

// withdraw takes a write out of the line if it is still there.
func (f *File) withdraw(w *write) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.taken {
		return false
	}
	f.pending = without(f.pending, w)
	return true
}

// commit stores what waits, the caller's own write first among it, and then
// tells the next one to go on.
func (f *File) commit() {
	f.mu.Lock()
	n := min(len(f.pending), maxShared)
	batch := f.pending[:n:n]
	f.pending = f.pending[n:]
	for _, w := range batch {
		w.taken = true
	}
	f.mu.Unlock()

	f.store(batch)
	for _, w := range batch {
		close(w.done)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pending) == 0 {
		f.pending, f.leading = nil, false
		return
	}
	next := f.pending[0]
	next.taken = true
	next.lead <- struct{}{}
}

// store runs the writes of a batch in one transaction. A write that failed with
// something of it done is left out, and the others are run anew.
func (f *File) store(batch []*write) {
	f.fate.turn <- struct{}{}
	defer func() { <-f.fate.turn }()
	if err := f.usable(); err != nil {
		fail(batch, err)
		return
	}
	for len(batch) > 0 {
		var culprit *write
		err := f.shielded(func() error {
			return f.db.Update(func(tx *bbolt.Tx) (err error) {
				culprit, err = f.run(batch, tx)
				return err
			})
		})
		switch {
		case err == nil, errors.Is(err, errUnchanged):
			if err := f.inPlace(); err != nil {
				fail(batch, f.failed(err))
			}
			return
		case errors.Is(err, errLeftOut):
			batch = without(batch, culprit)
		default:
			fail(batch, f.failed(err))
			return
		}
	}
}

// run does the writes of a batch in a transaction, up to the first one that has to
// be left out.
func (f *File) run(batch []*write, tx *bbolt.Tx) (culprit *write, err error) {
	root, changed := tx.Bucket(f.kind.bucket()), false
	for _, w := range batch {
		t := &Tx{root: root}
		var broke bool
		broke, w.err = recovered(func() error { return w.do(t) })
		if broke {
			w.err = f.explained(w.err)
		}
		if broke || w.err != nil && t.dirty {
			return w, errLeftOut
		}
		changed = changed || t.dirty
	}
	if !changed {
		return nil, errUnchanged
	}
	return nil, nil
}

// inPlace makes sure that the file still has its name. One that was removed or
// replaced takes writes as before, and nobody will ever read them.
func (f *File) inPlace() error {
	if now, err := os.Stat(f.place); err != nil || !os.SameFile(f.inode, now) {
		return errors.New("the file was removed or replaced while it was open: stop, and bring it back")
	}
	return nil
}

var (
	errLeftOut   = errors.New("one write is left out")
	errUnchanged = errors.New("nothing was changed")
)

// fail gives all writes an error, also those that were refused: it may have been
// because of one that is not stored now.
func fail(batch []*write, err error) {
	for _, w := range batch {
		w.err = err
	}
}

// without returns a copy of a list without one write.
func without(list []*write, w *write) []*write {
	return slices.DeleteFunc(slices.Clone(list), func(x *write) bool { return x == w })
}

// failed notes that a commit failed, and returns the error for those who wait.
func (f *File) failed(err error) error {
	if errors.Is(err, ErrDamaged) {
		f.fate.breakDown(err)
		return f.explained(err)
	}
	explained, usable := explainWrite(err)
	if !usable {
		f.fate.breakDown(explained)
	}
	return f.explained(explained)
}

// usable returns why the file takes nothing more, if so.
func (f *File) usable() error {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return f.explained(ErrClosed)
	}
	if why := f.fate.why(); why != nil {
		return f.explained(fmt.Errorf("%w: earlier: %w", ErrUnusable, why))
	}
	return nil
}

// explained names the file in an error.
func (f *File) explained(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: file %s: %w", f.kind.Package, f.path, err)
}
