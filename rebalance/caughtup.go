package rebalance

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// settledFill is an order whose fills the positions may not show yet: it was
// settled by the broker's reports of it, and no look at the positions has borne
// them out.
type settledFill struct {
	Symbol broker.InstrumentID `json:"symbol"`
	// Expected is what the order found and its fills make the position.
	Expected decimal.Decimal `json:"expected"`
	Ordered  time.Time       `json:"ordered"`
	Settled  time.Time       `json:"settled"`
}

// caughtUp waits until the snapshot shows the fills that were settled a moment
// ago, be it by this run or an earlier one: a plan that rests on the positions
// before them would trade the same difference twice, or spend cash that is gone.
// Positions may lag for Timing.Settle. What was settled longer ago is not
// compared: from then on a difference is somebody else's trade, which between two
// runs is allowed, and the positions are taken as they are. So the event waits at
// most until then and once more until it is looked at again.
//
// A run that goes on after it sent orders needs no such wait: it compares all
// positions with its own fills before it sends anything more (see agree).
func (r *run) caughtUp(ctx context.Context) error {
	if r.began() {
		return nil
	}
	fills, err := r.justSettled(ctx)
	if err != nil {
		return err
	}
	began := r.e.tick()
	for {
		late := behind(fills, &r.snap)
		if late == nil {
			r.agreed = true
			return nil
		}
		now := r.e.cfg.Now()
		left := min(late.Settled.Add(r.e.cfg.Timing.Settle).Sub(now), r.e.cfg.Timing.Settle-r.e.tick().Sub(began))
		if left <= 0 && late.Settled.After(now) { // a clock was put back; by this wait it is long enough ago
			return nil
		}
		if left <= 0 {
			return r.e.postponef(ReasonPositionsLag, "account %s: an order for %s was settled at %s, its fills make the position %s, the broker still says %s after %s: "+
				"it lags behind its own fills, or somebody else traded; the next look takes what it says then", r.req.Account, late.Symbol,
				late.Settled.UTC().Format(time.RFC3339), late.Expected, r.snap.Position(late.Symbol), r.e.cfg.Timing.Settle)
		}
		if err := r.pauseUpTo(ctx, left); err != nil {
			return err
		}
		if err := r.lookAgain(ctx); err != nil {
			return err
		}
	}
}

// behind returns the fill, of those that the positions do not show, that was
// settled last, or nil.
func behind(fills []settledFill, snap *broker.Snapshot) *settledFill {
	var late *settledFill
	for i := range fills {
		f := &fills[i]
		if !snap.Position(f.Symbol).Equal(f.Expected) && (late == nil || late.Settled.Before(f.Settled)) {
			late = f
		}
	}
	return late
}

// justSettled are the fills of other runs that were settled within Timing.Settle,
// the newest order of each symbol: the orders of runs that are not finished,
// which anybody may have settled, and what the finished ones left behind.
func (r *run) justSettled(ctx context.Context) ([]settledFill, error) {
	if err := r.readOthers(ctx); err != nil {
		return nil, err
	}
	fills := r.stillLate(r.memory)
	for i := range r.others {
		fills = r.withSettled(fills, r.others[i].Intents)
	}
	return fills, nil
}

// readOthers reads the account's other unfinished runs.
func (r *run) readOthers(ctx context.Context) error {
	for _, id := range r.standing.Unfinished[len(r.others):] {
		other, err := r.e.cfg.Journal.Run(ctx, id)
		if err != nil {
			return r.e.journalFault(err)
		}
		r.others = append(r.others, other)
	}
	return nil
}

// otherIntents are the intents of those runs, as far as they were read.
func (r *run) otherIntents() iter.Seq[*journal.Intent] {
	return func(yield func(*journal.Intent) bool) {
		for i := range r.others {
			for k := range r.others[i].Intents {
				if !yield(&r.others[i].Intents[k]) {
					return
				}
			}
		}
	}
}

// stillLate are the fills that earlier runs left, as far as they are recent.
func (r *run) stillLate(m *memory) []settledFill {
	if m == nil || len(m.Late) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.Late), func(f settledFill) bool { return !r.recent(f.Settled) })
}

// recent reports whether positions may lag behind what was settled then.
func (r *run) recent(t time.Time) bool { return r.e.cfg.Now().Sub(t) < r.e.cfg.Timing.Settle }

// withSettled adds the orders of a run that filled and were settled a moment ago.
// Of each symbol the newest order counts: what it found is what those before it
// had made. A position by which an outcome was inferred has been looked at.
func (r *run) withSettled(fills []settledFill, intents []journal.Intent) []settledFill {
	for i := range intents {
		in := &intents[i]
		s := in.Settlement
		if s == nil || !r.recent(s.Time) {
			continue
		}
		at := slices.IndexFunc(fills, func(f settledFill) bool { return f.Symbol == in.Order.Instrument })
		if at >= 0 && fills[at].Ordered.After(in.Time) {
			continue
		}
		if at < 0 && s.Filled.IsZero() {
			continue // it moved nothing
		}
		if at >= 0 {
			fills = slices.Delete(fills, at, at+1)
		}
		if s.Outcome == journal.Inferred || s.Outcome == journal.Unknown {
			continue
		}
		fills = append(fills, settledFill{
			Symbol: in.Order.Instrument, Expected: leftBy(in), Ordered: in.Time, Settled: s.Time,
		})
	}
	return fills
}

// leftBy is the position that the fills of a settled order make of the one before it.
func leftBy(in *journal.Intent) decimal.Decimal {
	return in.Held.Add(in.Settlement.Filled.Mul(decimal.New(in.Order.Side.Sign(), 0)))
}

// late is what this run leaves to the next one to wait for: nothing if it has
// seen the positions agree since its last order was settled.
func (r *run) late() []settledFill {
	if r.agreed {
		return nil
	}
	return r.withSettled(r.stillLate(r.memory), r.intents())
}

// intents are those of the run, settled as far as this process knows.
func (r *run) intents() []journal.Intent {
	list := slices.Clone(r.record.Intents)
	for _, l := range r.legs {
		if l.run != r.record.ID || l.settlement == nil {
			continue
		}
		in := journal.Intent{Run: l.run, Order: l.order, Leg: l.index, Number: l.try, Time: l.sent, Held: l.held, Settlement: l.settlement}
		if at := slices.IndexFunc(list, func(k journal.Intent) bool { return k.Order.ID == l.order.ID }); at >= 0 {
			list[at] = in
			continue
		}
		list = append(list, in)
	}
	return list
}
