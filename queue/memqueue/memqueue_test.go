package memqueue_test

import (
	"flag"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/queuetest"
)

var live = flag.Bool("live", false, "run the suite in real time, too")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queuetest.Harness {
		var off atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		q := memqueue.New(memqueue.Options{Now: now})
		return queuetest.Harness{
			Queue: q, Lease: 30 * time.Second, MaxCrashes: 3, MaxPerAccount: 100, Close: q.Close, Patience: time.Second,
			Now: now, SetClock: func(by time.Duration) { off.Add(int64(by)) },
		}
	})
}

// TestConformanceLive: the same in real time, as a queue behind a socket is
// tested.
func TestConformanceLive(t *testing.T) {
	if !*live {
		t.Skip("run it with -live: it takes 20 seconds, and a machine that is not too busy")
	}
	const lease = 500 * time.Millisecond
	queuetest.RunLive(t, func(*testing.T) queuetest.Harness {
		return queuetest.Harness{
			Queue: memqueue.New(memqueue.Options{Lease: lease, MaxCrashes: 2, MaxPerAccount: 40}),
			Lease: lease, MaxCrashes: 2, MaxPerAccount: 40,
		}
	})
}
