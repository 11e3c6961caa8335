package rebalance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// execute sends the orders of some legs, one after another, and watches them to
// their end. Every order is journaled before its first byte leaves, and sent
// once; an order that is proven to be lost is a new order after that. When it
// returns without error, each leg is settled in the journal.
func (r *run) execute(ctx context.Context, legs []*leg) error {
	for tries := 0; tries < maxTries; {
		cut, halt := r.sendAll(ctx, legs) // if it stops, what is under way is still seen to
		if err := r.watch(ctx, legs); err != nil {
			return err
		}
		if halt != nil {
			return halt
		}
		if r.standing.Kill != nil {
			return r.killed()
		}
		again := cut
		if !cut {
			tries++
		}
		for _, l := range legs {
			if l.lost && l.try < maxTries {
				l.again()
				again = true
			}
		}
		if !again {
			break
		}
	}
	return nil
}

// maxTries is how many orders a leg may have, each after a proof that the one
// before it is not at the broker.
const maxTries = 3

// maxLegTries is the same over all deliveries of the event.
const maxLegTries = 10

// sendAll sends the legs that are not at the broker yet, as far as the account
// allows now. It reports whether it stopped half-way because its look at the account
// was old: the rest is for a new one.
func (r *run) sendAll(ctx context.Context, legs []*leg) (cut bool, err error) {
	ready := make([]*leg, 0, len(legs))
	for _, l := range legs {
		if l.order.ID == "" && l.quantity.Sign() > 0 {
			ready = append(ready, l) // the others are at the broker already, or not funded
		}
	}
	if len(ready) == 0 {
		return false, nil
	}
	if err := r.tradable(ctx, ready); err != nil {
		return false, err
	}
	if err := r.freshen(ctx); err != nil {
		return false, err
	}
	began, sent := r.e.tick(), false
	g := r.newGuard()
	w := sendWindow{e: r.e}
	defer w.close()
	ids := r.refs(ready)
	for i, l := range ready {
		if sent && r.e.tick().Sub(began) > batchLife {
			return true, nil
		}
		if !r.inSession(l.plan.Symbol) { // a long batch may reach the close
			if err := r.tradable(ctx, ready[i:]); err != nil {
				return false, err
			}
		}
		order := r.orderOf(l, ids[i])
		if l.refused = g.refuse(&order); l.refused != "" {
			continue
		}
		if err := r.send(ctx, &w, l, order); err != nil {
			return false, err
		}
		sent = true
		if l.rejected() {
			g.rejects++
		}
	}
	return false, nil
}

// orderOf is the order that the leg wants sent.
func (r *run) orderOf(l *leg, id broker.OrderID) broker.Order {
	return broker.Order{
		ID:      id,
		Account: r.req.Account, Instrument: l.plan.Symbol, Ref: r.terms[l.plan.Symbol].Ref,
		Side: l.plan.Side, Quantity: l.quantity, Type: broker.Limit, Limit: l.plan.Limit, TIF: broker.Day,
		Epoch: r.snap.Epoch,
	}
}

// refStem is what the references of all orders of the run begin with.
func (r *run) refStem() string {
	if r.stem == "" {
		r.stem = refStem(r.req.Account, r.req.Event)
	}
	return r.stem
}

// send journals the intent and writes the order once. An error stops the sends
// of this run; what is not known of this order is left as a doubt of the leg.
func (r *run) send(ctx context.Context, w *sendWindow, l *leg, order broker.Order) error {
	if err := r.leaseLeft(); err != nil {
		return err
	}
	now, began := r.e.cfg.Now(), r.e.tick()
	held := r.heldNow(l.plan.Symbol)
	err := r.e.cfg.Journal.Intend(ctx, r.grant, journal.Intent{
		Run: r.record.ID, Order: order, Leg: l.index, Number: l.try + 1, Time: now, Held: held,
	})
	if err != nil {
		return r.e.journalFault(err)
	}
	l.try++
	l.order, l.run, l.sent, l.held = order, r.record.ID, now, held
	l.ackBy, l.doneBy = began.Add(r.e.cfg.Timing.Acknowledge), began.Add(r.e.cfg.Timing.Complete)
	// Two looks for an order that cannot be found lie further apart than this.
	order.SendBefore = now.Add(r.e.cfg.Timing.Acknowledge)
	if r.req.lease != nil {
		lease := r.req.lease()
		if last := lease.Expires.Add(-r.leaseMargin(&lease)); last.Before(order.SendBefore) {
			order.SendBefore = last
		}
	}
	bounded := w.open(ctx, began)
	state, err := r.e.cfg.Broker.Place(bounded, order)
	r.trackOrder(ctx, l)
	return r.placed(l, &state, err)
}

