package redisqueue

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// tryChannel looks whether the user may use the channel that wakes receivers. If
// not, the queue works all the same, but receivers wait longer, which is worth a
// warning.
func (q *Queue) tryChannel(ctx context.Context) {
	channel := q.prefix + "wake"
	err := q.conn.Client().Publish(ctx, channel, "").Err()
	if redis.HasErrorPrefix(err, "NOPERM") {
		q.opts.OnWarning(q.noChannel("publish to"))
	}
	sub := q.conn.Client().Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	if _, err := sub.Receive(ctx); redis.HasErrorPrefix(err, "NOPERM") {
		q.deaf = true
		q.opts.OnWarning(q.noChannel("subscribe to"))
	}
}

func (q *Queue) noChannel(verb string) error {
	return fmt.Errorf("redisqueue: %w", &redisconn.Finding{Name: "channel", Detail: fmt.Sprintf(
		"the user may not %s %swake: an event may wait up to %s for a receiver: allow the channel in the ACL: &%s*",
		verb, q.prefix, longNap, q.prefix)})
}
