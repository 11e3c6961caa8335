package queue

import "errors"

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrInvalidEvent: the event itself is at fault; publishing it again will
	// not help.
	ErrInvalidEvent = errors.New("queue: invalid event")
	// ErrInvalidAction: the operator's action lacks something, or its token was
	// used for another action.
	ErrInvalidAction = errors.New("queue: invalid action")
	// ErrNewerSchema: the event is of a newer version than this release knows.
	// It is left in the queue for a newer worker.
	ErrNewerSchema = errors.New("queue: event of a newer schema")
	// ErrFull: the queue or the account's line is at its limit; try later.
	ErrFull = errors.New("queue: full")
	// ErrSettled: the delivery was settled before.
	ErrSettled = errors.New("delivery already settled")
	// ErrLeaseLost: the lease ran out or passed to another worker.
	ErrLeaseLost = errors.New("lease lost")
	// ErrUnknownEvent: no event has this ID.
	ErrUnknownEvent = errors.New("queue: unknown event")
	// ErrWrongState: the event is not in a state that allows the action.
	ErrWrongState = errors.New("queue: wrong state")
	// ErrClosed: the queue was closed.
	ErrClosed = errors.New("queue: closed")
)
