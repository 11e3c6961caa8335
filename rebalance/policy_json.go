package rebalance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/marketdata"
)

// maxPolicy bounds the JSON form of a policy, in bytes.
const maxPolicy = 1 << 20

// ErrInvalidNumber marks the errors of [DecodePolicy] that are about nothing but
// numbers: not a number, too long, too large.
var ErrInvalidNumber = errors.New("invalid number")

// DecodePolicy reads the JSON form of a policy. What it leaves out is as in
// [DefaultPolicy]. Unknown fields, duplicate keys, wrong types and anything that
// is not a number where one belongs are errors, all at once, each with the name
// of its field. Numbers are strings. Whether the values make sense,
// [Policy.Check] says.
func DecodePolicy(data []byte) (Policy, error) {
	return DefaultPolicy().Override(data)
}

// Override is the policy with the fields that the JSON form names set anew; the
// others stay as they are. It is as strict as [DecodePolicy].
func (p Policy) Override(data []byte) (Policy, error) {
	if len(data) > maxPolicy {
		return Policy{}, fmt.Errorf("rebalance: policy: input has %d bytes, at most %d are allowed", len(data), maxPolicy)
	}
	if err := strictjson.Check(data); err != nil {
		return Policy{}, fmt.Errorf("rebalance: policy: %w", err)
	}
	var f fieldFaults
	f.object("", data, p.fields(&f))
	if err := f.join(); err != nil {
		return Policy{}, fmt.Errorf("rebalance: policy: %w", err)
	}
	return p, nil
}

// UnmarshalJSON is [DecodePolicy].
func (p *Policy) UnmarshalJSON(data []byte) error {
	decoded, err := DecodePolicy(data)
	if err == nil {
		*p = decoded
	}
	return err
}

// fields says how each field of the JSON form is read into p.
func (p *Policy) fields(f *fieldFaults) fieldTable {
	return fieldTable{
		"mode": textField(f, &p.Mode), "scope": textField(f, &p.Scope), "destination": textField(f, &p.Destination),
		"do_not_buy_shortfall": textField(f, &p.DoNotBuyShortfall), "unmanaged": textField(f, &p.Unmanaged),
		"unpriceable": textField(f, &p.Unpriceable), "foreign_orders": textField(f, &p.ForeignOrders),
		"currency": textField(f, &p.Currency), "shorts": textField(f, &p.Shorts), "corporate_action": textField(f, &p.CorporateAction),

		"raise_amount": f.number(&p.RaiseAmount), "pending_withdrawals": f.number(&p.PendingWithdrawals),
		"destination_fraction": f.number(&p.DestinationFraction), "slippage": f.number(&p.Slippage),
		"max_quote_age_seconds": f.number(&p.MaxQuoteAge), "fx_haircut": f.number(&p.FXHaircut),
		"weight_tolerance": f.number(&p.WeightTolerance),

		"force": valueField(f, &p.Force), "deploy_residual": valueField(f, &p.DeployResidual),
		"exclude":        manyField[[]broker.InstrumentID](f, &p.Exclude),
		"tradable_tiers": manyField[[]marketdata.Tier](f, &p.TradableTiers),
		"restrictions":   manyField[map[broker.InstrumentID]Restriction](f, &p.Restrictions),

		"reserve": f.nested(fieldTable{"amount": f.number(&p.Reserve.Amount), "fraction": f.number(&p.Reserve.Fraction)}),
		"band":    f.nested(fieldTable{"absolute": f.null(&p.Band.Absolute), "relative": f.null(&p.Band.Relative)}),
		"min_trade": f.nested(fieldTable{
			"value": f.number(&p.MinTrade.Value), "fraction": f.number(&p.MinTrade.Fraction),
		}),
		"fee": f.nested(fieldTable{
			"minimum": f.number(&p.Fee.Minimum), "per_unit": f.number(&p.Fee.PerUnit), "fraction": f.number(&p.Fee.Fraction),
		}),
		"nlv_tolerance": f.nested(fieldTable{
			"fraction": f.number(&p.NLVTolerance.Fraction), "amount": f.number(&p.NLVTolerance.Amount),
		}),
		"guards": f.nested(fieldTable{
			"max_allocation_shift": f.null(&p.Guards.MaxAllocationShift), "max_turnover": f.null(&p.Guards.MaxTurnover),
			"max_order_notional": f.null(&p.Guards.MaxOrderNotional), "max_orders": f.null(&p.Guards.MaxOrders),
		}),

		"substitutes": listField(f, &p.Substitutes, func(s *Substitute) fieldTable {
			s.Scale = oneDecimal
			return fieldTable{"from": textField(f, &s.From), "to": textField(f, &s.To), "scale": f.number(&s.Scale)}
		}),
		"equivalents": listField(f, &p.Equivalents, func(e *Equivalent) fieldTable {
			e.Sell = SellKeep
			return fieldTable{
				"primary": textField(f, &e.Primary), "alternates": manyField[[]broker.InstrumentID](f, &e.Alternates),
				"sell": textField(f, &e.Sell),
			}
		}),
	}
}

