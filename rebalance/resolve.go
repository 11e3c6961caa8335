package rebalance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/retry"
)

// resolveEarlier is step 3: what became of every intent that stands open. Those
// of this very run go on working if they still do; those of others are
// cancelled, unless this only reconciles. An outcome that stays unknown blocks the account.
func (r *run) resolveEarlier(ctx context.Context) error {
	legs := r.openLegs()
	if len(legs) == 0 {
		return nil
	}
	if err := r.resolve(ctx, legs); err != nil {
		return err
	}
	settle := legs[:0:0]
	for _, l := range legs {
		attach := l.run == r.record.ID && r.req.Command == CommandRebalance && r.stopped() == nil && l.working() && !l.ended()
		if attach {
			r.legs = append(r.legs, l)
			continue
		}
		if l.working() && !l.ended() {
			if r.req.Command == CommandReconcile { // its own run will see to it
				r.result.Findings = append(r.result.Findings, finding(l))
				continue
			}
			l.doneBy = r.e.tick() // cancel at once
		}
		settle = append(settle, l)
	}
	if err := r.watch(ctx, settle); err != nil {
		return err
	}
	for _, l := range settle {
		r.result.Findings = append(r.result.Findings, finding(l))
		for i := range r.record.Intents {
			if in := &r.record.Intents[i]; in.Order.ID == l.order.ID {
				in.Settlement = l.settlement
			}
		}
	}
	return nil
}

// openLegs makes a doubtful leg of every intent that stands open: unsettled, or
// unknown and not answered for.
func (r *run) openLegs() []*leg {
	legs := make([]*leg, len(r.standing.Open))
	for i := range r.standing.Open {
		in := &r.standing.Open[i]
		legs[i] = &leg{
			index: in.Leg, try: in.Number, run: in.Run, order: in.Order, held: in.Held, sent: in.Time,
			plan: PlannedOrder{
				Symbol: in.Order.Instrument, Side: in.Order.Side, Quantity: in.Order.Quantity, Limit: in.Order.Limit,
			},
			quantity: in.Order.Quantity, doubt: true, wasUnknown: in.Settlement != nil,
		}
	}
	return legs
}

// resolve looks at the broker for each leg in doubt: an order that is found is
// no longer in doubt; one that is not found is proven absent or unknown. An
// error says that the broker could not be read: nothing is known then, and the
// intents stay open.
func (r *run) resolve(ctx context.Context, legs []*leg) error {
	if err := r.lookAgain(ctx); err != nil {
		return err
	}
	states, err := r.orders(ctx, broker.OrderQuery{})
	if err != nil {
		return err
	}
	now := r.e.tick()
	for _, l := range legs {
		if !l.doubt || l.settlement != nil {
			continue
		}
		if s := find(states, l.order.ID); s != nil {
			l.found(s)
			l.ackBy = now.Add(r.e.cfg.Timing.Acknowledge)
			switch {
			case l.ended():
			case l.cancels >= maxCancels:
				why := fmt.Sprintf("it still works (%s) after %d requests to cancel it", l.state.Status, l.cancels)
				if l.state.Status == broker.StatusFilled {
					why = fmt.Sprintf("the broker calls it filled, but its fills make %s of %s", l.state.Filled(), l.order.Quantity)
				}
				l.unknown(r.e.cfg.Now(), why)
			case l.cancelling:
				l.cancelling, l.doneBy = false, now // ask once more
			case l.doneBy.IsZero():
				l.doneBy = now.Add(r.e.cfg.Timing.Complete)
			}
			continue
		}
		if err := r.absent(ctx, l, legs); err != nil {
			return err
		}
	}
	return nil
}

// maxCancels is how often one order is asked to be cancelled.
const maxCancels = 2

// absent settles a leg whose order cannot be found. "Not found" alone proves
// nothing: the broker must be able to prove it, twice with a pause between, and
// the position must not have moved. One look that proves nothing is no reason to
// block the account yet: an order can come to light a moment later.
func (r *run) absent(ctx context.Context, l *leg, legs []*leg) error {
	prover, proves := broker.As[broker.AbsenceProver](r.e.cfg.Broker)
	doubt := ""
	for look := range 2 {
		if look > 0 {
			if err := r.pauseForNews(ctx, legs); err != nil {
				return err
			}
			if err := r.lookAgain(ctx); err != nil {
				return err
			}
		}
		states, err := r.orders(ctx, broker.OrderQuery{ID: l.order.ID})
		if err != nil {
			return err
		}
		if s := find(states, l.order.ID); s != nil {
			l.found(s)
			return nil // the next round sees to it
		}
		absent := false
		if proves {
			if absent, err = r.proven(ctx, prover, l.order.ID); err != nil {
				return err
			}
		}
		if held := r.snap.Position(l.order.Instrument); !absent || !held.Equal(l.held) {
			if r.infer(l, legs) {
				return nil
			}
			doubt = fmt.Sprintf("the broker does not show the order but cannot prove its absence (position %s, before the order %s)", held, l.held)
		}
	}
	if doubt != "" {
		l.unknown(r.e.cfg.Now(), doubt)
		return nil
	}
	l.notSent(r.e.cfg.Now(), "proven: the broker never had the order")
	l.lost = true
	return nil
}

// infer settles an order that the broker has forgotten, because its day is over,
// by the position: if that is what it was before the order, or what the whole
// order makes of it, and no other open order can have moved it.
func (r *run) infer(l *leg, legs []*leg) bool {
	now := r.e.cfg.Now()
	if now.Sub(l.sent) < brokerMemory {
		return false
	}
	for _, other := range legs {
		if other != l && other.order.Instrument == l.order.Instrument && other.order.ID != "" {
			return false
		}
	}
	held := r.snap.Position(l.order.Instrument)
	all := l.held.Add(l.order.Quantity.Mul(decimal.New(l.order.Side.Sign(), 0)))
	switch {
	case held.Equal(l.held):
		l.inferred(now, decimal.Decimal{}, "by the position, which did not move")
	case held.Equal(all):
		l.inferred(now, l.order.Quantity, "by the position, which moved by the whole order")
	default:
		return false
	}
	return true
}

