package rebalance

import (
	"encoding/json"
	"strconv"

	"github.com/shopspring/decimal"
)

// The JSON of what a run writes most of (orders, holdings) is built by hand: the
// general encoder spends four allocations on each decimal. A test holds it to
// what the general encoder would write.

// object is a JSON object under construction. Its methods return it grown.
type object []byte

func newObject() object { return append(make(object, 0, 256), '{') }

// key begins a member; names need no escaping.
func (o object) key(name string) object {
	if len(o) > 1 {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, name...)
	return append(o, '"', ':')
}

// text adds a member that is a string.
func (o object) text(name, value string) object {
	o = o.key(name)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(value) //nolint:errcheck,errchkjson // a string can always be encoded
			return append(o, quoted...)
		}
	}
	o = append(o, '"')
	o = append(o, value...)
	return append(o, '"')
}

// textUnlessEmpty adds a member unless it is empty.
func (o object) textUnlessEmpty(name, value string) object {
	if value == "" {
		return o
	}
	return o.text(name, value)
}

// number adds a member that is a decimal.
func (o object) number(name string, d decimal.Decimal) object {
	o = append(o.key(name), '"')
	return append(appendDecimal(o, d), '"')
}

// end closes the object.
func (o object) end() ([]byte, error) { return append(o, '}'), nil }

// appendDecimal writes a decimal in plain notation without trailing zeros, as
// its String method does.
func appendDecimal(b []byte, d decimal.Decimal) []byte {
	exp := int(d.Exponent())
	if d.NumDigits() > 18 || exp > 18 || exp < -18 {
		return append(b, d.String()...)
	}
	c := d.CoefficientInt64()
	for ; exp < 0 && c%10 == 0; exp++ {
		c /= 10
	}
	if c == 0 {
		return append(b, '0')
	}
	if c < 0 {
		b, c = append(b, '-'), -c
	}
	if exp >= 0 {
		b = strconv.AppendInt(b, c, 10)
		for range exp {
			b = append(b, '0')
		}
		return b
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], c, 10)
	point := len(text) + exp
	if point <= 0 {
		b = append(b, '0', '.')
		for range -point {
			b = append(b, '0')
		}
		return append(b, text...)
	}
	b = append(b, text[:point]...)
	b = append(b, '.')
	return append(b, text[point:]...)
}

// MarshalJSON writes the stored form.
func (o OrderResult) MarshalJSON() ([]byte, error) {
	return newObject().
		text("symbol", string(o.Symbol)).text("side", string(o.Side)).textUnlessEmpty("ref", string(o.Ref)).
		number("planned", o.Planned).number("sent", o.Sent).number("limit", o.Limit).text("why", string(o.Why)).
		text("outcome", string(o.Outcome)).number("filled", o.Filled).number("average_price", o.AveragePrice).
		number("fees", o.Fees).textUnlessEmpty("fee_currency", string(o.FeeCurrency)).
		textUnlessEmpty("code", o.Code).textUnlessEmpty("reason", o.Reason).end()
}

// MarshalJSON writes the stored form.
func (h Holding) MarshalJSON() ([]byte, error) {
	return newObject().
		text("symbol", string(h.Symbol)).number("quantity", h.Quantity).number("price", h.Price).
		number("value", h.Value).number("weight", h.Weight).number("target", h.Target).end()
}

// MarshalJSON writes the stored form.
func (o PlannedOrder) MarshalJSON() ([]byte, error) {
	return newObject().
		text("symbol", string(o.Symbol)).text("side", string(o.Side)).number("quantity", o.Quantity).
		number("limit", o.Limit).text("reason", string(o.Reason)).end()
}

// MarshalJSON writes the stored form.
func (h memoryOfHolding) MarshalJSON() ([]byte, error) {
	return newObject().number("quantity", h.Quantity).number("price", h.Price).end()
}
