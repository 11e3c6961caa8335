package boltfile_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/boltfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var things = boltfile.Kind{Name: "things", Package: "thingstore", Schema: 3, Buckets: []string{"a", "b"}}

var quick = boltfile.Options{LockWait: time.Millisecond}

// filled makes a file with something in it and returns its name and its bytes.
func filled(t testing.TB, n int) (string, []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "things.db")
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	for i := range n {
		put(t, f, fmt.Sprintf("key%04d", i), string(bytes.Repeat([]byte{'x'}, 200)))
	}
	require.NoError(t, f.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, data
}

func put(t testing.TB, f *boltfile.File, key, value string) {
	t.Helper()
	require.NoError(t, f.Update(t.Context(), func(tx *boltfile.Tx) error {
		return tx.Bucket("a").Put([]byte(key), []byte(value))
	}))
}

func get(t testing.TB, f *boltfile.File, key string) string {
	t.Helper()
	var value string
	require.NoError(t, f.View(t.Context(), func(tx *boltfile.Tx) error {
		value = string(tx.Bucket("a").Get([]byte(key)))
		return nil
	}))
	return value
}

// refused demands that a file cannot be opened, that the error says why and names
// it, and that neither the file nor its folder was changed.
func refused(t *testing.T, path string, want error, says string) {
	t.Helper()
	before, beforeErr := os.ReadFile(path)
	f, err := boltfile.Open(path, things, quick)
	require.Error(t, err)
	require.Nil(t, f)
	if want != nil {
		require.ErrorIs(t, err, want)
	}
	require.ErrorContains(t, err, "thingstore: open "+path+": ")
	require.ErrorContains(t, err, says)
	after, afterErr := os.ReadFile(path)
	require.Equal(t, beforeErr == nil, afterErr == nil)
	require.True(t, bytes.Equal(before, after), "the file was changed")
	rest, _ := filepath.Glob(path + ".new*")
	require.Empty(t, rest, "something was left behind")
}

func TestOpenKeepsWhatWasWritten(t *testing.T) {
	path, _ := filled(t, 20)
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.Len(t, get(t, f, "key0019"), 200)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close(), "closing twice is fine")
	require.ErrorIs(t, f.View(t.Context(), func(*boltfile.Tx) error { return nil }), boltfile.ErrClosed)
	require.ErrorIs(t, f.Update(t.Context(), func(*boltfile.Tx) error { return nil }), boltfile.ErrClosed)
	rest, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Equal(t, []string{path}, rest, "nothing is left beside the file")
}

