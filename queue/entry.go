package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// Limits of an entry.
const (
	MaxDetail = 2 << 10  // bytes of a HistoryItem's Detail, and of its other texts
	maxEntry  = 16 << 20 // bytes of the JSON form, some 1,000 items of history
)

// EntrySchema is the version of the JSON form of [Entry] that this release
// writes.
const EntrySchema = 1

// states are all states.
var states = [...]State{Queued, Delayed, Leased, Held, Dead, Done, Superseded}

// States returns all states an event can be in.
func States() []State { return slices.Clone(states[:]) }

// storedEntry is the JSON form of an entry.
type storedEntry struct {
	Schema    int             `json:"schema"`
	Event     json.RawMessage `json:"event"`
	State     State           `json:"state"`
	Due       time.Time       `json:"due"`
	Attempt   int             `json:"attempt"`
	Crashes   int             `json:"crashes"`
	Fence     uint64          `json:"fence"`
	First     time.Time       `json:"first,omitzero"`
	Successor string          `json:"successor,omitempty"`
	History   []HistoryItem   `json:"history"`
}

// EncodeEntry returns the JSON form of an entry, as [DecodeEntry] reads it, for
// queues that store it. It fails with [ErrInvalidEvent] if the event is at fault.
func EncodeEntry(entry Entry) ([]byte, error) {
	event, err := EncodeEvent(entry.Event)
	if err != nil {
		return nil, err
	}
	if err := entry.check(); err != nil {
		return nil, fmt.Errorf("queue: encode entry %s: %w", entry.Event.ID, err)
	}
	history := make([]HistoryItem, len(entry.History)) // [], never null
	for i, item := range entry.History {
		item.Time = item.Time.UTC()
		history[i] = item
	}
	data, err := encode(storedEntry{
		Schema: EntrySchema, Event: event, State: entry.State, Due: entry.Due.UTC(), Attempt: entry.Attempt,
		Crashes: entry.Crashes, Fence: entry.Fence, First: entry.First.UTC(), Successor: entry.Successor, History: history,
	})
	if err == nil && len(data) > maxEntry {
		err = fmt.Errorf("its JSON form has %d bytes, at most %d are allowed: keep less history", len(data), maxEntry)
	}
	if err != nil {
		return nil, fmt.Errorf("queue: encode entry %s: %w", entry.Event.ID, err)
	}
	return data, nil
}

// DecodeEntry reads the JSON form of an entry strictly. An entry of a newer
// schema is [ErrNewerSchema]: leave it as it is. An event of a newer schema
// inside an entry that can be read is no error: Event.Schema tells.
func DecodeEntry(data []byte) (Entry, error) {
	_, schema, err := open(data, maxEntry)
	if err != nil {
		return Entry{}, fmt.Errorf("queue: decode entry: %w", err)
	}
	if schema > EntrySchema {
		return Entry{}, newerSchema("entry", schema, EntrySchema)
	}
	var s storedEntry
	if err := strictjson.Decode(data, maxEntry, &s); err != nil {
		return Entry{}, fmt.Errorf("queue: decode entry: %w", err)
	}
	event, err := DecodeEvent(s.Event)
	if err != nil && !errors.Is(err, ErrNewerSchema) {
		return Entry{}, fmt.Errorf("queue: decode entry: %w", err)
	}
	entry := Entry{
		Event: event, State: s.State, Due: s.Due, Attempt: s.Attempt, Crashes: s.Crashes,
		Fence: s.Fence, First: s.First, Successor: s.Successor, History: s.History,
	}
	if err := entry.check(); err != nil {
		return Entry{}, fmt.Errorf("queue: decode entry %s: %w", event.ID, err)
	}
	return entry, nil
}

// check returns every fault of the entry but those of its event.
func (e *Entry) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !slices.Contains(states[:], e.State) {
		fault("state %.40q is none of %v", e.State, states)
	}
	if e.Attempt < 0 || e.Crashes < 0 {
		fault("attempt %d or crashes %d is negative", e.Attempt, e.Crashes)
	}
	for name, t := range e.times {
		if err := checkTime(t); err != nil {
			fault("%s: %w", name, err)
		}
	}
	return errors.Join(faults...)
}

// times yields the instants of the entry by name.
func (e *Entry) times(yield func(string, time.Time) bool) {
	if !yield("due", e.Due) || !yield("first", e.First) {
		return
	}
	for i, item := range e.History {
		if !yield(fmt.Sprintf("history[%d].time", i), item.Time) {
			return
		}
	}
}

// Cut shortens a text to what a history keeps of it: at most [MaxDetail] bytes
// of valid UTF-8. What is cut off is marked.
func Cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= MaxDetail {
		return text
	}
	const mark = "…"
	end := MaxDetail - len(mark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
