package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
)

// Gate is where events come in. Safe for concurrent use.
type Gate struct{ Verbs Enqueuer }

// Enqueuer publishes events for accounts of the configuration.
type Enqueuer interface {
	Enqueue(ctx context.Context, e ops.NewEvent) (queue.Receipt, error)
}

// Publish lets an event in. An error that [Refused] knows is the event's own
// fault, every other may go away.
func (g *Gate) Publish(ctx context.Context, e ops.NewEvent) (queue.Receipt, error) {
	if e.Command != "" && !slices.Contains(ops.Harmless(), e.Command) {
		return queue.Receipt{}, fmt.Errorf("%w: command %q is none of %q", ops.ErrInvalid, e.Command, ops.Harmless())
	}
	return g.Verbs.Enqueue(ctx, e)
}

// Refused reports whether an event will never be let in.
func Refused(err error) bool {
	return errors.Is(err, ops.ErrInvalid) || errors.Is(err, ops.ErrNotFound)
}