func TestOpenRefuses(t *testing.T) {
	path, good := filled(t, 20)
	page := os.Getpagesize()
	write := func(data []byte) func(*testing.T, string) {
		return func(t *testing.T, p string) { require.NoError(t, os.WriteFile(p, data, 0o600)) }
	}
	changed := func(at int, with ...byte) func(*testing.T, string) {
		data := bytes.Clone(good)
		copy(data[at:], with)
		return write(data)
	}
	_ = path
	for name, c := range map[string]struct {
		make func(*testing.T, string)
		want error
		says string
	}{
		"an empty file":                    {write(nil), boltfile.ErrDamaged, "it is empty"},
		"a short text":                     {write([]byte("hello")), boltfile.ErrForeign, "it is no bbolt database"},
		"a long text":                      {write(bytes.Repeat([]byte("hello\n"), 9000)), boltfile.ErrForeign, "it is no bbolt database"},
		"a file of zeros":                  {write(make([]byte, 8*page)), boltfile.ErrForeign, "it is no bbolt database"},
		"the first meta page is torn":      {changed(16+44, 0xff, 0xff, 0xff), boltfile.ErrDamaged, "its first meta page"},
		"the second meta page is torn":     {changed(page+16+44, 0xff, 0xff, 0xff), boltfile.ErrDamaged, "its second meta page"},
		"the first meta page is zero":      {changed(0, make([]byte, page)...), boltfile.ErrDamaged, "its first meta page"},
		"the second meta page is zero":     {changed(page, make([]byte, page)...), boltfile.ErrDamaged, "its second meta page"},
		"both meta pages are torn":         {changed(16+44, bytes.Repeat([]byte{0xee}, page)...), boltfile.ErrDamaged, "its first meta page"},
		"one page is left":                 {write(good[:page]), boltfile.ErrDamaged, "its second meta page"},
		"two pages are left":               {write(good[:2*page]), boltfile.ErrDamaged, "cut off"},
		"part of a page is left":           {write(good[:100]), boltfile.ErrDamaged, "its second meta page"},
		"a few bytes are left":             {write(good[:30]), boltfile.ErrDamaged, "its first meta page"},
		"a directory":                      {func(t *testing.T, p string) { require.NoError(t, os.Mkdir(p, 0o700)) }, nil, "it is a directory"},
		"a read-only file":                 {func(t *testing.T, p string) { write(good)(t, p); require.NoError(t, os.Chmod(p, 0o400)) }, nil, "it is read-only"},
		"no file":                          {func(t *testing.T, p string) { require.NoError(t, os.Symlink("/dev/null", p)) }, nil, "it is no regular file"},
		"a database of another program":    {func(t *testing.T, p string) { foreign(t, p, "users") }, boltfile.ErrForeign, `with "users" in it`},
		"another kind of file":             {func(t *testing.T, p string) { other(t, p) }, boltfile.ErrForeign, "a others, not a things"},
		"a newer schema":                   {func(t *testing.T, p string) { schema(t, p, "4") }, boltfile.ErrNewerSchema, "has schema 4, this release knows 3"},
		"a schema that is no number":       {func(t *testing.T, p string) { schema(t, p, "three") }, boltfile.ErrDamaged, `"three" is no number`},
		"a bucket is missing":              {func(t *testing.T, p string) { withoutBucket(t, p) }, boltfile.ErrDamaged, "b of its things is missing"},
		"a page in the middle is garbage":  {garbage(good, page), boltfile.ErrDamaged, ""},
		"more pages promised than written": {write(good[:len(good)/2/page*page]), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := filepath.Join(t.TempDir(), "things.db")
			c.make(t, p)
			if name == "more pages promised than written" {
				if boltfile.HeaderOf(good[:len(good)/2/page*page]) == nil {
					t.Skip("the second half holds nothing")
				}
			}
			refused(t, p, c.want, c.says)
		})
	}
	t.Run("a folder that does not exist", func(t *testing.T) {
		refused(t, filepath.Join(t.TempDir(), "none", "things.db"), nil, "does not exist: make it first")
	})
	t.Run("a link to nothing", func(t *testing.T) {
		link, target := filepath.Join(t.TempDir(), "things.db"), filepath.Join(t.TempDir(), "unmounted", "real.db")
		require.NoError(t, os.Symlink(target, link))
		_, err := boltfile.Open(link, things, quick)
		require.ErrorContains(t, err, link+": it is a symbolic link to "+target+", which does not exist")
		require.ErrorIs(t, boltfile.Compact(t.Context(), link, things, quick), fs.ErrNotExist)
		rest, err := os.ReadDir(filepath.Dir(link))
		require.NoError(t, err)
		require.Len(t, rest, 1, "nothing was made beside it")
		require.NoError(t, os.Mkdir(filepath.Dir(target), 0o700))
		f, err := boltfile.Open(target, things, quick)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		f, err = boltfile.Open(link, things, quick)
		require.NoError(t, err, "the file is back")
		require.NoError(t, f.Close())
	})
	t.Run("a folder that is a file", func(t *testing.T) {
		refused(t, filepath.Join(path, "things.db"), nil, "")
	})
}

// garbage spoils all pages but the meta pages.
func garbage(good []byte, page int) func(*testing.T, string) {
	return func(t *testing.T, p string) {
		data := bytes.Clone(good)
		r := rand.New(rand.NewPCG(1, 2))
		for i := 2 * page; i < len(data); i++ {
			data[i] = byte(r.Uint32())
		}
		require.NoError(t, os.WriteFile(p, data, 0o600))
	}
}

func change(t *testing.T, p string, do func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(p, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(do))
	require.NoError(t, db.Close())
}

func foreign(t *testing.T, p, bucket string) {
	change(t, p, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte(bucket))
		return err
	})
}

func other(t *testing.T, p string) {
	kind := things
	kind.Name = "others"
	f, err := boltfile.Open(p, kind, quick)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func schema(t *testing.T, p, version string) {
	f, err := boltfile.Open(p, things, quick)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	change(t, p, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("evenkeel")).Put([]byte("things"), []byte(version))
	})
}

func withoutBucket(t *testing.T, p string) {
	schema(t, p, strconv.Itoa(things.Schema))
	change(t, p, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("evenkeel/things")).DeleteBucket([]byte("b")) })
}

