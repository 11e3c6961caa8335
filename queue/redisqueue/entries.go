package redisqueue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

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
// the moment at which it is begun, without those that have left the state since.
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
	r, err := q.ready(ctx, q.scripts.list, string(state))
	if err != nil {
		return nil, err
	}
	type ranked struct {
		id  string
		seq int64
	}
	var all []ranked
	for part := range slices.Chunk(r[1:], 500) {
		pipe := q.conn.Client().Pipeline()
		replies := make([]*redis.StringCmd, len(part))
		for i := range part {
			replies[i] = pipe.HGet(ctx, q.prefix+"ev:"+reply(part).text(i), "i")
		}
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return nil, redisconn.Translate(ctx, "hget", err)
		}
		for i := range part {
			parts := strings.Split(replies[i].Val(), " ")
			if seq, err := strconv.ParseInt(parts[min(4, len(parts)-1)], 10, 64); err == nil { // else it was forgotten meanwhile
				all = append(all, ranked{reply(part).text(i), seq})
			}
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(a.seq, b.seq) })
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].id
	}
	return ids, nil
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
		fields, _ := r[i+2].([]any)
		if len(fields) == 0 {
			continue
		}
		entry, err := readEntry(fields, now, q.opts.History)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", ids[i], err)
		}
		found = append(found, entry)
	}
	return found, nil
}

// readEntry reads the fields of an event's hash, of which it shows so many items
// of history.
func readEntry(fields reply, now string, history int) (queue.Entry, error) {
	h := make(map[string]string, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		h[fields.text(i)] = fields.text(i + 1)
	}
	event, err := queue.DecodeEvent([]byte(h["j"]))
	if err != nil && !errors.Is(err, queue.ErrNewerSchema) {
		return queue.Entry{}, fmt.Errorf("its stored form: %w", err)
	}
	about, meta := strings.Split(h["i"], " "), strings.Split(h["m"], " ")
	if len(about) != 9 || len(meta) != 12 {
		return queue.Entry{}, fmt.Errorf("its fields i and m have %d and %d parts, not 9 and 12", len(about), len(meta))
	}
	entry := queue.Entry{Event: event, State: queue.State(meta[0]), Successor: meta[8]}
	var faults [9]error
	entry.Event.Created, faults[0] = instant(about[6])
	entry.Due, faults[1] = instant(meta[1])
	entry.First, faults[2] = instant(meta[6])
	entry.Attempt, faults[3] = strconv.Atoi(meta[2])
	entry.Crashes, faults[4] = strconv.Atoi(meta[3])
	entry.Fence, faults[5] = strconv.ParseUint(meta[4], 10, 64)
	at, err := instant(now)
	faults[6] = err
	if entry.State == queue.Queued && entry.Due.After(at) {
		entry.State = queue.Delayed
	}
	next, err := strconv.Atoi(meta[7])
	faults[7] = err
	entry.History, faults[8] = readHistory(h, next, history)
	return entry, errors.Join(faults[:]...)
}

// readHistory reads the newest items of history, of which next is not there yet.
func readHistory(h map[string]string, next, limit int) ([]queue.HistoryItem, error) {
	var items []queue.HistoryItem
	for n := max(0, next-limit); n < next && len(items) < limit; n++ {
		text, ok := h["h"+strconv.Itoa(n)]
		if !ok {
			continue // the limit was lower then
		}
		it, err := readItem(text)
		if err != nil {
			return nil, fmt.Errorf("item %d of its history: %w", n, err)
		}
		items = append(items, it)
	}
	return items, nil
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
