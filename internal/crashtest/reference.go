package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// traded is a quantity by account and instrument.
type traded map[broker.AccountID]map[broker.InstrumentID]decimal.Decimal

// add adds a quantity.
func (t traded) add(account broker.AccountID, id broker.InstrumentID, quantity decimal.Decimal) {
	if t[account] == nil {
		t[account] = map[broker.InstrumentID]decimal.Decimal{}
	}
	t[account][id] = t[account][id].Add(quantity)
}

// outcome is what the events of a scenario come to when nothing goes wrong.
type outcome struct {
	positions traded
	volume    traded // bought and sold
}

// undisturbed runs events of a scenario one after another in this process. On the
// way to a target each order is rounded to whole lots, so where an account ends
// depends on where it was before.
func undisturbed(s *scenario, events []queue.Event) (*outcome, error) {
	exchange, err := s.exchange(fake.Immediate{}, 0)
	if err != nil {
		return nil, err
	}
	cfg, err := s.config(nil)
	if err != nil {
		return nil, err
	}
	cfg.Broker, cfg.Prices, cfg.Journal = exchange, exchange, journal.NewMemory(journal.MemoryOptions{})
	engine, err := rebalance.New(cfg)
	if err != nil {
		return nil, err
	}
	for i := range events {
		e := &events[i]
		req := rebalance.Request{Account: broker.AccountID(e.Account), Event: e.Key}
		if err := json.Unmarshal(e.Payload, &req.Arguments); err != nil {
			return nil, err
		}
		r, err := engine.Rebalance(context.Background(), req)
		switch {
		case err != nil:
			return nil, err
		case !r.Outcome.Ended() || len(r.Residual) > 0: // a target may be out of reach by a lot, for want of the limit's slippage
			return nil, fmt.Errorf("event %s ended as %s: %s: %s", e.Key, r.Outcome, r.Reason, r.Detail)
		}
	}
	want := &outcome{positions: traded{}, volume: traded{}}
	for _, id := range s.accounts {
		held, _, err := exchange.Holdings(id)
		if err != nil {
			return nil, err
		}
		want.positions[id] = held
	}
	ledger := exchange.Ledger()
	for i := range ledger.Orders {
		o := &ledger.Orders[i]
		want.volume.add(o.Sent.Account, o.Sent.Instrument, o.Filled())
	}
	return want, nil
}
