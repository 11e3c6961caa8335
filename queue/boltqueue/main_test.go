package boltqueue_test

import (
	"flag"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/queue/queuetest"
)

var live = flag.Bool("live", false, "run the suite in real time, too")

func TestMain(m *testing.M) {
	if path := bolttest.File(); path != "" {
		child(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a queue and has the test close it.
func open(t testing.TB, path string, o *boltqueue.Options) *boltqueue.Queue {
	t.Helper()
	q, err := boltqueue.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

func harness(t *testing.T, o *boltqueue.Options, limit int) queuetest.Harness {
	path := filepath.Join(t.TempDir(), "queue.db")
	var off atomic.Int64
	o.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	q := open(t, path, o)
	return queuetest.Harness{
		Now: o.Now, SetClock: func(by time.Duration) { off.Add(int64(by)) },
		Queue: q, Lease: max(o.Lease, time.Millisecond), MaxCrashes: 3, MaxPerAccount: limit,
		Close: q.Close, Patience: time.Second,
		Restart: func() queue.EventQueue {
			require.NoError(t, q.Close())
			q = open(t, path, o)
			return q
		},
	}
}

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		return harness(t, &boltqueue.Options{Lease: 30 * time.Second}, 100)
	})
}

// TestConformanceLive: the same in real time, as a queue behind a socket is
// tested.
func TestConformanceLive(t *testing.T) {
	if !*live {
		t.Skip("run it with -live: it takes a minute, and a machine that is not too busy")
	}
	queuetest.RunLive(t, func(t *testing.T) queuetest.Harness {
		h := harness(t, &boltqueue.Options{Lease: 2 * time.Second, MaxPerAccount: 40}, 40)
		h.Patience = 2 * time.Second
		return h
	})
}
