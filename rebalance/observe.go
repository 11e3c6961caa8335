package rebalance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/retry"
)

// ready is step 2: the session is up and manages this account in the mode that
// was configured, and nobody stopped it.
func (r *run) ready(ctx context.Context) error {
	stop := r.stopped()
	if stop != nil && !r.unsettled() {
		return stop
	}
	if err := r.ours(ctx); err != nil || stop == nil {
		return err
	}
	if err := r.resolveEarlier(ctx); err != nil { // what works is cancelled, whoever stopped the sends
		return err
	}
	return stop
}

// stopped is why nothing may be sent, nil if something may.
func (r *run) stopped() error {
	switch b := r.standing.Block; {
	case r.dry:
		return nil
	case r.standing.Kill != nil:
		return r.killed()
	case b != nil:
		return stopf(Blocked, ReasonAccountBlocked, "account %s is blocked since %s: %s: reconcile it, then unblock it",
			r.req.Account, b.Time.UTC().Format(time.RFC3339), b.Reason)
	}
	return nil
}

// unsettled reports whether an order of the account may be at work.
func (r *run) unsettled() bool {
	return slices.ContainsFunc(r.standing.Open, func(in journal.Intent) bool { return in.Settlement == nil })
}

// looks is what surrounds a read of the broker. No breaker stands before one that
// sees to orders which may be at work.
func (r *run) looks() retry.Policy {
	c := r.req.Command
	if c == CommandCancelOrders || c == CommandReconcile || c == CommandUnblock || !r.dry && r.unsettled() {
		return r.e.cfg.Policies.Resolve
	}
	return r.e.cfg.Policies.Broker
}

// killed ends a run because of the kill switch.
func (r *run) killed() error {
	k := r.standing.Kill
	return stopf(Cancelled, ReasonKilled, "account %s: %s stopped all sends at %s: %s",
		r.req.Account, k.Operator, k.Time.UTC().Format(time.RFC3339), k.Reason)
}

// ours checks that the session manages the account, in the configured mode.
func (r *run) ours(ctx context.Context) error {
	accounts, err := retry.Value(ctx, r.looks(), r.e.cfg.Broker.Accounts)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.ID != r.req.Account {
			continue
		}
		if a.Mode != r.account.Mode {
			return stopf(Rejected, ReasonWrongMode, "account %s is %s at the broker but configured as %s: check the gateway",
				a.ID, a.Mode, r.account.Mode)
		}
		return nil
	}
	return stopf(Rejected, ReasonUnknownAccount, "account %s is not managed by this broker session, which has %d others: check the gateway's login",
		r.req.Account, len(accounts))
}

// allocation is step 4: the targets, fetched once per run.
func (r *run) allocation(ctx context.Context) error {
	if r.policy.Mode == LiquidateAll {
		return nil // ignores targets
	}
	if kept := r.record.Step(string(StepAllocation)); kept != nil && r.goesOn() {
		targets, err := allocation.Decode(kept.Data)
		if err != nil {
			return fmt.Errorf("rebalance: run %s: frozen allocation: %w", r.record.ID, err)
		}
		if r.renewed = !r.began() && r.overtaken(&targets); !r.renewed {
			return r.useTargets(targets)
		}
	}
	query := allocation.Query{Account: r.req.Account, Strategy: r.req.Strategy}
	targets, err := retry.Value(ctx, r.e.cfg.Policies.Allocation, func(ctx context.Context) (allocation.Allocation, error) {
		return r.e.cfg.Allocations.Allocation(ctx, query)
	})
	switch {
	case errors.Is(err, allocation.ErrUnknownStrategy):
		return &Error{Outcome: Rejected, Reason: ReasonUnknownStrategy, Err: err}
	case retry.ClassOf(err) == retry.Permanent && (errors.Is(err, allocation.ErrInvalid) || errors.Is(err, allocation.ErrStale)):
		return &Error{Outcome: Rejected, Reason: ReasonInvalidAllocation, Err: err}
	case err != nil:
		return err
	}
	if err := r.e.cfg.Rules.Check(targets, r.e.cfg.Now()); err != nil {
		return &Error{Outcome: Rejected, Reason: ReasonInvalidAllocation, Err: err}
	}
	if r.overtaken(&targets) {
		m := r.memory
		return stopf(Rejected, ReasonInvalidAllocation, "allocation %s of %s is older than %s of %s, which was carried out: the source answered with an old one",
			targets.Version, targets.AsOf.UTC().Format(time.RFC3339), m.Version, m.AsOf.UTC().Format(time.RFC3339))
	}
	return r.useTargets(targets)
}

// overtaken reports whether newer targets of the strategy were carried out.
func (r *run) overtaken(targets *allocation.Allocation) bool {
	m := r.memory
	return m != nil && m.Strategy == r.req.Strategy && targets.AsOf.Before(m.AsOf)
}

// goesOn reports whether a run that was begun before goes on with the targets
// that it had: it sent orders, or was cut off, or its plan was approved. One
// that was put down on purpose before it sent anything looks anew.
func (r *run) goesOn() bool {
	if r.dry {
		return false
	}
	if r.began() {
		return true
	}
	parked := r.record.Step(stepParked)
	if parked == nil || parked.Time.Before(r.record.Step(string(StepAllocation)).Time) {
		return true
	}
	kept := r.record.Step(string(StepPlan))
	return kept != nil && r.approved(kept)
}

// began reports whether an order of an earlier delivery may have left the process: one
// that is proven not to have been sent binds nobody to its plan.
func (r *run) began() bool {
	return slices.ContainsFunc(r.record.Intents, func(in journal.Intent) bool {
		return in.Settlement == nil || in.Settlement.Outcome != journal.NotSent
	})
}

