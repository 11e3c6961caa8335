package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// operator is the human: lets blocked accounts go on, approves plans, releases
// held events, asks for dead ones again, pulls the kill switch. It reads the
// stores directly and acts through a process of its own.
type operator struct {
	w        *world
	p        *process
	a        *actor
	market   *market
	asked    map[broker.AccountID]time.Time // when an unblock event was published
	released map[string]int
	again    map[string]bool // dead letters that were looked at
	tokens   int
}

// run acts until ctx ends.
func (o *operator) run(ctx context.Context) {
	o.a.sleep(0)
	for ctx.Err() == nil {
		quiet := o.w.isQuiet()
		for i := range o.w.accounts {
			o.see(ctx, o.w.accounts[i].ID, quiet)
		}
		o.releaseHeld(ctx, quiet)
		if quiet {
			o.dropNewer(ctx)
		} else {
			o.requeueDead(ctx)
			o.kill(ctx)
		}
		wait := o.a.between(2*time.Minute, 40*time.Minute)
		if quiet {
			wait = o.a.between(2*time.Minute, 6*time.Minute)
		}
		o.a.wait(ctx, wait, nil)
	}
}

// see looks after one account.
func (o *operator) see(ctx context.Context, id broker.AccountID, quiet bool) {
	standing, err := o.w.journal.Account(ctx, id)
	if err != nil {
		return
	}
	if k := standing.Kill; k != nil && (quiet || o.a.odds(300)) {
		if err := o.p.engine.Resume(ctx, k.Account, "ann", "the drill is over"); err == nil {
			o.w.count("resumed")
		}
	}
	if quiet || o.a.odds(300) {
		o.market.cancelForeign(o.a, id)
	}
	if standing.Block != nil && (quiet || o.a.odds(500)) {
		o.unblock(ctx, id)
	}
	if o.w.strikes(o.a, DirectCommand) {
		o.direct(ctx, id, pick(o.a.rng, []rebalance.Command{
			rebalance.CommandPreview, rebalance.CommandSnapshot, rebalance.CommandReconcile, rebalance.CommandCancelOrders,
		}))
	}
}

// unblock lets an account go on: through the queue, and after half an hour of
// waiting directly.
func (o *operator) unblock(ctx context.Context, id broker.AccountID) {
	asked, waits := o.asked[id]
	if !waits {
		args, err := json.Marshal(rebalance.Arguments{Operator: "ann", Reason: "looked at the statement", Force: o.certain(ctx, id)})
		if err != nil {
			return
		}
		o.tokens++
		q := simQueue{o.p}
		_, err = q.Publish(ctx, queue.Event{
			Key: fmt.Sprintf("unblock-%d", o.tokens), Account: string(id), Command: string(rebalance.CommandUnblock), Payload: args,
		})
		if err == nil {
			o.asked[id] = time.Now()
		}
		return
	}
	if time.Since(asked) < 30*time.Minute {
		return
	}
	delete(o.asked, id)
	o.w.count("unblocked beside the queue")
	o.direct(ctx, id, rebalance.CommandUnblock)
}

// certain reports whether the operator can vouch that nothing which is unknown of
// an account may still come to light: the broker has ended it, or never got it and
// nobody can be about to send it.
func (o *operator) certain(ctx context.Context, id broker.AccountID) bool {
	standing, err := o.w.journal.Account(ctx, id)
	if err != nil {
		return false
	}
	ledger := o.w.broker.Ledger()
	for i := range standing.Open {
		in := &standing.Open[i]
		order := ledger.Order(in.Order.ID)
		if time.Since(in.Time) < 10*time.Minute || order != nil && !ended(order.Status) {
			return false
		}
	}
	return true
}

