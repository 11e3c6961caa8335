package ingest

import (
	"fmt"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/queue"
)

// MaxBody bounds an event from outside, in bytes.
const MaxBody = queue.MaxPayload + 4096

// Decode reads an event from outside strictly: unknown and duplicate fields are
// errors. [Refused] knows them.
func Decode(data []byte) (ops.NewEvent, error) {
	var e ops.NewEvent
	if err := strictjson.Decode(data, MaxBody, &e); err != nil {
		return e, fmt.Errorf("%w: %w", ops.ErrInvalid, err)
	}
	return e, nil
}
