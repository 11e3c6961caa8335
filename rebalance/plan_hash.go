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
	for i := range d.lines {
		l := &d.lines[i]
		c.item().open('{').key("desired").num(l.desired).key("drift").num(l.drift)
		c.key("symbol").text(string(d.primary(l).symbol)).key("value").num(l.value).close('}')
	}
	c.close(']')
	c.key("orders").open('[')
	for i := range p.Orders {
		o := &p.Orders[i]
		c.item().open('{').key("limit").decimal(o.Limit).key("quantity").decimal(o.Quantity)
		c.key("reason").text(string(o.Reason)).key("side").text(string(o.Side)).key("symbol").text(string(o.Symbol)).close('}')
	}
	c.close(']')
	c.key("outcome").text(string(p.Outcome)).key("projected_cash").decimal(p.ProjectedCash)
	c.key("reason").text(string(p.Reason)).key("reserve").num(d.reserve)
	c.key("skipped").open('[')
	for i := range p.Skipped {
		s := &p.Skipped[i]
		c.item().open('{').key("reason").text(string(s.Reason)).key("symbol").text(string(s.Symbol)).close('}')
	}
	c.close(']').close('}')
}

// writeTargets writes the targets as they came, by symbol.
func writeTargets(c *canonical, targets []TargetWeight) {
	targets = slices.Clone(targets)
	slices.SortFunc(targets, func(a, b TargetWeight) int {
		if byName := strings.Compare(string(a.Symbol), string(b.Symbol)); byName != 0 {
			return byName
		}
		return numOf(a.Weight).cmp(numOf(b.Weight)) // a duplicate, which is rejected
	})
	c.open('[')
	for i := range targets {
		c.item().open('{').key("symbol").text(string(targets[i].Symbol)).key("weight").decimal(targets[i].Weight).close('}')
	}
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

func (c *canonical) colon() *canonical {
	c.buf = append(c.buf, ':')
	return c
}

func (c *canonical) text(s string) *canonical {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			quoted, _ := json.Marshal(s) // a string always can be
			c.buf = append(c.buf, quoted...)
			return c
		}
	}
	c.buf = append(c.buf, '"')
	c.buf = append(c.buf, s...)
	c.buf = append(c.buf, '"')
	return c
}

func (c *canonical) num(n num) *canonical {
	c.buf = append(c.buf, '"')
	c.buf = n.appendTo(c.buf)
	c.buf = append(c.buf, '"')
	return c
}

// decimal writes a number that may be beyond all limits, if it is one of a
// rejected input.
func (c *canonical) decimal(x decimal.Decimal) *canonical {
	if exp := x.Exponent(); exp > 10*maxExponent || exp < 10*minExponent {
		return c.text(shown(x))
	}
	return c.num(numOf(x))
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
	for _, s := range slices.Compact(slices.Sorted(slices.Values(set))) {
		c.item().text(string(s))
	}
	return c.close(']')
}
