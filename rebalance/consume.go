package rebalance

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// consume handles one delivery from its lease to its settlement.
func (e *Engine) consume(ctx context.Context, d *queue.Delivery) {
	if d.Event.Schema > queue.Schema {
		e.newerSchema(ctx, d)
		return
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	var keeper sync.WaitGroup
	keeper.Go(func() { e.keepLease(ctx, d, ended, cancel) })

	result, err := e.handle(ctx, d)
	close(ended)
	keeper.Wait()
	lost := errors.Is(context.Cause(ctx), errLeaseLost)
	cancel(nil)

	var fenced *journal.FencedError
	switch {
	case lost:
		e.cfg.Logger.Warn("lease lost, the event will be delivered again",
			"account", d.Event.Account, "event", d.Event.ID, "attempt", d.Attempt)
	case errors.As(err, &fenced):
		// The queue's fence is behind the journal's: have it catch up.
		e.settle(ctx, d, queue.Verdict{
			Verb: queue.VerbDefer, Until: e.cfg.Now().Add(time.Second), MinFence: fenced.Current,
			Note: queue.Note{Class: "fenced", Cause: err.Error()},
		})
	case err != nil: // stopped half-way: the next delivery continues
		until := e.recheck()
		if errors.Is(err, errDraining) {
			until = e.cfg.Now() // another worker may continue at once
		}
		e.settle(ctx, d, queue.Verdict{
			Verb: queue.VerbDefer, Until: until, Note: queue.Note{Class: "stopped", Cause: err.Error()},
		})
	default:
		e.conclude(ctx, d, result)
	}
}

// handle runs the event's command. A panic is a result: it uses an attempt, so
// that an event which keeps panicking ends as a dead letter.
func (e *Engine) handle(ctx context.Context, d *queue.Delivery) (result *Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			e.cfg.Logger.Error("panic while handling an event", "account", d.Event.Account,
				"event", d.Event.ID, "attempt", d.Attempt, "err", v, "stack", string(debug.Stack()))
			result, err = e.early(&d.Event, stopf(Failed, ReasonPanic, "panic: %v", v)), nil
		}
	}()
	req, err := e.request(d)
	var s *Error
	if errors.As(err, &s) {
		return e.early(&d.Event, s), nil
	}
	return e.do(ctx, req)
}

// conclude settles the delivery as its result demands, and stores the result of
// a run that will not be tried again.
func (e *Engine) conclude(ctx context.Context, d *queue.Delivery, result *Result) {
	v := e.verdict(d, result)
	if v.Verb == queue.VerbDead {
		if why := e.mayWork(ctx, result); why != "" {
			v.Verb, v.Until = queue.VerbDefer, e.recheck()
			v.Note.Cause += ": " + why
		}
	}
	if v.Verb == queue.VerbDead && !result.stored {
		if err := e.store(ctx, result, result.memo); err != nil {
			v.Verb, v.Until = queue.VerbDefer, e.recheck()
			v.Note.Cause = err.Error()
		}
	}
	if err := e.followUp(ctx, d, result); err != nil { // the stored result comes back and it is tried again
		e.cfg.Logger.Warn("follow-up not published", "account", d.Event.Account, "event", d.Event.ID, "attempt", d.Attempt, "err", err)
		v = queue.Verdict{Verb: queue.VerbDefer, Until: e.recheck(), Note: queue.Note{Run: string(result.Run), Class: "follow_up", Cause: err.Error()}}
	}
	e.log(d, result, v)
	e.settle(ctx, d, v)
}

// mayWork says, of an event that came to no run, that an order of the account may be
// at the broker unsettled: there was no end that could tell. Such an event is never
// thrown away.
func (e *Engine) mayWork(ctx context.Context, result *Result) string {
	if result.Run != "" {
		return "" // the journal refuses to finish a run that has open orders
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	standing, err := e.cfg.Journal.Account(bounded, result.Account)
	switch {
	case err != nil:
		return err.Error()
	case len(standing.Open) > 0:
		return fmt.Sprintf("%d orders of the account stand open, the first is %s", len(standing.Open), standing.Open[0].Order.ID)
	}
	return ""
}

// log writes the one line of an outcome.
func (e *Engine) log(d *queue.Delivery, r *Result, v queue.Verdict) {
	attrs := []any{
		"account", r.Account, "run", r.Run, "event", r.Event, "attempt", d.Attempt,
		"command", r.Command, "outcome", r.Outcome, "reason", r.Reason, "orders", len(r.Orders), "verb", v.Verb,
	}
	switch {
	case r.Outcome == Blocked || v.Verb == queue.VerbDead:
		e.cfg.Logger.Error("event ended badly", append(attrs, "err", r.Detail)...)
	case r.Outcome.Ended():
		e.cfg.Logger.Info("event done", attrs...)
	default:
		e.cfg.Logger.Warn("event waits", append(attrs, "err", r.Detail)...)
	}
}

// newerSchema leaves an event for a newer worker and raises the alarm.
func (e *Engine) newerSchema(ctx context.Context, d *queue.Delivery) {
	err := fmt.Errorf("%w: event %s has schema %d, this release knows %d: update this worker",
		queue.ErrNewerSchema, d.Event.ID, d.Event.Schema, queue.Schema)
	e.cfg.Logger.Error("event of a newer schema", "account", d.Event.Account, "event", d.Event.ID, "attempt", d.Attempt, "err", err)
	e.settle(ctx, d, queue.Verdict{
		Verb: queue.VerbDefer, Until: e.recheck(),
		Note: queue.Note{Class: string(ReasonNewerSchema), Cause: err.Error()},
	})
}

// keepLease extends the lease at a third of its time until the event ended. It
// ends the run when the lease is lost; while extending only fails, the margin
// before each send keeps the run from sending (see [Timing]).
func (e *Engine) keepLease(ctx context.Context, d *queue.Delivery, ended <-chan struct{}, cancel context.CancelCauseFunc) {
	every := max(d.Lease().Duration/3, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		bounded, stopWaiting := context.WithTimeout(context.WithoutCancel(ctx), every)
		err := d.Extend(bounded)
		stopWaiting()
		if errors.Is(err, queue.ErrLeaseLost) {
			cancel(errLeaseLost)
			return
		}
		if err != nil {
			e.cfg.Logger.Warn("lease not extended", "account", d.Event.Account, "event", d.Event.ID, "attempt", d.Attempt, "err", err)
		}
	}
}

// pause waits before the queue is asked again, or until ctx ends.
func (e *Engine) pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// early is the result of an event that never became a run.
func (e *Engine) early(event *queue.Event, s *Error) *Result {
	now := e.cfg.Now()
	return &Result{
		Schema: ResultSchema, Account: broker.AccountID(event.Account), Event: event.ID, Command: Command(event.Command),
		Outcome: s.Outcome, Reason: s.Reason, Detail: s.Err.Error(), Until: s.Until, Started: now, Finished: now,
		stored: true, // there is no run to store it in
	}
}
