package rebalance

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// memory is what the runs of an account leave to the next one. The journal
// keeps the newest one per account.
type memory struct {
	Schema int `json:"schema"`
	// Traded is when the last run that sent an order ended, Automatic the same
	// of automatic runs, Calendar when the calendar was last served.
	Traded    time.Time `json:"traded,omitzero"`
	Automatic time.Time `json:"automatic,omitzero"`
	Calendar  time.Time `json:"calendar,omitzero"`
	// Strategy, Version, AsOf and Targets are of the last allocation that was
	// carried out.
	Strategy string                                  `json:"strategy,omitempty"`
	Version  string                                  `json:"version,omitempty"`
	AsOf     time.Time                               `json:"as_of,omitzero"`
	Looked   time.Time                               `json:"looked,omitzero"` // when Seen was
	Targets  []allocation.Target                     `json:"targets,omitempty"`
	Seen     map[broker.InstrumentID]memoryOfHolding `json:"seen,omitempty"`
	// Today is what was sent on the last day on which something was.
	Today *dayCount `json:"today,omitempty"`
	// Late are positions that the last run did not see as its fills make them, and
	// those that Seen has no price of.
	Late []settledFill `json:"late,omitempty"`
	// Doubts are differences of the last day that no order of ours explained.
	Doubts []doubt `json:"doubts,omitempty"`
}

// doubt is a symbol whose position was not as a run had left it.
type doubt struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Time   time.Time           `json:"time"`
}

// memoryOfHolding is a position as a run last saw it: a price that halves while
// the quantity stays looks like a split that the broker has not booked yet.
type memoryOfHolding struct {
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
}

const memorySchema = 1

// remembered is a memory and the run that left it.
type remembered struct {
	run    journal.RunID
	memory *memory
}

// recall reads what earlier runs of the account left.
func (r *run) recall(m *journal.Memo) error {
	if m == nil {
		return nil
	}
	r.e.mu.Lock()
	known := r.e.memories[r.req.Account]
	r.e.mu.Unlock()
	if known.run == m.Run {
		r.memory = known.memory
		return nil
	}
	var read memory
	if err := json.Unmarshal(m.Data, &read); err != nil || read.Schema != memorySchema {
		return stopf(Held, ReasonJournal, "account %s: what run %s left cannot be read (schema %d, this release knows %d): %v",
			r.req.Account, m.Run, read.Schema, memorySchema, err)
	}
	r.memory = &read
	return nil
}

// remember keeps what this run left, so that the next one need not decode it.
func (r *run) remember(m *memory) {
	r.e.mu.Lock()
	r.e.memories[r.req.Account] = remembered{r.record.ID, m}
	r.e.mu.Unlock()
}

// memo is what this run leaves to the next one: nothing unless it rebalanced,
// or found that there was nothing to do.
func (r *run) memo(res *Result) (json.RawMessage, *memory) {
	went := res.Outcome.Ended() && res.Outcome != Rejected
	looked := r.snap.Account != ""
	if r.req.Command != CommandRebalance || (!went || !looked) && !r.sent() {
		return nil, nil
	}
	m := memory{Schema: memorySchema}
	if old := r.memory; old != nil {
		m = *old
	}
	if r.sent() {
		m.Traded = res.Finished
		if r.req.Automatic {
			m.Automatic = res.Finished
		}
	}
	if r.calendarDue {
		m.Calendar = res.Finished
	}
	if len(r.targets.Targets) > 0 && res.Reason != ReasonNotDue && !r.overtaken(&r.targets) {
		m.Strategy, m.Version, m.AsOf, m.Targets = r.req.Strategy, r.targets.Version, r.targets.AsOf, slices.Clone(r.targets.Targets)
	}
	m.Today = r.countDay(m.Today)
	m.Doubts = r.doubtsFor(res)
	if quantities := r.accountedFor(); looked && quantities != nil {
		m.Seen, m.Looked = r.seen(quantities), res.Finished
		m.Late = append(r.unpriced(quantities, m.Seen), r.late()...)
	} else {
		m.Late = r.withSettled(slices.Clone(m.Late), r.intents())
	}
	return m.encode(), &m
}

// doubtsFor are the doubts that the next run has: those that this one had, and the
// differences that it tells.
func (r *run) doubtsFor(res *Result) []doubt {
	var doubts []doubt
	if r.memory != nil {
		doubts = slices.DeleteFunc(slices.Clone(r.memory.Doubts), func(d doubt) bool { return !r.fresh(&d) })
	}
	for i := range res.Differences {
		doubts = append(doubts, doubt{res.Differences[i].Symbol, res.Finished})
	}
	return doubts
}

// sent reports whether an order of this run left the process, be it an earlier
// one.
func (r *run) sent() bool {
	left := func(s *journal.Settlement) bool { return s != nil && s.Outcome != journal.NotSent }
	return slices.ContainsFunc(r.legs, func(l *leg) bool { return left(l.settlement) }) ||
		slices.ContainsFunc(r.record.Intents, func(in journal.Intent) bool { return left(in.Settlement) })
}

// accountedFor is each holding as the last look shows it; or, if that does not
// bear out what this run traded, as it must be, so that the difference is not
// forgotten with the run. Nil is not known.
func (r *run) accountedFor() map[broker.InstrumentID]decimal.Decimal {
	if r.agreed {
		return r.holdings()
	}
	if r.frozen.Held == nil {
		return nil
	}
	expected := r.expected()
	quantities := make(map[broker.InstrumentID]decimal.Decimal, len(expected))
	for id, quantity := range expected {
		if !quantity.isZero() {
			quantities[id] = quantity.decimal()
		}
	}
	return quantities
}

// seen is each holding with its price. What looks like a split stays as it was
// before, until it is booked.
func (r *run) seen(quantities map[broker.InstrumentID]decimal.Decimal) map[broker.InstrumentID]memoryOfHolding {
	seen := make(map[broker.InstrumentID]memoryOfHolding, len(quantities))
	for id, quantity := range quantities {
		now := memoryOfHolding{Quantity: quantity}
		if q, ok := r.quotes.Found[id]; ok {
			now.Price = price(&q)
		}
		if before, ok := r.before(id); ok && (now.Price.IsZero() || r.suspected(id)) {
			now = before
		}
		if !now.Price.IsZero() {
			seen[id] = now
		}
	}
	return seen
}

// unpriced are the holdings that are not in seen as they are, for want of a price.
// Nobody waits for them.
func (r *run) unpriced(quantities map[broker.InstrumentID]decimal.Decimal, seen map[broker.InstrumentID]memoryOfHolding) []settledFill {
	var list []settledFill
	for id, quantity := range quantities {
		if !seen[id].Quantity.Equal(quantity) && !r.suspected(id) {
			list = append(list, settledFill{Symbol: id, Expected: quantity})
		}
	}
	slices.SortFunc(list, func(a, b settledFill) int { return compare(a.Symbol, b.Symbol) })
	return list
}

// before is the holding as the last run saw it.
func (r *run) before(id broker.InstrumentID) (memoryOfHolding, bool) {
	if r.memory == nil {
		return memoryOfHolding{}, false
	}
	h, ok := r.memory.Seen[id]
	return h, ok
}

// suspected reports whether the plan left a symbol alone because of a suspected
// split.
func (r *run) suspected(id broker.InstrumentID) bool {
	return slices.ContainsFunc(r.frozen.Plan.Skipped, func(s Skip) bool {
		return s.Symbol == id && s.Reason == ReasonCorporateActionSuspected
	})
}
