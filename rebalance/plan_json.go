package rebalance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// maxPlan bounds the JSON form of a plan, in bytes.
const maxPlan = 16 << 20

// maxPlanDigits bounds the numbers of a plan that is read. Its own are products
// of what went in, and far shorter.
const maxPlanDigits = 400

// EncodePlan writes the JSON form of a plan. Numbers are strings.
func EncodePlan(p Plan) ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("rebalance: plan: %w", err)
	}
	return data, nil
}

// DecodePlan reads what [EncodePlan] wrote, strictly: unknown fields, duplicate
// keys, bare or endless numbers, another version and orders that no plan has are
// errors.
func DecodePlan(data []byte) (Plan, error) {
	var p Plan
	if err := strictjson.Decode(data, maxPlan, &p); err != nil {
		return Plan{}, fmt.Errorf("rebalance: plan: %w", err)
	}
	if err := checkBareNumbers(data); err != nil {
		return Plan{}, fmt.Errorf("rebalance: plan: %w", err)
	}
	if err := p.check(); err != nil {
		return Plan{}, fmt.Errorf("rebalance: plan: %w", err)
	}
	return p, nil
}

// checkBareNumbers refuses numbers outside strings: the only one is the schema.
func checkBareNumbers(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var last json.Token
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n, bare := token.(json.Number); bare && last != "schema" {
			return fmt.Errorf("%s stands outside a string: numbers are strings", n)
		}
		last = token
	}
}

// planNumber reads a number of a plan.
func planNumber(s string) (decimal.Decimal, error) {
	if len(s) > maxPlanDigits || strings.ContainsAny(s, "eE") {
		return decimal.Decimal{}, fmt.Errorf("%.40q is not a number in plain notation", s)
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("%.40q is not a number: %w", s, err)
	}
	return d, nil
}

// check looks at what was decoded.
func (p *Plan) check() error {
	if p.Schema != PlanSchema {
		return fmt.Errorf("schema %d: this release knows %d", p.Schema, PlanSchema)
	}
	switch p.Outcome {
	case PlanTrade, PlanNoTrade, PlanHeld, PlanNotReady, PlanRejected, PlanReplan:
	default:
		return fmt.Errorf("outcome %q is not known", p.Outcome)
	}
	if len(p.Orders) > 0 && p.Outcome != PlanTrade && p.Outcome != PlanHeld {
		return fmt.Errorf("outcome %s with %d orders", p.Outcome, len(p.Orders))
	}
	if sum, err := hex.DecodeString(p.Hash); err != nil || len(sum) != 32 || p.Hash != strings.ToLower(p.Hash) {
		return fmt.Errorf("hash %.80q: want 64 hexadecimal digits", p.Hash)
	}
	for _, n := range p.allNumbers() {
		if !ofPlan(n) {
			return fmt.Errorf("a number has %d digits and an exponent of %d", n.NumDigits(), n.Exponent())
		}
	}
	for i := range p.Orders {
		o := &p.Orders[i]
		if o.Symbol == "" || o.Side != broker.Buy && o.Side != broker.Sell || o.Quantity.Sign() <= 0 || o.Limit.Sign() <= 0 {
			return fmt.Errorf("orders[%d] is %s %s of %q at %s", i, o.Side, o.Quantity, o.Symbol, o.Limit)
		}
	}
	return nil
}

// ofPlan reports whether a number may come from a plan.
func ofPlan(n decimal.Decimal) bool {
	return n.Exponent() <= maxPlanDigits && n.Exponent() >= -maxPlanDigits && n.NumDigits() <= maxPlanDigits
}

// allNumbers are the numbers of the plan, explanations aside.
func (p *Plan) allNumbers() []decimal.Decimal {
	list := []decimal.Decimal{p.Equity, p.Excluded, p.Reserve, p.Investable, p.ProjectedCash}
	for i := range p.Orders {
		list = append(list, p.Orders[i].Quantity, p.Orders[i].Limit)
	}
	for i := range p.Conversions {
		list = append(list, p.Conversions[i].Amount)
	}
	for i := range p.Lines {
		list = append(list, p.Lines[i].Value, p.Lines[i].Desired, p.Lines[i].Drift)
	}
	return list
}
