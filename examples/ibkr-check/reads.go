package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
)

func connect(ctx context.Context, w *world) (verdict, string) {
	began := time.Now()
	b, err := ibkr.Open(ctx, w.config(w.o.client))
	if err != nil {
		return fail, err.Error()
	}
	w.broker = b
	return pass, fmt.Sprintf("ready after %s", time.Since(began).Round(10*time.Millisecond))
}

func accountAndMode(ctx context.Context, w *world) (verdict, string) {
	list, err := w.broker.Accounts(ctx)
	if err != nil {
		return fail, err.Error()
	}
	want := broker.Account{ID: w.o.account, Mode: w.o.mode()}
	if !slices.Contains(list, want) {
		return fail, fmt.Sprintf("the gateway has %v", list)
	}
	return pass, fmt.Sprintf("%s, %s", want.ID, want.Mode)
}

func serverVersion(_ context.Context, w *world) (verdict, string) {
	w.version = w.broker.Stats().ServerVersion
	if w.version == 0 {
		return unclear, "the session has just ended"
	}
	return pass, fmt.Sprint(w.version)
}

func clockSkew(ctx context.Context, w *world) (verdict, string) {
	began := time.Now()
	p, err := w.broker.Probe(ctx)
	if err != nil {
		return fail, err.Error()
	}
	skew := p.Time.Sub(began.Add(time.Since(began) / 2)).Round(time.Second)
	detail := fmt.Sprintf("the gateway's clock is %s from this one; it answered in %s", skew, time.Since(began).Round(time.Millisecond))
	if skew.Abs() > 5*time.Second {
		return fail, detail
	}
	return pass, detail
}

func clientIDTaken(ctx context.Context, w *world) (verdict, string) {
	second, err := ibkr.Open(ctx, w.config(w.o.client))
	if err == nil {
		_ = second.Close()
		return fail, fmt.Sprintf("the gateway let in two programs with client id %d", w.o.client)
	}
	var e *broker.Error
	if errors.As(err, &e) && e.Kind == broker.KindWait {
		return pass, fmt.Sprintf("a second program with client id %d is told to wait", w.o.client)
	}
	return unclear, err.Error()
}

func snapshot(ctx context.Context, w *world) (verdict, string) {
	s, err := w.broker.Snapshot(ctx, w.o.account)
	if err != nil {
		return fail, err.Error()
	}
	detail := fmt.Sprintf("worth %s %s", s.NetLiquidation, s.Base)
	for _, c := range slices.Sorted(keys(s.Cash)) {
		detail += fmt.Sprintf(", cash %s %s", s.Cash[c], c)
	}
	return pass, detail
}

func positions(ctx context.Context, w *world) (verdict, string) {
	s, err := w.broker.Snapshot(ctx, w.o.account)
	if err != nil {
		return fail, err.Error()
	}
	others := 0
	for i := range s.Positions {
		if s.Positions[i].Kind != broker.Stock {
			others++
		}
	}
	return pass, fmt.Sprintf("%d, of which %d are no stocks", len(s.Positions), others)
}

func openOrders(ctx context.Context, w *world) (verdict, string) {
	all, err := w.broker.Orders(ctx, w.o.account, broker.OrderQuery{})
	if err != nil {
		return fail, err.Error()
	}
	open := 0
	for i := range all {
		if !all[i].Status.Terminal() {
			open++
		}
	}
	return pass, fmt.Sprintf("%d, of which %d are open", len(all), open)
}

func contract(ctx context.Context, w *world) (verdict, string) {
	all, err := w.broker.Resolve(ctx, w.o.symbol)
	if err != nil {
		return fail, err.Error()
	}
	i := all[w.o.symbol]
	w.instrument = i
	if i.Kind != broker.Stock {
		return fail, fmt.Sprintf("%s is no stock: give another -symbol", i.ID)
	}
	return pass, fmt.Sprintf("%s is contract %s on %s in %s, lot %s, tick %s", i.ID, i.Ref, i.Exchange, i.Currency, i.Lot, i.Tick)
}

func hours(ctx context.Context, w *world) (verdict, string) {
	now := time.Now()
	all, err := w.broker.Sessions(ctx, now, now.AddDate(0, 0, 5), w.o.symbol)
	if err != nil {
		return fail, err.Error()
	}
	list := all[w.o.symbol]
	if len(list) == 0 {
		return fail, "no session within five days"
	}
	w.open = list[0].Contains(now)
	if w.open {
		return pass, fmt.Sprintf("open until %s", list[0].Close.Local().Format(time.DateTime))
	}
	return pass, fmt.Sprintf("closed, opens %s", list[0].Open.Local().Format(time.DateTime))
}

func whatIf(ctx context.Context, w *world) (verdict, string) {
	if w.instrument.Ref == "" {
		return unclear, "the contract is not known"
	}
	if w.price.IsZero() { // it comes before the prices
		if v, detail := anyPrice(ctx, w); v != pass {
			return unclear, detail
		}
	}
	o := w.limitOrder("ekcheck.preview", broker.Buy, w.far())
	answer, err := w.broker.WhatIf(ctx, o)
	switch {
	case err != nil:
		return fail, err.Error()
	case answer.Refusal != "":
		return fail, answer.Refusal
	}
	return pass, fmt.Sprintf("%s %s at %s: initial margin after %s, commission %s", o.Quantity, o.Instrument, o.Limit, shown(answer.InitialMarginAfter), shown(answer.Commission))
}
