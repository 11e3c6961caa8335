package rebalance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

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
	// Before is the account as the plan saw it.
	Before *Picture `json:"before"`
}

// makePlan is step 9: the trade list. From here on it is frozen, unless nothing
// of it was sent when the run is resumed: then it is made anew.
func (r *run) makePlan(ctx context.Context) error {
	if kept := r.record.Step(string(StepPlan)); kept != nil && len(r.record.Intents) > 0 {
		if err := json.Unmarshal(kept.Data, &r.frozen); err != nil {
			return fmt.Errorf("rebalance: run %s: frozen plan: %w", r.record.ID, err)
		}
		r.keep, r.resumed = kept.Data, true
		r.showPlan()
		return nil
	}
	plan, err := r.e.cfg.Planner.Plan(r.planInput())
	if err != nil {
		return &Error{Outcome: Held, Reason: ReasonPlannerBug, Err: err}
	}
	r.frozen = frozenPlan{Plan: plan, Held: r.holdings(), Cash: r.snap.Cash}
	r.frozen.Before = r.picture()
	r.showPlan()
	if err := planStop(&plan); err != nil {
		return err
	}
	if len(plan.Conversions) > 0 {
		return stopf(Held, ReasonConversion, "account %s needs %s of %s first: convert it by hand, or set the policy's currency to reject",
			r.req.Account, plan.Conversions[0].Amount, plan.Conversions[0].To)
	}
	if err := r.tradable(ctx, plan.Orders); err != nil {
		return err
	}
	r.keep, err = json.Marshal(&r.frozen)
	return err
}

