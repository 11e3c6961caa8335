package rebalance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Step is a step of a run, as the journal and the tracker name it.
type Step string

// The steps of a rebalance, in their order.
const (
	StepClaim       Step = "claim"
	StepReady       Step = "ready"
	StepResolve     Step = "resolve"
	StepAllocation  Step = "allocation"
	StepInstruments Step = "instruments"
	StepSnapshot    Step = "snapshot"
	StepCancel      Step = "cancel"
	StepPrices      Step = "prices"
	StepPlan        Step = "plan"
	StepSell        Step = "sell"
	StepSettle      Step = "settle"
	StepBuy         Step = "buy"
	StepVerify      Step = "verify"
	StepFinish      Step = "finish"
)

// Records of a run besides its steps.
const (
	stepFund       = "fund"       // the buys as they were funded, inside of StepBuy
	stepSmaller    = "smaller"    // the buys as they were sized after a margin rejection
	stepCompensate = "compensate" // the orders that buy back what was sold
	stepBlocked    = "blocked"    // the run is about to block the account
	stepAsked      = "asked"      // the block that an operator wants lifted
	stepAnswer     = "answer"     // an operator's word is about to settle what is unknown
	stepParked     = "parked"     // the run was put down on purpose, to be taken up again
)

// spine is a rebalance between its claim and its finish.
var spine = [...]struct {
	step Step
	do   func(*run, context.Context) error
}{
	{StepReady, (*run).ready},             // session up, account ours, not killed, not blocked
	{StepResolve, (*run).resolveEarlier},  // what became of intents that were left open
	{StepAllocation, (*run).allocation},   // targets, fetched once and frozen
	{StepInstruments, (*run).instruments}, // one contract each, and their hours
	{StepSnapshot, (*run).snapshot},       // positions, cash, open orders: complete or an error
	{StepCancel, (*run).cancelStale},      // own orders that still work
	{StepPrices, (*run).prices},           // with tier and age
	{StepPlan, (*run).makePlan},           // pure; frozen from here on
	{StepSell, (*run).sell},               // journaled, sent once, watched to the end
	{StepSettle, (*run).settleSells},      // positions must be what the fills say
	{StepBuy, (*run).buy},                 // paid from the cash that is there
	{StepVerify, (*run).verify},           // what was planned against what is
}

// run is one run of one account. It belongs to one goroutine.
type run struct {
	e       *Engine
	req     Request
	account *Account
	policy  *Policy

	grant    journal.Grant
	record   journal.Run // as the journal had it at the claim
	standing journal.Standing
	memory   *memory       // what earlier runs left, nil if none
	others   []journal.Run // the account's other unfinished runs, once they were read
	dry      bool          // no journal, no orders

	targets     allocation.Allocation
	terms       map[broker.InstrumentID]broker.Instrument
	symbols     []broker.InstrumentID // those of terms, sorted; nil if not known
	sessions    []broker.Session      // known to be open; room.sessionOf says which is that of an instrument
	strange     []broker.InstrumentID // asked for and not resolved as a stock
	snap        broker.Snapshot
	shown       time.Time // when snap was, by the clock of waits
	quotes      marketdata.Quotes
	quoted      time.Time // when quotes were
	calendarDue bool      // the trigger's calendar asks for this run
	renewed     bool      // its targets were overtaken, and read anew
	frozen      frozenPlan
	reserve     decimal.Decimal // cash that must stay
	resumed     bool            // the plan comes from the journal and has orders sent
	agreed      bool            // the positions bear out every fill that is settled
	legs        []*leg
	room        *room
	stem        string          // of the references of its orders, once it is needed
	extra       []PlannedOrder  // compensating orders, behind those of the plan
	keep        json.RawMessage // what the current step leaves in the journal

	result *Result
}

// Rebalance brings one account to its targets, or runs the request's other
// command, and blocks until that ended. It uses no goroutine and no queue. The
// result says what happened, also when that is a failure; an error says that
// there is no result, because another worker took over, ctx ended, or the
// engine cannot vouch for anything: ask again with the same Event, and the run
// continues.
func (e *Engine) Rebalance(ctx context.Context, req Request) (*Result, error) {
	return e.do(ctx, req)
}

