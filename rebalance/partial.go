package rebalance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
)

// Partial says what happens when a run ends and not all of its orders filled.
// The resting state is always cash above the reserve.
type Partial struct {
	// Then is what to do. Default: roll_forward.
	Then PartialAction
	// FollowUp publishes one more rebalance of the account after a run that left
	// something over. The follow-up of a follow-up is never published. It needs a
	// queue. When equity moved too far between the sells and the buys, there is
	// one in any case. Default: false.
	FollowUp bool
	// Pairs names, for compensate, which sale is bought back when which buy could
	// not be made. Required for compensate.
	Pairs []Pair
	// MaxNotional bounds what compensating orders of a run may cost together, in
	// base currency. Required for compensate.
	MaxNotional decimal.Decimal
}

// PartialAction is what to do after a partial failure.
type PartialAction string

// The actions.
const (
	// RollForward keeps the fills and leaves the rest to the next run.
	RollForward PartialAction = "roll_forward"
	// Halt blocks the account until an operator has looked.
	Halt PartialAction = "halt"
	// Compensate buys back what was sold for a buy that failed: a new trade, with
	// its own price and fees, not an undoing. Never after an unknown outcome.
	Compensate PartialAction = "compensate"
)

// Pair is a sale and the buy that it pays for.
type Pair struct{ Sell, Buy broker.InstrumentID }

// Check returns every fault of the policy, joined, or nil.
func (p *Partial) Check() error {
	var faults []error
	switch p.Then {
	case "", RollForward, Halt:
		if len(p.Pairs) > 0 {
			faults = append(faults, fmt.Errorf("Pairs is set, but Then is %q: want compensate", p.Then))
		}
	case Compensate:
		if len(p.Pairs) == 0 {
			faults = append(faults, errors.New("Pairs is empty: compensate needs named pairs"))
		}
		if p.MaxNotional.Sign() <= 0 {
			faults = append(faults, fmt.Errorf("MaxNotional is %s: compensate needs a limit above 0", p.MaxNotional))
		}
	default:
		faults = append(faults, fmt.Errorf("Then is %q: want roll_forward, halt or compensate", p.Then))
	}
	seen := map[broker.InstrumentID]bool{}
	for _, pair := range p.Pairs {
		if pair.Sell == "" || pair.Buy == "" || pair.Sell == pair.Buy {
			faults = append(faults, fmt.Errorf("Pairs has {%q, %q}: want two different symbols", pair.Sell, pair.Buy))
		}
		if seen[pair.Sell] {
			faults = append(faults, fmt.Errorf("Pairs has %q as a sale twice", pair.Sell))
		}
		seen[pair.Sell] = true
	}
	return errors.Join(faults...)
}

// compensate buys back, pair by pair, what was sold for a buy that could not be
// made, as far as the limit goes. It belongs to the buy step.
func (r *run) compensate(ctx context.Context) error {
	if r.account.Partial.Then != Compensate {
		return nil
	}
	orders, err := r.compensation(ctx)
	if err != nil || len(orders) == 0 {
		return err
	}
	r.extra = orders
	legs := r.layOut(orders, len(r.frozen.Plan.Orders))
	if why := r.lost(); why != "" {
		for _, l := range legs { // what was sent before is watched all the same
			l.quantity, l.refused = decimal.Decimal{}, why
		}
	}
	return r.execute(ctx, legs)
}

// compensation decides the orders, once per run.
func (r *run) compensation(ctx context.Context) ([]PlannedOrder, error) {
	if r.extra != nil {
		return r.extra, nil // see thawCompensation
	}
	if err := r.agree(ctx); err != nil {
		return nil, err
	}
	if r.lost() != "" {
		return nil, nil
	}
	left := r.account.Partial.MaxNotional
	paid := map[broker.InstrumentID]decimal.Decimal{} // for the failed buy, by the pairs before
	var orders []PlannedOrder
	for _, pair := range r.account.Partial.Pairs {
		if o, cost := r.buyBack(pair, paid[pair.Buy], left); o.Quantity.Sign() > 0 {
			orders = append(orders, o)
			left, paid[pair.Buy] = left.Sub(cost), paid[pair.Buy].Add(cost)
		}
	}
	if len(orders) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(orders)
	if err != nil {
		return nil, err
	}
	return orders, r.checkpoint(ctx, stepCompensate, data)
}

