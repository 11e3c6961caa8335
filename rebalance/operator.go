package rebalance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// Kill stops all sends of an account, or of all accounts when account is empty,
// at once and until [Engine.Resume]: a run under way sends nothing more, and
// cancels and watches what it sent. Operator and reason are required.
func (e *Engine) Kill(ctx context.Context, account broker.AccountID, operator, reason string) error {
	return e.cfg.Journal.Kill(ctx, journal.Kill{Account: account, Operator: operator, Reason: reason, Time: e.cfg.Now()})
}

// Resume lifts a kill of the same scope.
func (e *Engine) Resume(ctx context.Context, account broker.AccountID, operator, reason string) error {
	return e.cfg.Journal.Resume(ctx, journal.Kill{Account: account, Operator: operator, Reason: reason, Time: e.cfg.Now()})
}

// Recovered says what [Engine.Recover] found of one account.
type Recovered struct {
	Account broker.AccountID
	// Open counts the intents that were left open, Unfinished the runs.
	Open, Unfinished int
	// Event is the reconcile event that was published, if there is a queue;
	// Result what reconciling found, if there is none.
	Event  string
	Result *Result
}

// Recover looks for what an earlier process left open: for each account with
// open intents it has the account reconciled, through the queue if there is one,
// so that another worker's lease is respected, else at once. Call it at start,
// before or beside [Engine.Run]; calling it again does no harm. Unfinished runs
// continue by themselves when their events are delivered again.
func (e *Engine) Recover(ctx context.Context) ([]Recovered, error) {
	var found []Recovered
	var faults []error
	for i := range e.cfg.Accounts {
		rec, err := e.recoverAccount(ctx, e.cfg.Accounts[i].ID)
		if err != nil {
			faults = append(faults, fmt.Errorf("rebalance: recover account %s: %w", e.cfg.Accounts[i].ID, err))
		}
		if rec.Open+rec.Unfinished > 0 {
			found = append(found, rec)
		}
	}
	return found, errors.Join(faults...)
}

// recoverAccount reconciles one account if something of it stands open.
func (e *Engine) recoverAccount(ctx context.Context, id broker.AccountID) (Recovered, error) {
	rec := Recovered{Account: id}
	standing, err := e.cfg.Journal.Account(ctx, id)
	if err != nil {
		return rec, err
	}
	rec.Open, rec.Unfinished = len(standing.Open), len(standing.Unfinished)
	if rec.Open == 0 {
		return rec, nil
	}
	event := fmt.Sprintf("recover-%s-%d", id, standing.Fence)
	if e.cfg.Queue == nil {
		rec.Result, err = e.Rebalance(ctx, Request{Account: id, Command: CommandReconcile, Event: event})
		return rec, err
	}
	receipt, err := e.cfg.Queue.Publish(ctx, queue.Event{Key: event, Account: string(id), Command: string(CommandReconcile)})
	rec.Event = receipt.ID
	return rec, err
}

// unblockEvidence is what an unblocking rests on.
type unblockEvidence struct {
	Block      *journal.Block `json:"block"`
	Findings   []Finding      `json:"findings"`
	Difference []Difference   `json:"difference"` // against what the last run saw
	Snapshot   *SnapshotView  `json:"snapshot"`
}

// unblock lets a blocked account go on, on the word of an operator and a fresh
// reconciliation, which is stored with it. What is still unknown then, the
// operator has answered for; of an order that may still come to light only by
// force.
func (r *run) unblock(ctx context.Context) error {
	if err := r.require("unblock", named{"operator", r.req.Operator}, named{"reason", r.req.Reason}); err != nil {
		return err
	}
	block := r.standing.Block
	unknown := slices.ContainsFunc(r.standing.Open, func(in journal.Intent) bool { return in.Settlement != nil })
	if block == nil && !unknown {
		return stopf(Rejected, ReasonNotBlocked, "unblock: account %s is not blocked", r.req.Account)
	}
	if err := r.askedFor(ctx); err != nil {
		return err
	}
	if err := r.ours(ctx); err != nil {
		return err
	}
	if err := r.resolveEarlier(ctx); err != nil && !isBlocked(err) {
		return err
	}
	if err := r.readOthers(ctx); err != nil {
		return err
	}
	if err := r.showSnapshot(ctx); err != nil {
		return err
	}
	names, err := r.answer(ctx)
	if err != nil {
		return err
	}
	evidence, err := json.Marshal(unblockEvidence{
		Block: block, Findings: r.result.Findings, Difference: r.sinceLastRun(), Snapshot: r.result.Snapshot,
	})
	if err != nil {
		return err
	}
	err = r.e.cfg.Journal.Unblock(ctx, journal.Unblock{
		Account: r.req.Account, Operator: r.req.Operator, Reason: r.req.Reason, Evidence: evidence, Time: r.e.cfg.Now(),
		Block: names.Block, Refs: names.Refs,
	})
	if err != nil {
		return r.e.journalFault(err)
	}
	r.result.Detail = "unblocked by " + r.req.Operator + ": " + r.req.Reason
	return nil
}