// do runs a command from its claim to its finish.
func (e *Engine) do(ctx context.Context, req Request) (*Result, error) {
	if req.Command.looks() && req.lease == nil {
		return e.show(ctx, req)
	}
	r, err := e.claim(ctx, req)
	if err == nil && !r.result.stored {
		err = commands[r.req.Command](r, ctx)
	}
	res, err := r.end(ctx, err)
	e.leave(r.room)
	return res, err
}

// show runs a command that only looks and that no event asked for. It claims
// nothing, so that it stops no run which is under way, and its result is not stored.
// That of an event must be: the queue sees to it that nobody else works on the
// account meanwhile.
func (e *Engine) show(ctx context.Context, req Request) (*Result, error) {
	r := e.newRun(req)
	r.dry = true
	err := r.configure()
	if err == nil {
		if r.standing, err = e.cfg.Journal.Account(ctx, req.Account); err != nil {
			err = e.journalFault(err)
		} else {
			err = commands[req.Command](r, ctx)
		}
	}
	res, err := r.end(ctx, err)
	e.leave(r.room)
	if res != nil {
		res.stored = true // there is no run to store it in
	}
	return res, err
}

// newRun returns a run that has not begun, with what the request leaves open.
func (e *Engine) newRun(req Request) *run {
	req.Command = cmp.Or(req.Command, CommandRebalance)
	if req.Event == "" {
		req.Event = e.cfg.NewID()
	}
	return &run{e: e, req: req, room: e.room(), result: &Result{
		Schema: ResultSchema, Account: req.Account, Event: req.Event, Command: req.Command, Started: e.cfg.Now(),
	}}
}

// claim is step 1: the right to work on the account, and what stands open.
func (e *Engine) claim(ctx context.Context, req Request) (*run, error) {
	r := e.newRun(req)
	req = r.req
	if err := r.configure(); err != nil {
		return r, err
	}
	begun, err := e.cfg.Journal.Begin(ctx, journal.Claim{
		Account: req.Account, Event: req.Event, Command: string(req.Command), Fence: req.fence, Time: r.result.Started,
	})
	if err != nil {
		return r, e.journalFault(err)
	}
	r.grant, r.record, r.standing = begun.Grant, begun.Run, begun.Standing
	r.result.Run, r.result.Started, r.result.fence = begun.Run.ID, begun.Run.Started, begun.Grant.Fence
	if begun.Run.Outcome != nil {
		r.result = storedResult(r.result, begun.Run.Outcome)
		return r, nil
	}
	e.track(ctx, r.progress(StepClaim))
	if mark := begun.Run.Step(stepParked); mark != nil {
		var p parking
		if err := json.Unmarshal(mark.Data, &p); err != nil {
			return r, fmt.Errorf("rebalance: run %s: the mark of its waiting: %w", begun.Run.ID, err)
		}
		r.result.closed = p.Closed
	}
	return r, r.recall(begun.Standing.Memo)
}

// storedResult is the result that a finished run left. One that cannot be read, say
// because a newer release wrote it, is for a human: the run is over, its record
// stays as it is, and nothing of it is done again.
func storedResult(blank *Result, o *journal.Outcome) *Result {
	res, err := DecodeResult(o.Result)
	if err != nil {
		res = blank
		res.Outcome, res.Reason, res.Finished = Held, ReasonUnreadable, o.Time
		res.Detail = fmt.Sprintf("run %s ended as %s at %s, but its result, %d bytes in the journal's record of that run, cannot be read: %v: "+
			"update this worker or repair the record, then release the event", blank.Run, o.Name, o.Time.UTC().Format(time.RFC3339), len(o.Result), err)
	}
	res.stored = true
	return res
}

// configure checks the request against the configuration.
func (r *run) configure() error {
	if err := known(r.req.Command); err != nil {
		return err
	}
	a, err := r.e.account(r.req.Account)
	if err != nil {
		return err
	}
	policy, err := r.req.override(*a.Policy)
	if err != nil {
		return stopAs(Rejected, ReasonBadArguments, err)
	}
	if r.req.Strategy == "" {
		r.req.Strategy = a.Strategy
	}
	r.account, r.policy, r.result.Strategy = a, &policy, r.req.Strategy
	return nil
}

// rebalance walks the spine.
func (r *run) rebalance(ctx context.Context) error {
	for i := range spine {
		if err := r.step(ctx, spine[i].step, spine[i].do); err != nil {
			return r.unwind(ctx, err)
		}
	}
	return nil
}

