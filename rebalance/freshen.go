package rebalance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/retry"
)

// How old a look at the account, and at the prices, may be when orders are sent.
const (
	snapshotLife = time.Second
	quoteLife    = 5 * time.Second
	batchLife    = 2 * time.Second // of the look that the orders of a batch share
)

// freshen looks again before a batch is sent, if the last look is too long ago: a
// source may have been slow, and meanwhile somebody may have traded, or a price
// may have run away. The orders are checked against what it finds.
func (r *run) freshen(ctx context.Context) error {
	if r.e.tick().Sub(r.quoted) > quoteLife {
		if err := r.prices(ctx); err != nil {
			return err
		}
	}
	if r.e.tick().Sub(r.shown) > snapshotLife {
		if err := r.asPlanned(ctx); err != nil {
			return err
		}
	}
	return r.learnForeign(ctx)
}

// asPlanned looks whether the positions still are what the plan was made for and
// what our fills made of them. Before the first order somebody else's trade is no
// fault: the run waits and plans anew.
func (r *run) asPlanned(ctx context.Context) error {
	if r.began() || slices.ContainsFunc(r.legs, func(l *leg) bool { return l.order.ID != "" }) {
		return r.agree(ctx)
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	diff := r.difference(r.expected())
	if len(diff) == 0 {
		return nil
	}
	return r.e.postponef(ReasonForeignTrade, "account %s: %d positions changed since the plan, before an order was sent, the first is %s: the plan saw %s, now it is %s",
		r.req.Account, len(diff), diff[0].Symbol, diff[0].Expected, diff[0].Found)
}

// learnForeign learns the terms of what somebody else is buying: that money is
// spoken for. What others sell matters only if it is held, and then it is known.
func (r *run) learnForeign(ctx context.Context) error {
	for i := range r.snap.Orders {
		if o := &r.snap.Orders[i].Order; o.Side == broker.Buy && !ours(o.ID) {
			if err := r.learn(ctx, o.Instrument); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn resolves an instrument that the run does not trade. One that is unknown, or
// no stock, stays unknown.
func (r *run) learn(ctx context.Context, id broker.InstrumentID) error {
	if _, known := r.terms[id]; known || slices.Contains(r.strange, id) {
		return nil
	}
	found, err := retry.Value(ctx, r.e.cfg.Policies.Broker, func(ctx context.Context) (map[broker.InstrumentID]broker.Instrument, error) {
		return r.e.cfg.Broker.Resolve(ctx, id)
	})
	unknown := errors.Is(err, broker.ErrUnknownInstrument) || errors.Is(err, broker.ErrAmbiguousInstrument)
	if err != nil && !unknown {
		return fmt.Errorf("rebalance: terms of %s, of which there is an order: %w", id, err)
	}
	if terms, ok := found[id]; ok && terms.Kind == broker.Stock {
		r.addTerms(found)
		return nil
	}
	r.strange = append(r.strange, id)
	return nil
}

// addTerms adds contracts to those that are known. The broker's map stays as it is.
func (r *run) addTerms(found map[broker.InstrumentID]broker.Instrument) {
	if len(r.terms) > 0 {
		all := make(map[broker.InstrumentID]broker.Instrument, len(r.terms)+len(found))
		maps.Copy(all, r.terms)
		maps.Copy(all, found)
		found = all
	}
	r.terms, r.symbols = found, nil
}

// passes reports whether an open order of somebody else is nothing to this run: it
// sells, or the account leaves alone, what the run knows nothing of.
func (r *run) passes(o *broker.Order) bool {
	_, known := r.terms[o.Instrument]
	return !known && (o.Side == broker.Sell || r.account.IgnoreOther)
}
