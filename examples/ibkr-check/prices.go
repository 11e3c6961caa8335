package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/marketdata"
)

// anyPrice asks for the best tier that there is.
func anyPrice(ctx context.Context, w *world) (verdict, string) {
	v, detail, q := quote(ctx, w.broker, w.o.symbol)
	if v == pass {
		w.quoted(&q)
	}
	return v, detail
}

// tierPrice asks for one tier only, over a connection of its own.
func tierPrice(tier marketdata.Tier) func(context.Context, *world) (verdict, string) {
	return func(ctx context.Context, w *world) (v verdict, detail string) {
		err := w.other(ctx, func(c *ibkr.Config) { c.Tiers = []marketdata.Tier{tier} }, func(b *ibkr.Broker) error {
			v, detail, _ = quote(ctx, b, w.o.symbol)
			return nil
		})
		if err != nil {
			return fail, err.Error()
		}
		if v == fail && tier != marketdata.TierHistorical {
			v = unclear // a matter of subscriptions and of the time of the day
		}
		return v, detail
	}
}

func quote(ctx context.Context, b *ibkr.Broker, id broker.InstrumentID) (verdict, string, marketdata.Quote) {
	all, err := b.Quotes(ctx, []broker.InstrumentID{id})
	if err != nil {
		return fail, err.Error(), marketdata.Quote{}
	}
	q, ok := all.Found[id]
	if !ok {
		return fail, all.Missing[id], q
	}
	return pass, fmt.Sprintf("%s: bid %s, ask %s, last %s, close %s, of %s", q.Tier, shown(q.Bid), shown(q.Ask), shown(q.Last), shown(q.Close),
		q.Time.Local().Format(time.DateTime)), q
}

// shown is a figure that may be missing.
func shown(d decimal.NullDecimal) string {
	if !d.Valid {
		return "none"
	}
	return d.Decimal.String()
}

func keys(m map[broker.Currency]decimal.Decimal) iter.Seq[broker.Currency] { return maps.Keys(m) }
