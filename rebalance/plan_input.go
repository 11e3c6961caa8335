package rebalance

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
)

// normalize trims symbols and brings them into upper case, once, wherever they
// stand in the input. The caller's values stay as they are.
func (d *draft) normalize() {
	if d.oddKeys || !d.in.isNormal() {
		d.in = d.in.normalized()
	}
	d.rules = newRules(&d.in.Policy)
}

// isNormal reports whether no symbol needs any change, as nearly always; those of
// the instruments and quotes were looked at with their numbers.
func (in *Input) isNormal() bool {
	for i := range in.Targets {
		if !isNormal(in.Targets[i].Symbol) {
			return false
		}
	}
	for i := range in.Previous {
		if !isNormal(in.Previous[i].Symbol) {
			return false
		}
	}
	for i := range in.Account.Positions {
		if !isNormal(in.Account.Positions[i].Symbol) {
			return false
		}
	}
	for i := range in.Account.OpenOrders {
		if !isNormal(in.Account.OpenOrders[i].Symbol) {
			return false
		}
	}
	for i := range in.Planned {
		if !isNormal(in.Planned[i].Symbol) {
			return false
		}
	}
	return allNormal(in.Sold) && in.Policy.isNormal()
}

func (p *Policy) isNormal() bool {
	for symbol := range p.Restrictions {
		if !isNormal(symbol) {
			return false
		}
	}
	for i := range p.Substitutes {
		if !isNormal(p.Substitutes[i].From) || !isNormal(p.Substitutes[i].To) {
			return false
		}
	}
	for i := range p.Equivalents {
		if !isNormal(p.Equivalents[i].Primary) || !allNormal(p.Equivalents[i].Alternates) {
			return false
		}
	}
	return allNormal(p.Exclude)
}

func allNormal(symbols []broker.InstrumentID) bool {
	return !slices.ContainsFunc(symbols, func(s broker.InstrumentID) bool { return !isNormal(s) })
}

// normalized is a copy with every symbol normal.
func (in *Input) normalized() *Input {
	c := *in
	c.Targets = slices.Clone(in.Targets)
	for i := range c.Targets {
		c.Targets[i].Symbol = normal(c.Targets[i].Symbol)
	}
	c.Previous = slices.Clone(in.Previous)
	for i := range c.Previous {
		c.Previous[i].Symbol = normal(c.Previous[i].Symbol)
	}
	c.Account.Positions = slices.Clone(in.Account.Positions)
	for i := range c.Account.Positions {
		c.Account.Positions[i].Symbol = normal(c.Account.Positions[i].Symbol)
	}
	c.Account.OpenOrders = slices.Clone(in.Account.OpenOrders)
	for i := range c.Account.OpenOrders {
		c.Account.OpenOrders[i].Symbol = normal(c.Account.OpenOrders[i].Symbol)
	}
	c.Planned = slices.Clone(in.Planned)
	for i := range c.Planned {
		c.Planned[i].Symbol = normal(c.Planned[i].Symbol)
	}
	c.Sold = normalSymbols(in.Sold)
	c.Instruments = normalKeys(in.Instruments)
	c.Quotes = normalKeys(in.Quotes)
	c.Policy = in.Policy.normalized()
	return &c
}

func (p Policy) normalized() Policy {
	p.Restrictions = normalKeys(p.Restrictions)
	p.Exclude = normalSymbols(p.Exclude)
	p.Substitutes = slices.Clone(p.Substitutes)
	for i := range p.Substitutes {
		s := &p.Substitutes[i]
		s.From, s.To = normal(s.From), normal(s.To)
	}
	p.Equivalents = slices.Clone(p.Equivalents)
	for i := range p.Equivalents {
		e := &p.Equivalents[i]
		e.Primary, e.Alternates = normal(e.Primary), normalSymbols(e.Alternates)
	}
	return p
}

func normalSymbols(symbols []broker.InstrumentID) []broker.InstrumentID {
	symbols = slices.Clone(symbols)
	for i := range symbols {
		symbols[i] = normal(symbols[i])
	}
	return symbols
}

// normalKeys is a map with normal keys. Of two keys that become the same one,
// the one that was normal already, or else the lower one, counts.
func normalKeys[T any](m map[broker.InstrumentID]T) map[broker.InstrumentID]T {
	keys := make([]broker.InstrumentID, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b broker.InstrumentID) int { return strings.Compare(string(b), string(a)) })
	normals := make(map[broker.InstrumentID]T, len(m))
	for _, key := range keys {
		normals[normal(key)] = m[key]
	}
	for _, key := range keys {
		if normal(key) == key {
			normals[key] = m[key]
		}
	}
	return normals
}