// showPlan copies what the plan says into the result.
func (r *run) showPlan() {
	p := &r.frozen.Plan
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

// tradable defers the run unless every order can be finished in the session
// that is open now.
func (r *run) tradable(ctx context.Context, orders []PlannedOrder) error {
	ids := make([]broker.InstrumentID, len(orders))
	for i := range orders {
		ids[i] = orders[i].Symbol
	}
	open, next, err := r.hours(ctx, ids)
	if err != nil || open == len(ids) {
		return err
	}
	return r.closed(next, fmt.Sprintf("%d of %d orders are in closed markets", len(ids)-open, len(ids)))
}

// planInput is the picture that the planner sees.
func (r *run) planInput() Input {
	in := Input{
		Account: AccountState{
			Base: r.snap.Base, Type: r.snap.Type,
			NetLiquidation: decimal.NewNullDecimal(r.snap.NetLiquidation),
			Cash:           r.snap.Cash, SettledCash: r.snap.SettledCash, AvailableFunds: r.snap.AvailableFunds,
			Positions: make([]PositionState, 0, len(r.snap.Positions)),
		},
		Instruments: make(map[broker.InstrumentID]InstrumentTerms, len(r.terms)),
		Quotes:      make(map[broker.InstrumentID]PlanQuote, len(r.quotes.Found)),
		FX:          r.snap.FX,
		Targets:     make([]TargetWeight, len(r.targets.Targets)),
		Policy:      *r.policy,
	}
	for i, t := range r.targets.Targets {
		in.Targets[i] = TargetWeight(t)
	}
	for i := range r.snap.Positions {
		p := &r.snap.Positions[i]
		in.Account.Positions = append(in.Account.Positions, PositionState{Symbol: p.Instrument, Quantity: p.Quantity})
		if p.Kind != broker.Stock { // IgnoreOther is set, or the snapshot step had stopped the run
			in.Policy.Exclude = append(slices.Clip(in.Policy.Exclude), p.Instrument)
			in.Instruments[p.Instrument] = InstrumentTerms{Currency: p.Currency, Lot: decimal.New(1, 0), Tick: decimal.New(1, -2)}
		}
	}
	for i := range r.snap.Orders {
		if o := &r.snap.Orders[i]; !ours(o.Order.ID) {
			in.Account.OpenOrders = append(in.Account.OpenOrders,
				OpenOrder{Symbol: o.Order.Instrument, Side: o.Order.Side, Remaining: o.Remaining()})
		}
	}
	for id, t := range r.terms {
		in.Instruments[id] = InstrumentTerms{Currency: t.Currency, Lot: t.Lot, Tick: t.Tick}
	}
	now := r.e.cfg.Now()
	for id, q := range r.quotes.Found {
		in.Quotes[id] = planQuote(&q, now)
	}
	return in
}

// planQuote is a quote with its age at the time of planning.
func planQuote(q *marketdata.Quote, now time.Time) PlanQuote {
	p := PlanQuote{Bid: q.Bid, Ask: q.Ask, Last: q.Last, Close: q.Close, Tier: q.Tier}
	if !q.Time.IsZero() {
		age := max(now.Sub(q.Time), 0)
		p.Age = decimal.NewNullDecimal(decimal.New(age.Milliseconds(), -3))
	}
	return p
}

// sell is step 10: all sells of the plan, to their end.
func (r *run) sell(ctx context.Context) error {
	var legs []*leg
	for i := range r.frozen.Plan.Orders {
		if o := &r.frozen.Plan.Orders[i]; o.Side == broker.Sell {
			legs = append(legs, r.newLeg(i, o))
		}
	}
	return r.execute(ctx, legs)
}

// settleSells is step 11: the account must show what the fills say, and nothing
// else.
func (r *run) settleSells(ctx context.Context) error {
	if len(r.legs) == 0 {
		return nil
	}
	return r.agree(ctx)
}

// buy is step 12: covers first, then the buys as far as the cash goes.
func (r *run) buy(ctx context.Context) error {
	var covers, buys []*leg
	for i := range r.frozen.Plan.Orders {
		o := &r.frozen.Plan.Orders[i]
		switch {
		case o.Side == broker.Sell:
		case o.Reason == ReasonCover:
			covers = append(covers, r.newLeg(i, o))
		default:
			buys = append(buys, r.newLeg(i, o))
		}
	}
	if len(covers) > 0 {
		if err := r.execute(ctx, covers); err != nil {
			return err
		}
		if err := r.agree(ctx); err != nil {
			return err
		}
	}
	if len(buys) > 0 && len(buys) < len(r.frozen.Plan.Orders) {
		if err := r.fund(ctx, buys); err != nil {
			return err
		}
	}
	return r.execute(ctx, buys)
}

// fund sizes the buys by the cash that the sells really brought. What was sized
// once stays so when the run is resumed.
func (r *run) fund(ctx context.Context, buys []*leg) error {
	var funded Plan
	if kept := r.record.Step(stepFund); kept != nil && r.resumed {
		if err := json.Unmarshal(kept.Data, &funded); err != nil {
			return fmt.Errorf("rebalance: run %s: frozen buys: %w", r.record.ID, err)
		}
	} else {
		var err error
		if funded, err = r.fundNow(ctx, buys); err != nil {
			return err
		}
	}
	for _, b := range buys {
		b.fundedBy(&funded)
	}
	return nil
}

// fundNow asks the planner with fresh prices and the cash that is certain.
func (r *run) fundNow(ctx context.Context, buys []*leg) (Plan, error) {
	if err := r.prices(ctx); err != nil {
		return Plan{}, err
	}
	in := r.planInput()
	in.Account.Cash = r.certainCash()
	in.PlannedEquity = decimal.NewNullDecimal(r.frozen.Plan.Equity)
	for i := range r.frozen.Plan.Orders {
		if o := &r.frozen.Plan.Orders[i]; o.Side == broker.Sell {
			in.Sold = append(in.Sold, o.Symbol)
		}
	}
	for _, b := range buys {
		in.Planned = append(in.Planned, PlannedBuy{Symbol: b.plan.Symbol, Quantity: b.plan.Quantity})
	}
	funded, err := r.e.cfg.Planner.FundBuys(in)
	if err != nil {
		return Plan{}, &Error{Outcome: Held, Reason: ReasonPlannerBug, Err: err}
	}
	if funded.Outcome == PlanNotReady || funded.Outcome == PlanRejected || funded.Outcome == PlanHeld {
		return Plan{}, planStop(&funded)
	}
	if funded.Outcome == PlanReplan {
		r.result.Warnings = append(r.result.Warnings, string(funded.Reason))
	}
	data, err := json.Marshal(&funded)
	if err != nil {
		return Plan{}, err
	}
	return funded, r.checkpoint(ctx, stepFund, data)
}

// certainCash is the smaller, by currency, of what the broker reports and what
// the cash before the plan and the fills add up to.
func (r *run) certainCash() map[broker.Currency]decimal.Decimal {
	computed := make(map[broker.Currency]decimal.Decimal, len(r.frozen.Cash))
	for c, amount := range r.frozen.Cash {
		computed[c] = amount
	}
	for _, l := range r.legs {
		done := l.settlement
		if done == nil || done.Filled.IsZero() {
			continue
		}
		c := r.terms[l.plan.Symbol].Currency
		notional := done.Filled.Mul(done.AveragePrice)
		if l.plan.Side == broker.Buy {
			notional = notional.Neg()
		}
		computed[c] = computed[c].Add(notional)
		computed[done.FeeCurrency] = computed[done.FeeCurrency].Sub(done.Fees)
	}
	cash := make(map[broker.Currency]decimal.Decimal, len(r.snap.Cash))
	for c, reported := range r.snap.Cash {
		cash[c] = decimal.Min(reported, computed[c])
	}
	return cash
}
