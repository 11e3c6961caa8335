package otel

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/evenkeel/evenkeel/rebalance"
)

// The attributes that more than one kind of thing has.
const (
	keyCommand = "evenkeel.command"
	keyOutcome = "evenkeel.outcome"

	keyOrderOutcome = "evenkeel.order.outcome"
	keyOrderSide    = "evenkeel.order.side"
)

// interrupted is the outcome of a run whose end was not told.
const interrupted = "interrupted"

// identity says which run it is. Who chose the ID of an event may have put the
// account into it.
func (t *Tracker) identity(p *rebalance.Progress) []attribute.KeyValue {
	run, event := string(p.Run), p.Event
	kv := make([]attribute.KeyValue, 0, 3)
	if t.opts.ShowAccount {
		kv = append(kv, attribute.String("evenkeel.account.id", string(p.Account)))
	} else if p.Account != "" {
		run = strings.ReplaceAll(run, string(p.Account), "*")
		event = strings.ReplaceAll(event, string(p.Account), "*")
	}
	if run != "" {
		kv = append(kv, attribute.String("evenkeel.run.id", run))
	}
	return append(kv, attribute.String("evenkeel.event.id", event))
}

// resultAttributes says how a run ended.
func resultAttributes(res *rebalance.Result) []attribute.KeyValue {
	kv := append(make([]attribute.KeyValue, 0, 5), resultLabels(res)...)
	kv = append(kv, attribute.Int("evenkeel.order.count", len(res.Orders)))
	if res.Strategy != "" {
		kv = append(kv, attribute.String("evenkeel.strategy", res.Strategy))
	}
	if res.Reason != "" {
		kv = append(kv, attribute.String("evenkeel.reason", string(res.Reason)))
	}
	return kv
}

// resultLabels are the attributes of a result that metrics have too: few values.
func resultLabels(res *rebalance.Result) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(keyCommand, command(res.Command)),
		attribute.String(keyOutcome, string(res.Outcome)),
	}
}

// command names the commands that there are. Others come from whoever publishes
// events, and could be anything.
func command(c rebalance.Command) string {
	switch c {
	case rebalance.CommandRebalance, rebalance.CommandPreview, rebalance.CommandCancelOrders, rebalance.CommandSnapshot,
		rebalance.CommandReconcile, rebalance.CommandApprove, rebalance.CommandUnblock, rebalance.CommandHealth:
		return string(c)
	}
	return "_OTHER"
}

// orderAttributes says which order it is, and how it ended if it did.
func (t *Tracker) orderAttributes(o *rebalance.OrderResult) []attribute.KeyValue {
	kv := append(make([]attribute.KeyValue, 0, 5),
		attribute.String("evenkeel.order.ref", string(o.Ref)),
		attribute.String(keyOrderSide, string(o.Side)),
	)
	if t.opts.ShowSymbols {
		kv = append(kv, attribute.String("evenkeel.order.symbol", string(o.Symbol)))
	}
	if o.Outcome != "" {
		kv = append(kv, attribute.String(keyOrderOutcome, string(o.Outcome)))
	}
	if o.Code != "" {
		kv = append(kv, attribute.String("evenkeel.order.code", o.Code))
	}
	return kv
}

// orderLabels are the attributes of an order that metrics have too.
func orderLabels(o *rebalance.OrderResult) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(keyOrderOutcome, string(o.Outcome)),
		attribute.String(keyOrderSide, string(o.Side)),
	}
}
