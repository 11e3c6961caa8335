package boltjournal_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
)

func TestMain(m *testing.M) {
	if path := bolttest.File(); path != "" {
		child(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a journal and has the test close it.
func open(t testing.TB, path string, o *boltjournal.Options) *boltjournal.Journal {
	t.Helper()
	j, err := boltjournal.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Harness {
		path := filepath.Join(t.TempDir(), "journal.db")
		j := open(t, path, nil)
		return journaltest.Harness{Journal: j, Reopen: func(t journaltest.T) journal.Journal {
			t.Helper()
			require.NoError(t, j.Close())
			var err error
			j, err = boltjournal.Open(path, nil)
			require.NoError(t, err)
			last := j
			t.Cleanup(func() { require.NoError(t, last.Close()) })
			return j
		}}
	})
}
