package journal

import (
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
)

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrFenced: a higher fence was granted; this holder must stop at once. The
	// error is a [*FencedError].
	ErrFenced = errors.New("fenced")
	// ErrBlocked: the account is blocked.
	ErrBlocked = errors.New("account blocked")
	// ErrKilled: the kill switch is set.
	ErrKilled = errors.New("killed")
	// ErrRefTaken: the reference belongs to a different intent.
	ErrRefTaken = errors.New("reference taken by a different intent")
	// ErrUnknownRef: no intent has this reference.
	ErrUnknownRef = errors.New("unknown reference")
	// ErrSettledOtherwise: the intent was settled with a different outcome.
	ErrSettledOtherwise = errors.New("intent settled otherwise")
	// ErrOpenIntents: the run has open intents.
	ErrOpenIntents = errors.New("run has open intents")
	// ErrFinished: the run is finished.
	ErrFinished = errors.New("run finished")
	// ErrUnknownRun: no run has this ID.
	ErrUnknownRun = errors.New("unknown run")
	// ErrInvalid: a field is missing or wrong.
	ErrInvalid = errors.New("invalid record")
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
	return fmt.Sprintf("journal: account %s: fence %d is behind %d (run %s): another worker took over", e.Account, e.Fence, e.Current, e.CurrentHolder)
}

// Unwrap returns [ErrFenced].
func (e *FencedError) Unwrap() error { return ErrFenced }
