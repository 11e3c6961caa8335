package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// plain hides all roles of a queue, wrapped shows what it wraps.
type (
	plain   struct{ queue.EventQueue }
	wrapped struct{ plain }
)

func (w wrapped) Unwrap() queue.EventQueue { return w.EventQueue }

func TestARoleIsFoundThroughWrappers(t *testing.T) {
	q := memqueue.New(memqueue.Options{})
	for _, one := range []queue.EventQueue{q, wrapped{plain{q}}, wrapped{plain{wrapped{plain{q}}}}} {
		admin, ok := queue.As[queue.Admin](one)
		require.True(t, ok)
		require.Same(t, q, admin)
	}
	for _, none := range []queue.EventQueue{nil, plain{q}, wrapped{plain{plain{q}}}, wrapped{}} {
		_, ok := queue.As[queue.Admin](none)
		require.False(t, ok)
	}
}
