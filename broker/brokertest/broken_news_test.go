package brokertest

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

func brokenCancels() []brokenBroker {
	return []brokenBroker{
		{"ignores cancels", "a resting order is open until it is cancelled", bend(func(b *bent) {
			b.cancel = func(context.Context, broker.AccountID, broker.OrderID) error { return nil }
		})},
		{"forgets orders that ended", "a resting order is open until it is cancelled", bend(func(b *bent) {
			b.orders = func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
				q.OpenOnly = true
				return b.Broker.Orders(ctx, a, q)
			}
		})},
		{"takes cancelled for unfilled", "a partial fill then a cancel keeps the fill", bendStates(func(s *broker.OrderState) {
			if s.Status == broker.StatusCancelled {
				s.Fills = nil
			}
		})},
		{"refuses to cancel what has ended", "cancelling an order that ended changes nothing", bend(func(b *bent) {
			b.cancel = func(ctx context.Context, a broker.AccountID, id broker.OrderID) error {
				states, err := b.Broker.Orders(ctx, a, broker.OrderQuery{ID: id})
				if err == nil && len(states) == 1 && states[0].Status.Terminal() {
					return broker.ErrUnknownOrder
				}
				return b.Broker.Cancel(ctx, a, id)
			}
		})},
		{"cancels anything", "cancelling an unknown order is an error that says so", bend(func(b *bent) {
			b.cancel = func(ctx context.Context, a broker.AccountID, id broker.OrderID) error {
				if err := b.Broker.Cancel(ctx, a, id); !errors.Is(err, broker.ErrUnknownOrder) {
					return err
				}
				return nil
			}
		})},
	}
}

func brokenNews() []brokenBroker {
	type await = func(context.Context, broker.AccountID, broker.Cursor) ([]broker.OrderState, broker.Cursor, error)
	bendAwait := func(replace func(b *bent) await) func(broker.Broker) broker.Broker {
		return bend(func(b *bent) { b.await = replace(b) })
	}
	return []brokenBroker{
		{"tells an order twice", "news tell each changed order once with its whole state", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, c)
				return append(news, news...), next, err
			}
		})},
		{
			"tells the status alone", "news tell each changed order once with its whole state",
			bendStates(func(s *broker.OrderState) { s.Fills = nil }),
		},
		{"tells everything again and again", "no news come when nothing happens", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, _ broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				return b.Broker.Await(ctx, a, broker.Cursor{})
			}
		})},
		{"returns nothing without an error", "no news come when nothing happens", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, c)
				if errors.Is(err, context.DeadlineExceeded) {
					err = nil
				}
				return news, next, err
			}
		})},
		{"tells news to the first who asks", "waiting ends with its context and consumes nothing", bendAwait(func(b *bent) await {
			var own broker.Cursor
			return func(ctx context.Context, a broker.AccountID, _ broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, own)
				own = next
				return news, next, err
			}
		})},
		{"sleeps through news", "waiting ends when news come", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				short, cancel := context.WithTimeout(ctx, time.Nanosecond)
				defer cancel()
				news, next, err := b.Broker.Await(short, a, c)
				if errors.Is(err, context.DeadlineExceeded) {
					<-ctx.Done()
				}
				return news, next, err
			}
		})},
		{"wakes up one of many", "many may wait for the same news", bendAwait(func(b *bent) await {
			told := make(chan struct{}, 1)
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, c)
				if err != nil {
					return news, next, err
				}
				select {
				case told <- struct{}{}:
					return news, next, nil
				default:
				}
				<-ctx.Done()
				return nil, c, ctx.Err()
			}
		})},
		{
			"starts snapshots at the beginning", "the cursor of a snapshot goes on after it",
			bendSnapshot(func(s *broker.Snapshot) { s.Cursor.Seq = 0 }),
		},
		{"has no beginning", "the zero cursor is the beginning", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				if c == (broker.Cursor{}) {
					s, err := b.Broker.Snapshot(ctx, a)
					if err != nil {
						return nil, c, err
					}
					c = s.Cursor
				}
				return b.Broker.Await(ctx, a, c)
			}
		})},
	}
}

func brokenSessions() []brokenBroker {
	return []brokenBroker{
		{
			"has one epoch for ever", "another session has a higher epoch and the same orders",
			bendSnapshot(func(s *broker.Snapshot) { s.Epoch, s.Cursor.Epoch = 1, 1 }),
		},
		{"loses its orders with the session", "another session has a higher epoch and the same orders", bend(func(b *bent) {
			b.orders = func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
				if s, err := b.Broker.Snapshot(ctx, a); err == nil && s.Epoch > 1 {
					return nil, nil
				}
				return b.Broker.Orders(ctx, a, q)
			}
		})},
		{
			"sends what was decided before a cut", "an order decided before a cut is refused unsent",
			bendPlace(func(o *broker.Order) { o.Epoch = 0 }),
		},
		{"goes on from a cursor of before a cut", "a cursor of an earlier session is refused", bend(func(b *bent) {
			b.await = func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				if s, err := b.Broker.Snapshot(ctx, a); err == nil && c != (broker.Cursor{}) {
					c.Epoch = s.Epoch
				}
				return b.Broker.Await(ctx, a, c)
			}
		})},
		{"waits on over a cut", "a cut ends those who wait", bend(func(b *bent) {
			b.await = func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, c)
				if errors.Is(err, broker.ErrSession) {
					<-ctx.Done()
					return nil, c, ctx.Err()
				}
				return news, next, err
			}
		})},
	}
}

func brokenRoles() []brokenBroker {
	return []brokenBroker{
		{"previews by sending", "a preview leaves no order", lie(func(b broker.Broker, l *liar) {
			l.WhatIfer = whatIf(func(ctx context.Context, o broker.Order) (broker.WhatIf, error) {
				s, err := b.Place(ctx, o)
				return broker.WhatIf{Refusal: s.Reason}, err
			})
		})},
		{"takes not found for absent", "absence is proven for what was never sent alone", lie(func(_ broker.Broker, l *liar) {
			l.AbsenceProver = prove(func(context.Context, broker.AccountID, broker.OrderID) (bool, error) { return true, nil })
		})},
		{"probes another session", "a probe names the session", lie(func(_ broker.Broker, l *liar) {
			l.Prober = probe(func(context.Context) (broker.Probe, error) { return broker.Probe{Time: time.Now()}, nil })
		})},
		{"leaves out instruments without sessions", "sessions are in order and within the span", lie(func(_ broker.Broker, l *liar) {
			l.Calendar = calendar(func(context.Context, time.Time, time.Time, ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
				return map[broker.InstrumentID][]broker.Session{}, nil
			})
		})},
		{"lists sessions out of order", "sessions are in order and within the span", lie(func(_ broker.Broker, l *liar) {
			l.Calendar = calendar(func(_ context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
				sessions := map[broker.InstrumentID][]broker.Session{}
				for _, id := range ids {
					sessions[id] = []broker.Session{{Open: from, Close: to}, {Open: from, Close: to}}
				}
				return sessions, nil
			})
		})},
	}
}