// heldNow is the position that an order finds: the one before the plan and what
// earlier orders of the run made of it.
func (r *run) heldNow(id broker.InstrumentID) decimal.Decimal {
	held := r.frozen.Held[id]
	for _, l := range r.legs {
		if l.settlement != nil && l.plan.Symbol == id {
			held = numOf(held).add(l.moved()).decimal()
		}
	}
	return held
}

// leaseLeft stops the sends when the lease may run out under them.
func (r *run) leaseLeft() error {
	if r.req.lease == nil {
		return nil
	}
	lease := r.req.lease()
	if left, margin := lease.Left(), r.leaseMargin(&lease); left < margin {
		return r.e.postponef(ReasonDependency, "account %s: the lease could not be extended: %s are left of it, less than the margin of %s",
			r.req.Account, left, margin)
	}
	return nil
}

// leaseMargin is what must be left of a lease. It is extended at a third of its
// time, so at two thirds an extension has failed: nothing more is sent then.
func (r *run) leaseMargin(lease *queue.Lease) time.Duration {
	return max(r.e.cfg.Timing.LeaseMargin, lease.Duration/3)
}

// placed takes the answer to a send. Only an error that the broker classed, as
// anything but indeterminate, proves that the order was not sent.
func (r *run) placed(l *leg, state *broker.OrderState, err error) error {
	if err == nil {
		l.merge(state)
		return nil
	}
	var proof *broker.Error
	if !errors.As(err, &proof) || proof.Kind == broker.KindIndeterminate || errors.Is(err, broker.ErrOrderConflict) {
		l.doubt = true
		l.state.Reason = err.Error()
		return nil
	}
	l.notSent(r.e.cfg.Now(), err.Error())
	if proof.Kind == broker.KindPermanent {
		return nil // this order will never work, others may
	}
	return err
}

// watch follows the sent legs to their end: by news, by deadlines, and where
// these leave a doubt by looking. Then it settles them in the journal.
func (r *run) watch(ctx context.Context, legs []*leg) error {
	for range 8 {
		if err := r.await(ctx, legs); err != nil {
			return err
		}
		doubtful := 0
		for _, l := range legs {
			if l.doubt && l.settlement == nil {
				doubtful++
			}
		}
		if doubtful == 0 {
			break
		}
		if err := r.resolve(ctx, legs); err != nil {
			return err
		}
	}
	if err := r.confirm(ctx, legs); err != nil {
		return err
	}
	return r.settleLegs(ctx, legs)
}

// await reads the news until each leg has ended or is in doubt.
func (r *run) await(ctx context.Context, legs []*leg) error {
	heeded := r.e.tick()
	for {
		now := r.e.tick()
		if now.Sub(heeded) >= killCheck { // also while news keep coming
			r.heedKill(ctx, legs)
			now = r.e.tick()
			heeded = now
		}
		deadline, working := r.deadlines(ctx, legs, now)
		if !working {
			return nil
		}
		wait := min(deadline.Sub(now), heeded.Add(killCheck).Sub(now))
		bounded, cancel := r.e.cfg.WithTimeout(ctx, wait)
		news, cursor, err := r.e.cfg.Broker.Await(bounded, r.req.Account, r.snap.Cursor)
		cancel()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		switch {
		case err == nil:
			r.snap.Cursor = cursor
			take(legs, news)
		case errors.Is(err, context.DeadlineExceeded):
			r.heedKill(ctx, legs)
			heeded = r.e.tick()
		default: // the session is in doubt, and so is every order that works
			for _, l := range legs {
				l.doubt = l.doubt || l.working()
			}
		}
	}
}

