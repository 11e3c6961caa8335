package redisqueue_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

var calls = regexp.MustCompile(`cmdstat_([^:]+):calls=(\d+)`)

// TestIdle: many waiting receivers of one process cost next to nothing, and an
// event starts at once.
func TestIdle(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	q := open(t, client(t, server.Addr), redisqueue.Options{})
	producer := open(t, client(t, server.Addr), redisqueue.Options{})
	require.NoError(t, producer.Close()) // it publishes no more, and asks for nothing
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	started := make(chan time.Time, 100)
	for range 16 {
		workers.Go(func() {
			for {
				d, err := q.Receive(ctx)
				if err != nil {
					return
				}
				started <- time.Now()
				_ = d.Ack(ctx, queue.Note{})
			}
		})
	}
	quiet := time.NewTimer(2 * time.Second)
	defer quiet.Stop()
	<-quiet.C
	server.Do("CONFIG", "RESETSTAT")
	const seconds = 5
	quiet.Reset(seconds * time.Second)
	<-quiet.C
	total := 0
	stats := fmt.Sprint(server.Do("INFO", "commandstats"))
	for _, m := range calls.FindAllStringSubmatch(stats, -1) {
		if m[1] == "evalsha" || m[1] == "info" || m[1] == "ping" || m[1] == "subscribe" || m[1] == "hello" || m[1] == "eval" {
			n, err := strconv.Atoi(m[2])
			require.NoError(t, err)
			total += n
		}
	}
	require.LessOrEqual(t, total, 4*seconds, stats)
	require.Positive(t, total)

	p := open(t, client(t, server.Addr), redisqueue.Options{}) // in another process, as it were
	var waits []time.Duration
	for i := range 40 {
		before := time.Now()
		publish(t, p, queue.Event{Account: fmt.Sprint(i), Command: "c"})
		waits = append(waits, (<-started).Sub(before))
		quiet.Reset(10 * time.Millisecond)
		<-quiet.C
	}
	cancel()
	workers.Wait()
	slices.Sort(waits)
	t.Logf("%d requests in %d s; from publication to start: median %v, worst %v", total, seconds, waits[len(waits)/2], waits[len(waits)-1])
	require.Less(t, waits[len(waits)/2], 20*time.Millisecond)
}

// BenchmarkWake is the time from a publication to the start of the work on it,
// by a worker of another process that is idle.
func BenchmarkWake(b *testing.B) {
	server := redistest.Start(b, redistest.Options{AppendFsync: "everysec"})
	q, p := open(b, client(b, server.Addr), redisqueue.Options{}), open(b, client(b, server.Addr), redisqueue.Options{})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		got := make(chan *queue.Delivery, 1)
		go func() {
			d, err := q.Receive(context.Background())
			if err != nil {
				b.Error(err)
			}
			got <- d
		}()
		publish(b, p, queue.Event{Account: fmt.Sprint(i), Command: "c"})
		if err := (<-got).Ack(context.Background(), queue.Note{}); err != nil {
			b.Fatal(err)
		}
	}
}
