package rebalance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// The hash of a plan is over this text, in canonical JSON: keys sorted, no white
// space, numbers as strings in plain notation without trailing zeros, lists whose
// order means nothing sorted.
//
//	{"output":{…the plan…},"policy":{…every field…},"targets":[{"symbol":…,"weight":…}…]}

// hash is the SHA-256 of the canonical text, in hex.
func (d *draft) hash(p *Plan) string {
	c := canonical{buf: d.text[:0]}
	c.open('{')
	c.key("output")
	d.writeOutput(&c, p)
	c.key("policy")
	d.in.Policy.write(&c)
	c.key("targets")
	writeTargets(&c, d.in.Targets)
	c.close('}')
	d.text = c.buf
	sum := sha256.Sum256(c.buf)
	return hex.EncodeToString(sum[:])
}

// writeOutput writes the plan, without what is for people.
func (d *draft) writeOutput(c *canonical, p *Plan) {
	c.open('{')
	c.key("conversions").open('[')
	for i := range p.Conversions {
		x := &p.Conversions[i]
		c.item().open('{').key("amount").decimal(x.Amount)
		c.key("from").text(string(x.From)).key("to").text(string(x.To)).close('}')
	}
	c.close(']')
	c.key("equity").num(d.equity).key("excluded").num(d.excluded).key("investable").num(d.investable)
	c.key("lines").open('[')
	c.buf = d.appendLines(c.buf)
	c.close(']')
	c.key("orders").open('[')
	c.buf = appendOrders(c.buf, p.Orders)
	c.close(']')
	c.key("outcome").text(string(p.Outcome)).key("projected_cash").decimal(p.ProjectedCash)
	c.key("reason").text(string(p.Reason)).key("reserve").num(d.reserve)
	c.key("skipped").open('[')
	for i := range p.Skipped {
		s := &p.Skipped[i]
		c.item().raw(`{"reason":`).text(string(s.Reason)).raw(`,"symbol":`).text(string(s.Symbol)).close('}')
	}
	c.close(']').close('}')
}

// The long lists are appended to a buffer directly.

func (d *draft) appendLines(b []byte) []byte {
	for i := range d.lines {
		l := &d.lines[i]
		b = append(b, separator(i)...)
		b = l.desired.appendTo(append(b, `{"desired":"`...))
		b = l.drift.appendTo(append(b, `","drift":"`...))
		b = appendCanonical(append(b, `","symbol":`...), string(d.primary(l).symbol))
		b = l.value.appendTo(append(b, `,"value":"`...))
		b = append(b, `"}`...)
	}
	return b
}

func appendOrders(b []byte, orders []PlannedOrder) []byte {
	for i := range orders {
		o := &orders[i]
		b = append(b, separator(i)...)
		b = appendNumber(append(b, `{"limit":`...), o.Limit)
		b = appendNumber(append(b, `,"quantity":`...), o.Quantity)
		b = appendCanonical(append(b, `,"reason":`...), string(o.Reason))
		b = appendCanonical(append(b, `,"side":`...), string(o.Side))
		b = append(appendCanonical(append(b, `,"symbol":`...), string(o.Symbol)), '}')
	}
	return b
}

// separator stands before the item i of a list.
func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// writeTargets writes the targets as they came, by symbol.
func writeTargets(c *canonical, targets []TargetWeight) {
	order := func(a, b TargetWeight) int {
		if byName := strings.Compare(string(a.Symbol), string(b.Symbol)); byName != 0 {
			return byName
		}
		return numOf(a.Weight).cmp(numOf(b.Weight)) // a duplicate, which is rejected
	}
	if !slices.IsSortedFunc(targets, order) {
		targets = slices.Clone(targets)
		slices.SortFunc(targets, order)
	}
	c.open('[')
	b := c.buf
	for i := range targets {
		b = append(b, separator(i)...)
		b = appendCanonical(append(b, `{"symbol":`...), string(targets[i].Symbol))
		b = append(appendNumber(append(b, `,"weight":`...), targets[i].Weight), '}')
	}
	c.buf = b
	c.close(']')
}

// canonical writes canonical JSON; the caller sees to the order of keys.
type canonical struct{ buf []byte }

func (c *canonical) open(bracket byte) *canonical {
	c.buf = append(c.buf, bracket)
	return c
}

func (c *canonical) close(bracket byte) *canonical {
	c.buf = append(c.buf, bracket)
	return c
}

// item begins an item of a list or object.
func (c *canonical) item() *canonical {
	if last := c.buf[len(c.buf)-1]; last != '[' && last != '{' {
		c.buf = append(c.buf, ',')
	}
	return c
}

// key begins a field, whose name needs no escaping.
func (c *canonical) key(name string) *canonical {
	c.item()
	c.buf = append(c.buf, '"')
	c.buf = append(c.buf, name...)
	c.buf = append(c.buf, '"', ':')
	return c
}

// raw writes text that is canonical already.
func (c *canonical) raw(text string) *canonical {
	c.buf = append(c.buf, text...)
	return c
}

func (c *canonical) colon() *canonical {
	c.buf = append(c.buf, ':')
	return c
}

func (c *canonical) text(s string) *canonical {
	c.buf = appendCanonical(c.buf, s)
	return c
}

// appendCanonical appends a text.
func appendCanonical(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			quoted, _ := json.Marshal(s) // a string always can be
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func (c *canonical) num(n num) *canonical {
	c.buf = append(c.buf, '"')
	c.buf = n.appendTo(c.buf)
	c.buf = append(c.buf, '"')
	return c
}

func (c *canonical) decimal(x decimal.Decimal) *canonical {
	c.buf = appendNumber(c.buf, x)
	return c
}

// appendNumber appends a number that may be beyond all limits, if it is one of a
// rejected input.
func appendNumber(b []byte, x decimal.Decimal) []byte {
	if exp := x.Exponent(); exp > 10*maxExponent || exp < 10*minExponent {
		return appendCanonical(b, shown(x))
	}
	return append(numOf(x).appendTo(append(b, '"')), '"')
}

func (c *canonical) null(x decimal.NullDecimal) *canonical {
	if !x.Valid {
		c.buf = append(c.buf, "null"...)
		return c
	}
	return c.decimal(x.Decimal)
}

func (c *canonical) flag(b bool) *canonical {
	if b {
		c.buf = append(c.buf, "true"...)
	} else {
		c.buf = append(c.buf, "false"...)
	}
	return c
}

// symbols writes a set of symbols.
func (c *canonical) symbols(set []broker.InstrumentID) *canonical {
	c.open('[')
	for _, s := range sortedSet(set) {
		c.item().text(string(s))
	}
	return c.close(']')
}
