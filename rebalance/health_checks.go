package rebalance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/retry"
)

// maxSkew is how far the broker's clock may be off before it is a fault: leases
// and sessions are judged by ours.
const maxSkew = 5 * time.Second

// broker makes one round trip.
func (p *probe) broker(ctx context.Context) (string, error) {
	prober, ok := broker.As[broker.Prober](p.e.cfg.Broker)
	if !ok {
		return "the broker cannot be probed", nil
	}
	answer, err := prober.Probe(ctx)
	if err != nil {
		return "", err
	}
	skew := answer.Time.Sub(p.e.cfg.Now())
	if skew.Abs() > maxSkew {
		return "", fmt.Errorf("the broker's clock is %s off ours: set this machine's clock", skew.Round(time.Millisecond))
	}
	return fmt.Sprintf("session %d, clock %s off", answer.Epoch, skew.Round(time.Millisecond)), nil
}

// accounts compares the configured accounts with those of the session.
func (p *probe) accounts(ctx context.Context) (string, error) {
	accounts, err := p.e.cfg.Broker.Accounts(ctx)
	if err != nil {
		return "", err
	}
	there := make(map[broker.AccountID]broker.Mode, len(accounts))
	for _, a := range accounts {
		there[a.ID] = a.Mode
	}
	for i := range p.e.cfg.Accounts {
		if a := &p.e.cfg.Accounts[i]; there[a.ID] != a.Mode {
			return "", fmt.Errorf("account %s is configured as %s, the session says %q", a.ID, a.Mode, there[a.ID])
		}
	}
	return fmt.Sprintf("%d accounts", len(p.e.cfg.Accounts)), nil
}

// journal reads the standing of each account: who is stopped, what is unknown.
func (p *probe) journal(ctx context.Context) (string, error) {
	var open, unknown int
	var blocked, killed []string
	for i := range p.e.cfg.Accounts {
		s, err := p.e.cfg.Journal.Account(ctx, p.e.cfg.Accounts[i].ID)
		if err != nil {
			return "", err
		}
		open += len(s.Open)
		for k := range s.Open {
			if s.Open[k].Settlement != nil {
				unknown++
			}
		}
		if s.Block != nil {
			blocked = append(blocked, string(s.Account))
		}
		if s.Kill != nil {
			killed = append(killed, string(s.Account))
		}
	}
	return fmt.Sprintf("%d open intents, %d unknown outcomes, blocked %v, killed %v", open, unknown, blocked, killed), nil
}

// queue counts the events, if the queue can.
func (p *probe) queue(ctx context.Context) (string, error) {
	if p.e.cfg.Queue == nil {
		return "none", nil
	}
	admin, ok := queue.As[queue.Admin](p.e.cfg.Queue)
	if !ok {
		return "no statistics", nil
	}
	stats, err := admin.Stats(ctx)
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%d queued, %d delayed, %d leased, %d held, %d dead", stats.Counts[queue.Queued],
		stats.Counts[queue.Delayed], stats.Counts[queue.Leased], stats.Counts[queue.Held], stats.Counts[queue.Dead])
	if !stats.OldestDue.IsZero() {
		detail += ", oldest due for " + p.e.cfg.Now().Sub(stats.OldestDue).Round(time.Second).String()
	}
	return detail, nil
}

// breakers names those that are not closed.
func (p *probe) breakers(context.Context) (string, error) {
	states := p.e.Breakers()
	var open []string
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if states[name] != retry.Closed {
			open = append(open, name+" is "+states[name].String())
		}
	}
	if len(open) > 0 {
		return "", errors.New(strings.Join(open, ", "))
	}
	return "all closed", nil
}

// allocations asks for the targets of the first account.
func (p *probe) allocations(ctx context.Context) (string, error) {
	a := &p.e.cfg.Accounts[0]
	targets, err := p.e.cfg.Allocations.Allocation(ctx, allocation.Query{Account: a.ID, Strategy: a.Strategy})
	if err != nil {
		return "", err
	}
	if err := p.e.cfg.Rules.Check(targets, p.e.cfg.Now()); err != nil {
		return "", err
	}
	p.symbol = targets.Targets[0].Symbol
	return fmt.Sprintf("%s: version %s, %d targets", a.Strategy, targets.Version, len(targets.Targets)), nil
}

// prices asks for a quote of the probe symbol, and says of which tier it is.
func (p *probe) prices(ctx context.Context) (string, error) {
	if p.symbol == "" {
		return "", errors.New("no symbol to ask for: the allocations gave none")
	}
	ids := []broker.InstrumentID{p.symbol}
	quotes, err := p.e.cfg.Prices.Quotes(ctx, ids)
	if err == nil {
		err = quotes.Check(ids)
	}
	if err != nil {
		return "", err
	}
	q, ok := quotes.Found[p.symbol]
	if !ok {
		return "", fmt.Errorf("no price of %s: %s", p.symbol, quotes.Missing[p.symbol])
	}
	return fmt.Sprintf("%s is %s, %s old", p.symbol, cmp.Or(q.Tier, "of no tier"), p.e.cfg.Now().Sub(q.Time).Round(time.Second)), nil
}

// placement previews the smallest order of the probe symbol, where the broker
// can: it never places one.
func (p *probe) placement(ctx context.Context) (string, error) {
	whatIfer, ok := broker.As[broker.WhatIfer](p.e.cfg.Broker)
	if !ok {
		return "the broker cannot preview orders", nil
	}
	if p.symbol == "" {
		return "", errors.New("no symbol to preview an order of: the allocations gave none")
	}
	terms, err := p.e.cfg.Broker.Resolve(ctx, p.symbol)
	if err != nil {
		return "", err
	}
	account := p.e.cfg.Accounts[0].ID
	answer, err := whatIfer.WhatIf(ctx, broker.Order{
		ID: ref(account, "health", 0, 0, 1), Account: account, Instrument: p.symbol, Ref: terms[p.symbol].Ref,
		Side: broker.Buy, Quantity: terms[p.symbol].Lot, Type: broker.Market, Limit: decimal.Decimal{}, TIF: broker.Day,
	})
	if err != nil {
		return "", err
	}
	if answer.Refusal != "" {
		return "a preview of the smallest order was answered with a refusal: " + answer.Refusal, nil
	}
	return "a preview of the smallest order was answered", nil
}
