package rebalance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// frozenPlan is what the journal keeps of a plan, so that a resumed run trades
// the same list against the same picture.
type frozenPlan struct {
	Plan Plan `json:"plan"`
	// Held and Cash are what the account had when the plan was made.
	Held map[broker.InstrumentID]decimal.Decimal `json:"held"`
	Cash map[broker.Currency]decimal.Decimal     `json:"cash"`
	// Traded is when the last run before the plan traded.
	Traded time.Time `json:"traded,omitzero"`
	// Liquidation is what the broker said that the account was worth then.
	Liquidation decimal.Decimal `json:"liquidation,omitzero"`
	// Before is the account as the plan saw it, Differences how it differed from
	// what the last run left.
	Before      *Picture     `json:"before"`
	Differences []Difference `json:"differences,omitempty"`

	before []byte // the JSON of Before, once it was written
}

// makePlan is step 9: the trade list. From here on it is frozen.
func (r *run) makePlan(ctx context.Context) error {
	if err := r.readToday(ctx); err != nil {
		return err
	}
	if thawed, err := r.thaw(ctx); thawed || err != nil {
		if err == nil && !r.resumed {
			err = r.dayLimited(&r.frozen.Plan)
		}
		return err
	}
	plan, err := r.e.cfg.Planner.Plan(r.planInput())
	if err != nil {
		return stopAs(Held, ReasonPlannerBug, err)
	}
	r.frozen = frozenPlan{
		Plan: plan, Held: r.holdingsIn(r.room.planned), Cash: r.snap.Cash, Liquidation: r.snap.NetLiquidation,
	}
	if plan.Outcome != PlanHeld { // a held one is looked at by a person
		r.frozen.Plan.Lines = nil
	}
	r.reserve = plan.Reserve
	r.frozen.Traded = r.lastTraded()
	r.frozen.Before, r.frozen.Differences = r.picture(), r.result.Differences
	r.showPlan()
	if plan.Outcome == PlanTrade || plan.Outcome == PlanHeld {
		if err := r.drifted(&plan); err != nil {
			return err
		}
	}
	if len(plan.Conversions) > 0 {
		return stopf(Held, ReasonConversion, "account %s needs %s of %s first: convert it by hand, or set the policy's currency to reject",
			r.req.Account, plan.Conversions[0].Amount, plan.Conversions[0].To)
	}
	if plan.Outcome == PlanTrade {
		if err := r.dayLimited(&plan); err != nil {
			return err
		}
	}
	if plan.Outcome == PlanTrade || plan.Outcome == PlanHeld {
		if r.keep, err = r.frozen.encode(); err != nil {
			return err
		}
		r.result.before = r.frozen.before
	}
	if plan.Outcome == PlanHeld { // what is approved is this very plan
		if err := r.checkpoint(ctx, string(StepPlan), r.keep); err != nil {
			return err
		}
	}
	if err := planStop(&plan); err != nil {
		return err
	}
	return r.tradable(ctx, r.layOut(plan.Orders, 0))
}

// thaw takes up the plan that the run had made before: when some of it was sent,
// when an operator approved it, or when it was made a moment ago and the account
// is still the same. It reports whether it did.
func (r *run) thaw(ctx context.Context) (bool, error) {
	kept := r.record.Step(string(StepPlan))
	if kept == nil {
		return false, nil
	}
	u := r.standing.LastUnblock
	unblocked := len(r.record.Intents) > 0 && u != nil && !u.Time.Before(kept.Time)
	if !unblocked && (r.renewed || !r.goesOn()) {
		return false, nil
	}
	var frozen frozenPlan
	if err := json.Unmarshal(kept.Data, &frozen); err != nil {
		return false, fmt.Errorf("rebalance: run %s: frozen plan: %w", r.record.ID, err)
	}
	if unblocked {
		r.frozen = frozen
		return true, r.closeEarly(ctx, ReasonUnblocked, fmt.Sprintf("blocked during this run, unblocked by %s: %s", u.Operator, u.Reason))
	}
	sent := r.began()
	if last := r.lastTraded(); sent && !last.Equal(frozen.Traded) {
		r.frozen = frozen
		return true, r.closeEarly(ctx, ReasonSuperseded, "another run traded since this one made its plan, at "+last.UTC().Format(time.RFC3339))
	}
	if !sent {
		fresh := frozen.Plan.Outcome == PlanTrade && r.e.cfg.Now().Sub(kept.Time) <= r.e.cfg.Timing.PlanLife
		if !fresh && !r.approved(kept) || !r.unchanged(&frozen) {
			return false, nil
		}
	}
	if err := r.resolveOrders(ctx, frozen.Plan.Orders); err != nil {
		return false, err
	}
	r.frozen, r.keep, r.resumed = frozen, kept.Data, sent
	r.showPlan()
	r.layOut(frozen.Plan.Orders, 0)
	return true, r.thawCompensation()
}

