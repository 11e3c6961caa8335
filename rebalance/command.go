package rebalance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/queue"
)

// Command says what an event asks for.
type Command string

// The commands.
const (
	// CommandRebalance brings the account to its targets.
	CommandRebalance Command = "rebalance"
	// CommandPreview plans and shows, with no side effect at the broker.
	CommandPreview Command = "preview"
	// CommandCancelOrders cancels our own working orders and confirms it.
	CommandCancelOrders Command = "cancel_orders"
	// CommandSnapshot shows positions, cash, equity and open orders.
	CommandSnapshot Command = "snapshot"
	// CommandReconcile finds out what became of open intents, and compares the
	// positions with what the last run left. It neither sends nor cancels.
	CommandReconcile Command = "reconcile"
	// CommandApprove lets a held plan be traded.
	CommandApprove Command = "approve"
	// CommandUnblock lets a blocked account go on.
	CommandUnblock Command = "unblock"
	// CommandHealth checks every dependency.
	CommandHealth Command = "health"
)

// looks reports whether a command only looks: by itself it needs no claim.
func (c Command) looks() bool {
	return c == CommandPreview || c == CommandSnapshot || c == CommandHealth
}

// ArgumentsSchema is the version of the JSON form of [Arguments].
const ArgumentsSchema = 1

// Arguments is the payload of an event. All fields are optional.
type Arguments struct {
	// Schema is the version of this form. Zero means the current one.
	Schema int `json:"schema,omitempty"`
	// Strategy overrides the account's.
	Strategy string `json:"strategy,omitempty"`
	// Mode overrides the policy's.
	Mode Mode `json:"mode,omitempty"`
	// Force trades whatever the bands say. For unblock it vouches that an order
	// which cannot be found is not at the broker.
	Force bool `json:"force,omitempty"`
	// RaiseAmount is for mode raise_cash.
	RaiseAmount decimal.NullDecimal `json:"raise_amount,omitzero"`
	// Policy overrides, for this run, the fields that it names, such as
	// {"corporate_action":"off"}.
	Policy json.RawMessage `json:"policy,omitempty"`
	// Automatic marks an event that a schedule made: the account's [Trigger]
	// decides whether it is due.
	Automatic bool `json:"automatic,omitempty"`

	// Operator and Reason say who approves or unblocks, and why. Hash is the plan
	// that approve is about, Expires until when it counts; a day by default.
	Hash     string    `json:"hash,omitempty"`
	Operator string    `json:"operator,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

// Request asks for one command on one account.
type Request struct {
	Account broker.AccountID
	// Command says what to do. Default: rebalance.
	Command Command
	// Event identifies the request: asking again with the same one continues or
	// repeats the same run. Preview, snapshot and health are no runs: they claim
	// nothing, and look anew each time. Default: a new one.
	Event string
	Arguments

	// fence and lease come with a delivery.
	fence uint64
	lease func() queue.Lease
}

// DecodeArguments reads a payload strictly. Nothing, or null, is no arguments.
func DecodeArguments(payload json.RawMessage) (Arguments, error) {
	var a Arguments
	if len(payload) == 0 || string(payload) == "null" {
		return a, nil
	}
	if err := strictjson.Decode(payload, queue.MaxPayload, &a); err != nil {
		return Arguments{}, fmt.Errorf("rebalance: payload: %w", err)
	}
	if a.Schema > ArgumentsSchema || a.Schema < 0 {
		return Arguments{}, fmt.Errorf("rebalance: payload: schema %d: this release knows %d", a.Schema, ArgumentsSchema)
	}
	return a, nil
}

// request reads a delivery's event.
func (e *Engine) request(d *queue.Delivery) (Request, error) {
	args, err := DecodeArguments(d.Event.Payload)
	if err != nil {
		return Request{}, &Error{Outcome: Rejected, Reason: ReasonBadArguments, Err: err}
	}
	return Request{
		Account: broker.AccountID(d.Event.Account), Command: Command(d.Event.Command), Event: d.Event.ID,
		Arguments: args, fence: d.Fence, lease: d.Lease,
	}, nil
}

// override is a policy with what the arguments say otherwise.
func (a *Arguments) override(policy Policy) (Policy, error) {
	if len(a.Policy) > 0 {
		var err error
		if policy, err = policy.Override(a.Policy); err != nil {
			return policy, err
		}
	}
	policy.Force = policy.Force || a.Force
	if a.Mode != "" {
		policy.Mode = a.Mode
	}
	if a.RaiseAmount.Valid {
		policy.RaiseAmount = a.RaiseAmount.Decimal
	}
	return policy, policy.Check()
}

// commands is what each command does once its run has begun.
var commands = map[Command]func(*run, context.Context) error{
	CommandRebalance:    (*run).rebalance,
	CommandPreview:      (*run).preview,
	CommandCancelOrders: (*run).cancelOrders,
	CommandSnapshot:     (*run).showSnapshot,
	CommandReconcile:    (*run).reconcile,
	CommandApprove:      (*run).approve,
	CommandUnblock:      (*run).unblock,
	CommandHealth:       (*run).health,
}

// known returns nil, or a stop that names the unknown command.
func known(c Command) error {
	if commands[c] != nil {
		return nil
	}
	names := make([]string, 0, len(commands))
	for _, n := range [...]Command{
		CommandRebalance, CommandPreview, CommandCancelOrders, CommandSnapshot, CommandReconcile,
		CommandApprove, CommandUnblock, CommandHealth,
	} {
		names = append(names, string(n))
	}
	return stopf(Rejected, ReasonUnknownCommand, "command %q is none of %s", c, strings.Join(names, ", "))
}
