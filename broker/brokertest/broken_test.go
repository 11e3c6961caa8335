package brokertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// brokenBroker is a deliberately broken broker and the case that must fail it.
type brokenBroker struct {
	fault string
	fails string
	wrap  func(broker.Broker) broker.Broker
}

// bent is a broker whose methods are replaced by those that are set.
type bent struct {
	broker.Broker
	accounts func(ctx context.Context) ([]broker.Account, error)
	snapshot func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error)
	resolve  func(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error)
	place    func(ctx context.Context, o broker.Order) (broker.OrderState, error)
	cancel   func(ctx context.Context, a broker.AccountID, id broker.OrderID) error
	orders   func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error)
	await    func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error)
}

func (b *bent) Unwrap() broker.Broker { return b.Broker }

func (b *bent) Accounts(ctx context.Context) ([]broker.Account, error) {
	if b.accounts != nil {
		return b.accounts(ctx)
	}
	return b.Broker.Accounts(ctx)
}

func (b *bent) Snapshot(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
	if b.snapshot != nil {
		return b.snapshot(ctx, id)
	}
	return b.Broker.Snapshot(ctx, id)
}

func (b *bent) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	if b.resolve != nil {
		return b.resolve(ctx, ids...)
	}
	return b.Broker.Resolve(ctx, ids...)
}

func (b *bent) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	if b.place != nil {
		return b.place(ctx, o)
	}
	return b.Broker.Place(ctx, o)
}

func (b *bent) Cancel(ctx context.Context, a broker.AccountID, id broker.OrderID) error {
	if b.cancel != nil {
		return b.cancel(ctx, a, id)
	}
	return b.Broker.Cancel(ctx, a, id)
}

func (b *bent) Orders(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
	if b.orders != nil {
		return b.orders(ctx, a, q)
	}
	return b.Broker.Orders(ctx, a, q)
}

func (b *bent) Await(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	if b.await != nil {
		return b.await(ctx, a, c)
	}
	return b.Broker.Await(ctx, a, c)
}

// bend makes a wrapper that replaces methods.
func bend(set func(*bent)) func(broker.Broker) broker.Broker {
	return func(b broker.Broker) broker.Broker {
		w := &bent{Broker: b}
		set(w)
		return w
	}
}

// bendSnapshot makes a wrapper that spoils snapshots.
func bendSnapshot(spoil func(*broker.Snapshot)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.snapshot = func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
			s, err := b.Broker.Snapshot(ctx, id)
			if err == nil {
				spoil(&s)
			}
			return s, err
		}
	})
}

// bendStates makes a wrapper that spoils the states that Orders and Await tell.
func bendStates(spoil func(*broker.OrderState)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.orders = func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
			states, err := b.Broker.Orders(ctx, a, q)
			for i := range states {
				spoil(&states[i])
			}
			return states, err
		}
		b.await = func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
			states, next, err := b.Broker.Await(ctx, a, c)
			for i := range states {
				spoil(&states[i])
			}
			return states, next, err
		}
	})
}

// bendPlace makes a wrapper that changes what is placed.
func bendPlace(change func(*broker.Order)) func(broker.Broker) broker.Broker {
	return bend(func(b *bent) {
		b.place = func(ctx context.Context, o broker.Order) (broker.OrderState, error) {
			change(&o)
			return b.Broker.Place(ctx, o)
		}
	})
}

// unsent is an error of the given kind.
func unsent(kind broker.Kind) error {
	return &broker.Error{Op: "place", Kind: kind, Err: errors.New("refused")}
}

// broken lists at least one broken broker for every case.
func broken() []brokenBroker {
	return slices.Concat(brokenReads(), brokenPlaces(), brokenCancels(), brokenNews(), brokenSessions(), brokenRoles())
}

func brokenReads() []brokenBroker {
	return []brokenBroker{
		{"lists no account without an error", "accounts are listed with their mode", bend(func(b *bent) {
			b.accounts = func(context.Context) ([]broker.Account, error) { return nil, nil }
		})},
		{"lists accounts without a mode", "accounts are listed with their mode", bend(func(b *bent) {
			b.accounts = func(context.Context) ([]broker.Account, error) { return []broker.Account{{ID: "A"}}, nil }
		})},
		{"answers for any account with an empty one", "an unknown account is an error that says so", bend(func(b *bent) {
			b.snapshot = func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
				s, err := b.Broker.Snapshot(ctx, id)
				if err != nil {
					return broker.Snapshot{Account: id}, nil //nolint:nilerr // that is the fault
				}
				return s, nil
			}
		})},
		{"reports a net liquidation of zero", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.NetLiquidation = decimal.Decimal{} })},
		{"leaves out open orders", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) { s.Orders = nil })},
		{"leaves out positions", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) { s.Positions = nil })},
		{"repeats a position", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Positions = append(s.Positions, s.Positions...) })},
		{"keeps closed positions", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) {
			s.Positions = append(s.Positions, broker.Position{Instrument: "OLD", Ref: "1", Kind: broker.Stock, Currency: "USD"})
		})},
		{"has cash in a currency without a rate", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Cash["EUR"] = decimal.New(1, 0) })},
		{"gives snapshots without a cursor", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Cursor = broker.Cursor{} })},
		{"hands out its own maps", "answers belong to the caller", bend(func(b *bent) {
			var own map[broker.Currency]decimal.Decimal
			b.snapshot = func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
				s, err := b.Broker.Snapshot(ctx, id)
				if own == nil {
					own = s.Cash
				}
				s.Cash = own
				return s, err
			}
		})},
		{"reads on when its context has ended", "reads end with their context", bend(func(b *bent) {
			b.snapshot = func(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
				return b.Broker.Snapshot(context.WithoutCancel(ctx), id)
			}
		})},
		{"resolves what it can", "resolving returns every instrument or an error", bend(func(b *bent) {
			b.resolve = func(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
				found := map[broker.InstrumentID]broker.Instrument{}
				for _, id := range ids {
					if one, err := b.Broker.Resolve(ctx, id); err == nil {
						found[id] = one[id]
					}
				}
				return found, nil
			}
		})},
		{"takes the first of several contracts", "an ambiguous instrument is an error that says so", bend(func(b *bent) {
			b.resolve = func(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
				found, err := b.Broker.Resolve(ctx, ids...)
				if errors.Is(err, broker.ErrAmbiguousInstrument) {
					return b.Broker.Resolve(ctx, ids[0])
				}
				return found, err
			}
		})},
	}
}

