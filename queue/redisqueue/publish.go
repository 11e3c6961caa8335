package redisqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
)

// Publish stores the event, see [queue.EventQueue].
func (q *Queue) Publish(ctx context.Context, event queue.Event) (queue.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish: %w", err)
	}
	if q.isClosed() {
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish for account %s: %w", event.Account, queue.ErrClosed)
	}
	same := sameness(&event)
	given := "1"
	if event.ID == "" {
		event.ID, given = q.opts.NewID(), "0"
	}
	event.Created = time.Time{} // the server says when
	data, err := storedForm(event)
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish: %w", err)
	}
	r, err := q.runBehind(ctx, q.opts.Barrier, q.scripts.publish, q.token(), event.ID, event.Account, event.Command, same, event.Key,
		micros(event.NotBefore), data, given)
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish for account %s: %w", event.Account, full(err))
	}
	return q.receipt(r, &event)
}

// receipt reads the answer to a publication.
func (q *Queue) receipt(r reply, event *queue.Event) (queue.Receipt, error) {
	switch r.text(0) {
	case "ok":
		if r.text(3) == "1" {
			q.stir()
		}
		return queue.Receipt{ID: r.text(1), Superseded: r.text(2)}, nil
	case "dup":
		return queue.Receipt{ID: r.text(1), Duplicate: true}, nil
	case "clash":
		return queue.Receipt{}, fmt.Errorf(
			"redisqueue: publish: %w for account %q: key %q or id %q is that of event %s, %s for account %s: give each event its own",
			queue.ErrInvalidEvent, event.Account, event.Key, event.ID, r.text(1), r.text(3), r.text(2))
	case "again":
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish: Options.NewID returned %q again", event.ID)
	case "full":
		return queue.Receipt{}, fmt.Errorf("redisqueue: publish for account %s: %w", event.Account, q.tooMany(r))
	}
	return queue.Receipt{}, fmt.Errorf("redisqueue: publish: the server answered %.40q", r.text(0))
}

// tooMany says which limit was reached.
func (q *Queue) tooMany(r reply) error {
	if r.text(1) == "line" {
		return fmt.Errorf("%w: %s of its events wait, at most %d are allowed: try later", queue.ErrFull, r.text(2), q.opts.MaxPerAccount)
	}
	return fmt.Errorf("%w: %s events are kept, at most %d are allowed: try later, or drop dead ones", queue.ErrFull, r.text(2), q.opts.MaxEvents)
}

// full makes backpressure of a server without memory.
func full(err error) error {
	if errors.Is(err, redisconn.ErrOutOfMemory) {
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	}
	return err
}

// instant reads what a script wrote as an instant; "" is none.
func instant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is no time", text)
	}
	return time.UnixMicro(n).UTC(), nil
}