// fieldTable is how the fields of an object are read; read gets the path of the
// field, for messages.
type fieldTable map[string]func(path string, raw json.RawMessage)

// fieldFaults collects what is wrong with an object: its form, and its numbers.
type fieldFaults struct {
	form    []error
	numbers []error
}

func (f *fieldFaults) join() error {
	if len(f.form) > 0 || len(f.numbers) == 0 {
		return errors.Join(append(f.form, f.numbers...)...)
	}
	return fmt.Errorf("%w: %w", ErrInvalidNumber, errors.Join(f.numbers...))
}

func (f *fieldFaults) add(format string, args ...any) {
	f.form = append(f.form, fmt.Errorf(format, args...))
}

// object reads an object by a table. Every key must be in it.
func (f *fieldFaults) object(path string, raw json.RawMessage, table fieldTable) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		f.add("%s is %.40s: want an object", nameOf(path), raw)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		at := key
		if path != "" {
			at = path + "." + key
		}
		read, known := table[key]
		if !known {
			f.add("unknown field %q", at)
			continue
		}
		read(at, fields[key])
	}
}

// nameOf is what a message calls the value at a path.
func nameOf(path string) string {
	if path == "" {
		return "it"
	}
	return path
}

// nested reads an object within an object.
func (f *fieldFaults) nested(table fieldTable) func(string, json.RawMessage) {
	return func(path string, raw json.RawMessage) { f.object(path, raw, table) }
}

// listField reads a list of objects, each by its own table.
func listField[T any](f *fieldFaults, into *[]T, table func(*T) fieldTable) func(string, json.RawMessage) {
	return func(path string, raw json.RawMessage) {
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil || items == nil {
			f.add("%s is %.40s: want a list", path, raw)
			return
		}
		*into = make([]T, len(items))
		for i, item := range items {
			f.object(fmt.Sprintf("%s[%d]", path, i), item, table(&(*into)[i]))
		}
	}
}

// textField reads a string, valueField anything that JSON reads in one way only.
func textField[T ~string](f *fieldFaults, into *T) func(string, json.RawMessage) {
	return valueField(f, into)
}

func valueField[T any](f *fieldFaults, into *T) func(string, json.RawMessage) {
	read := manyField(f, into)
	return func(path string, raw json.RawMessage) {
		if string(raw) == "null" {
			f.add("%s is null: leave it out for the default", path)
			return
		}
		read(path, raw)
	}
}

// manyField reads a list or a map, which replaces the one before; null is an
// empty one.
func manyField[T any](f *fieldFaults, into *T) func(string, json.RawMessage) {
	return func(path string, raw json.RawMessage) {
		var fresh T
		if err := json.Unmarshal(raw, &fresh); err != nil {
			f.add("%s is %.40s: want %s", path, raw, jsonType(fresh))
			return
		}
		*into = fresh
	}
}

// jsonType names what a field should hold.
func jsonType(v any) string {
	switch v.(type) {
	case bool:
		return "true or false"
	case []broker.InstrumentID, []marketdata.Tier:
		return "a list of strings"
	case map[broker.InstrumentID]Restriction:
		return "an object of strings"
	}
	return "a string"
}

// number reads a number, which is a string.
func (f *fieldFaults) number(into *decimal.Decimal) func(string, json.RawMessage) {
	return func(path string, raw json.RawMessage) {
		var s *string
		if err := json.Unmarshal(raw, &s); err != nil || s == nil {
			f.add("%s is %.40s: want a number as a string", path, raw)
			return
		}
		d, err := ParseNumber(*s)
		if err != nil {
			f.numbers = append(f.numbers, fmt.Errorf("%s: %w", path, err))
			return
		}
		*into = d
	}
}

// null reads a number, or null for none.
func (f *fieldFaults) null(into *decimal.NullDecimal) func(string, json.RawMessage) {
	read := f.number(&into.Decimal)
	return func(path string, raw json.RawMessage) {
		if string(raw) == "null" {
			*into = decimal.NullDecimal{}
			return
		}
		into.Valid = true
		read(path, raw)
	}
}