// direct runs a command beside the queue.
func (o *operator) direct(ctx context.Context, id broker.AccountID, command rebalance.Command) {
	req := rebalance.Request{Account: id, Command: command}
	req.Operator, req.Reason = "ann", "by hand"
	req.Force = command == rebalance.CommandUnblock && o.certain(ctx, id)
	res, err := o.p.engine.Rebalance(ctx, req)
	if err == nil {
		o.w.count("direct " + string(command) + " " + string(res.Outcome))
	}
}

// releaseHeld decides about held events: a plan is approved or dropped, anything
// else tried again.
func (o *operator) releaseHeld(ctx context.Context, quiet bool) {
	for entry, err := range o.w.queue.Entries(ctx, queue.Held) {
		if err != nil || !quiet && !o.a.odds(500) {
			continue
		}
		id := entry.Event.ID
		o.released[id]++
		hash := o.heldPlan(ctx, id)
		switch {
		case o.released[id] > 6:
			o.act(ctx, queue.Drop, id)
		case hash != "" && o.a.odds(800):
			o.approve(ctx, broker.AccountID(entry.Event.Account), hash)
		default:
			o.act(ctx, queue.Release, id)
		}
	}
}

// heldPlan is the hash of the plan that an event's run is held for, if it is.
func (o *operator) heldPlan(ctx context.Context, event string) string {
	run, err := o.w.journal.Run(ctx, journal.RunID(event+"/1"))
	if err != nil {
		return ""
	}
	kept := run.Step(string(rebalance.StepPlan))
	if kept == nil {
		return ""
	}
	var frozen struct{ Plan rebalance.Plan }
	if err := json.Unmarshal(kept.Data, &frozen); err != nil || frozen.Plan.Outcome != rebalance.PlanHeld {
		return ""
	}
	return frozen.Plan.Hash
}

// approve lets a plan be traded, through the queue.
func (o *operator) approve(ctx context.Context, id broker.AccountID, hash string) {
	args, err := json.Marshal(rebalance.Arguments{Operator: "ann", Reason: "fine", Hash: hash})
	if err != nil {
		return
	}
	o.tokens++
	q := simQueue{o.p}
	_, err = q.Publish(ctx, queue.Event{
		Key: fmt.Sprintf("approve-%d", o.tokens), Account: string(id), Command: string(rebalance.CommandApprove), Payload: args,
	})
	if err == nil {
		o.w.count("approvals")
	}
}

// act changes the state of an event.
func (o *operator) act(ctx context.Context, verb queue.ActionVerb, id string) {
	o.tokens++
	q := simQueue{o.p}
	_, err := q.Operator(ctx, queue.Action{Verb: verb, ID: id, Operator: "ann", Reason: "looked at it", Token: fmt.Sprintf("t%d", o.tokens)})
	if err == nil {
		o.w.count("operator " + string(verb))
	}
}

// dropNewer drops the events that only a newer release could handle.
func (o *operator) dropNewer(ctx context.Context) {
	for entry, err := range o.w.queue.Entries(ctx, queue.Delayed) {
		if err == nil && entry.Event.Schema > queue.Schema {
			o.act(ctx, queue.Drop, entry.Event.ID)
		}
	}
}

// requeueDead asks for some of the dead letters again, once.
func (o *operator) requeueDead(ctx context.Context) {
	for entry, err := range o.w.queue.Entries(ctx, queue.Dead) {
		if err != nil || o.again[entry.Event.ID] {
			continue
		}
		o.again[entry.Event.ID] = true
		if !isPoison(&entry.Event) && o.a.odds(300) {
			o.act(ctx, queue.Requeue, entry.Event.ID)
		}
	}
}

// kill pulls the kill switch, if a fault says so.
func (o *operator) kill(ctx context.Context) {
	var account broker.AccountID
	switch {
	case o.w.strikes(o.a, KillAll):
	case o.w.strikes(o.a, KillOne):
		account = pick(o.a.rng, o.w.accounts).ID
	default:
		return
	}
	if err := o.p.engine.Kill(ctx, account, "ann", "fire drill"); err == nil {
		o.w.count("kills")
	}
}
