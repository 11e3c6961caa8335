package boltqueue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
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

// report says how many events a second there were, and how many for each sync of
// which the disk is capable. A commit needs two; so many events shared one.
func report(b *testing.B, q *boltqueue.Queue, disk float64, before int) {
	b.Helper()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N)/float64(commits(b, q)-before), "events/commit")
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(disk, "syncs/s")
	b.ReportMetric(rate/disk, "events/sync")
}

func BenchmarkPublish(b *testing.B) {
	disk := syncRate(b)
	q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
	n, before := 0, commits(b, q)
	b.ReportAllocs()
	for b.Loop() {
		n++
		publish(b, q, queue.Event{Account: strconv.Itoa(n), Command: "rebalance"})
	}
	report(b, q, disk, before)
}

// BenchmarkPublishMany has many publishers at once, which share commits.
func BenchmarkPublishMany(b *testing.B) {
	for _, publishers := range []int{8, 64} {
		b.Run(fmt.Sprint(publishers), func(b *testing.B) {
			disk := syncRate(b)
			q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
			var n atomic.Int64
			before := commits(b, q)
			b.SetParallelism(publishers)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, err := q.Publish(b.Context(), queue.Event{Account: strconv.FormatInt(n.Add(1), 10), Command: "rebalance"})
					if err != nil {
						b.Error(err)
					}
				}
			})
			report(b, q, disk, before)
		})
	}
}

// BenchmarkCycle publishes, receives and settles an event while so many accounts
// have events waiting.
func BenchmarkCycle(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			disk := syncRate(b)
			q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
			fill(b, q, waiting)
			n, before := 0, commits(b, q)
			b.ReportAllocs()
			for b.Loop() {
				n++
				publish(b, q, queue.Event{Account: strconv.Itoa(n), Command: "rebalance"})
				d := receive(b, q)
				require.NoError(b, d.Ack(b.Context(), queue.Note{}))
			}
			report(b, q, disk, before)
		})
	}
}

// commits is how many there were.
func commits(tb testing.TB, q *boltqueue.Queue) (n int) {
	tb.Helper()
	require.NoError(tb, q.DB().View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }))
	return n
}

// fill gives so many accounts an event that is due.
func fill(tb testing.TB, q *boltqueue.Queue, accounts int) {
	tb.Helper()
	jobs := make(chan int)
	done := make(chan error)
	for range 64 {
		go func() {
			var fault error
			for i := range jobs {
				if _, err := q.Publish(tb.Context(), queue.Event{Account: fmt.Sprint("W", i), Command: "rebalance"}); err != nil {
					fault = err
				}
			}
			done <- fault
		}()
	}
	for i := range accounts {
		jobs <- i
	}
	close(jobs)
	for range 64 {
		require.NoError(tb, <-done)
	}
}
