package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// Schema is the version of the JSON form of [Event] that this release writes.
const Schema = 1

// Limits of an event.
const (
	MaxPayload = 64 << 10 // bytes of Payload
	maxName    = 128      // bytes of ID, Key, Account, Command, Origin
	maxDepth   = 32       // levels of Payload
)

// Event asks for work on one account.
type Event struct {
	// Schema is the version of this form. Zero means the current one.
	Schema int `json:"schema"`
	// ID is the event's identity, given by the queue when it is empty. An ID
	// that was accepted before is the same event, as with a Key.
	ID string `json:"id"`
	// Key is the producer's idempotency key, unique in the whole queue. Optional,
	// and worth setting.
	Key string `json:"key,omitempty"`
	// Account is the account to work on. Required.
	Account string `json:"account"`
	// Command says what to do, such as "rebalance". Required; the engine knows
	// the commands, the queue does not.
	Command string `json:"command"`
	// Payload is the command's argument, a JSON object without duplicate keys.
	// Optional; null is none.
	Payload json.RawMessage `json:"payload,omitempty"`
	// NotBefore is the first instant at which the event may be delivered.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Created is when the event was accepted, set by the queue.
	Created time.Time `json:"created,omitzero"`
	// Origin is the event that this one repeats or follows up, if any.
	Origin string `json:"origin,omitempty"`

	// unread are the fields of a newer schema that this release cannot read. It
	// is shared by copies of the event and never changed.
	unread map[string]json.RawMessage
}

// Check returns every fault of the event, joined, or nil.
func (e *Event) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if e.Schema < 0 {
		fault("schema %d is negative", e.Schema)
	}
	for _, f := range [...]struct {
		name, value string
		required    bool
	}{
		{"id", e.ID, false},
		{"key", e.Key, false},
		{"account", e.Account, true},
		{"command", e.Command, true},
		{"origin", e.Origin, false},
	} {
		switch {
		case f.value == "" && f.required:
			fault("%s is empty", f.name)
		case len(f.value) > maxName:
			fault("%s %.40q… is longer than %d bytes", f.name, f.value, maxName)
		case strings.ContainsFunc(f.value, func(r rune) bool { return r <= ' ' || r > '~' }):
			fault("%s %q has characters other than printable ASCII", f.name, f.value)
		}
	}
	if err := checkPayload(e.Payload); err != nil {
		fault("payload: %w", err)
	}
	if err := checkTime(e.NotBefore); err != nil {
		fault("not_before: %w", err)
	}
	if err := checkTime(e.Created); err != nil {
		fault("created: %w", err)
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w for account %q: %w", ErrInvalidEvent, e.Account, errors.Join(faults...))
}

// checkPayload refuses what could not be stored and read again.
func checkPayload(payload json.RawMessage) error {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) > MaxPayload {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(payload), MaxPayload)
	}
	if err := strictjson.CheckDepth(payload, maxDepth); err != nil {
		return fmt.Errorf("%.60q: %w", payload, err)
	}
	if text := bytes.TrimSpace(payload); text[0] != '{' && string(text) != "null" {
		return fmt.Errorf("%.60q is not an object", payload)
	}
	return nil
}
