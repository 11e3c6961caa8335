package filesource

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	at := time.Date(2024, 5, 3, 0, 0, 0, 0, time.UTC)
	write := func(content string, at time.Time) fs.FileInfo {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info
	}
	before := write("abc", at)
	require.False(t, changed(before, write("abc", at), 3))
	require.True(t, changed(before, before, 2), "it was shorter while it was read")
	require.True(t, changed(before, write("abc", at.Add(1000)), 3), "another time")
	require.True(t, changed(before, write("abcd", at), 4), "another length")
	require.NoError(t, os.Rename(path, path+".old"))
	require.True(t, changed(before, write("abc", at), 3), "another file")
}