// thawCompensation takes up the compensating orders that an earlier process decided:
// what they filled is ours, and is in the positions.
func (r *run) thawCompensation() error {
	kept := r.record.Step(stepCompensate)
	if kept == nil || !r.resumed {
		return nil
	}
	if err := json.Unmarshal(kept.Data, &r.extra); err != nil {
		return fmt.Errorf("rebalance: run %s: frozen compensation: %w", r.record.ID, err)
	}
	r.layOut(r.extra, len(r.frozen.Plan.Orders))
	return nil
}

// resolveOrders looks up what the plan trades. What was sold to its last unit
// before the run was cut off is neither held nor a target any more.
func (r *run) resolveOrders(ctx context.Context, orders []PlannedOrder) error {
	ids := make([]broker.InstrumentID, len(orders))
	for i := range orders {
		ids[i] = orders[i].Symbol
	}
	return r.resolveInstruments(ctx, ids)
}

// closeEarly ends a run that had sent orders and whose plan no longer fits the
// account. Its orders that still work are cancelled; the next run plans anew.
func (r *run) closeEarly(ctx context.Context, reason Reason, why string) error {
	r.showPlan()
	r.layOut(r.frozen.Plan.Orders, 0)
	var working []*leg
	for _, l := range r.legs {
		if l.working() {
			l.doneBy = r.e.tick()
			working = append(working, l)
		}
	}
	if err := r.watch(ctx, working); err != nil {
		return err
	}
	r.result.After = r.picture()
	return stopf(CompletedAdjusted, reason, "account %s: %s", r.req.Account, why)
}

// lastTraded is when a run of the account last traded, as this run found it.
func (r *run) lastTraded() time.Time {
	if r.memory == nil {
		return time.Time{}
	}
	return r.memory.Traded
}

// unchanged reports whether the account still is what a plan was made for: the
// same positions, and no less cash.
func (r *run) unchanged(frozen *frozenPlan) bool {
	same := maps.EqualFunc(frozen.Held, r.holdings(), func(a, b decimal.Decimal) bool { return a.Equal(b) })
	if !same {
		return false
	}
	for c, amount := range frozen.Cash {
		if r.snap.Cash[c].LessThan(amount) {
			return false
		}
	}
	return true
}

// showPlan copies what the plan says into the result.
func (r *run) showPlan() {
	p := &r.frozen.Plan
	r.reserve = p.Reserve
	r.result.Differences = r.frozen.Differences
	r.result.PlanHash, r.result.Skipped, r.result.Warnings, r.result.Before = p.Hash, p.Skipped, p.Warnings, r.frozen.Before
}

// planStop ends the run unless the plan says trade.
func planStop(p *Plan) error {
	var outcome Outcome
	switch p.Outcome {
	case PlanTrade:
		return nil
	case PlanNoTrade:
		outcome = NoTrade
	case PlanHeld:
		outcome = Held
	case PlanRejected:
		outcome = Rejected
	case PlanReplan:
		outcome = CompletedAdjusted
	case PlanNotReady:
		outcome = Failed
		switch p.Reason {
		case ReasonShortPosition, ReasonForeignOpenOrders, ReasonCorporateActionSuspected, ReasonCoverUnfunded:
			outcome = Held
		}
	default:
		return stopf(Held, ReasonPlannerBug, "planner answered with the outcome %q", p.Outcome)
	}
	if p.Detail == "" {
		return stopf(outcome, p.Reason, "%s", p.Reason)
	}
	return stopf(outcome, p.Reason, "%s", p.Detail)
}