// killCheck is how often the kill switch is looked at while orders work.
const killCheck = 5 * time.Second

// heedKill has the working orders cancelled at once if the kill switch is set.
func (r *run) heedKill(ctx context.Context, legs []*leg) {
	standing, err := r.e.cfg.Journal.Account(ctx, r.req.Account)
	if err != nil || standing.Kill == nil {
		return // a journal that does not answer is noticed at the next write
	}
	r.standing.Kill = standing.Kill
	now := r.e.tick()
	for _, l := range legs {
		if l.working() && !l.cancelling && now.Before(l.doneBy) {
			l.doneBy = now
		}
	}
}

// deadlines closes the legs that ended, puts those in doubt that are overdue,
// asks to cancel those that worked long enough, and returns the next deadline.
func (r *run) deadlines(ctx context.Context, legs []*leg, now time.Time) (next time.Time, working bool) {
	for _, l := range legs {
		if !l.working() {
			continue
		}
		if l.ended() {
			l.close(r.e.cfg.Now())
			continue
		}
		due := l.doneBy
		if l.state.Status == "" || l.state.Status == broker.StatusPending {
			if due = l.ackBy; !now.Before(due) {
				l.doubt = true
				continue
			}
		} else if (l.altered || !now.Before(due)) && !l.cancelling {
			due = r.askCancel(ctx, l, now)
		} else if !now.Before(due) {
			l.doubt = true
			continue
		}
		if !l.doubt && (!working || due.Before(next)) {
			next = due
		}
		working = working || !l.doubt
	}
	return next, working
}

// working reports whether the leg was sent and how it ends is neither known nor
// in doubt.
func (l *leg) working() bool { return l.order.ID != "" && l.settlement == nil && !l.doubt }

// askCancel asks the broker to cancel and returns until when the confirmation
// is waited for. An error of the request says nothing about the order.
func (r *run) askCancel(ctx context.Context, l *leg, now time.Time) time.Time {
	l.cancelling, l.doneBy = true, now.Add(r.e.cfg.Timing.Cancel)
	l.cancels++
	bounded, cancel := r.e.cfg.WithTimeout(ctx, r.e.cfg.Timing.Acknowledge)
	defer cancel()
	if err := r.e.cfg.Broker.Cancel(bounded, r.req.Account, l.order.ID); err != nil {
		r.e.cfg.Logger.Warn("cancel not delivered", "account", r.req.Account, "run", r.result.Run, "order", l.order.ID, "err", err)
		l.doubt = true
	}
	return l.doneBy
}

// settleLegs records how the legs ended. An unknown one blocks the account.
func (r *run) settleLegs(ctx context.Context, legs []*leg) error {
	settlements := make([]journal.Settlement, 0, len(legs))
	var unknown []*leg
	for _, l := range legs {
		if l.order.ID == "" {
			continue
		}
		if l.settlement == nil {
			l.unknown(r.e.cfg.Now(), "no evidence of how it ended: last status "+string(l.state.Status)+" "+l.state.Reason)
		}
		if l.settlement.Outcome == journal.Unknown {
			unknown = append(unknown, l)
		}
		if l.wasUnknown && l.settlement.Outcome == journal.Unknown {
			continue // the journal has it as unknown already
		}
		if !l.stored && !l.adopted {
			l.settlement.Code, l.settlement.Reason = queue.Cut(l.settlement.Code), queue.Cut(l.settlement.Reason)
			settlements = append(settlements, *l.settlement)
		}
	}
	if len(settlements) > 0 {
		if err := r.e.cfg.Journal.Settle(ctx, r.grant, settlements...); err != nil {
			return r.e.journalFault(err)
		}
		r.agreed = false
	}
	for _, l := range legs {
		if l.order.ID != "" && !l.stored {
			l.stored = true
			r.trackOrder(ctx, l)
		}
	}
	if len(unknown) > 0 {
		return r.block(ctx, ReasonUnknownOutcome, findings(unknown),
			fmt.Sprintf("what became of %d orders is not known, the first is %s (%s): %s",
				len(unknown), unknown[0].order.ID, describe(&unknown[0].order), unknown[0].settlement.Reason))
	}
	return nil
}
