package boltqueue_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

func BenchmarkPublish(b *testing.B) {
	q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
	n, report := 0, bolttest.Measure(b, q.DB())
	for b.Loop() {
		n++
		publish(b, q, queue.Event{Account: strconv.Itoa(n), Command: "rebalance"})
	}
	report("events", 1)
}

// BenchmarkPublishMany has many publishers at once, which share commits.
func BenchmarkPublishMany(b *testing.B) {
	for _, publishers := range []int{8, 64} {
		b.Run(fmt.Sprint(publishers), func(b *testing.B) {
			q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
			var n atomic.Int64
			b.SetParallelism(publishers)
			report := bolttest.Measure(b, q.DB())
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, err := q.Publish(b.Context(), queue.Event{Account: strconv.FormatInt(n.Add(1), 10), Command: "rebalance"})
					if err != nil {
						b.Error(err)
					}
				}
			})
			report("events", 1)
		})
	}
}

// BenchmarkCycle publishes, receives and settles an event while so many accounts
// have events waiting.
func BenchmarkCycle(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			q := open(b, filepath.Join(b.TempDir(), "q.db"), nil)
			fill(b, q, waiting)
			n, report := 0, bolttest.Measure(b, q.DB())
			for b.Loop() {
				n++
				publish(b, q, queue.Event{Account: strconv.Itoa(n), Command: "rebalance"})
				d := receive(b, q)
				require.NoError(b, d.Ack(b.Context(), queue.Note{}))
			}
			report("events", 1)
		})
	}
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
