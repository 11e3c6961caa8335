package boltfile_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/boltfile"
)

// failSync gives a file's descriptor to a device that takes every write and
// refuses to sync, and returns what gives it back.
func failSync(t *testing.T, f *boltfile.File) (heal func()) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer null.Close()
	fd := f.Descriptor()
	kept, err := syscall.Dup(fd) // with the lock
	require.NoError(t, err)
	require.NoError(t, syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC))
	return func() {
		require.NoError(t, syscall.Dup3(kept, fd, syscall.O_CLOEXEC))
		require.NoError(t, syscall.Close(kept))
	}
}

// TestFailedSyncStopsAll: after a sync that failed, no store on the same database
// takes or gives anything, though the disk is well again, until the file is opened
// anew.
func TestFailedSyncStopsAll(t *testing.T) {
	for name, notices := range map[string]int{"the store that opened the file": 0, "one of the others": 1} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "both.db")
			owner, err := boltfile.Open(path, things, quick)
			require.NoError(t, err)
			second, err := boltfile.Wrap(owner.DB(), boltfile.Kind{Name: "others", Package: "otherstore", Schema: 1, Buckets: []string{"a"}})
			require.NoError(t, err)
			third, err := boltfile.Wrap(owner.DB(), boltfile.Kind{Name: "more", Package: "morestore", Schema: 1, Buckets: []string{"a"}})
			require.NoError(t, err)
			all := []*boltfile.File{owner, second, third}
			write := func(tx *boltfile.Tx) error { return tx.Bucket("a").Put([]byte("k"), []byte("v")) }
			read := func(*boltfile.Tx) error { return nil }
			for _, f := range all {
				require.NoError(t, f.Update(t.Context(), write))
			}

			heal := failSync(t, owner)
			err = all[notices].Update(t.Context(), write)
			heal()
			require.ErrorIs(t, err, boltfile.ErrUnusable)
			require.ErrorContains(t, err, "whether this was stored is not known")
			for i, f := range all {
				for _, err := range []error{f.Update(t.Context(), write), f.View(t.Context(), read)} {
					require.ErrorIs(t, err, boltfile.ErrUnusable, "store %d", i)
					require.ErrorContains(t, err, "earlier", "store %d", i)
					require.ErrorContains(t, err, path, "store %d", i)
				}
			}
			late, err := boltfile.Wrap(owner.DB(), things)
			require.ErrorIs(t, err, boltfile.ErrUnusable, "one that comes later does not begin")
			require.Nil(t, late)
			require.NoError(t, owner.Close())

			owner, err = boltfile.Open(path, things, quick)
			require.NoError(t, err)
			require.Equal(t, "v", get(t, owner, "k"))
			put(t, owner, "l", "w")
			require.NoError(t, owner.Close())
		})
	}
}

// TestNobodyBuildsOnAFailedCommit: writers of two stores that wait while a sync
// fails all learn of it.
func TestNobodyBuildsOnAFailedCommit(t *testing.T) {
	for range 20 {
		owner := opened(t, quick)
		second, err := boltfile.Wrap(owner.DB(), things)
		require.NoError(t, err)
		began, fail := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		var first, other error
		var once sync.Once
		wg.Go(func() {
			first = owner.Update(t.Context(), func(tx *boltfile.Tx) error {
				once.Do(func() { close(began) })
				<-fail
				return tx.Bucket("a").Put([]byte("k"), []byte("v"))
			})
		})
		<-began
		waits := make(chan struct{})
		wg.Go(func() {
			close(waits)
			other = second.Update(t.Context(), func(tx *boltfile.Tx) error { return tx.Bucket("b").Put([]byte("k"), []byte("v")) })
		})
		<-waits
		heal := failSync(t, owner)
		close(fail)
		wg.Wait()
		heal()
		require.ErrorIs(t, first, boltfile.ErrUnusable)
		require.ErrorIs(t, other, boltfile.ErrUnusable)
		require.ErrorContains(t, other, "earlier", "it was not even tried")
		require.NoError(t, owner.Close())
	}
}
