package rebalance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
)

// EncodeResult returns the JSON form of a result.
func EncodeResult(r *Result) ([]byte, error) {
	room := newObject()
	defer room.free()
	o := room.object.open().
		integer("schema", r.Schema).text("account", string(r.Account)).text("event", r.Event).text("run", string(r.Run)).
		text("command", string(r.Command)).textUnlessEmpty("strategy", r.Strategy).textUnlessEmpty("allocation", r.Allocation).
		textUnlessEmpty("plan_hash", r.PlanHash).text("outcome", string(r.Outcome)).textUnlessEmpty("reason", string(r.Reason)).
		textUnlessEmpty("detail", r.Detail).instantUnlessZero("until", r.Until)
	o = listUnlessEmpty(o, "orders", r.Orders, appendOrder)
	o = listUnlessEmpty(o, "residual", r.Residual, appendResidual)
	o = listUnlessEmpty(o, "skipped", r.Skipped, appendSkip)
	o = listUnlessEmpty(o, "warnings", r.Warnings, appendText)
	switch {
	case r.before != nil:
		o = append(o.key("before"), r.before...)
	case r.Before != nil:
		o = appendPicture(o.key("before"), r.Before)
	}
	if r.After != nil {
		o = appendPicture(o.key("after"), r.After)
	}
	if r.Costs != nil {
		o = appendCosts(o.key("costs"), r.Costs)
	}
	for _, rare := range [...]struct {
		name  string
		set   bool
		value any
	}{
		{"plan", r.Plan != nil, r.Plan},
		{"snapshot", r.Snapshot != nil, r.Snapshot},
		{"findings", len(r.Findings) > 0, r.Findings},
		{"differences", len(r.Differences) > 0, r.Differences},
		{"health", r.Health != nil, r.Health},
	} {
		if !rare.set {
			continue
		}
		var err error
		if o, err = o.other(rare.name, rare.value); err != nil {
			return nil, fmt.Errorf("rebalance: encode the result of run %s: %w", r.Run, err)
		}
	}
	return room.copied(o.instant("started", r.Started).instant("finished", r.Finished).end()), nil
}

func appendOrder(o object, r *OrderResult) object {
	return o.raw(`{"symbol":`).quoted(string(r.Symbol)).raw(`,"side":`).quoted(string(r.Side)).textUnlessEmpty("ref", string(r.Ref)).
		raw(`,"planned":`).amount(r.Planned).raw(`,"sent":`).amount(r.Sent).raw(`,"limit":`).amount(r.Limit).
		raw(`,"why":`).quoted(string(r.Why)).raw(`,"outcome":`).quoted(string(r.Outcome)).
		raw(`,"filled":`).amount(r.Filled).raw(`,"average_price":`).amount(r.AveragePrice).
		raw(`,"fees":`).amount(r.Fees).textUnlessEmpty("fee_currency", string(r.FeeCurrency)).
		textUnlessEmpty("code", r.Code).textUnlessEmpty("reason", r.Reason).end()
}

func appendResidual(o object, r *Residual) object {
	return o.open().text("symbol", string(r.Symbol)).text("side", string(r.Side)).number("quantity", r.Quantity).end()
}

func appendSkip(o object, s *Skip) object {
	return o.open().text("symbol", string(s.Symbol)).text("reason", string(s.Reason)).end()
}

func appendText(o object, s *string) object { return o.quoted(*s) }

func appendPicture(o object, p *Picture) object {
	o = o.open().instant("time", p.Time).text("base", string(p.Base)).number("equity", p.Equity).
		number("cash", p.Cash).number("reserve", p.Reserve).number("drift", p.Drift)
	return list(o, "holdings", p.Holdings, appendHolding).end()
}

func appendHolding(o object, h *Holding) object {
	return o.raw(`{"symbol":`).quoted(string(h.Symbol)).raw(`,"quantity":`).amount(h.Quantity).raw(`,"price":`).amount(h.Price).
		raw(`,"value":`).amount(h.Value).raw(`,"weight":`).amount(h.Weight).raw(`,"target":`).amount(h.Target).end()
}

func appendCosts(o object, c *Costs) object {
	return o.open().number("expected_fees", c.ExpectedFees).number("expected_shortfall", c.ExpectedShortfall).
		number("traded", c.Traded).number("fees", c.Fees).number("shortfall", c.Shortfall).end()
}

