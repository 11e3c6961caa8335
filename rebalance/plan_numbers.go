package rebalance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Limits of the numbers that go into a plan, as in [broker.ParseDecimal]: at most
// 40 digits and an exponent within ±18. Digits behind the point lower the
// exponent further once a text is parsed.
const (
	maxDigits    = 40
	maxExponent  = 18
	minExponent  = -maxExponent - maxDigits
	numberLimits = "want at most 40 digits and an exponent within ±18"
)

var oneDecimal = decimal.New(1, 0)

// within reports whether a number keeps the limits.
func within(d decimal.Decimal) bool {
	return d.Exponent() <= maxExponent && d.Exponent() >= minExponent && d.NumDigits() <= maxDigits
}

// numWithin converts a number that keeps the limits; it is 0 and false otherwise.
func numWithin(d decimal.Decimal) (num, bool) {
	if d.Exponent() > maxExponent || d.Exponent() < minExponent {
		return num{}, false
	}
	switch digits := d.NumDigits(); {
	case digits <= smallDigits:
		return numOfSmall(d), true
	case digits <= maxDigits:
		return numOfBig(d.Coefficient(), d.Exponent()), true
	}
	return num{}, false
}

// shown is a number that may be beyond all limits, for a message.
func shown(d decimal.Decimal) string {
	if within(d) {
		return d.String()
	}
	if n := d.NumDigits(); n > maxDigits {
		return fmt.Sprintf("a number of %d digits", n)
	}
	return fmt.Sprintf("%se%d", d.Coefficient(), d.Exponent())
}

// normal is a symbol trimmed and in upper case.
func normal(id broker.InstrumentID) broker.InstrumentID {
	if isNormal(id) {
		return id
	}
	return broker.InstrumentID(strings.ToUpper(strings.TrimSpace(string(id))))
}

// isNormal reports whether a symbol surely is trimmed and in upper case.
func isNormal(id broker.InstrumentID) bool {
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || 'a' <= c && c <= 'z' {
			return false
		}
	}
	return true
}

func sameSymbol(a, b broker.InstrumentID) bool { return normal(a) == normal(b) }

// badNumbers names each number of the input beyond the limits, prices of quotes
// aside: those are absent then.
type badNumbers []string

func (b *badNumbers) see(d decimal.Decimal, what, of string) {
	if !within(d) {
		*b = append(*b, what+of+" is "+shown(d))
	}
}

func (b *badNumbers) seeNull(d decimal.NullDecimal, what, of string) {
	if d.Valid {
		b.see(d.Decimal, what, of)
	}
}

// account looks at the numbers of the account.
func (b *badNumbers) account(a *AccountState) {
	b.seeNull(a.NetLiquidation, "net_liquidation", "")
	b.seeNull(a.AvailableFunds, "available_funds", "")
	for currency, amount := range a.Cash {
		b.see(amount, "cash in ", string(currency))
	}
	for currency, amount := range a.SettledCash {
		b.see(amount, "settled cash in ", string(currency))
	}
	for i := range a.Positions {
		p := &a.Positions[i]
		b.see(p.Quantity, "position of ", string(p.Symbol))
		b.seeNull(p.Previous, "previous position of ", string(p.Symbol))
	}
	for i := range a.OpenOrders {
		o := &a.OpenOrders[i]
		b.see(o.Remaining, "open order of ", string(o.Symbol))
	}
}

// checkNumbers refuses numbers beyond the limits, before all else.
func (d *draft) checkNumbers() {
	var bad badNumbers
	in := d.in
	bad.account(&in.Account)
	for i := range in.Targets {
		bad.see(in.Targets[i].Weight, "weight of ", string(in.Targets[i].Symbol))
	}
	for i := range in.Previous {
		bad.see(in.Previous[i].Weight, "previous weight of ", string(in.Previous[i].Symbol))
	}
	for symbol, terms := range in.Instruments {
		bad.see(terms.Lot, "lot of ", string(symbol))
		bad.see(terms.Tick, "tick of ", string(symbol))
		d.oddTerms = d.oddTerms || terms.Lot.Sign() <= 0 || terms.Tick.Sign() <= 0
		d.oddKeys = d.oddKeys || !isNormal(symbol)
	}
	for symbol, quote := range in.Quotes {
		bad.seeNull(quote.Age, "age_seconds of ", string(symbol))
		d.oddKeys = d.oddKeys || !isNormal(symbol)
	}
	for currency, rate := range in.FX {
		bad.see(rate, "fx of ", string(currency))
	}
	for i := range in.Planned {
		bad.see(in.Planned[i].Quantity, "planned quantity of ", string(in.Planned[i].Symbol))
	}
	if in.PlannedEquity.Valid && !ofPlan(in.PlannedEquity.Decimal) { // comes from a plan, whose numbers may be longer
		bad = append(bad, "planned_equity is "+shown(in.PlannedEquity.Decimal))
	}
	var f faults
	if in.Policy.checkNumbers(&f); len(f) > 0 {
		for _, fault := range f {
			bad = append(bad, "policy: "+fault.Error())
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad) // the input's maps have no order
		d.reject(ReasonInvalidNumber, "%s; %s", strings.Join(bad, "; "), numberLimits)
	}
}

// ParseNumber reads a number as policies and cases write it: as
// [broker.ParseDecimal], but with a small e only.
func ParseNumber(s string) (decimal.Decimal, error) {
	if strings.ContainsRune(s, 'E') {
		return decimal.Decimal{}, fmt.Errorf("rebalance: %.60q is not a number: write the exponent with a small e", s)
	}
	return broker.ParseDecimal(s)
}