// unwind ends what a resumed run found at work and cannot come to watch, because a
// step before that failed: the order is cancelled at once, and settled.
func (r *run) unwind(ctx context.Context, why error) error {
	var working []*leg
	for _, l := range r.legs {
		if l.working() {
			l.doneBy = r.e.tick()
			working = append(working, l)
		}
	}
	if len(working) == 0 || context.Cause(ctx) != nil || errors.Is(why, journal.ErrFenced) {
		return why
	}
	if err := r.watch(ctx, working); err != nil {
		return err
	}
	return why
}

// step does one step and records that it was reached.
func (r *run) step(ctx context.Context, step Step, do func(*run, context.Context) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !r.dry {
		r.e.track(ctx, r.progress(step))
	}
	r.e.move()
	r.keep = nil
	if err := do(r, ctx); err != nil {
		return err
	}
	return r.checkpoint(ctx, string(step), r.keep)
}

// checkpoint records a step in the journal.
func (r *run) checkpoint(ctx context.Context, step string, data json.RawMessage) error {
	if r.dry {
		return nil
	}
	return r.e.journalFault(r.e.cfg.Journal.Checkpoint(ctx, r.grant, journal.Step{Name: step, Time: r.e.cfg.Now(), Data: data}))
}

// end is step 14: the error of the last step becomes the outcome, and a run
// that is over is stored.
func (r *run) end(ctx context.Context, err error) (*Result, error) {
	res := r.result
	if res.stored {
		return res, nil
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, errors.Join(cause, err)
		}
		var s *Error
		if err = r.e.stopFor(err); !errors.As(err, &s) {
			return nil, err
		}
		if s.Reason == ReasonSessionLost {
			r.e.unready.Store(true)
		}
		res.Outcome, res.Reason, res.Detail, res.Until = s.Outcome, s.Reason, s.Err.Error(), s.Until
		r.report()
	}
	res.Finished = r.e.cfg.Now()
	if err := r.putDown(ctx); err != nil {
		return nil, err
	}
	p := r.progress("")
	if _, none := r.e.cfg.Tracker.(noTracker); !none {
		p.Result = res.clone()
	}
	r.e.track(ctx, p)
	return res, nil
}

// putDown stores the result of a run that is over, and marks one that waits:
// unless it has sent orders, it will look at everything anew.
func (r *run) putDown(ctx context.Context) error {
	res := r.result
	if !res.Outcome.Ended() {
		if res.Run == "" {
			return nil
		}
		res.memo, _ = r.memo(res) // should it end as a dead letter
		data, err := r.parked(res)
		if err != nil {
			return err
		}
		err = r.checkpoint(context.WithoutCancel(ctx), stepParked, data)
		if errors.Is(err, journal.ErrFenced) {
			return err
		}
		return nil // a run without the mark looks anew as well, only later
	}
	if res.Run != "" {
		r.e.track(ctx, r.progress(StepFinish))
	}
	memo, m := r.memo(res)
	if err := r.e.store(ctx, res, memo); err != nil {
		return err
	}
	if m != nil {
		r.remember(m)
	}
	return nil
}

// parking is what the mark of a run that waits says.
type parking struct {
	// Closed is how long the run has waited, or will have, for markets to open.
	Closed time.Duration `json:"closed_ns"`
}

// parked makes the mark of a run that waits.
func (r *run) parked(res *Result) (json.RawMessage, error) {
	p := parking{Closed: res.closed}
	if res.Reason == ReasonMarketClosed {
		p.Closed += res.Until.Sub(r.e.cfg.Now())
	}
	return json.Marshal(p)
}

// store writes the result of a run into the journal, once.
func (e *Engine) store(ctx context.Context, res *Result, memo json.RawMessage) error {
	if res.stored || res.Run == "" {
		return nil
	}
	data, err := EncodeResult(res)
	if err != nil {
		return err
	}
	res.before = nil
	grant := journal.Grant{Account: res.Account, Run: res.Run, Fence: res.fence}
	err = e.cfg.Journal.Finish(context.WithoutCancel(ctx), grant,
		journal.Outcome{Name: string(res.Outcome), Time: res.Finished, Result: data, Memo: memo})
	if err != nil {
		return err
	}
	res.stored = true
	return nil
}

// progress is the begin of a message to the tracker.
func (r *run) progress(step Step) Progress {
	return Progress{Account: r.req.Account, Run: r.result.Run, Event: r.req.Event, Command: r.req.Command, Step: step}
}
