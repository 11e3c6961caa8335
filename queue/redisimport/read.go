package redisimport

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// page is how many events are read at once.
const page = 1000

// Read looks at the old keys and says what [Import] would do. It changes
// nothing. It fails if the old system cannot be read; events that are faulty are
// rows of the report.
func Read(ctx context.Context, client redis.UniversalClient, opts *Options) (*Report, error) {
	m, err := newImporter(client, opts)
	if err != nil {
		return nil, err
	}
	return m.read(ctx)
}

func (m *importer) read(ctx context.Context) (*Report, error) {
	b := newReading(m)
	for _, part := range [...]func(context.Context, *reading) error{m.readQueue, m.readRetries, m.readDelayed, m.readActive} {
		if err := part(ctx, b); err != nil {
			return nil, err
		}
	}
	if err := m.readMarks(ctx, b.report); err != nil {
		return nil, err
	}
	return b.report, nil
}

// readQueue reads the list from its right end, where the old system takes the
// next event.
func (m *importer) readQueue(ctx context.Context, b *reading) error {
	for end := int64(-1); ; end -= page {
		texts, err := m.client.LRange(ctx, m.Queue, end-page+1, end).Result()
		if err != nil {
			return failed(ctx, "read", m.Queue, "list", err)
		}
		for _, text := range slices.Backward(texts) {
			if err := b.add(m.Queue, text, time.Time{}); err != nil {
				return err
			}
		}
		if len(texts) < page {
			return nil
		}
	}
}

// readRetries reads the events that failed, the first one first.
func (m *importer) readRetries(ctx context.Context, b *reading) error {
	return m.readSorted(ctx, b, m.Retry, m.RetryDelay)
}

// readDelayed reads the events that wait for a time, the first one first.
func (m *importer) readDelayed(ctx context.Context, b *reading) error {
	return m.readSorted(ctx, b, m.Delayed, 0)
}

// readSorted reads a sorted set whose scores are seconds of the epoch.
func (m *importer) readSorted(ctx context.Context, b *reading, key string, after time.Duration) error {
	for start := int64(0); ; start += page {
		members, err := m.client.ZRangeWithScores(ctx, key, start, start+page-1).Result()
		if err != nil {
			return failed(ctx, "read", key, "sorted set", err)
		}
		for _, z := range members {
			text, _ := z.Member.(string) //nolint:errcheck // go-redis reads members as strings
			if err := b.add(key, text, instant(z).Add(after)); err != nil {
				return err
			}
		}
		if len(members) < page {
			return nil
		}
	}
}

// instant reads a score. One that is no time is the distant past: due at once.
func instant(z redis.Z) time.Time {
	const year9999 = 253402300799
	if z.Score >= 0 && z.Score <= year9999 { // also not NaN
		return time.Unix(int64(z.Score), 0).UTC()
	}
	return time.Unix(0, 0).UTC()
}

// readActive finds what was in work when its worker died: it is in no queue.
func (m *importer) readActive(ctx context.Context, b *reading) error {
	members, err := m.client.SMembers(ctx, m.Active).Result()
	if err != nil {
		return failed(ctx, "read", m.Active, "set", err)
	}
	slices.Sort(members)
	for _, member := range members {
		account, exec, ok := strings.Cut(member, ":")
		if ok && b.queued[member] {
			continue
		}
		if err := b.lost(member, account, exec, ok); err != nil {
			return err
		}
	}
	return nil
}

// readMarks sets aside what an earlier import published.
func (m *importer) readMarks(ctx context.Context, r *Report) error {
	marks, err := m.client.HGetAll(ctx, m.Marks).Result()
	if err != nil {
		return failed(ctx, "read", m.Marks, "hash", err)
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if id, ok := marks[m.mark(row)]; ok && row.State == Planned {
			row.State, row.ID = Earlier, id
		}
	}
	return nil
}

// failed names the key that could not be read or written.
func failed(ctx context.Context, what, key, kind string, err error) error {
	return fmt.Errorf("redisimport: %s key %q, which should be a %s: %w", what, key, kind, redisconn.Translate(ctx, what, err))
}
