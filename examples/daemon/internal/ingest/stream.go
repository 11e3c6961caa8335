package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// group is the consumer group of all daemons.
const group = "evenkeel"

// Stream publishes the events of a Redis stream until ctx ends. An entry has the
// field "event", the JSON form of an event. It is acknowledged once the event is
// in the queue. One that will never be let in is copied to the stream
// NAME:rejected, with the reason, and acknowledged. The stream may be on a server,
// on a cluster, or behind sentinels.
func Stream(ctx context.Context, g *Gate, c config.Stream, logger *slog.Logger) error {
	options, err := redisconn.Parse(c.URL.Reveal())
	if err != nil {
		return fmt.Errorf("ingest: stream: %w", err)
	}
	options.ReadTimeout = 2 * block // a read waits for so long when there is nothing
	logging.Disable()               // its errors come back, and are told once
	client := redis.NewUniversalClient(options)
	defer client.Close()
	s := &stream{client: client, name: c.Name, gate: g, logger: logger}
	for ctx.Err() == nil {
		if err := s.serve(ctx); err != nil && ctx.Err() == nil {
			logger.Error("event stream", "stream", c.Name, "err", err)
			pause(ctx, 5*time.Second)
		}
	}
	return nil
}

// block is how long a read waits for an entry.
const block = 2 * time.Second

// stream is one consumer.
type stream struct {
	client redis.UniversalClient
	name   string
	gate   *Gate
	logger *slog.Logger
}

// serve makes the group, takes what an earlier daemon left, then what is new.
func (s *stream) serve(ctx context.Context) error {
	err := s.client.XGroupCreateMkStream(ctx, s.name, group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	for ctx.Err() == nil {
		left, _, err := s.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: s.name, Group: group, Consumer: group, MinIdle: time.Minute, Start: "0", Count: 100,
		}).Result()
		if err != nil {
			return err
		}
		if err := s.handle(ctx, left); err != nil {
			return err
		}
		fresh, err := s.client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: group, Consumer: group, Streams: []string{s.name, ">"}, Count: 100, Block: block,
		}).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return err
		}
		for _, one := range fresh {
			if err := s.handle(ctx, one.Messages); err != nil {
				return err
			}
		}
	}
	return nil
}

// handle publishes entries; what cannot be published now stays pending.
func (s *stream) handle(ctx context.Context, entries []redis.XMessage) error {
	for _, entry := range entries {
		text, _ := entry.Values["event"].(string)
		e, err := Decode([]byte(text))
		if err == nil {
			if e.Key == "" {
				e.Key = fmt.Sprintf("stream:%s:%s", s.name, entry.ID)
			}
			_, err = s.gate.Publish(ctx, e)
		}
		if err != nil && !Refused(err) {
			return err
		}
		if err != nil {
			s.logger.Error("entry rejected", "stream", s.name, "entry", entry.ID, "err", err)
			fault := s.client.XAdd(ctx, &redis.XAddArgs{
				Stream: s.name + ":rejected", MaxLen: 10_000, Approx: true,
				Values: map[string]any{"event": text, "entry": entry.ID, "why": err.Error()},
			}).Err()
			if fault != nil {
				return fault
			}
		}
		if err := s.client.XAck(ctx, s.name, group, entry.ID).Err(); err != nil {
			return err
		}
	}
	return nil
}
