package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Journal is all that the engine needs.
type Journal interface {
	RunLog
	IntentLog
	Control
	Reader
}

// RunLog records runs.
type RunLog interface {
	// Begin raises the account's fence to that of the claim (or, if the claim
	// has none, by one) and returns the event's run, new or as it was left, with
	// all that stands open for the account. A claim whose fence is lower than the
	// account's, or equal but for another run, fails with [ErrFenced]; repeating
	// the claim that holds the fence returns the same grant. A claim that names
	// another account or command than its run has is [ErrInvalid]. A claim that
	// fails changes nothing.
	Begin(ctx context.Context, claim Claim) (Begun, error)
	// Checkpoint records that the run reached a step. Recording a step again
	// replaces it and keeps its place.
	Checkpoint(ctx context.Context, grant Grant, step Step) error
	// Finish stores the result and ends the run. [ErrOpenIntents] names the
	// references that stand in the way.
	Finish(ctx context.Context, grant Grant, outcome Outcome) error
}

// IntentLog records orders before and after they are sent.
type IntentLog interface {
	// Intend records intents, all or none. They belong to the run and the
	// account of the grant. Repeating the very same ones is not an error while
	// they are unsettled, even if the account was stopped since; a reference that
	// is taken by another one, or was settled, is [ErrRefTaken].
	Intend(ctx context.Context, grant Grant, intents ...Intent) error
	// Settle records how open intents of the account ended, whichever run they
	// belong to, all or none. Settling again in the same way is not an error and
	// keeps the first record; so does settling an unknown one as unknown again.
	Settle(ctx context.Context, grant Grant, settlements ...Settlement) error
}

// Control stops accounts and lets them go on. It takes no fence: an operator's
// word counts at once. Doing what is done already is not an error. A record
// that equals the last one of its kind and scope, its time included, is a
// repetition: a repeated Unblock or Resume does not lift what came after it.
type Control interface {
	// Block stops an account. Blocking a blocked one keeps the first block.
	Block(ctx context.Context, block Block) error
	// Unblock lifts the block of an account, answers for its unknown intents,
	// and keeps who did it and why. It answers only for what it names: while the
	// account is stopped by anything else, it changes nothing and is
	// [ErrOtherBlock].
	Unblock(ctx context.Context, unblock Unblock) error
	// Kill stops all sends of an account, or of all accounts. Killing again
	// keeps the first kill.
	Kill(ctx context.Context, kill Kill) error
	// Resume lifts a kill of the same scope.
	Resume(ctx context.Context, kill Kill) error
	// Approve records that an operator lets a held plan be traded. The run must
	// be one of the account ([ErrUnknownRun]) and unfinished ([ErrFinished]).
	Approve(ctx context.Context, approval Approval) error
}

// Reader reads what was recorded.
type Reader interface {
	// Account returns the standing of an account; one without any record is a
	// zero standing, not an error.
	Account(ctx context.Context, account broker.AccountID) (Standing, error)
	// Run returns a run, or [ErrUnknownRun] (with [ErrForgotten], if there was one).
	Run(ctx context.Context, id RunID) (Run, error)
	// Runs lists the runs of an account, or of all for "", the one that began
	// last first. An error is the last pair. Runs that begin meanwhile may be
	// missing.
	Runs(ctx context.Context, account broker.AccountID) iter.Seq2[Run, error]
}

// RunID names a run: the event's ID, a slash and the number of the run.
type RunID string

// Claim asks for the right to work on an account.
type Claim struct {
	Account broker.AccountID `json:"account"`
	Event   string           `json:"event"`
	Command string           `json:"command"`
	// Number tells the runs of one event apart, from 1. Zero means 1.
	Number int `json:"number"`
	// Fence comes from the queue. Zero takes the next one.
	Fence uint64    `json:"fence"`
	Time  time.Time `json:"time"`
}

// RunID returns the name of the run that is claimed.
func (c *Claim) RunID() RunID {
	return RunID(c.Event + "/" + strconv.Itoa(max(c.Number, 1)))
}

// Grant is the right to write for an account. It is lost when a higher fence is
// granted.
type Grant struct {
	Account broker.AccountID `json:"account"`
	Run     RunID            `json:"run"`
	Fence   uint64           `json:"fence"`
}

// Begun is what stands at the begin of a run.
type Begun struct {
	Grant Grant
	// Run is the event's run: new, unfinished or finished.
	Run Run
	// Resumed is set if the run had begun before, be it by a claim that is
	// repeated now.
	Resumed bool
	// Standing is the account's, as of the same instant.
	Standing Standing
}

