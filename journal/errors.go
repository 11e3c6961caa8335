package journal

import (
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
)

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrFenced: the shown fence is not the account's: a higher one was granted
	// (or, after the loss of a journal, this one never was). This holder must
	// stop at once. The error is a [*FencedError].
	ErrFenced = errors.New("fenced")
	// ErrBlocked: the account is blocked, or an outcome of it is unknown.
	ErrBlocked = errors.New("account blocked")
	// ErrOtherBlock: the account is stopped by something else than the unblock
	// names: the operator has not looked at it.
	ErrOtherBlock = errors.New("stopped by something else")
	// ErrKilled: the kill switch is set.
	ErrKilled = errors.New("killed")
	// ErrRefTaken: the reference belongs to a different intent, or to one that
	// was settled.
	ErrRefTaken = errors.New("reference taken")
	// ErrUnknownRef: no intent of the account has this reference.
	ErrUnknownRef = errors.New("unknown reference")
	// ErrSettledOtherwise: the intent was settled with a different outcome.
	ErrSettledOtherwise = errors.New("intent settled otherwise")
	// ErrOpenIntents: the run has open intents.
	ErrOpenIntents = errors.New("run has open intents")
	// ErrFinished: the run is finished.
	ErrFinished = errors.New("run finished")
	// ErrUnknownRun: no run has this ID.
	ErrUnknownRun = errors.New("unknown run")
	// ErrForgotten: the run is finished, and the journal keeps no more of it
	// than that. It comes with ErrFinished, ErrUnknownRun or ErrUnknownRef.
	ErrForgotten = errors.New("record of the finished run was dropped")
	// ErrInvalid: a field is missing or wrong.
	ErrInvalid = errors.New("invalid record")
	// ErrNewerSchema: the record was written by a newer release.
	ErrNewerSchema = errors.New("record of a newer schema")
)

// FencedError says which fence stands in the way.
type FencedError struct {
	Account       broker.AccountID
	Fence         uint64 // of the refused write
	Current       uint64 // of the account
	CurrentHolder RunID  // the run that holds it, if known
}

// Error names the account and both fences.
func (e *FencedError) Error() string {
	switch {
	case e.Fence > e.Current:
		return fmt.Sprintf("journal: account %s: fence %d was never granted here, the newest is %d (run %s): begin again",
			e.Account, e.Fence, e.Current, e.CurrentHolder)
	case e.Fence == e.Current:
		return fmt.Sprintf("journal: account %s: fence %d belongs to run %s: begin again with a higher one",
			e.Account, e.Fence, e.CurrentHolder)
	}
	return fmt.Sprintf("journal: account %s: fence %d is behind %d (run %s): another worker took over",
		e.Account, e.Fence, e.Current, e.CurrentHolder)
}

// Unwrap returns [ErrFenced].
func (e *FencedError) Unwrap() error { return ErrFenced }
