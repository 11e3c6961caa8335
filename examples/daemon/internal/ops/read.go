package ops

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Event returns an event with its history.
func (l *Local) Event(ctx context.Context, id string) (Event, error) {
	entry, err := l.Queue.Entry(ctx, id)
	if err != nil {
		return Event{}, classify(err)
	}
	return event(&entry), nil
}

// DeadLetters lists the events that will not be tried again, 1,000 at most: first
// those that wait for an operator, then those that went on as another event.
func (l *Local) DeadLetters(ctx context.Context) ([]Event, error) {
	waiting, went := []Event{}, []Event{}
	for entry, err := range l.Queue.Entries(ctx, queue.Dead) {
		if err != nil {
			return nil, classify(err)
		}
		into := &waiting
		if entry.Successor != "" {
			into = &went
		}
		if len(*into) < maxListed {
			*into = append(*into, event(&entry))
		}
		if len(waiting) == maxListed {
			break
		}
	}
	all := append(waiting, went...)
	return all[:min(len(all), maxListed)], nil
}

// maxListed bounds a list.
const maxListed = 1000

// list returns the events in some states.
func (l *Local) list(ctx context.Context, states ...queue.State) ([]Event, error) {
	all := []Event{}
	for _, state := range states {
		for entry, err := range l.Queue.Entries(ctx, state) {
			if err != nil {
				return nil, classify(err)
			}
			if len(all) == maxListed {
				return all, nil
			}
			all = append(all, event(&entry))
		}
	}
	return all, nil
}

func event(e *queue.Entry) Event {
	return Event{
		ID: e.Event.ID, Key: e.Event.Key, Account: broker.AccountID(e.Event.Account), Command: rebalance.Command(e.Event.Command),
		Payload: e.Event.Payload, State: e.State, Created: e.Event.Created, Due: e.Due, Attempt: e.Attempt, Crashes: e.Crashes,
		Origin: e.Event.Origin, Successor: e.Successor, History: e.History,
	}
}

// Requeue asks for a dead event again.
func (l *Local) Requeue(ctx context.Context, id string, s Signed) (queue.Receipt, error) {
	return l.operate(ctx, queue.Requeue, id, s)
}

// Drop ends a dead, held or waiting event for good.
func (l *Local) Drop(ctx context.Context, id string, s Signed) (queue.Receipt, error) {
	return l.operate(ctx, queue.Drop, id, s)
}

// Release puts a held event back into the line, such as one that a kill stopped.
func (l *Local) Release(ctx context.Context, id string, s Signed) (queue.Receipt, error) {
	return l.operate(ctx, queue.Release, id, s)
}

func (l *Local) operate(ctx context.Context, verb queue.ActionVerb, id string, s Signed) (queue.Receipt, error) {
	if err := s.check(); err != nil {
		return queue.Receipt{}, err
	}
	receipt, err := l.Queue.Operator(ctx, queue.Action{Verb: verb, ID: id, Operator: s.Operator, Reason: s.Reason})
	return receipt, classify(err)
}

// Runs lists the newest runs of an account, or of all.
func (l *Local) Runs(ctx context.Context, account broker.AccountID, limit int) ([]Run, error) {
	if err := l.knownOrAll(account); err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxListed {
		return nil, fmt.Errorf("%w: limit %d: want 1 to %d", ErrInvalid, limit, maxListed)
	}
	all := []Run{}
	for kept, err := range l.Journal.Runs(ctx, account) {
		if err != nil {
			return nil, classify(err)
		}
		run := summary(&kept)
		run.Steps, run.Held, run.Result = nil, nil, nil
		if all = append(all, run); len(all) == limit {
			break
		}
	}
	return all, nil
}

// Run returns a run with its steps, its orders and its result.
func (l *Local) Run(ctx context.Context, id journal.RunID) (Run, error) {
	kept, err := l.Journal.Run(ctx, id)
	if err != nil {
		return Run{}, classify(err)
	}
	return summary(&kept), nil
}

// summary is a run as operators see it.
func summary(kept *journal.Run) Run {
	run := Run{
		ID: kept.ID, Event: kept.Event, Account: kept.Account, Command: rebalance.Command(kept.Command), Started: kept.Started, Outcome: Unfinished,
	}
	for _, s := range kept.Steps {
		run.Steps = append(run.Steps, Step{s.Name, s.Time})
	}
	if kept.Outcome == nil {
		run.Orders, run.Held = intents(kept), held(kept)
		if run.Held != nil {
			run.Reason, run.Detail = run.Held.Reason, run.Held.Detail
		}
		return run
	}
	run.Outcome, run.Finished = rebalance.Outcome(kept.Outcome.Name), kept.Outcome.Time
	result, err := rebalance.DecodeResult(kept.Outcome.Result)
	if err != nil {
		run.Detail = "the result cannot be read: " + err.Error()
		run.Orders = intents(kept)
		return run
	}
	run.Reason, run.Detail, run.Orders, run.Result = result.Reason, result.Detail, result.Orders, result
	return run
}

// intents are the orders of a run that goes on, as the journal has them.
func intents(kept *journal.Run) []rebalance.OrderResult {
	var all []rebalance.OrderResult
	for i := range kept.Intents {
		in := &kept.Intents[i]
		o := rebalance.OrderResult{
			Symbol: in.Order.Instrument, Side: in.Order.Side, Ref: in.Order.ID, Planned: in.Order.Quantity, Sent: in.Order.Quantity, Limit: in.Order.Limit,
		}
		if s := in.Settlement; s != nil {
			o.Outcome, o.Filled, o.AveragePrice, o.Fees, o.FeeCurrency = s.Outcome, s.Filled, s.AveragePrice, s.Fees, s.FeeCurrency
			o.Code, o.Reason = s.Code, s.Reason
		}
		all = append(all, o)
	}
	return all
}

// held is the plan of a run that waits for an approval.
func held(kept *journal.Run) *rebalance.Plan {
	step := kept.Step(string(rebalance.StepPlan))
	if step == nil {
		return nil
	}
	var frozen struct {
		Plan rebalance.Plan `json:"plan"`
	}
	if json.Unmarshal(step.Data, &frozen) != nil || frozen.Plan.Outcome != rebalance.PlanHeld {
		return nil
	}
	return &frozen.Plan
}

// Status says how everything stands.
func (l *Local) Status(ctx context.Context) (Status, error) {
	s := Status{Time: l.now()}
	stats, err := l.Queue.Stats(ctx)
	if err != nil {
		return s, classify(err)
	}
	s.Queue = stats.Counts
	// Those that need an operator come first: the list may be cut off.
	if s.Waiting, err = l.list(ctx, queue.Held, queue.Leased, queue.Queued, queue.Delayed); err != nil {
		return s, err
	}
	for i := range l.Accounts {
		a := &l.Accounts[i]
		standing, err := l.Journal.Account(ctx, a.ID)
		if err != nil {
			return s, classify(err)
		}
		s.Accounts = append(s.Accounts, Account{
			ID: a.ID, Mode: a.Mode, Strategy: a.Strategy, Open: len(standing.Open), Unfinished: standing.Unfinished,
			Block: standing.Block, Kill: standing.Kill,
		})
	}
	if l.Switchboard != nil {
		s.Breakers = l.breakers()
	}
	if l.Fill != nil {
		l.Fill(ctx, &s)
	}
	return s, nil
}
