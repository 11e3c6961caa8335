package redisqueue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
)

// page is how many events one call reads.
const page = 32

// Entry returns one event with its history, see [queue.Admin].
func (q *Queue) Entry(ctx context.Context, id string) (queue.Entry, error) {
	found, err := q.entries(ctx, []string{id})
	if err != nil {
		return queue.Entry{}, fmt.Errorf("redisqueue: entry: %w", err)
	}
	if len(found) == 0 {
		return queue.Entry{}, fmt.Errorf("redisqueue: entry: %w %q", queue.ErrUnknownEvent, id)
	}
	return found[0], nil
}

// Entries lists the events in a state, see [queue.Admin]. The list is that of
// the moment at which it is begun, without those that have left the state since;
// for [queue.Queued] it is collected from the accounts, so that one that becomes
// queued meanwhile may be in it.
func (q *Queue) Entries(ctx context.Context, state queue.State) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		ids, err := q.in(ctx, state)
		if err != nil {
			yield(queue.Entry{}, fmt.Errorf("redisqueue: entries: %w", err))
			return
		}
		for part := range slices.Chunk(ids, page) {
			found, err := q.entries(ctx, part)
			if err != nil {
				yield(queue.Entry{}, fmt.Errorf("redisqueue: entries: %w", err))
				return
			}
			for _, entry := range found {
				if entry.State == state && !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// in returns the IDs of the events in a state, in the order of acceptance.
func (q *Queue) in(ctx context.Context, state queue.State) ([]string, error) {
	if !slices.Contains(queue.States(), state) {
		return nil, fmt.Errorf("state %.40q is none of %v", state, queue.States())
	}
	var ids []string
	for cursor := "0"; ; {
		r, err := q.ready(ctx, q.scripts.list, string(state), cursor)
		if err != nil {
			return nil, err
		}
		for i := 2; i < len(r); i++ {
			ids = append(ids, r.text(i))
		}
		if cursor = r.text(1); cursor == "0" || cursor == "" {
			return q.inOrder(ctx, ids)
		}
	}
}

// inOrder sorts IDs by the order of acceptance, each once. What was forgotten
// meanwhile is left out.
func (q *Queue) inOrder(ctx context.Context, ids []string) ([]string, error) {
	numbers := make(map[string]int64, len(ids))
	for part := range slices.Chunk(ids, 500) {
		pipe := q.conn.Client().Pipeline()
		replies := make([]*redis.StringCmd, len(part))
		for i, id := range part {
			replies[i] = pipe.GetRange(ctx, q.prefix+"ev:"+id, 0, 20)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, redisconn.Translate(ctx, "getrange", err)
		}
		for i, id := range part {
			number, _, _ := strings.Cut(replies[i].Val(), " ")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				numbers[id] = n
			}
		}
	}
	return slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) }), nil
}

// entries returns those of these events that exist.
func (q *Queue) entries(ctx context.Context, ids []string) ([]queue.Entry, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	r, err := q.run(ctx, q.scripts.entry, args...)
	if err != nil {
		return nil, err
	}
	now := r.text(1)
	var found []queue.Entry
	for i := range ids {
		if i+2 >= len(r) {
			return nil, fmt.Errorf("event %s: the answer has only %d parts", ids[i], len(r))
		}
		texts, _ := r[i+2].([]any)
		if len(texts) == 0 {
			continue
		}
		entry, err := readEntry(ids[i], reply(texts).text(0), reply(texts).text(1), now, q.opts.History)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", ids[i], err)
		}
		found = append(found, entry)
	}
	return found, nil
}

// readEntry reads the two texts of the event with this ID, of which it shows so many items of
// history.
func readEntry(id, stored, happened, now string, limit int) (queue.Entry, error) {
	line, data, _ := strings.Cut(stored, "\n")
	about := readAbout(id, line)
	event, err := about.decode(data)
	if err != nil && !errors.Is(err, queue.ErrNewerSchema) {
		return queue.Entry{}, fmt.Errorf("its stored form: %w", err)
	}
	state, items, _ := strings.Cut(happened, "\n")
	meta := strings.Split(state, " ")
	if n := strings.Count(line, " ") + 1; n != 9 || len(meta) != 12 {
		return queue.Entry{}, fmt.Errorf("its texts begin with %d and %d parts, not 9 and 12", n, len(meta))
	}
	entry := queue.Entry{Event: event, State: queue.State(meta[0]), Successor: meta[6]}
	var faults [8]error
	entry.Event.Created, faults[0] = instant(about.created)
	entry.Due, faults[1] = instant(meta[1])
	entry.First, faults[2] = instant(meta[5])
	entry.Attempt, faults[3] = strconv.Atoi(meta[2])
	entry.Crashes, faults[4] = strconv.Atoi(meta[3])
	entry.Fence, faults[5] = strconv.ParseUint(meta[4], 10, 64)
	at, err := instant(now)
	faults[6] = err
	if entry.State == queue.Queued && entry.Due.After(at) {
		entry.State = queue.Delayed
	}
	entry.History, faults[7] = readHistory(items, entry.Event.Created, limit)
	return entry, errors.Join(faults[:]...)
}

// readHistory reads the newest items of history. The first of all is that the
// event was published; it is not stored again.
func readHistory(text string, published time.Time, limit int) ([]queue.HistoryItem, error) {
	items := []queue.HistoryItem{{Time: published, What: queue.WhatPublished}}
	for line := range strings.Lines(text) {
		it, err := readItem(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("item %d of its history: %w", len(items), err)
		}
		items = append(items, it)
	}
	return items[max(0, len(items)-limit):], nil
}

// readItem reads one item of history: time, what, attempt, fence, and the rest
// as JSON.
func readItem(text string) (queue.HistoryItem, error) {
	parts := strings.SplitN(text, " ", 5)
	if len(parts) != 5 {
		return queue.HistoryItem{}, fmt.Errorf("%.40q has less than five parts", text)
	}
	at, err1 := instant(parts[0])
	attempt, err2 := strconv.Atoi(parts[2])
	fence, err3 := strconv.ParseUint(parts[3], 10, 64)
	var rest item
	var err4 error
	if parts[4] != "" {
		err4 = json.Unmarshal([]byte(parts[4]), &rest)
	}
	return queue.HistoryItem{
		Time: at, What: parts[1], Attempt: attempt, Fence: fence,
		Run: rest.Run, Class: rest.Class, Operator: rest.Operator, Detail: rest.Detail,
	}, errors.Join(err1, err2, err3, err4)
}
