package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ingest"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// dropped is a folder that is watched.
type dropped struct {
	t      *testing.T
	folder string
	queue  *memqueue.Queue
}

func watch(t *testing.T) *dropped {
	t.Helper()
	gate, q := box()
	d := &dropped{t: t, folder: t.TempDir(), queue: q}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = ingest.Drop(ctx, gate, config.Drop{Folder: d.folder, Every: 2 * time.Millisecond}, quiet)
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return d
}

// put renames a file into the folder that was written at a time.
func (d *dropped) put(name, text string, at time.Time) {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), "x")
	require.NoError(d.t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(d.t, os.Chtimes(path, at, at))
	require.NoError(d.t, os.Rename(path, filepath.Join(d.folder, name)))
}

func (d *dropped) ends(in, name string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		_, err := os.Stat(filepath.Join(d.folder, in, name))
		_, still := os.Lstat(filepath.Join(d.folder, name))
		return err == nil && os.IsNotExist(still)
	}, 5*time.Second, time.Millisecond, name)
}

// A sender that does not rename is forgiven: the file is read again once it is whole.
func TestAFileThatIsStillWrittenIsNotRejected(t *testing.T) {
	d := watch(t)
	d.put("x.json", `{"account":"A","comm`, time.Now())
	looks := 0
	require.Eventually(t, func() bool { looks++; return looks > 20 }, 5*time.Second, 5*time.Millisecond)
	require.FileExists(t, filepath.Join(d.folder, "x.json"))
	d.put("x.json", `{"account":"A","command":"snapshot"}`, time.Now())
	d.ends("done", "x.json")
	require.Len(t, accepted(t, d.queue), 1)
}

func TestTheSameFileAnewIsANewEvent(t *testing.T) {
	d, now := watch(t), time.Now()
	const text, keyed = `{"account":"A","command":"snapshot"}`, `{"account":"A","command":"snapshot","key":"k"}`
	for _, c := range []struct {
		text string
		at   time.Time
		want int
	}{
		{text, now, 1},
		{text, now, 1}, // the process died before it moved the file
		{text, now.Add(time.Hour), 2},
		{keyed, now, 3},
		{keyed, now.Add(time.Hour), 3},
	} {
		require.NoError(t, os.RemoveAll(filepath.Join(d.folder, "done", "x.json")))
		d.put("x.json", c.text, c.at)
		d.ends("done", "x.json")
		require.Len(t, accepted(t, d.queue), c.want)
	}
}

func TestFilesThatAreNoEvents(t *testing.T) {
	d := watch(t)
	secret := filepath.Join(t.TempDir(), "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"account":"A"}`), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(d.folder, "link.json")))
	require.NoError(t, os.Mkdir(filepath.Join(d.folder, "folder.json"), 0o700))
	d.put("huge.json", strings.Repeat(" ", 2*ingest.MaxBody), time.Now())
	d.put("empty.json", "", time.Now().Add(-time.Minute))
	d.put("future.json", "{", time.Now().Add(time.Hour))
	d.ends("rejected", "huge.json")
	d.ends("rejected", "empty.json")
	d.ends("rejected", "future.json")
	require.Empty(t, accepted(t, d.queue), "a link is not followed")
}
