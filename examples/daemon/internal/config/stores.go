package config

import (
	"cmp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

var (
	fieldsOfRedis = []string{"url", "url_env", "url_file", "name", "replicas", "fsync", "barrier_timeout"}
	fieldsOfBolt  = []string{"retain", "retain_dead", "max_bytes"}
)

func (r *reader) queue(s *section) Queue {
	q := Queue{Kind: KindBolt}
	r.store(s, &q.Kind, &q.URL)
	name := text(s, "name", &q.Redis.Name)
	if name != nil && (q.Redis.Name == "" || len(q.Redis.Name) > 128 || strings.ContainsFunc(q.Redis.Name, func(c rune) bool { return c <= ' ' || c > '~' || c == '{' || c == '}' })) {
		r.fault(name, s.at("name"), "%.40q: want 1 to 128 printable ASCII characters without spaces and braces", q.Redis.Name)
	}
	q.Redis.Barrier = r.barrier(s)
	b, o := &q.Bolt, &q.Redis
	if lease := s.span("lease", &b.Lease); lease != nil && b.Lease > 0 && b.Lease < 3*time.Second {
		r.fault(lease, s.at("lease"), "%s: want 3s or more: a run must have time between two extensions", b.Lease)
	}
	s.count("max_crashes", &b.MaxCrashes)
	s.count("max_events", &b.MaxEvents)
	s.count("max_per_account", &b.MaxPerAccount)
	s.upTo("history", &b.History, 50, 100_000)
	s.count("keep_done", &b.KeepDone)
	o.Lease, o.MaxCrashes, o.MaxEvents, o.MaxPerAccount, o.History, o.KeepDone = b.Lease, b.MaxCrashes, b.MaxEvents, b.MaxPerAccount, b.History, b.KeepDone
	s.span("retain", &b.Retain)
	s.span("retain_dead", &b.RetainDead)
	window := s.span("key_window", &b.KeyWindow)
	if retain := cmp.Or(b.Retain, 30*24*time.Hour); q.Kind == KindBolt && b.KeyWindow > retain {
		r.fault(window, s.at("key_window"), "%s is longer than retain, which is %s: a key is known only as long as its event is kept", b.KeyWindow, retain)
	}
	o.KeyWindow = b.KeyWindow
	s.bytes("max_bytes", &b.MaxBytes)
	s.done()
	return q
}

func (r *reader) journal(s *section) Journal {
	j := Journal{Kind: KindBolt}
	r.store(s, &j.Kind, &j.URL)
	name := text(s, "name", &j.Redis.Prefix)
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/"
	if name != nil && (j.Redis.Prefix == "" || len(j.Redis.Prefix) > 100 || strings.Trim(j.Redis.Prefix, allowed) != "") {
		r.fault(name, s.at("name"), "%.40q: want 1 to 100 letters, digits and -_.:/", j.Redis.Prefix)
	}
	if b := r.barrier(s); b != nil {
		j.Redis.Replicas, j.Redis.Fsync, j.Redis.BarrierTimeout = b.Replicas, b.Fsync, b.Timeout
	}
	if value, node := s.scalar("keep_runs"); value == "all" {
		j.Bolt.KeepRuns = -1
	} else if node != nil {
		s.whole(node, "keep_runs", &j.Bolt.KeepRuns, 1, 1<<31, " or all")
	}
	j.Redis.KeepRuns = j.Bolt.KeepRuns
	s.span("retain", &j.Bolt.Retain)
	s.bytes("max_bytes", &j.Bolt.MaxBytes)
	s.done()
	return j
}

// store reads what queue and journal have in common: which kind they are, and
// where.
func (r *reader) store(s *section, kind *string, address *Secret) {
	node := choice(s, "kind", kind, KindBolt, KindRedis)
	s.redis(address)
	switch {
	case node != nil && node.Value != *kind: // it has a fault already
	case *kind == KindRedis:
		s.only(KindBolt, fieldsOfBolt...)
		s.need("url", address.Reveal())
	default:
		s.only(KindRedis, fieldsOfRedis...)
	}
}

// redis reads the address of a Redis server, of a cluster or of sentinels.
func (s *section) redis(into *Secret) {
	s.secret("url", into)
	if *into == "" {
		return
	}
	if _, err := redisconn.Parse(into.Reveal()); err != nil { // it names no part of the address but the scheme
		s.r.fault(s.where("url"), s.at("url"), "%s", strings.TrimPrefix(err.Error(), "redisconn: parse URL: "))
	}
}

// where is the first key of a secret that is there, or the section.
func (s *section) where(key string) *yaml.Node {
	return cmp.Or(s.names[key], s.names[key+"_env"], s.names[key+"_file"], s.line())
}

// barrier reads how durable a write to Redis must be, nil for the memory of the
// master.
func (r *reader) barrier(s *section) *redisqueue.Barrier {
	var b redisqueue.Barrier
	s.upTo("replicas", &b.Replicas, 0, 100)
	s.flag("fsync", &b.Fsync)
	timeout := s.span("barrier_timeout", &b.Timeout)
	if b.Replicas == 0 && !b.Fsync {
		if timeout != nil {
			r.fault(timeout, s.at("barrier_timeout"), "is there, but there is nothing to wait for: set replicas or fsync")
		}
		return nil
	}
	if b.Timeout > time.Second {
		r.fault(timeout, s.at("barrier_timeout"), "%s: want at most 1s", b.Timeout)
	}
	return &b
}
