package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// EventQueue accepts events and hands them out.
type EventQueue interface {
	// Publish stores the event and returns its receipt. It fails with
	// [ErrInvalidEvent] (a fault of the event, every one named), with [ErrFull]
	// (try later), or with a transient error: then it is not known whether the
	// event was stored, and publishing again with the same Key is safe.
	Publish(ctx context.Context, event Event) (Receipt, error)

	// Receive blocks until an event is due, leases it and its account, and
	// returns it. It returns ctx.Err() when ctx ends, [ErrClosed] when the queue
	// is closed.
	Receive(ctx context.Context) (*Delivery, error)
}

// Admin is an optional role: what operators and health checks need.
type Admin interface {
	// Stats counts the events by state.
	Stats(ctx context.Context) (Stats, error)
	// Entry returns one event with its history, or [ErrUnknownEvent].
	Entry(ctx context.Context, id string) (Entry, error)
	// Entries lists the events in a state, in the order in which they were
	// accepted. An error is the last pair.
	Entries(ctx context.Context, state State) iter.Seq2[Entry, error]
	// Operator changes the state of an event; see [Action]. It fails with
	// [ErrInvalidAction], [ErrUnknownEvent], [ErrWrongState] or, for a requeue,
	// [ErrFull].
	Operator(ctx context.Context, action Action) (Receipt, error)
}

// As returns the queue as a T: itself, or the first one that it wraps which is a T.
// A wrapper shows what it wraps by a method Unwrap() EventQueue.
func As[T any](q EventQueue) (T, bool) {
	for q != nil {
		if t, ok := q.(T); ok {
			return t, true
		}
		w, ok := q.(interface{ Unwrap() EventQueue })
		if !ok {
			break
		}
		q = w.Unwrap()
	}
	var none T
	return none, false
}

// Receipt says what became of a published event.
type Receipt struct {
	// ID is the event's identity, that of the first one for a duplicate.
	ID string `json:"id"`
	// Duplicate is set when an event with the same Key was accepted before.
	Duplicate bool `json:"duplicate,omitempty"`
	// Superseded is the event whose place this one took, if any.
	Superseded string `json:"superseded,omitempty"`
}

// State is where an event is. Each accepted event is in exactly one.
type State string

// The states of an event. The last three are final, except that an operator
// can ask for a dead one again, as a new event.
const (
	Queued     State = "queued"     // due, waits for a worker, its account or an earlier event of its command
	Delayed    State = "delayed"    // waits for a time: NotBefore, a retry, a deferral
	Leased     State = "leased"     // a worker has it
	Held       State = "held"       // waits for an operator; holds up nothing
	Dead       State = "dead"       // will not be tried again; kept with its history
	Done       State = "done"       // ended
	Superseded State = "superseded" // replaced by a newer event of the same account and command
)

// Stats counts events by state.
type Stats struct {
	Counts map[State]int `json:"counts"`
	// OldestDue is when the event that has waited longest became due, zero if
	// none waits.
	OldestDue time.Time `json:"oldest_due"`
}

// Entry is an event with all that happened to it. [EncodeEntry] writes it as
// JSON.
type Entry struct {
	Event Event `json:"event"`
	State State `json:"state"`
	// Due is when it became or becomes due, or was before it was leased or ended.
	Due time.Time `json:"due"`
	// Attempt is the number of the attempt under way or to come, from 1; that of
	// the last one for an event that ended.
	Attempt int `json:"attempt"`
	Crashes int `json:"crashes"`
	// Fence is that of the last delivery, 0 if the event was never delivered.
	Fence uint64 `json:"fence"`
	// First is when it was first delivered, if ever.
	First     time.Time `json:"first,omitzero"`
	Successor string    `json:"successor,omitempty"` // for Superseded, and for a dead one that was asked for again
	// History holds the newest entries, oldest first; a queue may cap it (50 or
	// more are kept).
	History []HistoryItem `json:"history"`
}

// HistoryItem is one thing that happened to an event.
type HistoryItem struct {
	Time     time.Time `json:"time"`
	What     string    `json:"what"`              // one of the words below, a Verb or an ActionVerb
	Attempt  int       `json:"attempt,omitempty"` // 0 before the first delivery
	Fence    uint64    `json:"fence,omitempty"`
	Run      string    `json:"run,omitempty"`
	Class    string    `json:"class,omitempty"`
	Operator string    `json:"operator,omitempty"`
	Detail   string    `json:"detail,omitempty"` // cause or reason, at most 2 KiB, see Cut
}

// What happens to an event besides a [Verb] and an [ActionVerb].
const (
	WhatPublished  = "published"
	WhatDelivered  = "delivered"
	WhatCrashed    = "crashed"    // the lease of a delivery ran out
	WhatSuperseded = "superseded" // Detail names the successor
)

// ClassCrashes is the class of the history's last item when an event became
// dead because its deliveries kept crashing.
const ClassCrashes = "crashes"

// Action is a change that an operator asks for.
type Action struct {
	Verb ActionVerb
	ID   string
	// Operator and Reason are required and end up in the history.
	Operator string
	Reason   string
	// Token makes the action idempotent: repeating the action with its token
	// returns the first receipt. Optional.
	Token string
}

// Check returns [ErrInvalidAction] with every fault of the action, or nil.
func (a *Action) Check() error {
	var faults []error
	switch a.Verb {
	case Release, Requeue, Drop:
	default:
		faults = append(faults, fmt.Errorf("verb %.40q is none of %s, %s, %s", a.Verb, Release, Requeue, Drop))
	}
	for _, f := range [...]struct{ name, value string }{{"id", a.ID}, {"operator", a.Operator}, {"reason", a.Reason}} {
		if strings.TrimSpace(f.value) == "" {
			faults = append(faults, fmt.Errorf("%s is empty", f.name))
		}
	}
	if len(a.Token) > maxName {
		faults = append(faults, fmt.Errorf("token %.40q… is longer than %d bytes", a.Token, maxName))
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w on event %q: %w", ErrInvalidAction, a.ID, errors.Join(faults...))
}

// ActionVerb is what an operator can do.
type ActionVerb string

// The actions. Each fails with [ErrWrongState] from any other state than named.
const (
	// Release puts a held event back into the line, at its place and due now.
	Release ActionVerb = "release"
	// Requeue publishes a dead event again as a new one that names it in
	// Event.Origin, with neither its Key nor its NotBefore; the receipt has the
	// new ID. Like any new event it may supersede a waiting one. A dead event can
	// be asked for again once; then it names its successor, and a second time is
	// [ErrWrongState].
	Requeue ActionVerb = "requeue"
	// Drop ends a held, delayed, queued or dead event for good; it stays
	// visible as Done with the reason in its history.
	Drop ActionVerb = "drop"
)