func TestOpenWaitsForTheLock(t *testing.T) {
	path, _ := filled(t, 1)
	f, err := boltfile.Open(path, things, quick)
	require.NoError(t, err)
	refused(t, path, boltfile.ErrInUse, "stop the other one, or use another file")
	require.Error(t, boltfile.Compact(t.Context(), path, things, quick), "nor can it be compacted")
	require.NoError(t, f.Close())
	f, err = boltfile.Open(path, things, quick)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestOpenTruncatedAnywhere: cut off at any page, a file is opened only if it
// still has all that it had.
func TestOpenTruncatedAnywhere(t *testing.T) {
	_, good := filled(t, 200)
	page := os.Getpagesize()
	opened := 0
	for n := 0; n < len(good); n += page {
		p := filepath.Join(t.TempDir(), "things.db")
		require.NoError(t, os.WriteFile(p, good[:n], 0o600))
		f, err := boltfile.Open(p, things, quick)
		if err != nil {
			require.ErrorIs(t, err, boltfile.ErrDamaged, "%d pages", n/page)
			data, err := os.ReadFile(p)
			require.NoError(t, err)
			require.True(t, bytes.Equal(good[:n], data), "the file was changed")
			continue
		}
		opened++
		for i := range 200 {
			require.Len(t, get(t, f, fmt.Sprintf("key%04d", i)), 200, "%d pages", n/page)
		}
		require.NoError(t, f.Close())
	}
	t.Logf("%d of %d lengths held all", opened, len(good)/page)
}

// TestOpenSpoiled: whatever is wrong with bytes of a file, it is an error or a
// file that can be read, never a panic, and an error leaves it as it was.
func TestOpenSpoiled(t *testing.T) {
	_, good := filled(t, 60)
	r := rand.New(rand.NewPCG(7, 8))
	errs := 0
	for range 150 {
		data := bytes.Clone(good)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(data))
			if r.IntN(2) == 0 { // the headers of pages matter most
				at = at/os.Getpagesize()*os.Getpagesize() + r.IntN(64)
			}
			data[at] = byte(r.Uint32())
		}
		p := filepath.Join(t.TempDir(), "things.db")
		if !spoiled(t, p, data) {
			errs++
		}
	}
	t.Logf("%d of 150 were refused", errs)
	require.Positive(t, errs)
}

// spoiled tries to open and to use a file of these bytes.
func spoiled(t testing.TB, p string, data []byte) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(p, data, 0o600))
	f, err := boltfile.Open(p, things, quick)
	if err != nil {
		after, err := os.ReadFile(p)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, after), "the file was changed")
		return false
	}
	_ = f.View(context.Background(), func(tx *boltfile.Tx) error {
		for range tx.Bucket("a").Prefix(nil) {
		}
		return nil
	})
	_ = f.Update(context.Background(), func(tx *boltfile.Tx) error {
		return tx.Bucket("a").Put([]byte("new"), []byte("value"))
	})
	_ = f.Close()
	return true
}

func FuzzOpen(f *testing.F) {
	_, good := filled(f, 3)
	f.Add(uint32(20), uint16(1))
	f.Add(uint32(4096+20), uint16(99))
	f.Fuzz(func(t *testing.T, at uint32, with uint16) {
		data := bytes.Clone(good)
		i := int(at) % (len(data) - 1)
		data[i], data[i+1] = byte(with), byte(with>>8)
		spoiled(t, filepath.Join(t.TempDir(), "things.db"), data)
	})
}

func FuzzHeader(f *testing.F) {
	_, good := filled(f, 1)
	f.Add(good[:2*os.Getpagesize()])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = boltfile.HeaderOf(data)
		_ = boltfile.CheckPages(data)
		if size, err := boltfile.ParseMeta(data); err == nil {
			require.Positive(t, size)
		}
		if n, err := boltfile.ParseSchema(data); err == nil {
			require.Equal(t, strconv.Itoa(n), string(data))
		}
	})
}

// TestProcessGoesElsewhere: a file opened by a name that is relative to the folder
// of the process is the same when that changes.
func TestProcessGoesElsewhere(t *testing.T) {
	t.Chdir(t.TempDir())
	f, err := boltfile.Open("here.db", things, quick)
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	put(t, f, "k", "v")
	require.NoError(t, f.Close())
}
