package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// newOperator makes the operator.
func newOperator(w *world, p *process, m *market) *operator {
	return &operator{
		w: w, p: p, a: newActor(w.opts.Seed, slotOperator, "operator"), market: m,
		asked: map[broker.AccountID]time.Time{}, released: map[string]int{}, again: map[string]bool{},
	}
}

// quietDays is the time after the faults.
//
// I-20: every event ends, or is held with a reason, in bounded time.
// I-18: on prices and targets that stand still, a run that completed is followed
// by one that has nothing to do, or next to nothing if orders cost something: fees
// make the account smaller than it was planned. There is no spread and no slippage then: cash that
// is left over by better prices than planned may buy another share, and should.
func (w *world) quietDays(ctx context.Context, root *actor, m *market, stopMarket func(), events *process) {
	m.heal(root)
	if !w.settles(ctx, root) {
		return
	}
	for now := time.Now(); !w.isOver(); now = time.Now() { // a session with time enough
		s := w.session(now)
		if s.Contains(now) && s.Close.Sub(now) > 4*time.Hour {
			break
		}
		root.sleep(max(s.Open.Sub(now), 0) + 10*time.Minute)
	}
	stopMarket()
	root.sleep(5 * time.Minute)
	m.flat(root)
	for i := range w.accounts {
		w.converges(ctx, root, w.accounts[i].ID, events)
	}
}

// settles waits until nothing waits any more.
func (w *world) settles(ctx context.Context, root *actor) bool {
	deadline := time.Now().Add(enough)
	for !w.isOver() {
		waiting := w.waiting(ctx)
		if len(waiting) == 0 {
			return true
		}
		if time.Now().After(deadline) {
			w.check.fail("I-20", "", "%d events wait %s after the last fault, the first is %s", len(waiting), enough, waiting[0])
			return false
		}
		root.sleep(10 * time.Minute)
	}
	return false
}

// converges is I-18 for one account.
func (w *world) converges(ctx context.Context, root *actor, id broker.AccountID, events *process) {
	completed := false
	for n := 1; n <= 6 && !w.isOver(); n++ {
		receipt, err := simQueue{events}.Publish(ctx, queue.Event{
			Key: fmt.Sprintf("last-%s-%d", id, n), Account: string(id), Command: string(rebalance.CommandRebalance),
			Payload: []byte(`{"policy":{"slippage":"0","fx_haircut":"0"}}`),
		})
		if err != nil {
			w.check.fail("sim", id, "publish: %v", err)
			return
		}
		if !w.settles(ctx, root) {
			return
		}
		run, err := w.journal.Run(ctx, journal.RunID(receipt.ID+"/1"))
		if err != nil || run.Outcome == nil {
			return // held, or dead
		}
		outcome := rebalance.Outcome(run.Outcome.Name)
		w.count("last " + string(outcome))
		switch {
		case completed && outcome != rebalance.NoTrade && !(w.fees && small(run.Outcome.Result)):
			w.check.fail("I-18", id, "run %s follows one that completed, on the same prices and targets, and ends as %s: %s",
				run.ID, outcome, run.Outcome.Result)
			return
		case outcome == rebalance.NoTrade:
			return
		}
		completed = outcome == rebalance.Completed && !w.settling[id]
	}
}

// small reports whether a run traded less than three hundredths of the account.
func small(data []byte) bool {
	res, err := rebalance.DecodeResult(data)
	return err == nil && res.Costs != nil && res.Before != nil &&
		res.Costs.Traded.LessThan(res.Before.Equity.Mul(decimal.New(3, -2)))
}
