package redisqueue_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
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

// meter measures phases: events a second, and what the server's processor works
// for an event, which tells more on a machine that others use too.
type meter struct {
	*testing.B
	server *redistest.Server
	n      int // events in a phase
	rate   map[string]float64
	work   map[string]float64 // µs
}

func (m *meter) phase(name string, run func()) {
	m.Helper()
	began, used := time.Now(), m.used()
	run()
	m.rate[name] += float64(m.n) / time.Since(began).Seconds()
	m.work[name] += (m.used() - used) / float64(m.n) * 1e6
}

var cpu = regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`)

// used is how many seconds the server's processor has worked.
func (m *meter) used() float64 {
	m.Helper()
	sum := 0.0
	for _, match := range cpu.FindAllStringSubmatch(fmt.Sprint(m.server.Do("INFO", "cpu")), -1) {
		seconds, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			m.Fatal(err)
		}
		sum += seconds
	}
	return sum
}

// report reports the means, and the ratios of the first two phases to the others.
func (m *meter) report(rounds int, phases ...string) {
	for _, name := range phases {
		m.ReportMetric(m.rate[name]/float64(rounds), name+"/s")
		m.ReportMetric(m.work[name]/float64(rounds), name+"-server-µs")
	}
	m.ReportMetric(m.rate[phases[0]]/m.rate[phases[2]], phases[0]+"-ratio")
	m.ReportMetric(m.rate[phases[1]]/m.rate[phases[3]], phases[1]+"-ratio")
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
	m := meter{b, server, n, map[string]float64{}, map[string]float64{}}
	round := 0
	b.ReportAllocs()
	for b.Loop() {
		round++
		name := fmt.Sprintf("bench%d", round)
		q := open(b, c, redisqueue.Options{Name: name, MaxEvents: n, MaxPerAccount: n, KeepDone: 1000, KeyWindow: time.Millisecond})
		m.phase("publish", func() {
			share(b, n, func(i int) error {
				_, err := q.Publish(ctx, queue.Event{Account: fmt.Sprintf("DU%d", i%benchAccounts), Command: fmt.Sprint("c", i/benchAccounts), Key: fmt.Sprint(i)})
				return err
			})
		})
		m.phase("settle", func() {
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
		m.phase("xadd", func() {
			share(b, n, func(i int) error {
				return c.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"account", fmt.Sprintf("DU%d", i%benchAccounts), "command", "rebalance"}}).Err()
			})
		})
		m.phase("xack", func() {
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
	m.report(round, "publish", "settle", "xadd", "xack")
}
