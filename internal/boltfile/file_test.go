package boltfile_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/evenkeel/evenkeel/internal/boltfile"
)

func opened(t testing.TB, o boltfile.Options) *boltfile.File {
	t.Helper()
	f, err := boltfile.Open(filepath.Join(t.TempDir(), "things.db"), things, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func commits(f *boltfile.File) int {
	stats := f.DB().Stats()
	return int(stats.TxStats.GetWrite())
}

// TestWritersShareCommits: each of many writers at once gets its own result, and
// there are fewer commits than writers.
func TestWritersShareCommits(t *testing.T) {
	f := opened(t, quick)
	const n = 200
	refusal, fault := errors.New("refused"), errors.New("failed half-way")
	var first uint64
	require.NoError(t, f.View(t.Context(), func(tx *boltfile.Tx) error { first = txID(tx); return nil }))
	block, began := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		require.NoError(t, f.Update(t.Context(), func(tx *boltfile.Tx) error {
			once.Do(func() { close(began) })
			<-block
			return tx.Bucket("a").Put([]byte("first"), []byte("1"))
		}))
	})
	<-began
	var results [n]error
	for i := range n {
		wg.Go(func() {
			results[i] = f.Update(t.Context(), func(tx *boltfile.Tx) error {
				if i%5 == 1 {
					return refusal
				}
				if err := tx.Bucket("a").Put([]byte(fmt.Sprintf("key%d", i)), []byte("1")); err != nil {
					return err
				}
				switch i % 50 {
				case 2:
					return fault
				case 3:
					panic("a page that cannot be")
				}
				return nil
			})
		})
	}
	close(block)
	wg.Wait()
	for i := range n {
		want := ""
		switch {
		case i%5 == 1:
			require.ErrorIs(t, results[i], refusal)
		case i%50 == 2:
			require.ErrorIs(t, results[i], fault)
		case i%50 == 3:
			require.ErrorIs(t, results[i], boltfile.ErrDamaged)
			require.ErrorContains(t, results[i], "a page that cannot be")
		default:
			require.NoError(t, results[i])
			want = "1"
		}
		require.Equal(t, want, get(t, f, fmt.Sprintf("key%d", i)), "key of %d", i)
	}
	var last uint64
	require.NoError(t, f.View(t.Context(), func(tx *boltfile.Tx) error { last = txID(tx); return nil }))
	require.Less(t, last-first, uint64(n/2), "commits of %d writers", n)
	t.Logf("%d writers, %d commits", n+1, last-first)
}

func txID(tx *boltfile.Tx) uint64 { return uint64(tx.Bolt().Tx().ID()) }

// TestUnchangedIsNoCommit: a write that only looked syncs nothing.
func TestUnchangedIsNoCommit(t *testing.T) {
	f := opened(t, quick)
	before := commits(f)
	require.NoError(t, f.Update(t.Context(), func(tx *boltfile.Tx) error { _ = tx.Bucket("a").Get([]byte("k")); return nil }))
	require.Equal(t, before, commits(f))
	put(t, f, "k", "v")
	require.Greater(t, commits(f), before)
}

// TestWaitingWriterLeaves: after its context ended, a write that did not begin
// never happens.
func TestWaitingWriterLeaves(t *testing.T) {
	f := opened(t, quick)
	block, began := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = f.Update(t.Context(), func(*boltfile.Tx) error { close(began); <-block; return nil })
	})
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		left <- f.Update(ctx, func(tx *boltfile.Tx) error { return tx.Bucket("a").Put([]byte("k"), []byte("v")) })
	}()
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	close(block)
	wg.Wait()
	require.Empty(t, get(t, f, "k"))
	put(t, f, "k", "w")
	require.Equal(t, "w", get(t, f, "k"))
}

// TestFull: a file at its limit refuses, keeps what it has, and can be used on.
func TestFull(t *testing.T) {
	path, _ := filled(t, 1)
	o := quick
	o.MaxBytes = 256 << 10
	f, err := boltfile.Open(path, things, o)
	require.NoError(t, err)
	n := 0
	for err == nil {
		n++
		err = f.Update(t.Context(), func(tx *boltfile.Tx) error {
			return tx.Bucket("a").Put([]byte(fmt.Sprint("big", n)), make([]byte, 4000))
		})
	}
	require.ErrorIs(t, err, boltfile.ErrDiskFull)
	require.ErrorContains(t, err, path)
	require.Greater(t, n, 10)
	require.Len(t, get(t, f, fmt.Sprint("big", n-1)), 4000)
	require.Empty(t, get(t, f, fmt.Sprint("big", n)))
	require.NoError(t, f.Close())
	f, err = boltfile.Open(path, things, quick)
	require.NoError(t, err)
	put(t, f, "more", "room")
	require.NoError(t, f.Close())
}

func TestExplainWrite(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		want   error
		usable bool
	}{
		"no room for a page":          {&fs.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC}, boltfile.ErrDiskFull, true},
		"quota":                       {&fs.PathError{Op: "write", Path: "f", Err: syscall.EDQUOT}, boltfile.ErrDiskFull, true},
		"no room at the sync":         {syscall.ENOSPC, boltfile.ErrUnusable, false},
		"the disk is broken":          {syscall.EIO, boltfile.ErrUnusable, false},
		"a write that broke":          {&fs.PathError{Op: "write", Path: "f", Err: syscall.EIO}, boltfile.ErrUnusable, false},
		"the database was closed":     {bolterrors.ErrDatabaseNotOpen, boltfile.ErrClosed, true},
		"something nobody thought of": {errors.New("?"), boltfile.ErrUnusable, false},
	} {
		t.Run(name, func(t *testing.T) {
			err, usable := boltfile.ExplainWrite(c.err)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.usable, usable)
		})
	}
}

