package rebalance

import (
	"fmt"
	"sync"
)

// NewPlanner returns the planner. PLANNER.md describes every rule it follows, in
// the order in which the files plan_*.go carry them out.
func NewPlanner() Planner { return &planner{} }

// planner keeps the memory of finished drafts for the next ones, nothing else.
type planner struct{ drafts sync.Pool }

var _ Planner = (*planner)(nil)

// Plan decides all orders of a run.
func (p *planner) Plan(in Input) (Plan, error) {
	d := p.draft(in)
	defer p.recycle(d)
	d.carryOut(common)
	d.carryOut(planning)
	return d.plan()
}

// FundBuys decides the buys once the sells are settled.
func (p *planner) FundBuys(in Input) (Plan, error) {
	d := p.draft(in)
	defer p.recycle(d)
	d.funding = true
	d.carryOut(common)
	d.carryOut(fundingBuys)
	return d.plan()
}

// draft begins a plan.
func (p *planner) draft(in Input) *draft {
	d, ok := p.drafts.Get().(*draft)
	if !ok {
		d = &draft{made: new(decimals)}
	}
	d.input = in
	d.in = &d.input
	return d
}

// recycle empties a draft. A plan refers to nothing of it.
func (p *planner) recycle(d *draft) {
	*d = draft{
		weights: d.weights[:0], symbols: d.symbols[:0], assets: d.assets[:0], lines: d.lines[:0],
		members: d.members[:0], wallets: d.wallets[:0],
		sales: d.sales[:0], purchases: d.purchases[:0], text: d.text[:0],
		names: d.names[:0], chosen: d.chosen[:0], rows: d.rows[:0], ordered: d.ordered[:0], figures: d.figures[:0],
		saleOf: d.saleOf[:0], purchaseOf: d.purchaseOf[:0], made: d.made,
	}
	p.drafts.Put(d)
}

// step is a rule or several; each may end the plan, see [draft.end].
type step = func(*draft)

// common are the steps from the input to what each symbol should be worth.
var common = []step{
	(*draft).checkNumbers,     // plan_numbers.go
	(*draft).normalize,        // plan_input.go
	(*draft).checkTargets,     // plan_targets.go
	(*draft).checkInstruments, //
	(*draft).checkPolicy,      //
	(*draft).measureShift,     //
	(*draft).substitute,       // plan_substitutes.go
	(*draft).collect,          // plan_scope.go
	(*draft).scope,            //
	(*draft).checkState,       // plan_state.go
	(*draft).readPrices,       // plan_prices.go
	(*draft).findSplits,       // plan_splits.go
	(*draft).valuePositions,   // plan_value.go
	(*draft).findBase,         // plan_base.go
}

// planning are the steps of a whole plan after those.
var planning = []step{
	(*draft).desire,       // plan_desired.go
	(*draft).chooseTrades, // plan_trigger.go
	(*draft).sizeTrades,   // plan_size.go
	(*draft).fundAll,      // plan_cash.go
	(*draft).convert,      // plan_convert.go
	(*draft).checkGuards,  // plan_guards.go
	(*draft).nothingToDo,  //
}

// fundingBuys are the steps of the buys after the sells.
var fundingBuys = []step{
	(*draft).checkEquityMoved, // plan_fundbuys.go
	(*draft).desire,
	(*draft).choosePlanned,
	(*draft).sizeTrades,
	(*draft).fundAll,
	(*draft).convert,
	(*draft).nothingToDo,
}

// carryOut takes the steps up to the one that ends the plan.
func (d *draft) carryOut(steps []step) {
	for _, take := range steps {
		if d.outcome != "" {
			return
		}
		take(d)
	}
}

// plan is the finished plan, after a last look at its invariants.
func (d *draft) plan() (Plan, error) {
	if d.outcome == "" {
		d.outcome = PlanTrade
	}
	p := d.output()
	if err := d.selfCheck(&p); err != nil {
		return Plan{}, fmt.Errorf("rebalance: planner: the plan breaks its own rules, nothing may be traded: %w", err)
	}
	return p, nil
}
