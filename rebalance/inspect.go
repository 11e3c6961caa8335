package rebalance

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// Plan previews a rebalance: the trade list for the account as it is now. It
// has no side effect, neither at the broker nor in the journal. An [*Error]
// says why there is no plan.
func (e *Engine) Plan(ctx context.Context, req Request) (Plan, error) {
	req.Command = CommandPreview
	r := &run{e: e, req: req, room: e.room(), result: &Result{Account: req.Account, Started: e.cfg.Now()}}
	err := r.configure()
	if err == nil {
		err = r.preview(ctx)
	}
	e.leave(r.room)
	if err != nil {
		return Plan{}, e.stopFor(err)
	}
	return *r.result.Plan, nil
}

// preview observes and plans. The plan's own outcome stands in the plan.
func (r *run) preview(ctx context.Context) error {
	r.dry = true
	for _, do := range [...]func(*run, context.Context) error{
		(*run).ready, (*run).allocation, (*run).instruments, (*run).snapshot, (*run).prices,
	} {
		if err := do(r, ctx); err != nil {
			return err
		}
	}
	plan, err := r.e.cfg.Planner.Plan(r.planInput())
	if err != nil {
		return stopAs(Held, ReasonPlannerBug, err)
	}
	r.frozen.Plan, r.reserve = plan, plan.Reserve
	r.result.Plan, r.result.PlanHash = &plan, plan.Hash
	r.result.Before = r.picture()
	r.result.Outcome = Completed
	return nil
}

// showSnapshot answers the snapshot command.
func (r *run) showSnapshot(ctx context.Context) error {
	if err := r.ours(ctx); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	v := &SnapshotView{
		Time: r.snap.Time, Base: r.snap.Base, NetLiquidation: r.snap.NetLiquidation,
		Block: r.standing.Block, Kill: r.standing.Kill,
	}
	for _, c := range slices.Sorted(maps.Keys(r.snap.Cash)) {
		v.Cash = append(v.Cash, broker.Money{Amount: r.snap.Cash[c], Currency: c})
	}
	for i := range r.snap.Positions {
		p := &r.snap.Positions[i]
		v.Positions = append(v.Positions, PositionView{Symbol: p.Instrument, Kind: p.Kind, Currency: p.Currency, Quantity: p.Quantity})
	}
	for i := range r.snap.Orders {
		o := &r.snap.Orders[i]
		v.Orders = append(v.Orders, OpenOrderView{
			Ref: o.Order.ID, BrokerID: o.BrokerID, Ours: ours(o.Order.ID), Symbol: o.Order.Instrument, Side: o.Order.Side,
			Quantity: o.Order.Quantity, Remaining: o.Remaining(), Status: o.Status,
		})
	}
	slices.SortFunc(v.Positions, func(a, b PositionView) int { return compare(a.Symbol, b.Symbol) })
	slices.SortFunc(v.Orders, func(a, b OpenOrderView) int { return compare(a.BrokerID, b.BrokerID) })
	r.result.Snapshot, r.result.Outcome = v, Completed
	return nil
}

// cancelOrders cancels our own working orders and says what became of each. It
// is not stopped by a block or the kill switch: it takes risk away.
func (r *run) cancelOrders(ctx context.Context) error {
	if err := r.ours(ctx); err != nil {
		return err
	}
	if err := r.resolveEarlier(ctx); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if err := r.cancelStale(ctx); err != nil {
		return err
	}
	r.result.Outcome = Completed
	return nil
}

// reconcile finds out what became of every open intent, and compares positions
// with what the last run left. It neither sends nor cancels.
func (r *run) reconcile(ctx context.Context) error {
	if err := r.ours(ctx); err != nil {
		return err
	}
	if err := r.resolveEarlier(ctx); err != nil {
		return err
	}
	if err := r.readOthers(ctx); err != nil {
		return err
	}
	if err := r.showSnapshot(ctx); err != nil {
		return err
	}
	r.result.Differences = r.sinceLastRun()
	if b := r.standing.Block; b != nil {
		r.result.Detail = "the account is still blocked: " + b.Reason
	}
	return nil
}

// health answers the health command.
func (r *run) health(ctx context.Context) error {
	report := r.e.Health(ctx)
	r.result.Health, r.result.Outcome = &report, Completed
	if !report.Ready {
		r.result.Detail = "not ready: " + errors.Join(report.faults()...).Error()
	}
	return nil
}

// compare orders two strings of any kind.
func compare[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
