package queue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// maxEvent bounds the JSON form of an event: its payload and all else.
const maxEvent = MaxPayload + 8<<10

// EncodeEvent returns the JSON form of an event, as [DecodeEvent] reads it, or
// [ErrInvalidEvent]. Equal events have equal forms. The payload keeps its
// meaning but not its white space, times keep their instant but not their zone.
// An event of a newer schema keeps what this release could not read.
func EncodeEvent(event Event) ([]byte, error) {
	if err := event.Check(); err != nil {
		return nil, err
	}
	event.Schema = max(event.Schema, firstSchema)
	event.NotBefore, event.Created = event.NotBefore.UTC(), event.Created.UTC()
	data, err := encode(event)
	if err == nil && len(event.unread) > 0 {
		var fields map[string]json.RawMessage
		if err = json.Unmarshal(data, &fields); err == nil {
			for name, raw := range event.unread {
				if known := string(fields[name]); known == "" || known == `""` {
					fields[name] = raw
				}
			}
			data, err = encode(fields)
		}
	}
	if err == nil && len(data) > maxEvent {
		err = fmt.Errorf("its JSON form has %d bytes, at most %d are allowed", len(data), maxEvent)
	}
	if err != nil {
		return nil, fmt.Errorf("%w for account %q: %w", ErrInvalidEvent, event.Account, err)
	}
	return data, nil
}

// DecodeEvent reads the JSON form of an event strictly: it refuses unknown and
// duplicate fields, a missing schema, and what [Event.Check] refuses, with
// [ErrInvalidEvent]. For an event of a newer schema it returns [ErrNewerSchema]
// together with the fields that could be read, so that a queue can keep the
// event for a newer worker; encoding it again loses nothing.
func DecodeEvent(data []byte) (Event, error) {
	fields, schema, err := open(data, maxEvent)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrInvalidEvent, err)
	}
	for name := range fields {
		if i := slices.IndexFunc(eventFields[:], func(f string) bool { return strings.EqualFold(f, name) && f != name }); i >= 0 {
			return Event{}, fmt.Errorf("%w: unknown field %q: write %q", ErrInvalidEvent, name, eventFields[i])
		}
	}
	if schema > Schema {
		return newerEvent(fields, schema), newerSchema("event", schema, Schema)
	}
	var event Event
	if err := strictjson.Decode(data, maxEvent, &event); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrInvalidEvent, err)
	}
	if err := event.Check(); err != nil {
		return Event{}, err
	}
	return event, nil
}

// eventFields are the names in the JSON form of an event.
var eventFields = [...]string{
	"schema", "id", "key", "account", "command", "payload", "not_before", "created", "origin",
}

// newerEvent takes from the fields what this release can read. The rest stays
// with the event.
func newerEvent(fields map[string]json.RawMessage, schema int) Event {
	event := Event{Schema: schema, unread: fields}
	delete(fields, "schema")
	take(fields, "id", &event.ID)
	take(fields, "key", &event.Key)
	take(fields, "account", &event.Account)
	take(fields, "command", &event.Command)
	take(fields, "payload", &event.Payload)
	take(fields, "not_before", &event.NotBefore)
	take(fields, "created", &event.Created)
	take(fields, "origin", &event.Origin)
	return event
}

// take moves a field out of fields if it fits its type. A field that does not
// is left alone, and its place keeps its zero value.
func take[T any](fields map[string]json.RawMessage, name string, to *T) {
	raw, ok := fields[name]
	if !ok {
		return
	}
	var value T
	if json.Unmarshal(raw, &value) != nil {
		return
	}
	*to = value
	delete(fields, name)
}

// firstSchema is the lowest version there ever was.
const firstSchema = 1

// open splits a versioned document into its fields and reads its version.
func open(data []byte, limit int) (map[string]json.RawMessage, int, error) {
	var fields map[string]json.RawMessage
	if err := strictjson.Decode(data, limit, &fields); err != nil {
		return nil, 0, err
	}
	raw, ok := fields["schema"]
	if !ok {
		return nil, 0, fmt.Errorf(`"schema" is missing: add "schema":%d`, Schema)
	}
	var schema int
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, 0, fmt.Errorf(`"schema" is %.40s, not a number from %d`, raw, firstSchema)
	}
	if schema < firstSchema {
		return nil, 0, fmt.Errorf(`"schema" is %d, less than %d`, schema, firstSchema)
	}
	return fields, schema, nil
}

func newerSchema(what string, schema, known int) error {
	return fmt.Errorf("%w: %s has schema %d, this release knows %d: leave it to a newer worker", ErrNewerSchema, what, schema, known)
}

// encode is json.Marshal that leaves <, > and & in texts as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// checkTime refuses instants that have no JSON form.
func checkTime(t time.Time) error {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return fmt.Errorf("year %d is not in 1 to 9999", y)
	}
	return nil
}
