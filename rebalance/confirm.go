package rebalance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// confirm looks whether the positions bear out what the legs say that ended with
// less than they asked for: a fill may be reported after the cancel. It waits for
// the missing report; if none comes, the leg's outcome is unknown.
func (r *run) confirm(ctx context.Context, legs []*leg) error {
	deadline := r.e.tick().Add(r.e.cfg.Timing.Settle)
	for {
		open := shortOf(legs)
		if len(open) == 0 {
			return nil
		}
		if err := r.readAgain(ctx, open); err != nil {
			return err
		}
		now := r.e.tick()
		differs := false
		for _, l := range open {
			held := r.snap.Position(l.order.Instrument)
			if held.Equal(l.after()) {
				continue
			}
			differs = true
			if !now.Before(deadline) {
				l.unknown(r.e.cfg.Now(), fmt.Sprintf("its fills make the position %s, the broker says %s", l.after(), held))
			}
		}
		if !differs {
			return nil
		}
		if err := r.pauseUpTo(ctx, deadline.Sub(now)); err != nil {
			return err
		}
	}
}

// shortOf are the legs whose fills may not all be known: ended by a cancel.
func shortOf(legs []*leg) []*leg {
	var short []*leg
	for _, l := range legs {
		if s := l.settlement; s == nil || l.stored || l.adopted {
			continue
		}
		switch l.settlement.Outcome {
		case journal.PartiallyFilled, journal.Cancelled:
			short = append(short, l)
		default: // by its fills, by the broker's refusal, or by a proof
		}
	}
	return short
}

// readAgain reads positions and orders anew, and closes the legs by them.
func (r *run) readAgain(ctx context.Context, legs []*leg) error {
	if err := r.lookAgain(ctx); err != nil {
		return err
	}
	states, err := r.orders(ctx, broker.OrderQuery{})
	if err != nil {
		return err
	}
	for _, l := range legs {
		if s := find(states, l.order.ID); s != nil {
			l.merge(s)
			l.close(r.e.cfg.Now())
		}
	}
	return nil
}

// after is the position that the leg's fills make of the one before it.
func (l *leg) after() decimal.Decimal {
	return numOf(l.held).add(l.moved()).decimal()
}

// pauseUpTo waits for news of the account, for a second at most.
func (r *run) pauseUpTo(ctx context.Context, left time.Duration) error {
	if left <= 0 {
		return nil
	}
	bounded, cancel := r.e.cfg.WithTimeout(ctx, min(left, time.Second))
	news, cursor, err := r.e.cfg.Broker.Await(bounded, r.req.Account, r.snap.Cursor)
	cancel()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		r.snap.Cursor = cursor
		take(r.legs, news)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, broker.ErrSession) {
		return err
	}
	return nil
}