// buyBack sizes one compensating order: what the failed buy would have cost, less
// what other pairs have paid back of it, at most what was sold, at most the limit.
func (r *run) buyBack(pair Pair, paid, limit decimal.Decimal) (PlannedOrder, decimal.Decimal) {
	sold, _ := r.legFor(pair.Sell, broker.Sell)
	failed, planned := r.legFor(pair.Buy, broker.Buy)
	terms := r.terms[pair.Sell]
	q, priced := r.quotes.Found[pair.Sell]
	if sold == nil || planned == nil || sold.settlement == nil || !priced {
		return PlannedOrder{}, decimal.Decimal{}
	}
	missing := planned.Quantity
	if failed != nil && failed.settlement != nil {
		missing = missing.Sub(failed.settlement.Filled)
	}
	at := ceilTo(price(&q).Mul(decimal.New(1, 0).Add(r.policy.Slippage)), terms.Tick)
	budget := decimal.Min(r.inBase(missing.Mul(planned.Limit), r.currency(pair.Buy)).Sub(paid), limit)
	if terms.Currency != r.snap.Base { // paid from what is there: nothing is converted
		fee := r.policy.Fee.estimate(numOf(sold.settlement.Filled), numOf(at))
		budget = decimal.Min(budget, r.inBase(r.certainCash()[terms.Currency].sub(fee).decimal(), terms.Currency))
	}
	unit := r.inBase(at, terms.Currency)
	if unit.Sign() <= 0 || missing.Sign() <= 0 || budget.Sign() <= 0 {
		return PlannedOrder{}, decimal.Decimal{}
	}
	lot := numOf(terms.Lot)
	affordable := floorDiv(numOf(budget), numOf(unit).mul(lot)).mul(lot).decimal()
	quantity := decimal.Min(affordable, sold.settlement.Filled)
	order := PlannedOrder{Symbol: pair.Sell, Side: broker.Buy, Quantity: quantity, Limit: at, Reason: ReasonCompensate}
	return order, unit.Mul(quantity)
}

// legFor finds the leg of a planned order, and the order.
func (r *run) legFor(id broker.InstrumentID, side broker.Side) (*leg, *PlannedOrder) {
	for i := range r.frozen.Plan.Orders {
		o := &r.frozen.Plan.Orders[i]
		if o.Symbol != id || o.Side != side {
			continue
		}
		for _, l := range r.legs {
			if l.index == i {
				return l, o
			}
		}
		return nil, o
	}
	return nil, nil
}

// halted blocks the account of a run that left something over, if its policy
// says so.
func (r *run) halted(ctx context.Context) error {
	if r.account.Partial.Then != Halt || len(r.result.Residual) == 0 {
		return nil
	}
	return r.block(ctx, ReasonOrders, r.result.Residual, fmt.Sprintf(
		"account %s: %d orders did not fill as planned, the first left %s %s of %s; the policy is to halt",
		r.req.Account, len(r.result.Residual), r.result.Residual[0].Side, r.result.Residual[0].Quantity, r.result.Residual[0].Symbol))
}

// followUp publishes one more rebalance after a run that left something over. The
// key makes it one, however often the result is settled.
func (e *Engine) followUp(ctx context.Context, d *queue.Delivery, result *Result) error {
	a := e.accounts[result.Account]
	if a == nil || e.cfg.Queue == nil {
		return nil
	}
	moved := slices.Contains(result.Warnings, string(ReasonEquityMoved)) // then the plan must be made again, whatever the policy
	if !a.Partial.FollowUp && !moved || result.Outcome != CompletedAdjusted || result.Command != CommandRebalance {
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if follows, err := e.followsUp(bounded, d.Event); follows || err != nil {
		return err
	}
	payload, err := notAutomatic(d.Event.Payload)
	if err != nil {
		return err
	}
	receipt, err := e.cfg.Queue.Publish(bounded, queue.Event{
		Key: followUpKeyOf(d.Event.ID), Account: d.Event.Account, Command: d.Event.Command,
		Payload: payload, Origin: d.Event.ID, NotBefore: e.recheck(),
	})
	switch {
	case errors.Is(err, queue.ErrFull): // what waits behind this event rebalances as well, and must not wait for it
		e.cfg.Logger.Error("no follow-up: the queue is full", "account", result.Account, "run", result.Run, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("rebalance: follow-up of event %s: %w", d.Event.ID, err)
	}
	e.cfg.Logger.Info("follow-up published", "account", result.Account, "run", result.Run, "event", receipt.ID)
	return nil
}

// followUpKeyOf is the key of the follow-up of an event. That of a long ID has its hash.
func followUpKeyOf(id string) string {
	if len(id) > 100 {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	return followUpKey + id
}

// followUpKey is what the key of each follow-up begins with.
const followUpKey = "follow-up-"

// followsUp reports whether an event is a follow-up, be it one that became a dead
// letter and was asked for again. Where that cannot be told it counts as one.
func (e *Engine) followsUp(ctx context.Context, event queue.Event) (bool, error) {
	admin, ok := queue.As[queue.Admin](e.cfg.Queue)
	for range 16 { // how often an event was asked for again, at most
		switch {
		case strings.HasPrefix(event.Key, followUpKey):
			return true, nil
		case event.Origin == "":
			return false, nil
		case !ok:
			return true, nil
		}
		before, err := admin.Entry(ctx, event.Origin)
		if errors.Is(err, queue.ErrUnknownEvent) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("rebalance: origin of event %s: %w", event.ID, err)
		}
		event = before.Event
	}
	return true, nil
}

// notAutomatic is the payload of a follow-up: the trigger has had its say.
func notAutomatic(payload json.RawMessage) (json.RawMessage, error) {
	args, err := DecodeArguments(payload)
	if err != nil || !args.Automatic {
		return payload, err
	}
	args.Automatic = false
	return json.Marshal(args)
}

// floorTo rounds down to a multiple of step, ceilTo up; steps are positive.
func floorTo(x, step decimal.Decimal) decimal.Decimal { return x.Sub(x.Mod(step)) }

func ceilTo(x, step decimal.Decimal) decimal.Decimal {
	down := floorTo(x, step)
	if down.Equal(x) {
		return x
	}
	return down.Add(step)
}
