package memqueue_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// BenchmarkMemQueue is one round trip: publish, receive, ack.
func BenchmarkMemQueue(b *testing.B) {
	for _, accounts := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			q := memqueue.New(memqueue.Options{})
			names := accountNames(accounts)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				roundTrip(b, q, names[i%accounts])
				i++
			}
		})
	}
}

// BenchmarkMemQueueBacklog is a round trip while 10,000 accounts wait.
func BenchmarkMemQueueBacklog(b *testing.B) {
	q := memqueue.New(memqueue.Options{})
	fill(b, q, accountNames(10_000))
	b.ReportAllocs()
	for b.Loop() {
		cycle(b, q)
	}
}

// BenchmarkMemQueueParallel is the same with 16 workers at once.
func BenchmarkMemQueueParallel(b *testing.B) {
	q := memqueue.New(memqueue.Options{})
	fill(b, q, accountNames(10_000))
	b.ReportAllocs()
	b.SetParallelism(16 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			cycle(b, q)
		}
	})
}

// cycle settles what is next and asks for the same work again.
func cycle(b *testing.B, q *memqueue.Queue) {
	b.Helper()
	d, err := q.Receive(b.Context())
	if err == nil {
		err = d.Ack(b.Context(), queue.Note{})
	}
	if err == nil {
		_, err = q.Publish(b.Context(), queue.Event{Account: d.Event.Account, Command: "rebalance"})
	}
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkMemQueueBytes reports what a queued event needs in memory: one for
// each of 10,000 accounts.
func BenchmarkMemQueueBytes(b *testing.B) {
	const accounts = 10_000
	names := accountNames(accounts)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		q := memqueue.New(memqueue.Options{})
		fill(b, q, names)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(q)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/accounts, "bytes/event")
}

func accountNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("DU%07d", i)
	}
	return names
}

func fill(b *testing.B, q *memqueue.Queue, accounts []string) {
	b.Helper()
	for _, account := range accounts {
		if _, err := q.Publish(b.Context(), queue.Event{Account: account, Command: "rebalance"}); err != nil {
			b.Fatal(err)
		}
	}
}

func roundTrip(b *testing.B, q *memqueue.Queue, account string) {
	b.Helper()
	if _, err := q.Publish(b.Context(), queue.Event{Account: account, Command: "rebalance"}); err != nil {
		b.Fatal(err)
	}
	d, err := q.Receive(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Ack(b.Context(), queue.Note{}); err != nil {
		b.Fatal(err)
	}
}
