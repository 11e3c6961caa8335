package boltjournal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
)

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

// report says how many writes a second there were, and how many for each sync of
// which the disk is capable. A commit needs two; so many writes shared one.
func report(b *testing.B, j *boltjournal.Journal, disk float64, each int) {
	b.Helper()
	rate := float64(b.N*each) / b.Elapsed().Seconds()
	require.NoError(b, j.DB().View(func(tx *bbolt.Tx) error {
		b.ReportMetric(float64(b.N*each)/float64(tx.ID()), "writes/commit")
		return nil
	}))
	b.ReportMetric(rate, "writes/s")
	b.ReportMetric(disk, "syncs/s")
	b.ReportMetric(rate/disk, "writes/sync")
}

// BenchmarkIntend records one intent after the other, and settles it.
func BenchmarkIntend(b *testing.B) {
	disk := syncRate(b)
	j := open(b, filepath.Join(b.TempDir(), "j.db"), nil)
	var g journal.Grant
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n%20 == 0 {
			g = begin(b, j, "U1", fmt.Sprint("e", n)).Grant
		}
		n++
		ref := fmt.Sprint("r", n)
		require.NoError(b, j.Intend(b.Context(), g, intentOf(g, ref)))
		require.NoError(b, j.Settle(b.Context(), g, settled(ref, journal.Filled)))
	}
	report(b, j, disk, 2)
}

// BenchmarkIntendMany is the same by many accounts at once, which share commits.
func BenchmarkIntendMany(b *testing.B) {
	disk := syncRate(b)
	j := open(b, filepath.Join(b.TempDir(), "j.db"), nil)
	var serial atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		account := broker.AccountID(fmt.Sprint("U", serial.Add(1)))
		var g journal.Grant
		for n := 0; pb.Next(); n++ {
			if n%20 == 0 {
				g = begin(b, j, account, fmt.Sprint("e", serial.Add(1))).Grant
			}
			ref := fmt.Sprint("r", serial.Add(1))
			if err := j.Intend(b.Context(), g, intentOf(g, ref)); err != nil {
				b.Error(err)
			}
			if err := j.Settle(b.Context(), g, settled(ref, journal.Filled)); err != nil {
				b.Error(err)
			}
		}
	})
	report(b, j, disk, 2)
}