// Standing is what the journal knows of an account.
type Standing struct {
	Account broker.AccountID
	Fence   uint64
	// Open holds the open intents of all runs, oldest first: the unsettled ones
	// and the unknown ones that no operator answered for.
	Open []Intent
	// Unfinished holds the unfinished runs, oldest first; in [Begun] without the
	// run that begins.
	Unfinished []RunID
	// Block is set while the account is blocked, Kill while it is killed, by
	// itself or else with all.
	Block *Block
	Kill  *Kill
	// LastUnblock is the newest one, if any.
	LastUnblock *Unblock
	// Approvals holds those of the unfinished runs, also of the run that begins,
	// oldest first, whether or not they have expired.
	Approvals []Approval
	// Memo is what the runs of the account left to the next one, if anything.
	Memo *Memo
}

// Memo is what a finished run left to the runs after it (see [Outcome]).
type Memo struct {
	Run  RunID
	Data json.RawMessage
}

// Run is the record of a run.
type Run struct {
	ID      RunID
	Event   string
	Account broker.AccountID
	Command string
	Number  int
	Fence   uint64 // of the last holder
	Started time.Time
	// Steps holds each step reached, in order of first recording.
	Steps []Step
	// Intents holds the run's intents, oldest first.
	Intents []Intent
	// Outcome is set when the run is finished.
	Outcome *Outcome
}

// Step returns the recorded step of that name, or nil.
func (r *Run) Step(name string) *Step {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			return &r.Steps[i]
		}
	}
	return nil
}

// Step is a step that a run reached, with what must be kept for a resume.
type Step struct {
	Name string          `json:"name"`
	Time time.Time       `json:"time"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Outcome is how a run ended.
type Outcome struct {
	Name   string          `json:"name"`
	Time   time.Time       `json:"time"`
	Result json.RawMessage `json:"result"`
	// Memo is what later runs of the account must know; it takes the place of
	// what earlier runs left. Without one, that stays.
	Memo json.RawMessage `json:"memo,omitempty"`
}

// Block says why an account is stopped.
type Block struct {
	Account  broker.AccountID `json:"account"`
	Reason   string           `json:"reason"`
	Evidence json.RawMessage  `json:"evidence,omitempty"`
	Run      RunID            `json:"run,omitempty"`
	Time     time.Time        `json:"time"`
}

// Unblock says who lets an account go on, and why. Operator and Reason are
// required; Evidence holds the reconciliation that it rests on.
type Unblock struct {
	Account  broker.AccountID `json:"account"`
	Operator string           `json:"operator"`
	Reason   string           `json:"reason"`
	Evidence json.RawMessage  `json:"evidence,omitempty"`
	Time     time.Time        `json:"time"`
	// Block is the Time of the block that the operator looked at, zero if there
	// was none; Refs are the references of the unknown intents that were shown.
	Block time.Time        `json:"block,omitzero"`
	Refs  []broker.OrderID `json:"refs,omitempty"`
}

// Covers returns [ErrOtherBlock] if an account is stopped by something that the
// unblock does not name: another block, or an intent that is unknown and not
// answered for. A nil block is none; open intents that are not settled stop
// nothing.
func (u *Unblock) Covers(block *Block, open []Intent) error {
	if block != nil && !block.Time.Equal(u.Block) {
		return fmt.Errorf("journal: unblock: account %s: %w: it is blocked since %s: %s: reconcile it, then unblock it again",
			u.Account, ErrOtherBlock, block.Time.UTC().Format(time.RFC3339Nano), block.Reason)
	}
	for i := range open {
		if ref := open[i].Order.ID; open[i].Open() && open[i].Settlement != nil && !slices.Contains(u.Refs, ref) {
			return fmt.Errorf("journal: unblock: account %s: %w: the outcome of order %s is unknown: reconcile the account, then unblock it again",
				u.Account, ErrOtherBlock, ref)
		}
	}
	return nil
}

// Kill says who stopped, or lets go on, all sends. Operator and Reason are
// required.
type Kill struct {
	// Account is the one account that is meant; empty means all.
	Account  broker.AccountID `json:"account,omitempty"`
	Operator string           `json:"operator"`
	Reason   string           `json:"reason"`
	Time     time.Time        `json:"time"`
}

// Approval says who lets a plan that was held be traded, and until when. All
// fields are required.
type Approval struct {
	Account broker.AccountID `json:"account"`
	// Run is the run that was held, Hash that of its plan.
	Run      RunID     `json:"run"`
	Hash     string    `json:"hash"`
	Operator string    `json:"operator"`
	Reason   string    `json:"reason"`
	Time     time.Time `json:"time"`
	Expires  time.Time `json:"expires"` // after Time
}