// encode returns the JSON form that the journal keeps.
func (f *frozenPlan) encode() (json.RawMessage, error) {
	room := newObject()
	defer room.free()
	o, err := appendPlan(room.object.open().key("plan"), &f.Plan)
	if err != nil {
		return nil, err
	}
	o = appendAmounts(o, "held", f.Held)
	o = appendAmounts(o, "cash", f.Cash).instantUnlessZero("traded", f.Traded)
	if !f.Liquidation.IsZero() {
		o = o.number("liquidation", f.Liquidation)
	}
	o = o.key("before")
	from := len(o)
	o = appendPicture(o, f.Before)
	before := len(o)
	data := room.copied(listUnlessEmpty(o, "differences", f.Differences, appendDifference).end())
	f.before = data[from:before]
	return data, nil
}

func appendDifference(o object, d *Difference) object {
	return o.open().text("symbol", string(d.Symbol)).number("expected", d.Expected).number("found", d.Found).end()
}

// appendPlan writes a plan; what is rare in it by the general encoder.
func appendPlan(o object, p *Plan) (object, error) {
	if len(p.Explanations)+len(p.Conversions)+len(p.Lines) > 0 {
		data, err := json.Marshal(p)
		return append(o, data...), err
	}
	o = o.open().integer("schema", p.Schema).text("outcome", string(p.Outcome)).textUnlessEmpty("reason", string(p.Reason)).
		textUnlessEmpty("detail", p.Detail)
	o = list(o, "orders", p.Orders, appendPlanned)
	o = listUnlessEmpty(o, "skipped", p.Skipped, appendSkip)
	o = listUnlessEmpty(o, "warnings", p.Warnings, appendText)
	return o.number("equity", p.Equity).number("excluded", p.Excluded).number("reserve", p.Reserve).
		number("investable", p.Investable).number("projected_cash", p.ProjectedCash).text("hash", p.Hash).end(), nil
}

func appendPlanned(o object, p *PlannedOrder) object {
	return o.raw(`{"symbol":`).quoted(string(p.Symbol)).raw(`,"side":`).quoted(string(p.Side)).
		raw(`,"quantity":`).amount(p.Quantity).raw(`,"limit":`).amount(p.Limit).raw(`,"reason":`).quoted(string(p.Reason)).end()
}

// encode returns the JSON form that the journal keeps.
func (m *memory) encode() json.RawMessage {
	room := newObject()
	defer room.free()
	o := room.object.open().integer("schema", m.Schema).
		instantUnlessZero("traded", m.Traded).instantUnlessZero("automatic", m.Automatic).instantUnlessZero("calendar", m.Calendar).
		textUnlessEmpty("strategy", m.Strategy).textUnlessEmpty("version", m.Version).instantUnlessZero("as_of", m.AsOf).
		instantUnlessZero("looked", m.Looked)
	o = listUnlessEmpty(o, "targets", m.Targets, appendTarget)
	if len(m.Seen) > 0 {
		o = o.key("seen").open()
		for _, id := range sortedKeys(m.Seen) {
			h := m.Seen[id]
			o = o.key("").unkey().quoted(string(id))
			o = o.raw(`:{"quantity":`).amount(h.Quantity).raw(`,"price":`).amount(h.Price).end()
		}
		o = o.end()
	}
	if d := m.Today; d != nil {
		o = o.key("today").open().text("day", d.Day).integer("orders", d.Orders).number("turnover", d.Turnover).end()
	}
	o = listUnlessEmpty(o, "late", m.Late, appendSettledFill)
	return room.copied(listUnlessEmpty(o, "doubts", m.Doubts, appendDoubt).end())
}

func appendDoubt(o object, d *doubt) object {
	return o.open().text("symbol", string(d.Symbol)).instant("time", d.Time).end()
}

func appendSettledFill(o object, f *settledFill) object {
	return o.open().text("symbol", string(f.Symbol)).number("expected", f.Expected).
		instant("ordered", f.Ordered).instant("settled", f.Settled).end()
}

func appendTarget(o object, t *allocation.Target) object {
	return o.raw(`{"symbol":`).quoted(string(t.Symbol)).raw(`,"weight":`).amount(t.Weight).end()
}

// appendAmounts adds a member that maps names to decimals, null if it is nil.
func appendAmounts[K ~string](o object, name string, amounts map[K]decimal.Decimal) object {
	o = o.key(name)
	if amounts == nil {
		return append(o, "null"...)
	}
	o = o.open()
	for _, k := range sortedKeys(amounts) {
		o = o.key("").unkey().quoted(string(k))
		o = append(o, ':').amount(amounts[k])
	}
	return o.end()
}

// unkey takes back an empty name, for one that may need escaping.
func (o object) unkey() object { return o[:len(o)-len(`"":`)] }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
