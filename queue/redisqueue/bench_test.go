package redisqueue_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

const (
	benchWorkers  = 24
	benchAccounts = 5000
)

// share does n units of work with 24 workers.
func share(b *testing.B, n int, work func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchWorkers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// perSecond reports the throughput of a phase.
func perSecond(b *testing.B, what string, n int, phase func()) float64 {
	b.Helper()
	start := time.Now()
	phase()
	rate := float64(n) / time.Since(start).Seconds()
	b.ReportMetric(rate, what+"/s")
	return rate
}

// BenchmarkThroughput publishes a batch, and then receives and settles it, with
// 24 workers, beside the floor: a stream on the same server, where XADD
// publishes, and XREADGROUP and XACK receive and settle, in alternation so that
// both see the same machine. The ratios are ours to the floor.
func BenchmarkThroughput(b *testing.B) {
	const n = 20_000
	server := redistest.Start(b, redistest.Options{AppendFsync: "everysec"})
	c := client(b, server.Addr)
	ctx := context.Background()
	round := 0
	var in, out, floorIn, floorOut float64
	b.ReportAllocs()
	for b.Loop() {
		round++
		name := fmt.Sprintf("bench%d", round)
		q := open(b, c, redisqueue.Options{Name: name, MaxEvents: n, MaxPerAccount: n, KeepDone: 1000})
		in += perSecond(b, "publish", n, func() {
			share(b, n, func(i int) error {
				_, err := q.Publish(ctx, queue.Event{Account: fmt.Sprintf("DU%d", i%benchAccounts), Command: fmt.Sprint("c", i/benchAccounts), Key: fmt.Sprint(i)})
				return err
			})
		})
		out += perSecond(b, "settle", n, func() {
			share(b, n, func(int) error {
				d, err := q.Receive(ctx)
				if err != nil {
					return err
				}
				return d.Ack(ctx, queue.Note{Class: "completed"})
			})
		})
		_ = q.Close()
		stream := "stream" + name
		if err := c.XGroupCreateMkStream(ctx, stream, "g", "0").Err(); err != nil {
			b.Fatal(err)
		}
		floorIn += perSecond(b, "xadd", n, func() {
			share(b, n, func(i int) error {
				return c.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"account", fmt.Sprintf("DU%d", i%benchAccounts), "command", "rebalance"}}).Err()
			})
		})
		floorOut += perSecond(b, "xack", n, func() {
			share(b, n, func(int) error {
				got, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{stream, ">"}, Count: 1}).Result()
				if err != nil {
					return err
				}
				return c.XAck(ctx, stream, "g", got[0].Messages[0].ID).Err()
			})
		})
		server.Do("FLUSHALL")
	}
	b.ReportMetric(in/floorIn, "publish-ratio")
	b.ReportMetric(out/floorOut, "settle-ratio")
}
