package brokertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

func brokenPlaces() []brokenBroker {
	return []brokenBroker{
		{
			"changes the limit", "an order is carried as it was sent",
			bendPlace(func(o *broker.Order) { o.Limit = o.Limit.Sub(decimal.New(1, -2)) }),
		},
		{
			"changes the quantity", "an order is carried as it was sent",
			bendPlace(func(o *broker.Order) { o.Quantity = o.Quantity.Add(decimal.New(1, 0)) }),
		},
		{"fills above the limit", "a marketable order fills within its limit", bendStates(func(s *broker.OrderState) {
			for i := range s.Fills {
				s.Fills[i].Price = s.Fills[i].Price.Mul(decimal.New(105, -2))
			}
		})},
		{
			"tells fills twice", "a marketable order fills within its limit",
			bendStates(func(s *broker.OrderState) { s.Fills = append(s.Fills, s.Fills...) }),
		},
		{
			"tells no fills", "a marketable order fills within its limit",
			bendStates(func(s *broker.OrderState) { s.Fills = nil }),
		},
		{"tells fills without the ID of their order", "a marketable order fills within its limit", bendStates(func(s *broker.OrderState) {
			for i := range s.Fills {
				s.Fills[i].Order = ""
			}
		})},
		{"forgets fees", "positions and cash agree with the fills", bendStates(func(s *broker.OrderState) {
			for i := range s.Fills {
				s.Fills[i].Fee.Decimal = decimal.Decimal{}
			}
		})},
		{
			"shows the positions of before", "positions and cash agree with the fills",
			bendSnapshot(func(s *broker.Snapshot) { s.Positions = nil }),
		},
		{"sends a known ID again", "the same ID twice is one order", bend(func(b *bent) {
			known := map[broker.OrderID]bool{}
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				id := o.ID
				if known[id] {
					o.ID = "again." + o.ID[:20]
				}
				known[id] = true
				s, err := b.Broker.Place(ctx, o)
				s.Order.ID = id
				return s, err
			}
		})},
		{"refuses a known ID", "the same ID twice is one order", bend(func(b *bent) {
			known := map[broker.OrderID]bool{}
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				if known[o.ID] {
					return broker.OrderState{}, unsent(broker.KindPermanent)
				}
				known[o.ID] = true
				return b.Broker.Place(ctx, o)
			}
		})},
		{"checks an ID, then sends, without a lock", "the same ID from many at once is one order", bend(func(b *bent) {
			var mu sync.Mutex
			known := map[broker.OrderID]int{}
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				mu.Lock()
				known[o.ID]++
				first := known[o.ID] == 1
				mu.Unlock()
				if !first {
					return broker.OrderState{}, unsent(broker.KindTransient)
				}
				return b.Broker.Place(ctx, o)
			}
		})},
		{"takes a different order for the same", "a different order under a known ID is a conflict", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				s, err := b.Broker.Place(ctx, o)
				if errors.Is(err, broker.ErrOrderConflict) {
					err = nil
				}
				return s, err
			}
		})},
		{"loses orders placed at once", "orders placed at once all arrive", bend(func(b *bent) {
			var mu sync.Mutex
			busy := false
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				mu.Lock()
				lost := busy
				busy = !busy
				mu.Unlock()
				if lost {
					return broker.OrderState{Order: o, Status: broker.StatusPending}, nil
				}
				return b.Broker.Place(ctx, o)
			}
		})},
		{"calls a malformed order a passing fault", "a malformed order is refused unsent", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				if o.Check() != nil {
					return broker.OrderState{}, unsent(broker.KindTransient)
				}
				return b.Broker.Place(ctx, o)
			}
		})},
		{
			"ignores the epoch of an order", "an order decided in another session is refused unsent",
			bendPlace(func(o *broker.Order) { o.Epoch = 0 }),
		},
		{"sends, then refuses for the epoch", "an order decided in another session is refused unsent", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				other := o.Epoch > 1
				o.Epoch = 0
				s, err := b.Broker.Place(ctx, o)
				if other {
					return broker.OrderState{}, unsent(broker.KindSession)
				}
				return s, err
			}
		})},
		{
			"ignores the last instant of an order", "an order past its last instant is refused unsent",
			bendPlace(func(o *broker.Order) { o.SendBefore = time.Time{} }),
		},
		{"refuses every order with guards", "an order before its last instant in its session is sent", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				if !o.SendBefore.IsZero() {
					return broker.OrderState{}, unsent(broker.KindWait)
				}
				return b.Broker.Place(ctx, o)
			}
		})},
		{"sends though its context has ended", "an order of an ended context is refused unsent", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				s, err := b.Broker.Place(context.WithoutCancel(ctx), o)
				if ctx.Err() != nil {
					return s, ctx.Err()
				}
				return s, err
			}
		})},
		{"reports a refusal as an error", "a refusal by the broker is a state with a reason", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				s, err := b.Broker.Place(ctx, o)
				if s.Status == broker.StatusRejected {
					return broker.OrderState{}, unsent(broker.KindPermanent)
				}
				return s, err
			}
		})},
		{
			"gives no reason for a refusal", "a refusal by the broker is a state with a reason",
			bendStates(func(s *broker.OrderState) { s.Code, s.Reason = "", "" }),
		},
		{"calls an order in doubt not sent", "an order in doubt can be found", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				s, err := b.Broker.Place(ctx, o)
				if errors.Is(err, broker.ErrIndeterminate) {
					return s, unsent(broker.KindTransient)
				}
				return s, err
			}
		})},
		{"acknowledges an order that vanished", "an order that vanished is not known", bend(func(b *bent) {
			b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
				s, err := b.Broker.Place(ctx, o)
				if s.Status == broker.StatusPending {
					s.Status = broker.StatusWorking
				}
				return s, err
			}
		})},
	}
}
