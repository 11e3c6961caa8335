package redisqueue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// Fault is something that the structures of a queue say differently.
type Fault struct {
	Key    string // without the queue's prefix
	Detail string
}

// Audit compares all structures of the queue with each other and returns every
// fault that it finds. It reads in pages; what changes between two pages can
// look like a fault, so audit again what an audit of a busy queue has found. It
// scans the keys of the whole server: use it at the start of a service or by
// hand.
func (q *Queue) Audit(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	lines, want := 0, 0
	collect := func(number *int, args ...any) (string, error) {
		r, err := q.run(ctx, q.scripts.audit, args...)
		if err != nil {
			return "", fmt.Errorf("redisqueue: audit: %w", err)
		}
		if n, err := strconv.Atoi(r.text(2)); err == nil {
			*number += n
		}
		for i := 3; i < len(r); i++ {
			key, detail, _ := strings.Cut(r.text(i), "\n")
			faults = append(faults, Fault{key, detail})
		}
		return r.text(1), nil
	}
	if _, err := q.ready(ctx, q.scripts.stats); err != nil { // ends leases that ran out
		return nil, fmt.Errorf("redisqueue: audit: %w", err)
	}
	for cursor := "0"; ; {
		next, err := collect(&lines, "accounts", cursor)
		if err != nil {
			return nil, err
		}
		if cursor = next; cursor == "0" {
			break
		}
	}
	ids, err := q.stored(ctx)
	if err != nil {
		return nil, fmt.Errorf("redisqueue: audit: %w", err)
	}
	for part := range slices.Chunk(ids, 200) {
		if _, err := collect(new(int), append([]any{"events"}, part...)...); err != nil {
			return nil, err
		}
	}
	if _, err = collect(&want, "counts"); err != nil {
		return nil, err
	}
	if lines != want {
		faults = append(faults, Fault{"ctl", fmt.Sprintf("the lines have %d events, but by what is kept they should have %d", lines, want)})
	}
	return faults, nil
}

// stored returns the IDs of all events that have a key.
func (q *Queue) stored(ctx context.Context) ([]any, error) {
	client, err := q.conn.Master(ctx, q.keys[0])
	if err != nil {
		return nil, err
	}
	var ids []any
	seen := map[string]bool{}
	prefix := q.prefix + "ev:"
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, escape(prefix)+"*", 1000).Result()
		if err != nil {
			return nil, redisconn.Translate(ctx, "scan", err)
		}
		for _, key := range keys {
			if id, ok := strings.CutPrefix(key, prefix); ok && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		if cursor = next; cursor == 0 {
			return ids, nil
		}
	}
}

// escape makes a pattern that matches a text alone.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}
