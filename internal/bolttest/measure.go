package bolttest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// Measure begins a benchmark of a database. The function that it returns ends it:
// it says how many things a second there were, of which each iteration made so
// many, and how many for each sync of which the disk is capable. A commit needs
// two; so many things shared one.
func Measure(b *testing.B, db *bbolt.DB) (report func(things string, each int)) {
	b.Helper()
	disk, before := syncRate(b), commits(b, db)
	b.ReportAllocs()
	b.ResetTimer()
	return func(things string, each int) {
		b.Helper()
		count := float64(b.N * each)
		rate := count / b.Elapsed().Seconds()
		b.ReportMetric(count/float64(commits(b, db)-before), things+"/commit")
		b.ReportMetric(rate, things+"/s")
		b.ReportMetric(disk, "syncs/s")
		b.ReportMetric(rate/disk, things+"/sync")
	}
}

// syncRate is how many pages a second this disk can take and sync, one by one.
func syncRate(b *testing.B) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	require.NoError(b, err)
	defer func() { require.NoError(b, f.Close()) }()
	page := make([]byte, 4096)
	_, err = f.Write(make([]byte, 1<<20))
	require.NoError(b, err)
	require.NoError(b, f.Sync())
	began, n := time.Now(), 0
	for ; time.Since(began) < 200*time.Millisecond; n++ {
		_, err = f.WriteAt(page, int64(n%256)*4096)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	return float64(n) / time.Since(began).Seconds()
}

// commits is how many there were.
func commits(b *testing.B, db *bbolt.DB) (n int) {
	b.Helper()
	require.NoError(b, db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }))
	return n
}
