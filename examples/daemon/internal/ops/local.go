package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Queue is a queue that operators can look at.
type Queue interface {
	queue.EventQueue
	queue.Admin
}

// Local does the verbs on open stores. Queue, Journal and Accounts are required.
// Safe for concurrent use.
type Local struct {
	Queue    Queue
	Journal  journal.Journal
	Accounts []rebalance.Account
	// Plan previews a rebalance. Default: none, [Local.Preview] fails.
	Plan func(context.Context, rebalance.Request) (rebalance.Plan, error)
	// Switchboard has the breakers. Default: none, they are unavailable.
	Switchboard Switchboard
	// Fill adds to a status what only a running engine knows. Default: nothing.
	Fill func(context.Context, *Status)
	// Convert changes a command on its way in: a dry run makes rebalance a
	// preview. Default: unchanged.
	Convert func(rebalance.Command) rebalance.Command
	// Now is the time. Default: time.Now.
	Now func() time.Time

	mu     sync.Mutex
	forced map[string]Breaker // by name: who set their mode
}

var _ Verbs = (*Local)(nil)

func (l *Local) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// Enqueue publishes an event for an account of the configuration.
func (l *Local) Enqueue(ctx context.Context, e NewEvent) (queue.Receipt, error) {
	if err := l.known(e.Account); err != nil {
		return queue.Receipt{}, err
	}
	e.Command = cmp.Or(e.Command, rebalance.CommandRebalance)
	if _, err := rebalance.DecodeArguments(e.Payload); err != nil {
		return queue.Receipt{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !slices.Contains(Commands(), e.Command) {
		return queue.Receipt{}, fmt.Errorf("%w: command %q is none of %q", ErrInvalid, e.Command, Commands())
	}
	if l.Convert != nil {
		e.Command = l.Convert(e.Command)
	}
	receipt, err := l.Queue.Publish(ctx, queue.Event{
		Account: string(e.Account), Command: string(e.Command), Key: e.Key, Payload: e.Payload, NotBefore: e.NotBefore,
	})
	return receipt, classify(err)
}

// Commands are all commands of the engine.
func Commands() []rebalance.Command {
	return append(Harmless(), rebalance.CommandApprove, rebalance.CommandUnblock)
}

// Harmless are the commands that need no operator's word.
func Harmless() []rebalance.Command {
	return []rebalance.Command{
		rebalance.CommandRebalance, rebalance.CommandPreview, rebalance.CommandSnapshot, rebalance.CommandReconcile,
		rebalance.CommandCancelOrders, rebalance.CommandHealth,
	}
}

// Preview plans a rebalance and changes nothing.
func (l *Local) Preview(ctx context.Context, account broker.AccountID) (rebalance.Plan, error) {
	if err := l.known(account); err != nil {
		return rebalance.Plan{}, err
	}
	if l.Plan == nil {
		return rebalance.Plan{}, fmt.Errorf("%w: no broker is connected", ErrUnavailable)
	}
	plan, err := l.Plan(ctx, rebalance.Request{Account: account})
	if err != nil {
		return plan, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return plan, nil
}

// Approve asks that a held plan be traded.
func (l *Local) Approve(ctx context.Context, a Approve) (queue.Receipt, error) {
	if a.Hash == "" {
		return queue.Receipt{}, fmt.Errorf("%w: hash is missing: look at the plan that is held, it is there", ErrInvalid)
	}
	return l.command(ctx, a.Account, rebalance.CommandApprove, a.Signed, rebalance.Arguments{Hash: a.Hash})
}

// Unblock asks that a blocked account goes on, after a reconciliation.
func (l *Local) Unblock(ctx context.Context, account broker.AccountID, s Signed) (queue.Receipt, error) {
	return l.command(ctx, account, rebalance.CommandUnblock, s, rebalance.Arguments{Force: s.Force})
}

// command publishes what only an operator may ask for.
func (l *Local) command(ctx context.Context, account broker.AccountID, c rebalance.Command, s Signed, args rebalance.Arguments) (queue.Receipt, error) {
	if err := s.check(); err != nil {
		return queue.Receipt{}, err
	}
	args.Operator, args.Reason = s.Operator, s.Reason
	payload, err := json.Marshal(args)
	if err != nil {
		return queue.Receipt{}, err
	}
	return l.Enqueue(ctx, NewEvent{Account: account, Command: c, Payload: payload})
}

// Block stops an account.
func (l *Local) Block(ctx context.Context, account broker.AccountID, s Signed) error {
	if err := errors.Join(l.known(account), s.check()); err != nil {
		return err
	}
	evidence, err := json.Marshal(map[string]string{"operator": s.Operator})
	if err != nil {
		return err
	}
	return classify(l.Journal.Block(ctx, journal.Block{
		Account: account, Reason: "by " + s.Operator + ": " + s.Reason, Evidence: evidence, Time: l.now(),
	}))
}

// Kill stops all sends of an account, or of all if there is none.
func (l *Local) Kill(ctx context.Context, account broker.AccountID, s Signed) error {
	if err := errors.Join(l.knownOrAll(account), s.check()); err != nil {
		return err
	}
	return classify(l.Journal.Kill(ctx, journal.Kill{Account: account, Operator: s.Operator, Reason: s.Reason, Time: l.now()}))
}

// Resume lifts a kill of the same scope.
func (l *Local) Resume(ctx context.Context, account broker.AccountID, s Signed) error {
	if err := errors.Join(l.knownOrAll(account), s.check()); err != nil {
		return err
	}
	return classify(l.Journal.Resume(ctx, journal.Kill{Account: account, Operator: s.Operator, Reason: s.Reason, Time: l.now()}))
}

func (s *Signed) check() error {
	if strings.TrimSpace(s.Operator) == "" || strings.TrimSpace(s.Reason) == "" {
		return fmt.Errorf("%w: operator and reason are required: who asks for this, and why", ErrInvalid)
	}
	return nil
}

func (l *Local) knownOrAll(account broker.AccountID) error {
	if account == "" {
		return nil
	}
	return l.known(account)
}

// known refuses accounts that are not configured.
func (l *Local) known(account broker.AccountID) error {
	var all []string
	for i := range l.Accounts {
		if l.Accounts[i].ID == account {
			return nil
		}
		all = append(all, string(l.Accounts[i].ID))
	}
	return fmt.Errorf("%w: account %q: there are %q", ErrNotFound, account, all)
}

// classify turns the errors of the stores into those of this package.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, queue.ErrUnknownEvent), errors.Is(err, journal.ErrUnknownRun):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, queue.ErrWrongState), errors.Is(err, journal.ErrFinished):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, queue.ErrInvalidEvent), errors.Is(err, queue.ErrInvalidAction), errors.Is(err, journal.ErrInvalid):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
