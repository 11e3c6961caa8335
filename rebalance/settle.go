package rebalance

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// settlement is the one table from the outcome of a run to the verb that
// settles its event. A failed event is tried again until its attempts are used
// up; every event that waits becomes a dead letter when it is too old, unless
// its account is blocked or could not be looked at: what is unknown is never
// thrown away.
var settlement = map[Outcome]queue.Verb{
	NoTrade:           queue.VerbAck,
	Completed:         queue.VerbAck,
	CompletedAdjusted: queue.VerbAck,
	Deferred:          queue.VerbDefer,
	Held:              queue.VerbHold,
	Rejected:          queue.VerbDead,
	Failed:            queue.VerbRetry,
	Blocked:           queue.VerbDefer,
	Cancelled:         queue.VerbHold,
}

// verdict decides how a delivery with this result is settled.
func (e *Engine) verdict(d *queue.Delivery, result *Result) queue.Verdict {
	v := queue.Verdict{
		Verb:  settlement[result.Outcome],
		Until: result.Until,
		Note:  queue.Note{Run: string(result.Run), Class: string(result.Outcome), Cause: cause(result)},
	}
	switch {
	case result.Outcome == Blocked:
		v.Until = e.recheck()
	case v.Verb != queue.VerbRetry && v.Verb != queue.VerbDefer:
	case result.Run == "" && !result.stored: // the claim failed: it may have orders that nobody looked at
	case result.Reason == ReasonMarketClosed: // a known time, however far
	case v.Verb == queue.VerbDefer && e.cfg.Now().Sub(d.First)-result.closed > e.cfg.Events.MaxAge:
		v.Verb, v.Note.Class = queue.VerbDead, string(ReasonAge)
	case v.Verb == queue.VerbRetry && d.Attempt >= e.cfg.Events.Attempts:
		v.Verb = queue.VerbDead
	case v.Verb == queue.VerbRetry:
		v.After = e.cfg.Events.delay(d.Event.ID, d.Attempt)
	}
	return v
}

// cause is the text that goes into the event's history.
func cause(r *Result) string {
	switch {
	case r.Reason == "":
		return string(r.Outcome)
	case r.Detail == "":
		return string(r.Reason)
	}
	return string(r.Reason) + ": " + r.Detail
}

// settleTimeout bounds the settling of one delivery.
const settleTimeout = 10 * time.Second

// settle settles a delivery. The outcome is stored already, so a verdict that
// does not arrive costs only a repeated delivery, which finds the stored result.
func (e *Engine) settle(ctx context.Context, d *queue.Delivery, v queue.Verdict) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var err error
	for range 3 {
		if err = d.Settle(ctx, v); err == nil || errors.Is(err, queue.ErrLeaseLost) || errors.Is(err, queue.ErrSettled) {
			break
		}
	}
	if err != nil {
		e.cfg.Logger.Warn("event not settled, it will be delivered again",
			"account", d.Event.Account, "event", d.Event.ID, "attempt", d.Attempt, "verb", v.Verb, "err", err)
	}
}
