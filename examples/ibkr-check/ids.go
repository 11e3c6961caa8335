package main

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
)

// whatIfIDs looks whether a preview uses up an order id: the next one in a new
// connection tells.
func whatIfIDs(ctx context.Context, w *world) (verdict, string) {
	if w.price.IsZero() || w.instrument.Ref == "" {
		return unclear, "there is no contract or no price"
	}
	var before, after int64
	err := w.other(ctx, nil, func(b *ibkr.Broker) error {
		before = b.Stats().NextOrderID
		_, err := b.WhatIf(ctx, w.limitOrder("ekcheck.preview", broker.Buy, w.far()))
		return err
	})
	if err == nil {
		err = w.other(ctx, nil, func(b *ibkr.Broker) error { after = b.Stats().NextOrderID; return nil })
	}
	switch {
	case err != nil:
		return unclear, err.Error()
	case after > before:
		return pass, fmt.Sprintf("a preview uses one up: the next id was %d and is %d", before, after)
	}
	return pass, fmt.Sprintf("a preview uses none up: the next id is still %d", after)
}

// executionsReach looks for the oldest execution that is told.
func executionsReach(ctx context.Context, w *world) (verdict, string) {
	all, err := w.broker.Orders(ctx, w.o.account, broker.OrderQuery{})
	if err != nil {
		return fail, err.Error()
	}
	var oldest time.Time
	for i := range all {
		for _, f := range all[i].Fills {
			if oldest.IsZero() || f.Time.Before(oldest) {
				oldest = f.Time
			}
		}
	}
	if oldest.IsZero() {
		return unclear, "there is no execution: run it again on the morning after one"
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		return unclear, err.Error()
	}
	today := time.Now().In(zone).Format(time.DateOnly)
	shown := oldest.In(zone).Format(time.DateTime)
	if oldest.In(zone).Format(time.DateOnly) < today {
		return pass, fmt.Sprintf("the oldest is of %s New York time: they reach back beyond the New York midnight", shown)
	}
	return unclear, fmt.Sprintf("the oldest is of %s New York time, today: run it again after the midnight of the gateway, and of New York", shown)
}

// idsAfterRestart compares the next order id before and after a restart.
func idsAfterRestart(ctx context.Context, w *world) (verdict, string) {
	if err := w.reconnect(ctx); err != nil { // so that the id is the gateway's
		return fail, err.Error()
	}
	before := w.broker.Stats().NextOrderID
	epoch := w.broker.Epoch()
	if w.gateway != nil {
		w.gateway.Restart(200*time.Millisecond, 0)
	} else {
		fmt.Fprintf(w.say, "Kill the gateway now, start it again and log in, within %s.\n", w.o.timeout)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for now := w.broker.Epoch(); now == 0 || now == epoch; now = w.broker.Epoch() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return unclear, "no new session in time: give a longer -timeout"
		}
	}
	if err := w.reconnect(ctx); err != nil { // the old one remembers by itself
		return fail, err.Error()
	}
	after := w.broker.Stats().NextOrderID
	if after < before {
		return pass, fmt.Sprintf("it forgets: the next id was %d and is %d", before, after)
	}
	return pass, fmt.Sprintf("it remembers: the next id was %d and is %d", before, after)
}