// askedFor keeps which block the unblocking was asked for, so that the event,
// should it be delivered again, lifts none that came after it.
func (r *run) askedFor(ctx context.Context) error {
	var asked struct {
		Block time.Time `json:"block,omitzero"`
	}
	b := r.standing.Block
	if kept := r.record.Step(stepAsked); kept != nil {
		if err := json.Unmarshal(kept.Data, &asked); err != nil {
			return fmt.Errorf("rebalance: run %s: the block that it was asked for: %w", r.record.ID, err)
		}
		if b != nil && !b.Time.Equal(asked.Block) && b.Run != r.record.ID {
			return stopf(Rejected, ReasonNotBlocked, "unblock: account %s is blocked by something else since %s: %s: reconcile it, then unblock it again",
				r.req.Account, b.Time.UTC().Format(time.RFC3339), b.Reason)
		}
		return nil
	}
	if b != nil {
		asked.Block = b.Time
	}
	data, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	return r.checkpoint(ctx, stepAsked, data)
}

// answer settles, on the operator's word, what is still unknown: by the position,
// as far as it moved the way of the order. It returns what the unblocking names:
// the block that the account was found with, or that this run made of what it
// found, and the orders that were answered for. What stopped the account since,
// nobody has looked at.
func (r *run) answer(ctx context.Context) (names journal.Unblock, err error) {
	standing, err := r.e.cfg.Journal.Account(ctx, r.req.Account)
	if err != nil {
		return names, r.e.journalFault(err)
	}
	if b := standing.Block; r.standing.Block != nil {
		names.Block = r.standing.Block.Time
	} else if b != nil && b.Run == r.record.ID {
		names.Block = b.Time
	}
	if err := r.checkpoint(ctx, stepAnswer, nil); err != nil { // nobody else has begun meanwhile
		return names, err
	}
	held := r.holdings()
	var settled []journal.Settlement
	for i := range standing.Open {
		in := &standing.Open[i]
		if age := r.e.cfg.Now().Sub(in.Time); age < brokerMemory && !r.req.Force {
			return names, stopf(Rejected, ReasonUnknownOutcome, "unblock of account %s: order %s (%s) was sent %s ago and may still come to light: "+
				"look at the broker, then unblock with force, or wait until its day is over", r.req.Account, in.Order.ID, describe(&in.Order), age.Round(time.Second))
		}
		id := in.Order.Instrument
		sign := decimal.New(in.Order.Side.Sign(), 0)
		moved := held[id].Sub(in.Held).Mul(sign)
		filled := decimal.Max(decimal.Min(moved, in.Order.Quantity), decimal.Decimal{})
		held[id] = held[id].Sub(filled.Mul(sign)) // the next order of this instrument explains the rest
		l := leg{order: in.Order}
		l.inferred(r.e.cfg.Now(), filled, "by the position when "+r.req.Operator+" unblocked the account: "+r.req.Reason)
		settled = append(settled, *l.settlement)
		names.Refs = append(names.Refs, in.Order.ID)
		r.result.Findings = append(r.result.Findings, finding(&l))
	}
	if len(settled) == 0 {
		return names, nil
	}
	return names, r.e.journalFault(r.e.cfg.Journal.Settle(ctx, r.grant, settled...))
}

// isBlocked reports whether an error ends the run as blocked.
func isBlocked(err error) bool {
	var s *Error
	return errors.As(err, &s) && s.Outcome == Blocked
}

// named is an argument with its name.
type named struct{ name, value string }

// require returns a stop that names every argument which is missing.
func (r *run) require(what string, args ...named) error {
	var missing []string
	for _, a := range args {
		if a.value == "" {
			missing = append(missing, a.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return stopf(Rejected, ReasonBadArguments, "%s of account %s: the payload lacks %q", what, r.req.Account, missing)
}