// TestFailedWrite: after a write failed of which nobody knows what is on the disk,
// the file takes nothing more, and gives nothing.
func TestFailedWrite(t *testing.T) {
	path, _ := filled(t, 3)
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.NoError(t, f.CloseUnder())
	write := func(tx *boltfile.Tx) error { return tx.Bucket("a").Put([]byte("k"), []byte("v")) }
	require.ErrorIs(t, f.Update(t.Context(), write), boltfile.ErrUnusable)
	err = f.Update(t.Context(), write)
	require.ErrorIs(t, err, boltfile.ErrUnusable)
	require.ErrorContains(t, err, path)
	require.ErrorIs(t, f.View(t.Context(), func(*boltfile.Tx) error { return nil }), boltfile.ErrUnusable)
	_ = f.Close() // the file is closed already

	f, err = boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.Len(t, get(t, f, "key0002"), 200)
	require.Empty(t, get(t, f, "k"))
	require.NoError(t, f.Close())
}

// TestShrunkWhileOpen: a file that is cut off while it is open is an error, and
// does not kill the process.
func TestShrunkWhileOpen(t *testing.T) {
	path, _ := filled(t, 300)
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 2*int64(os.Getpagesize())))
	err = f.View(t.Context(), func(tx *boltfile.Tx) error {
		for range tx.Bucket("a").Prefix(nil) {
		}
		return nil
	})
	require.ErrorIs(t, err, boltfile.ErrDamaged)
	require.ErrorContains(t, err, path)
	err = f.Update(t.Context(), func(tx *boltfile.Tx) error { return tx.Bucket("a").Put([]byte("k"), []byte("v")) })
	require.ErrorIs(t, err, boltfile.ErrDamaged)
	require.NoError(t, f.Close())
}

// TestGoneWhileOpen: a file that was removed or replaced while it is open takes
// nothing more: nobody would ever read it.
func TestGoneWhileOpen(t *testing.T) {
	for name, gone := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, []byte("x"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, quick)
			put := func(tx *boltfile.Tx) error { return tx.Bucket("a").Put([]byte("k"), []byte("v")) }
			require.NoError(t, f.Update(t.Context(), put))
			wrapped, err := boltfile.Wrap(f.DB(), things)
			require.NoError(t, err)
			require.NoError(t, gone(f.Path()))
			for _, f := range []*boltfile.File{f, wrapped} {
				for range 2 {
					err := f.Update(t.Context(), put)
					require.ErrorIs(t, err, boltfile.ErrUnusable)
					require.ErrorContains(t, err, "removed or replaced")
					require.ErrorContains(t, err, f.Path())
				}
			}
		})
	}
}

func TestWrap(t *testing.T) {
	open := func(o bbolt.Options) *bbolt.DB {
		db, err := bbolt.Open(filepath.Join(t.TempDir(), "mine.db"), 0o600, &o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}
	_, err := boltfile.Wrap(open(bbolt.Options{NoSync: true}), things)
	require.ErrorContains(t, err, "NoSync")
	_, err = boltfile.Wrap(open(bbolt.Options{NoGrowSync: true}), things)
	require.ErrorContains(t, err, "NoGrowSync")

	db := open(bbolt.Options{})
	f, err := boltfile.Wrap(db, things)
	require.NoError(t, err)
	put(t, f, "k", "v")
	require.NoError(t, f.Close())
	again, err := boltfile.Wrap(db, things)
	require.NoError(t, err, "the owner closes it, nobody else")
	require.Equal(t, "v", get(t, again, "k"))
	kind := things
	kind.Schema--
	_, err = boltfile.Wrap(db, kind)
	require.ErrorIs(t, err, boltfile.ErrNewerSchema)
}

func TestCompact(t *testing.T) {
	path, _ := filled(t, 300)
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.NoError(t, f.Update(t.Context(), func(tx *boltfile.Tx) error {
		b := tx.Bucket("a")
		for i := range 290 {
			if err := b.Delete([]byte(fmt.Sprintf("key%04d", i))); err != nil {
				return err
			}
		}
		_, err := b.Next()
		return err
	}))
	require.NoError(t, f.Close())
	require.NoError(t, os.Chmod(path, 0o640))
	before, err := os.Stat(path)
	require.NoError(t, err)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, boltfile.Compact(ended, path, things, quick), context.Canceled)
	require.NoError(t, boltfile.Compact(t.Context(), path, things, quick))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, after.Size(), before.Size()/2)
	require.Equal(t, before.Mode(), after.Mode())
	rest, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Equal(t, []string{path}, rest)

	f, err = boltfile.Open(path, things, quick)
	require.NoError(t, err)
	for i := range 10 {
		require.Len(t, get(t, f, fmt.Sprintf("key%04d", 290+i)), 200)
	}
	require.NoError(t, f.Update(t.Context(), func(tx *boltfile.Tx) error {
		n, err := tx.Bucket("a").Next()
		require.Equal(t, uint64(2), n, "numbers go on")
		return err
	}))
	require.NoError(t, f.Close())
	none := filepath.Join(t.TempDir(), "none.db")
	require.ErrorIs(t, boltfile.Compact(t.Context(), none, things, quick), fs.ErrNotExist)
	require.NoFileExists(t, none)
}
