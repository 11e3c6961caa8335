package linear_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/linear"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheQueueInMemoryIsLinearizable(t *testing.T) {
	const lease = 40 * time.Millisecond
	for seed := range uint64(3) {
		q := memqueue.New(memqueue.Options{Lease: lease, MaxCrashes: 1000})
		linear.Check(t, func() linear.Queue { return q }, linear.Options{Lease: lease, Seed: seed})
	}
}
