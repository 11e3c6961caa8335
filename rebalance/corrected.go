package rebalance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// compareWithLast puts into the result how the positions differ from what the
// last run left. Between runs that is allowed: people trade, shares split. One
// thing is not: that an order of ours filled otherwise than it was settled, by a
// fill after its cancel or a correction of the broker's. What it was settled as
// stays, so the account is blocked until an operator has looked.
//
// The broker is asked for its orders only if there is a difference, and for a day
// after one: it may report a fill later than it moves the position. A run that sent
// orders before has compared already (see agree).
func (r *run) compareWithLast(ctx context.Context) error {
	if r.began() {
		return nil
	}
	diff := slices.DeleteFunc(r.sinceLastRun(), r.ignores)
	doubted := r.doubted(diff)
	if len(doubted) == 0 {
		return nil
	}
	r.result.Differences = diff
	if r.memory == nil || len(r.memory.Seen) == 0 { // only of what an unfinished run traded it is known how it was before
		touched := r.touched()
		r.result.Differences = slices.DeleteFunc(slices.Clone(diff), func(d Difference) bool { return touched[d.Symbol] == nil })
	}
	states, err := r.orders(ctx, broker.OrderQuery{})
	if err != nil {
		return err
	}
	suspects := slices.DeleteFunc(states, func(s broker.OrderState) bool { return !r.suspect(&s, doubted) })
	if len(suspects) == 0 {
		return nil
	}
	changed, err := r.settledOtherwise(ctx, suspects)
	if err != nil || len(changed) == 0 {
		return err
	}
	c := &changed[0]
	return r.block(ctx, ReasonCorrected, changed, fmt.Sprintf("account %s: %d orders filled otherwise than they were settled, the first is %s of %s: %s",
		r.req.Account, len(changed), c.Ref, c.Symbol, c.Detail))
}

// doubted are the symbols with a difference, now or within a day.
func (r *run) doubted(diff []Difference) []broker.InstrumentID {
	var symbols []broker.InstrumentID
	for i := range diff {
		symbols = append(symbols, diff[i].Symbol)
	}
	if r.memory != nil {
		for i := range r.memory.Doubts {
			if d := &r.memory.Doubts[i]; r.fresh(d) {
				symbols = append(symbols, d.Symbol)
			}
		}
	}
	return symbols
}

// fresh reports whether the broker may still report what explains a doubt: it tells
// the orders of the day.
func (r *run) fresh(d *doubt) bool { return r.e.cfg.Now().Sub(d.Time) < 24*time.Hour }

// ignores reports whether a difference is of a position that is left alone.
func (r *run) ignores(d Difference) bool {
	return slices.ContainsFunc(r.snap.Positions, func(p broker.Position) bool { return p.Instrument == d.Symbol && p.Kind != broker.Stock })
}

// sinceLastRun compares the positions with those that the last run left, or what
// unfinished runs have made of them since.
func (r *run) sinceLastRun() []Difference {
	expected := r.room.expect
	clear(expected)
	if m := r.memory; m != nil {
		for id, h := range m.Seen {
			expected[id] = numOf(h.Quantity)
		}
		for i := range m.Late {
			expected[m.Late[i].Symbol] = numOf(m.Late[i].Expected)
		}
	}
	for id, in := range r.touched() {
		expected[id] = numOf(leftBy(in))
	}
	return r.difference(expected)
}

// touched holds the newest settled order of each symbol that an unfinished run
// has sent since the last run looked at the account.
func (r *run) touched() map[broker.InstrumentID]*journal.Intent {
	if len(r.others) == 0 {
		return nil
	}
	newest := map[broker.InstrumentID]*journal.Intent{}
	for in := range r.otherIntents() {
		id := in.Order.Instrument
		if in.Settlement == nil || r.memory != nil && !in.Time.After(r.memory.Looked) {
			continue
		}
		if have := newest[id]; have == nil || !have.Time.After(in.Time) {
			newest[id] = in
		}
	}
	return newest
}

// suspect reports whether an order of ours may be behind a difference: no operator
// has looked at the account since it last changed. Whether it ended is for its
// settlement to say: the broker may show it as working.
func (r *run) suspect(s *broker.OrderState, doubted []broker.InstrumentID) bool {
	if !ours(s.Order.ID) || !slices.Contains(doubted, s.Order.Instrument) {
		return false
	}
	u := r.standing.LastUnblock
	return u == nil || s.Updated.After(lookedAt(u))
}

// lookedAt is when, by the broker's clock, the account was as the operator saw it
// who unblocked it; by ours if that was not kept.
func lookedAt(u *journal.Unblock) time.Time {
	var seen struct {
		Snapshot struct{ Time time.Time }
	}
	if err := json.Unmarshal(u.Evidence, &seen); err != nil || seen.Snapshot.Time.IsZero() {
		return u.Time
	}
	return seen.Snapshot.Time
}

// settledOtherwise finds, in the records of the last days, the orders whose
// fills are not those that they were settled with.
func (r *run) settledOtherwise(ctx context.Context, states []broker.OrderState) ([]Finding, error) {
	var changed []Finding
	left := len(states)
	oldest := r.e.cfg.Now().Add(-memoryOfRuns)
	for other, err := range r.e.cfg.Journal.Runs(ctx, r.req.Account) {
		if err != nil {
			return nil, r.e.journalFault(err)
		}
		if left == 0 || other.Started.Before(oldest) {
			break
		}
		for i := range other.Intents {
			in := &other.Intents[i]
			s := find(states, in.Order.ID)
			if s == nil || in.Settlement == nil {
				continue
			}
			left--
			if f := correction(in, s); f != nil {
				changed = append(changed, *f)
			}
		}
	}
	return changed, nil
}

// memoryOfRuns is how far back a run is looked for whose orders the broker still
// remembers: its event may have waited for days before it sent them.
const memoryOfRuns = 7 * 24 * time.Hour

// correction says how the fills of an order differ from its settlement, if they do.
func correction(in *journal.Intent, s *broker.OrderState) *Finding {
	filled := s.Filled()
	if in.Settlement.Filled.Equal(filled) || in.Settlement.Outcome == journal.Unknown {
		return nil
	}
	return &Finding{
		Ref: in.Order.ID, Symbol: in.Order.Instrument, Side: in.Order.Side, Outcome: in.Settlement.Outcome, Filled: filled,
		Detail: fmt.Sprintf("settled as %s with %s filled, the broker now says %s", in.Settlement.Outcome, in.Settlement.Filled, filled),
	}
}
