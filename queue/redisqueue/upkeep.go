package redisqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// listen hears the server's messages until ctx ends.
func (q *Queue) listen(ctx context.Context) {
	sub := q.conn.Client().Subscribe(ctx, q.prefix+"wake")
	defer func() { _ = sub.Close() }()
	messages := sub.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			if s, is := m.(*redis.Subscription); is && s.Kind == "subscribe" {
				q.mu.Lock()
				q.subscribed = true
				q.mu.Unlock()
				q.suspect() // perhaps it is another server
			}
			q.stir()
		}
	}
}

// suspect asks the upkeep to look at once whether another server answers.
func (q *Queue) suspect() {
	select {
	case q.doubted <- struct{}{}:
	default:
	}
}

// Pace of the upkeep: a failover is looked for once a second, and all accounts
// are swept once a minute, page by page.
const (
	watchEvery = time.Second
	sweepEvery = time.Minute
)

// upkeep notices failovers and mends lost indexes until ctx ends.
func (q *Queue) upkeep(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	cursor, next := "0", time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.doubted:
		case <-tick.C:
			q.tick(ctx)
			if time.Now().Before(next) {
				break
			}
			if cursor = q.sweep(ctx, cursor); cursor == "0" {
				next = time.Now().Add(sweepEvery)
			}
		}
		q.lookForFailover(ctx)
	}
}

// tick keeps the clock, see lua/clock.lua. One that fails is no loss: every call
// does it.
func (q *Queue) tick(ctx context.Context) {
	sent := time.Now()
	r, err := q.once(ctx, redisconn.Call{Script: q.scripts.tick, Keys: q.keys, Args: []any{q.limits.Load()}, Last: q.witness.least})
	if err != nil {
		return
	}
	q.witness.learn(r.text(1), sent)
	if by := q.witness.moved(r.text(2)); by != 0 {
		q.opts.OnWarning(fmt.Errorf("redisqueue: the clock of the server was set forward by %s: leases and delays go on as if it was not: look after its time service", by))
		q.stir()
	}
}

func (q *Queue) lookForFailover(ctx context.Context) {
	change, err := q.watch.Check(ctx)
	if err != nil || change == nil {
		return // whoever needs the server gets its error
	}
	q.opts.OnFailover(change.Was, change.Is)
	q.stir()
}

// sweep mends the indexes of a page of accounts. It returns where to go on.
func (q *Queue) sweep(ctx context.Context, cursor string) string {
	r, err := q.run(ctx, q.scripts.sweep, cursor)
	if err != nil {
		if ctx.Err() == nil {
			q.opts.OnWarning(fmt.Errorf("redisqueue: sweep: %w", err))
		}
		return "0"
	}
	if n := r.text(2); n != "0" {
		q.opts.OnWarning(fmt.Errorf("redisqueue: sweep: %s entries of the indexes under %s were wrong and are mended: find out who removed keys", n, q.prefix))
		q.stir()
	}
	if r.text(1) == "" {
		return "0"
	}
	return r.text(1)
}