// brokerMemory is how long a broker shows an order that ended, at most: its day.
const brokerMemory = 12 * time.Hour

// found takes over what a look at the broker showed.
func (l *leg) found(s *broker.OrderState) {
	l.doubt = false
	l.merge(s)
}

// proven asks for a proof that an order is not at the broker.
func (r *run) proven(ctx context.Context, prover broker.AbsenceProver, id broker.OrderID) (bool, error) {
	return retry.Value(ctx, r.e.cfg.Policies.Resolve, func(ctx context.Context) (bool, error) {
		absent, err := prover.ProveAbsent(ctx, r.req.Account, id)
		return absent, stubborn(err)
	})
}

// pauseForNews lets the time of a sweep pass, all of it, and takes what news come
// meanwhile. An order that is journaled may be written until Timing.Acknowledge
// later (see send), be it by another process that is slow; a sweep is longer than
// that, so after it no order that the look before could not find is still to come.
// News that cannot be had make the pause no shorter.
func (r *run) pauseForNews(ctx context.Context, legs []*leg) error {
	bounded, cancel := r.e.cfg.WithTimeout(ctx, r.e.cfg.Timing.Sweep)
	defer cancel()
	most := 2 + 2*int(r.e.cfg.Timing.Sweep/time.Second)
	for failed := 0; bounded.Err() == nil; {
		news, cursor, err := r.e.cfg.Broker.Await(bounded, r.req.Account, r.snap.Cursor)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		switch {
		case err == nil:
			r.snap.Cursor = cursor
			take(legs, news)
		case bounded.Err() != nil: // the pause is over
		case failed == most: // a simulation whose clock stands still
			return err
		default:
			failed++
			r.e.pause(bounded, time.Second)
		}
	}
	return context.Cause(ctx)
}

// lookAgain reads the account after a doubt. It waits for a lost session to
// come back.
func (r *run) lookAgain(ctx context.Context) error {
	return r.e.cfg.Policies.Resolve.Do(ctx, func(ctx context.Context) error {
		snap, err := r.e.cfg.Broker.Snapshot(ctx, r.req.Account)
		if err != nil {
			return stubborn(err)
		}
		r.show(snap)
		return nil
	})
}

// orders reads orders after a doubt.
func (r *run) orders(ctx context.Context, query broker.OrderQuery) ([]broker.OrderState, error) {
	return retry.Value(ctx, r.e.cfg.Policies.Resolve, func(ctx context.Context) ([]broker.OrderState, error) {
		states, err := r.e.cfg.Broker.Orders(ctx, r.req.Account, query)
		return states, stubborn(err)
	})
}

// stubborn makes the loss of a session an error that is tried again.
func stubborn(err error) error {
	if retry.ClassOf(err) == retry.Session {
		return retry.As(err, retry.Transient)
	}
	return err
}

// find returns the state of an order, or nil.
func find(states []broker.OrderState, id broker.OrderID) *broker.OrderState {
	for i := range states {
		if states[i].Order.ID == id {
			return &states[i]
		}
	}
	return nil
}

// finding says what was found out about a leg.
func finding(l *leg) Finding {
	f := Finding{Ref: l.order.ID, Symbol: l.order.Instrument, Side: l.order.Side}
	if s := l.settlement; s != nil {
		f.Outcome, f.Filled, f.Detail = s.Outcome, s.Filled, s.Reason
		return f
	}
	f.Filled, f.Detail = l.state.Filled(), "works: "+string(l.state.Status)
	return f
}

// findings says what was found out about some legs.
func findings(legs []*leg) []Finding {
	list := make([]Finding, len(legs))
	for i, l := range legs {
		list[i] = finding(l)
	}
	return list
}

// cancelStale is step 7: orders of ours that still work, but not for this run,
// are cancelled, and the account is read again.
func (r *run) cancelStale(ctx context.Context) error {
	stale := r.staleLegs()
	if len(stale) == 0 || r.dry {
		return nil
	}
	if err := r.watch(ctx, stale); err != nil {
		return err
	}
	for _, l := range stale {
		r.result.Findings = append(r.result.Findings, finding(l))
		if r.req.Command == CommandRebalance && l.filledNow(r.recent) { // what it found nobody knows
			return r.e.postponef(ReasonPositionsLag, "account %s: order %s, which the journal does not have, filled a moment ago: the positions may not show it yet",
				r.req.Account, l.order.ID)
		}
	}
	return r.look(ctx)
}

// filledNow reports whether an execution of the leg is recent.
func (l *leg) filledNow(recent func(time.Time) bool) bool {
	return slices.ContainsFunc(l.state.Fills, func(f broker.Fill) bool { return recent(f.Time) })
}

// staleLegs makes legs of the working orders that carry our mark and belong to
// no leg of this run: their record was lost, so they are adopted.
func (r *run) staleLegs() []*leg {
	var stale []*leg
next:
	for i := range r.snap.Orders {
		s := &r.snap.Orders[i]
		if !ours(s.Order.ID) {
			continue
		}
		for _, l := range r.legs {
			if l.order.ID == s.Order.ID {
				continue next
			}
		}
		now := r.e.tick()
		stale = append(stale, &leg{
			order: s.Order, state: stateOf(s), adopted: true, run: journal.RunID("adopted"),
			ackBy: now.Add(r.e.cfg.Timing.Acknowledge), doneBy: now,
		})
	}
	return stale
}