// useTargets freezes the targets for this run.
func (r *run) useTargets(targets allocation.Allocation) error {
	r.targets, r.result.Allocation = targets, targets.Version
	if r.dry {
		return nil
	}
	data, err := allocation.Encode(targets)
	r.keep = data
	return err
}

// instruments is step 5: exactly one contract for each target. If none of them
// trades now, nothing can be done before one does.
func (r *run) instruments(ctx context.Context) error {
	ids := make([]broker.InstrumentID, 0, len(r.targets.Targets))
	for _, t := range r.targets.Targets {
		ids = append(ids, t.Symbol)
	}
	for _, s := range r.policy.Substitutes {
		ids = append(ids, s.To)
	}
	for _, q := range r.policy.Equivalents {
		ids = append(ids, q.Primary)
	}
	r.terms, r.sessions = nil, nil
	clear(r.room.sessionOf)
	if err := r.resolveInstruments(ctx, ids); err != nil {
		return err
	}
	if r.dry {
		return nil
	}
	if err := r.due(); err != nil || len(ids) == 0 {
		return err
	}
	open, next, err := r.hours(ctx, ids)
	if err != nil || open > 0 {
		return err
	}
	return r.closed(next, "no target's market is open")
}

// resolveInstruments adds the contracts that are not known yet.
func (r *run) resolveInstruments(ctx context.Context, ids []broker.InstrumentID) error {
	var missing []broker.InstrumentID
	for i, id := range ids {
		if _, ok := r.terms[id]; ok || slices.Contains(missing, id) {
			continue
		}
		if missing == nil {
			missing = make([]broker.InstrumentID, 0, len(ids)-i)
		}
		missing = append(missing, id)
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := retry.Value(ctx, r.e.cfg.Policies.Broker, func(ctx context.Context) (map[broker.InstrumentID]broker.Instrument, error) {
		return r.e.cfg.Broker.Resolve(ctx, missing...)
	})
	switch {
	case errors.Is(err, broker.ErrUnknownInstrument):
		return &Error{Outcome: Rejected, Reason: ReasonUnknownInstrument, Err: err}
	case errors.Is(err, broker.ErrAmbiguousInstrument):
		return &Error{Outcome: Rejected, Reason: ReasonAmbiguousInstrument, Err: err}
	case err != nil:
		return err
	}
	for _, id := range missing {
		i, ok := found[id]
		if !ok {
			return fmt.Errorf("rebalance: broker resolved %d of %d symbols and left out %s without an error", len(found), len(missing), id)
		}
		if i.Kind != broker.Stock {
			return stopf(Rejected, ReasonNotAStock, "instrument %s (%s) is of kind %q: only stocks are traded", id, i.Name, i.Kind)
		}
	}
	r.addTerms(found)
	return nil
}

// snapshot is step 6: one complete picture of the account.
func (r *run) snapshot(ctx context.Context) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	if !r.dry {
		if err := r.caughtUp(ctx); err != nil {
			return err
		}
		if err := r.compareWithLast(ctx); err != nil {
			return err
		}
	}
	ids := make([]broker.InstrumentID, 0, len(r.snap.Positions))
	for i := range r.snap.Positions {
		p := &r.snap.Positions[i]
		if p.Kind == broker.Stock {
			ids = append(ids, p.Instrument)
		} else if !r.account.IgnoreOther {
			return stopf(Rejected, ReasonNotAStock,
				"account %s holds %s of %s, which is not a stock: only stocks are planned; set Account.IgnoreOther to leave such positions alone",
				r.req.Account, p.Quantity, p.Instrument)
		}
	}
	if err := r.resolveInstruments(ctx, ids); err != nil {
		return err
	}
	return r.learnForeign(ctx)
}

// look reads the account anew.
func (r *run) look(ctx context.Context) error {
	snap, err := retry.Value(ctx, r.looks(), func(ctx context.Context) (broker.Snapshot, error) {
		return r.e.cfg.Broker.Snapshot(ctx, r.req.Account)
	})
	switch {
	case errors.Is(err, broker.ErrUnknownAccount):
		return &Error{Outcome: Rejected, Reason: ReasonUnknownAccount, Err: err}
	case err != nil:
		return err
	case snap.Account != r.req.Account:
		return fmt.Errorf("rebalance: broker answered with account %q when asked for %q", snap.Account, r.req.Account)
	}
	r.show(snap)
	return nil
}

// show takes over a snapshot. While orders of the run work, their news are read on
// from where they were.
func (r *run) show(snap broker.Snapshot) {
	cursor := r.snap.Cursor
	r.snap, r.shown = snap, r.e.tick()
	working := slices.ContainsFunc(r.legs, func(l *leg) bool { return l.order.ID != "" && l.settlement == nil })
	if working && cursor.Epoch == snap.Epoch {
		r.snap.Cursor = cursor
	}
}

// prices is step 8: a quote, or the reason why there is none, for every symbol.
func (r *run) prices(ctx context.Context) error {
	if r.symbols == nil {
		r.symbols = sortedKeys(r.terms)
	}
	ids := r.symbols
	quotes, err := retry.Value(ctx, r.e.cfg.Policies.Prices, func(ctx context.Context) (marketdata.Quotes, error) {
		return r.e.cfg.Prices.Quotes(ctx, ids)
	})
	if err != nil {
		return err
	}
	r.quotes, r.quoted = quotes, r.e.tick()
	return quotes.Check(ids)
}
