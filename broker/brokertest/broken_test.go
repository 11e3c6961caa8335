package brokertest

import (
	"context"
	"errors"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// brokenBroker is a deliberately broken broker and the case that must fail it.
type brokenBroker struct {
	fault string
	fails string
	wrap  func(broker.Broker) broker.Broker
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
		{
			"reports a net liquidation of zero", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.NetLiquidation = decimal.Decimal{} }),
		},
		{"leaves out open orders", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) { s.Orders = nil })},
		{"leaves out positions", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) { s.Positions = nil })},
		{
			"repeats a position", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Positions = append(s.Positions, s.Positions...) }),
		},
		{"keeps closed positions", "a snapshot is complete", bendSnapshot(func(s *broker.Snapshot) {
			s.Positions = append(s.Positions, broker.Position{Instrument: "OLD", Ref: "1", Kind: broker.Stock, Currency: "USD"})
		})},
		{
			"has cash in a currency without a rate", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Cash["EUR"] = decimal.New(1, 0) }),
		},
		{
			"gives snapshots without a cursor", "a snapshot is complete",
			bendSnapshot(func(s *broker.Snapshot) { s.Cursor = broker.Cursor{} }),
		},
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