func brokenPlaces() []brokenBroker {
	return []brokenBroker{
		{"changes the limit", "an order is carried as it was sent",
			bendPlace(func(o *broker.Order) { o.Limit = o.Limit.Sub(decimal.New(1, -2)) })},
		{"changes the quantity", "an order is carried as it was sent",
			bendPlace(func(o *broker.Order) { o.Quantity = o.Quantity.Add(decimal.New(1, 0)) })},
		{"fills above the limit", "a marketable order fills within its limit", bendStates(func(s *broker.OrderState) {
			for i := range s.Fills {
				s.Fills[i].Price = s.Fills[i].Price.Mul(decimal.New(105, -2))
			}
		})},
		{"tells fills twice", "a marketable order fills within its limit",
			bendStates(func(s *broker.OrderState) { s.Fills = append(s.Fills, s.Fills...) })},
		{"tells no fills", "a marketable order fills within its limit",
			bendStates(func(s *broker.OrderState) { s.Fills = nil })},
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
		{"shows the positions of before", "positions and cash agree with the fills",
			bendSnapshot(func(s *broker.Snapshot) { s.Positions = nil })},
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
		{"ignores the epoch of an order", "an order decided in another session is refused unsent",
			bendPlace(func(o *broker.Order) { o.Epoch = 0 })},
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
		{"ignores the last instant of an order", "an order past its last instant is refused unsent",
			bendPlace(func(o *broker.Order) { o.SendBefore = time.Time{} })},
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
		{"gives no reason for a refusal", "a refusal by the broker is a state with a reason",
			bendStates(func(s *broker.OrderState) { s.Code, s.Reason = "", "" })},
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
	bendAwait := func(make func(b *bent) await) func(broker.Broker) broker.Broker {
		return bend(func(b *bent) { b.await = make(b) })
	}
	return []brokenBroker{
		{"tells an order twice", "news tell each changed order once with its whole state", bendAwait(func(b *bent) await {
			return func(ctx context.Context, a broker.AccountID, c broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
				news, next, err := b.Broker.Await(ctx, a, c)
				return append(news, news...), next, err
			}
		})},
		{"tells the status alone", "news tell each changed order once with its whole state",
			bendStates(func(s *broker.OrderState) { s.Fills = nil })},
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
		{"starts snapshots at the beginning", "the cursor of a snapshot goes on after it",
			bendSnapshot(func(s *broker.Snapshot) { s.Cursor.Seq = 0 })},
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
		{"has one epoch for ever", "another session has a higher epoch and the same orders",
			bendSnapshot(func(s *broker.Snapshot) { s.Epoch, s.Cursor.Epoch = 1, 1 })},
		{"loses its orders with the session", "another session has a higher epoch and the same orders", bend(func(b *bent) {
			b.orders = func(ctx context.Context, a broker.AccountID, q broker.OrderQuery) ([]broker.OrderState, error) {
				if s, err := b.Broker.Snapshot(ctx, a); err == nil && s.Epoch > 1 {
					return nil, nil
				}
				return b.Broker.Orders(ctx, a, q)
			}
		})},
		{"sends what was decided before a cut", "an order decided before a cut is refused unsent",
			bendPlace(func(o *broker.Order) { o.Epoch = 0 })},
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

// liar replaces optional roles.
type liar struct {
	broker.Broker
	broker.WhatIfer
	broker.AbsenceProver
	broker.Prober
	broker.Calendar
}

// lie makes a wrapper that replaces optional roles.
func lie(set func(b broker.Broker, l *liar)) func(broker.Broker) broker.Broker {
	return func(b broker.Broker) broker.Broker {
		l := &liar{Broker: b}
		l.WhatIfer, _ = broker.As[broker.WhatIfer](b)
		l.AbsenceProver, _ = broker.As[broker.AbsenceProver](b)
		l.Prober, _ = broker.As[broker.Prober](b)
		l.Calendar, _ = broker.As[broker.Calendar](b)
		set(b, l)
		return l
	}
}

type whatIf func(context.Context, broker.Order) (broker.WhatIf, error)

func (f whatIf) WhatIf(ctx context.Context, o broker.Order) (broker.WhatIf, error) { return f(ctx, o) }

type prove func(context.Context, broker.AccountID, broker.OrderID) (bool, error)

func (f prove) ProveAbsent(ctx context.Context, a broker.AccountID, id broker.OrderID) (bool, error) {
	return f(ctx, a, id)
}

type probe func(context.Context) (broker.Probe, error)

func (f probe) Probe(ctx context.Context) (broker.Probe, error) { return f(ctx) }

type calendar func(context.Context, time.Time, time.Time, ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error)

func (f calendar) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	return f(ctx, from, to, ids...)
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
