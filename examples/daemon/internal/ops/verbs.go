package ops

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Sentinels for decisions that a caller makes. Use errors.Is.
var (
	// ErrInvalid: the request is at fault.
	ErrInvalid = errors.New("ops: invalid request")
	// ErrNotFound: there is no such event, run or account.
	ErrNotFound = errors.New("ops: not found")
	// ErrRefused: it is there, but not in a state that allows this.
	ErrRefused = errors.New("ops: refused")
	// ErrUnavailable: a store or the broker does not answer; try again.
	ErrUnavailable = errors.New("ops: unavailable")
)

// Verbs are what an operator can do.
type Verbs interface {
	Enqueue(ctx context.Context, e NewEvent) (queue.Receipt, error)
	Event(ctx context.Context, id string) (Event, error)
	Preview(ctx context.Context, account broker.AccountID) (rebalance.Plan, error)
	Status(ctx context.Context) (Status, error)
	DeadLetters(ctx context.Context) ([]Event, error)
	Requeue(ctx context.Context, id string, s Signed) (queue.Receipt, error)
	Drop(ctx context.Context, id string, s Signed) (queue.Receipt, error)
	Release(ctx context.Context, id string, s Signed) (queue.Receipt, error)
	Runs(ctx context.Context, account broker.AccountID, limit int) ([]Run, error)
	Run(ctx context.Context, id journal.RunID) (Run, error)
	Approve(ctx context.Context, a Approve) (queue.Receipt, error)
	Block(ctx context.Context, account broker.AccountID, s Signed) error
	Unblock(ctx context.Context, account broker.AccountID, s Signed) (queue.Receipt, error)
	Kill(ctx context.Context, account broker.AccountID, s Signed) error
	Resume(ctx context.Context, account broker.AccountID, s Signed) error
	Breakers(ctx context.Context) ([]Breaker, error)
	ForceBreaker(ctx context.Context, name string, mode BreakerMode, s Signed) error
}

// Signed says who asks for a change, and why. Both are required.
type Signed struct {
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
	// Force is for unblock: the operator vouches that an order which cannot be
	// found is not at the broker.
	Force bool `json:"force,omitempty"`
}

// NewEvent asks for work on an account.
type NewEvent struct {
	Account   broker.AccountID  `json:"account"`
	Command   rebalance.Command `json:"command"`
	Key       string            `json:"key,omitempty"`
	Payload   json.RawMessage   `json:"payload,omitempty"`
	NotBefore time.Time         `json:"not_before,omitzero"`
}

// Approve lets a held plan be traded: the one with the hash that was looked at.
type Approve struct {
	Account broker.AccountID `json:"account"`
	Hash    string           `json:"hash"`
	Signed
}

// Event is an event with all that happened to it.
type Event struct {
	ID        string              `json:"id"`
	Key       string              `json:"key,omitempty"`
	Account   broker.AccountID    `json:"account"`
	Command   rebalance.Command   `json:"command"`
	Payload   json.RawMessage     `json:"payload,omitempty"`
	State     queue.State         `json:"state"`
	Created   time.Time           `json:"created"`
	Due       time.Time           `json:"due"`
	Attempt   int                 `json:"attempt"`
	Crashes   int                 `json:"crashes"`
	Origin    string              `json:"origin,omitempty"`
	Successor string              `json:"successor,omitempty"`
	History   []queue.HistoryItem `json:"history"`
}

// Why is what happened last, in words.
func (e *Event) Why() string {
	for i := len(e.History) - 1; i >= 0; i-- {
		if h := e.History[i]; h.Detail != "" {
			return h.Detail
		}
	}
	return ""
}

// LastRun is the run that last worked on the event, if any.
func (e *Event) LastRun() string {
	for i := len(e.History) - 1; i >= 0; i-- {
		if run := e.History[i].Run; run != "" {
			return run
		}
	}
	return ""
}

// Run is a run, short in a list.
type Run struct {
	ID       journal.RunID           `json:"id"`
	Event    string                  `json:"event"`
	Account  broker.AccountID        `json:"account"`
	Command  rebalance.Command       `json:"command"`
	Started  time.Time               `json:"started"`
	Finished time.Time               `json:"finished,omitzero"`
	Outcome  rebalance.Outcome       `json:"outcome"` // unfinished, if it is
	Reason   rebalance.Reason        `json:"reason,omitempty"`
	Detail   string                  `json:"detail,omitempty"`
	Orders   []rebalance.OrderResult `json:"orders,omitempty"`
	// Steps, Held and Result are of a single run only.
	Steps  []Step            `json:"steps,omitempty"`
	Held   *rebalance.Plan   `json:"held,omitempty"` // the plan that waits for an approval
	Result *rebalance.Result `json:"result,omitempty"`
}

// Unfinished is the outcome of a run that goes on.
const Unfinished = rebalance.Outcome("unfinished")

// Step is a step that a run reached.
type Step struct {
	Name string    `json:"name"`
	Time time.Time `json:"time"`
}

// Status is how everything stands.
type Status struct {
	Time     time.Time           `json:"time"`
	DryRun   bool                `json:"dry_run,omitempty"`
	Paper    bool                `json:"paper"` // no account holds real money
	Serving  bool                `json:"serving"`
	Draining bool                `json:"draining,omitempty"`
	Accounts []Account           `json:"accounts"`
	Queue    map[queue.State]int `json:"queue"`
	Waiting  []Event             `json:"waiting,omitempty"` // held, leased, queued and delayed; 1,000 at most
	Breakers []Breaker           `json:"breakers,omitempty"`
	Health   *rebalance.Report   `json:"health,omitempty"`
	// Outbox counts notifications that wait to be sent.
	Outbox int `json:"outbox,omitempty"`
}

// Account is how an account stands.
type Account struct {
	ID         broker.AccountID `json:"id"`
	Mode       broker.Mode      `json:"mode"`
	Strategy   string           `json:"strategy"`
	Open       int              `json:"open_intents"`
	Unfinished []journal.RunID  `json:"unfinished,omitempty"`
	Block      *journal.Block   `json:"block,omitempty"`
	Kill       *journal.Kill    `json:"kill,omitempty"`
	Picture    *Picture         `json:"picture,omitempty"`
}

// Picture is an account against its targets, as of the last look.
type Picture struct {
	Time   time.Time             `json:"time"`
	Equity decimal.Decimal       `json:"equity"`
	Lines  []rebalance.PlanLine  `json:"lines,omitempty"`
	Plan   rebalance.PlanOutcome `json:"plan,omitempty"`
	Orders int                   `json:"orders"`
	Fault  string                `json:"fault,omitempty"`
}
