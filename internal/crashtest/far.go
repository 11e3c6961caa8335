package main

import (
	"errors"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// farError is an error of the parent's stores on its way to a child.
type farError struct {
	Text    string
	Matches []int
	Fenced  *journal.FencedError
}

// farSentinels are the errors that survive as such.
var farSentinels = [...]error{
	journal.ErrFenced, journal.ErrBlocked, journal.ErrKilled, journal.ErrRefTaken, journal.ErrUnknownRef,
	journal.ErrSettledOtherwise, journal.ErrOpenIntents, journal.ErrFinished, journal.ErrUnknownRun, journal.ErrForgotten,
	journal.ErrInvalid, queue.ErrInvalidEvent, queue.ErrFull, queue.ErrSettled, queue.ErrLeaseLost, queue.ErrUnknownEvent,
	queue.ErrWrongState, queue.ErrClosed,
}

// toFar takes an error apart.
func toFar(err error) *farError {
	if err == nil {
		return nil
	}
	f := &farError{Text: err.Error()}
	errors.As(err, &f.Fenced)
	for i, s := range farSentinels {
		if errors.Is(err, s) {
			f.Matches = append(f.Matches, i)
		}
	}
	return f
}

// near puts an error together again.
func (f *farError) near() error {
	if f == nil {
		return nil
	}
	return &nearError{f}
}

// nearError is a farError in the process of a child.
type nearError struct{ far *farError }

// Error is what the store said.
func (e *nearError) Error() string { return e.far.Text }

// Unwrap returns what the error matched there.
func (e *nearError) Unwrap() []error {
	var errs []error
	if e.far.Fenced != nil {
		errs = append(errs, e.far.Fenced)
	}
	for _, i := range e.far.Matches {
		errs = append(errs, farSentinels[i])
	}
	return errs
}
