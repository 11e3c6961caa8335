package boltqueue_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/linear"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

func TestConcurrentClientsSeeOneOrder(t *testing.T) {
	const lease = 300 * time.Millisecond
	q, err := boltqueue.Open(filepath.Join(t.TempDir(), "queue.db"), &boltqueue.Options{Lease: lease, MaxCrashes: 1000})
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	linear.Check(t, func() linear.Queue { return q }, linear.Options{Lease: lease, Seed: 1})
}
