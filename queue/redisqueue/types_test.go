package redisqueue_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// stage is a queue in which there is something of every kind.
type stage struct {
	*redisqueue.Queue
	c      redis.UniversalClient
	prefix string
	lease  *queue.Delivery   // of account A, behind which others wait
	ids    map[string]string // by what was done to them
}

func newStage(t *testing.T, c redis.UniversalClient, name string) *stage {
	t.Helper()
	s := &stage{c: c, prefix: "evenkeel:{evenkeel:" + name + "}:queue:", ids: map[string]string{}}
	s.Queue = open(t, c, redisqueue.Options{Name: name, Lease: 5 * time.Second, MaxCrashes: 1})
	put := func(what, account, command string) *queue.Delivery {
		s.ids[what] = publish(t, s.Queue, queue.Event{Account: account, Command: command, Key: what})
		d, err := s.Receive(t.Context())
		require.NoError(t, err)
		return d
	}
	require.NoError(t, put("dead", "B", "c").Dead(t.Context(), queue.Note{}))
	require.NoError(t, put("repeated", "B", "c").Dead(t.Context(), queue.Note{}))
	again, err := s.Operator(t.Context(), queue.Action{Verb: queue.Requeue, ID: s.ids["repeated"], Operator: "ana", Reason: "r"})
	require.NoError(t, err)
	d, err := s.Receive(t.Context())
	require.NoError(t, err)
	require.Equal(t, again.ID, d.Event.ID)
	require.NoError(t, d.Ack(t.Context(), queue.Note{}))
	require.NoError(t, put("held", "B", "c").Hold(t.Context(), queue.Note{}))
	require.NoError(t, put("later", "D", "c").Retry(t.Context(), time.Hour, queue.Note{}))
	s.lease = put("leased", "A", "c1")
	for _, command := range []string{"c2", "c3", "c3"} { // the last one takes the place of the one before
		s.ids[command] = publish(t, s.Queue, queue.Event{Account: "A", Command: command})
	}
	s.ids["ready"] = publish(t, s.Queue, queue.Event{Account: "E", Command: "c"})
	return s
}

// transitions are all that changes something.
var transitions = map[string]func(context.Context, *stage) error{
	"publish": func(ctx context.Context, s *stage) error {
		_, err := s.Publish(ctx, queue.Event{Account: "F", Command: "c", Key: "new"})
		return err
	},
	"publish for later": func(ctx context.Context, s *stage) error {
		_, err := s.Publish(ctx, queue.Event{Account: "A", Command: "c9", Key: "new", NotBefore: time.Now().Add(time.Hour)})
		return err
	},
	"publish the same": func(ctx context.Context, s *stage) error {
		_, err := s.Publish(ctx, queue.Event{Account: "A", Command: "c3", Key: "new"})
		return err
	},
	"receive": func(ctx context.Context, s *stage) error {
		_, err := s.Receive(ctx)
		return err
	},
	"extend": func(ctx context.Context, s *stage) error { return s.lease.Extend(ctx) },
	"ack":    func(ctx context.Context, s *stage) error { return s.lease.Ack(ctx, queue.Note{}) },
	"retry":  func(ctx context.Context, s *stage) error { return s.lease.Retry(ctx, time.Hour, queue.Note{}) },
	"defer": func(ctx context.Context, s *stage) error {
		return s.lease.Defer(ctx, time.Now().Add(time.Hour), queue.Note{})
	},
	"hold": func(ctx context.Context, s *stage) error { return s.lease.Hold(ctx, queue.Note{}) },
	"dead": func(ctx context.Context, s *stage) error { return s.lease.Dead(ctx, queue.Note{}) },
	"crash": func(ctx context.Context, s *stage) error {
		s.ServerClock(6 * time.Second)
		if err := s.lease.Extend(ctx); !errors.Is(err, queue.ErrLeaseLost) {
			return err
		}
		return nil
	},
	"release":           func(ctx context.Context, s *stage) error { return s.act(ctx, queue.Release, "held") },
	"requeue":           func(ctx context.Context, s *stage) error { return s.act(ctx, queue.Requeue, "dead") },
	"drop":              func(ctx context.Context, s *stage) error { return s.act(ctx, queue.Drop, "dead") },
	"drop a queued one": func(ctx context.Context, s *stage) error { return s.act(ctx, queue.Drop, "c2") },
}

func (s *stage) act(ctx context.Context, verb queue.ActionVerb, what string) error {
	_, err := s.Operator(ctx, queue.Action{Verb: verb, ID: s.ids[what], Operator: "ana", Reason: "r", Token: "t"})
	return err
}

// dump is all that is stored, but for the clock.
func (s *stage) dump(t *testing.T) map[string]string {
	t.Helper()
	keys, err := s.c.Keys(t.Context(), strings.NewReplacer("{", "?", "}", "?").Replace(s.prefix)+"*").Result()
	require.NoError(t, err)
	all := map[string]string{}
	for _, key := range keys {
		if all[key], err = s.c.Dump(t.Context(), key).Result(); err != nil {
			require.ErrorIs(t, err, redis.Nil)
		}
		if key == s.prefix+"ctl" {
			text := s.c.Get(t.Context(), key).Val()
			all[key] = strings.Join(strings.Fields(text)[:min(4, len(strings.Fields(text)))], " ")
		}
	}
	return all
}

// TestKeysOfAWrongType: whatever key holds something else, a transition that needs
// it does nothing and names it; another one is not disturbed.
func TestKeysOfAWrongType(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	c := client(t, server.Addr)
	names := []string{
		"ctl", "accts", "acct:A", "line:A", "acct:B", "acct:D", "acct:E", "acct:F", "ev:leased", "ev:c3", "ev:ready", "ev:dead", "ev:held", "ev:c2",
		"st:leased", "st:dead", "st:held", "keys", "ready", "wait", "lease", "later", "held", "dead", "superseded", "again", "ended", "acts", "acts:at",
	}
	refused := map[string]bool{}
	for _, name := range names {
		for _, what := range slices.Sorted(maps.Keys(transitions)) {
			s := newStage(t, c, strings.ReplaceAll(fmt.Sprint(name, "/", what), " ", "-"))
			key := s.prefix + name
			if kind, of, ok := strings.Cut(name, ":"); ok && s.ids[of] != "" {
				key = s.prefix + kind + ":" + s.ids[of]
			}
			require.NoError(t, c.Del(t.Context(), key).Err())
			if name == "ended" {
				require.NoError(t, c.SAdd(t.Context(), key, "x").Err())
			} else {
				require.NoError(t, c.RPush(t.Context(), key, "x").Err())
			}
			before := s.dump(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			err := transitions[what](ctx, s)
			cancel()
			if err != nil {
				refused[name] = true
				require.ErrorIs(t, err, redisconn.ErrWrongType, "%s with %s", what, name)
				require.ErrorContains(t, err, key, "%s with %s", what, name)
				require.Equal(t, before, s.dump(t), "%s with %s changed something", what, name)
			}
			require.NoError(t, s.Close())
		}
	}
	for _, name := range names {
		if name != "acct:D" && !strings.HasPrefix(name, "st:leased") {
			require.True(t, refused[name], "nothing needs %s", name)
		}
	}
}
