package benchmarks

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

const (
	events  = 20_000 // in a batch
	workers = 24
	lines   = 2_000 // accounts
)

// system is one that takes a batch in and works it off.
type system interface {
	enqueue(b *testing.B)
	// process returns how to stop what it started: that is not measured.
	process(b *testing.B) (stop func())
}

// BenchmarkRedis lets each system take a batch of events in and work it off with
// 24 workers, one after another on the same server, again and again.
func BenchmarkRedis(b *testing.B) {
	server := redistest.Start(b, redistest.Options{AppendFsync: "everysec"})
	kinds := []struct {
		name string
		make func(*testing.B, *redistest.Server, int) system
	}{
		{"evenkeel", newOurs}, {"asynq", newAsynq}, {"streams", newStream},
	}
	in, out := map[string]float64{}, map[string]float64{}
	rounds := 0
	for b.Loop() {
		rounds++
		for _, kind := range kinds {
			s := kind.make(b, server, rounds)
			in[kind.name] += rate(func() { s.enqueue(b) })
			stop := func() {}
			out[kind.name] += rate(func() { stop = s.process(b) })
			stop()
			server.Do("FLUSHALL")
		}
	}
	for _, kind := range kinds {
		b.ReportMetric(in[kind.name]/float64(rounds), kind.name+"-enqueue/s")
		b.ReportMetric(out[kind.name]/float64(rounds), kind.name+"-process/s")
	}
	for _, peer := range []string{"asynq", "streams"} {
		b.ReportMetric(in["evenkeel"]/in[peer], "enqueue-to-"+peer)
		b.ReportMetric(out["evenkeel"]/out[peer], "process-to-"+peer)
	}
}

// rate is how many events a second a phase did.
func rate(phase func()) float64 {
	began := time.Now()
	phase()
	return events / time.Since(began).Seconds()
}

// share does a batch of work with all workers.
func share(b *testing.B, work func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < events; i = int(next.Add(1)) - 1 {
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func account(i int) string { return fmt.Sprintf("DU%07d", i%lines) }

func command(i int) string { return fmt.Sprint("c", i/lines) }

func payload(i int) []byte { return fmt.Appendf(nil, `{"n":%d}`, i) }

// ours is the queue of evenkeel: keys against duplicates, one lease an account, all
// 1,000 that ended last are kept with their history, older ones are deleted.
type ours struct{ *redisqueue.Queue }

func newOurs(b *testing.B, server *redistest.Server, round int) system {
	q, err := redisqueue.Dial(b.Context(), "redis://"+server.Addr, redisqueue.Options{
		Name: fmt.Sprint("bench", round), MaxEvents: events, MaxPerAccount: events, KeepDone: 1000, KeyWindow: time.Millisecond,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = q.Close() })
	return ours{q}
}

func (o ours) enqueue(b *testing.B) {
	share(b, func(i int) error {
		_, err := o.Publish(b.Context(), queue.Event{
			Account: account(i), Command: command(i), Key: fmt.Sprint("k", i), Payload: payload(i),
		})
		return err
	})
}

func (o ours) process(b *testing.B) func() {
	share(b, func(int) error {
		d, err := o.Receive(b.Context())
		if err != nil {
			return err
		}
		return d.Ack(b.Context(), queue.Note{})
	})
	return func() {}
}

// tasks is asynq, which keeps duplicates out by its option Unique. It deletes what
// is done at once.
type tasks struct {
	to     asynq.RedisClientOpt
	client *asynq.Client
}

func newAsynq(b *testing.B, server *redistest.Server, _ int) system {
	to := asynq.RedisClientOpt{Addr: server.Addr, PoolSize: workers}
	client := asynq.NewClient(to)
	b.Cleanup(func() { _ = client.Close() })
	return tasks{to, client}
}

func (t tasks) enqueue(b *testing.B) {
	share(b, func(i int) error {
		task := asynq.NewTask(command(i), fmt.Appendf(nil, `{"account":%q,"payload":%s}`, account(i), payload(i)))
		_, err := t.client.EnqueueContext(b.Context(), task, asynq.Unique(time.Hour))
		return err
	})
}

func (t tasks) process(b *testing.B) func() {
	done := make(chan struct{})
	var left atomic.Int64
	left.Store(events)
	server := asynq.NewServer(t.to, asynq.Config{Concurrency: workers, LogLevel: asynq.FatalLevel, TaskCheckInterval: 200 * time.Millisecond})
	err := server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	<-done
	return server.Shutdown
}

// stream is a Redis stream with a consumer group: no order of accounts, no leases
// by account, nothing against duplicates, no history, nothing is deleted. It is the
// floor. As with the others, whoever publishes waits for the answer before it
// publishes the next, and a worker has one event at a time, which it reads with a
// call and acknowledges with another, on connections of its own.
type stream struct{ *redis.Client }

func newStream(b *testing.B, server *redistest.Server, _ int) system {
	c := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: workers})
	b.Cleanup(func() { _ = c.Close() })
	if err := c.XGroupCreateMkStream(b.Context(), "stream", "group", "0").Err(); err != nil {
		b.Fatal(err)
	}
	return stream{c}
}

func (s stream) enqueue(b *testing.B) {
	share(b, func(i int) error {
		return s.XAdd(b.Context(), &redis.XAddArgs{Stream: "stream", Values: []any{
			"account", account(i), "command", command(i), "payload", payload(i),
		}}).Err()
	})
}

func (s stream) process(b *testing.B) func() {
	share(b, func(int) error {
		got, err := s.XReadGroup(b.Context(), &redis.XReadGroupArgs{Group: "group", Consumer: "c", Streams: []string{"stream", ">"}, Count: 1}).Result()
		if err != nil {
			return err
		}
		return s.XAck(b.Context(), "stream", "group", got[0].Messages[0].ID).Err()
	})
	return func() {}
}