// planInput is the picture that the planner sees. It is good until the next one is
// made: planners keep nothing of it.
func (r *run) planInput() Input {
	in := Input{
		Account: AccountState{
			Base: r.snap.Base, Type: r.snap.Type,
			NetLiquidation: decimal.NewNullDecimal(r.snap.NetLiquidation),
			Cash:           r.snap.Cash, SettledCash: r.snap.SettledCash, AvailableFunds: r.snap.AvailableFunds,
			Positions: slices.Grow(r.room.input.positions[:0], len(r.snap.Positions)),
		},
		FX:      r.snap.FX,
		Targets: r.room.input.targets.list(r.targets.Targets),
		Policy:  *r.policy,
		Quotes:  r.planQuotes(),
		Brief:   !r.dry,
		NoLines: !r.dry && !r.req.Automatic, // whose trigger may look at the drift
	}
	in.Instruments = r.planTerms()
	if m := r.memory; m != nil {
		in.Previous = r.room.input.previous.list(m.Targets)
	}
	for i := range r.snap.Positions {
		p := &r.snap.Positions[i]
		before, known := r.before(p.Instrument)
		quantity := p.Quantity
		if p.Kind != broker.Stock { // no price is asked for: what it is worth is what net liquidation leaves for it
			quantity = quantity.Abs()
		}
		in.Account.Positions = append(in.Account.Positions, PositionState{
			Symbol: p.Instrument, Quantity: quantity, Previous: decimal.NullDecimal{Decimal: before.Quantity, Valid: known},
		})
		if p.Kind != broker.Stock { // IgnoreOther is set, or the snapshot step had stopped the run
			in.Policy.Exclude = append(slices.Clip(in.Policy.Exclude), p.Instrument)
			if _, known := in.Instruments[p.Instrument]; !known {
				in.Instruments[p.Instrument] = InstrumentTerms{Currency: p.Currency, Lot: decimal.New(1, 0), Tick: decimal.New(1, -2)}
			}
		}
	}
	for i := range r.snap.Orders {
		if o := &r.snap.Orders[i]; !ours(o.Order.ID) && !r.passes(&o.Order) {
			in.Account.OpenOrders = append(in.Account.OpenOrders,
				OpenOrder{Symbol: o.Order.Instrument, Side: o.Order.Side, Remaining: o.Remaining()})
		}
	}
	r.room.input.positions = in.Account.Positions
	return in
}

// inputRoom is the lists and maps of an input, which the next one uses again, be
// it that of another run.
type inputRoom struct {
	positions         []PositionState
	targets, previous weightList
	terms             map[broker.InstrumentID]InstrumentTerms
	known             int // how many of terms are those of the run, 0 if not made yet
	quotes            map[broker.InstrumentID]PlanQuote
}

// weightList is a list that is made anew in the same memory.
type weightList []TargetWeight

// list is targets as the planner takes them.
func (w *weightList) list(targets []allocation.Target) []TargetWeight {
	list := slices.Grow((*w)[:0], len(targets))
	if list == nil {
		list = weightList{} // none is not the same as none known
	}
	for _, t := range targets {
		list = append(list, TargetWeight(t))
	}
	*w = list
	return list
}

// planTerms is the terms of all instruments of the run.
func (r *run) planTerms() map[broker.InstrumentID]InstrumentTerms {
	room := &r.room.input
	terms := room.terms
	if room.known > 0 && len(terms) == len(r.terms) && room.known == len(r.terms) {
		return terms // they are those: a run only learns of more
	}
	if terms == nil {
		terms = make(map[broker.InstrumentID]InstrumentTerms, len(r.terms))
	}
	clear(terms)
	room.terms, room.known = terms, len(r.terms)
	for id, t := range r.terms {
		terms[id] = InstrumentTerms{Currency: t.Currency, Lot: t.Lot, Tick: t.Tick}
	}
	return terms
}

// planQuotes is the quotes of the run with their ages.
func (r *run) planQuotes() map[broker.InstrumentID]PlanQuote {
	quotes := r.room.input.quotes
	if quotes == nil {
		quotes = make(map[broker.InstrumentID]PlanQuote, len(r.quotes.Found))
		r.room.input.quotes = quotes
	}
	now := r.e.cfg.Now()
	for id, q := range r.quotes.Found {
		pq := r.planQuote(&q, now)
		if before, known := r.before(id); known {
			pq.Previous = decimal.NewNullDecimal(before.Price)
		}
		quotes[id] = pq
	}
	if len(quotes) != len(r.quotes.Found) { // other ones than before
		maps.DeleteFunc(quotes, func(id broker.InstrumentID, _ PlanQuote) bool {
			_, found := r.quotes.Found[id]
			return !found
		})
	}
	return quotes
}

// planQuote is a quote with its age at the time of planning.
func (r *run) planQuote(q *marketdata.Quote, now time.Time) PlanQuote {
	p := PlanQuote{Bid: q.Bid, Ask: q.Ask, Last: q.Last, Close: q.Close, Tier: q.Tier}
	if q.Time.Sub(now) > maxSkew {
		p.Tier = "" // a quote from the future sizes nothing
	}
	if !q.Time.IsZero() {
		p.Age = decimal.NewNullDecimal(r.room.made.of(ageOf(q, now)))
	}
	return p
}

// ageOf is how old a quote is, in seconds.
func ageOf(q *marketdata.Quote, now time.Time) num {
	n := numOfInt(int(max(now.Sub(q.Time), 0).Milliseconds()))
	n.exp = -3
	return n
}
