package config

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

func (r *reader) accounts(c *Config, s *section) {
	seen := map[broker.AccountID]bool{}
	for _, item := range s.items("accounts") {
		in := r.open(item.node, item.name)
		a := r.account(c, in)
		if seen[a.ID] {
			r.fault(in.line(), in.at("id"), "%q is there twice", a.ID)
		}
		seen[a.ID] = true
		c.Accounts = append(c.Accounts, a)
	}
	if len(c.Accounts) == 0 {
		s.need("accounts", "")
	}
}

func (r *reader) account(c *Config, s *section) Account {
	a := Account{Mode: broker.Simulated, Type: broker.Margin, Cash: decimal.NewFromInt(100_000)}
	if c.Broker.Kind == KindIBKR {
		a.Mode, a.Type = "", broker.Cash
		if c.Broker.Simulator {
			a.Mode, a.Type = broker.Paper, broker.Margin
		}
	}
	id := text(s, "id", &a.ID)
	mode := choice(s, "mode", &a.Mode, modes...)
	choice(s, "type", &a.Type, broker.Cash, broker.Margin)
	text(s, "strategy", &a.Strategy)
	a.Policy = r.policy(s.take("policy"), s.at("policy"))
	a.Trigger = r.trigger(s.take("trigger"), s.at("trigger"))
	a.Partial = r.partial(r.open(s.take("partial"), s.at("partial")))
	s.flag("ignore_other", &a.IgnoreOther)
	cash := s.number("cash", &a.Cash)
	positions := s.take("positions")
	a.Positions = r.quantities(positions, s.at("positions"))
	s.done()

	s.need("id", string(a.ID))
	s.need("strategy", a.Strategy)
	if id != nil && (len(a.ID) > 64 || strings.ContainsFunc(string(a.ID), func(c rune) bool { return c <= ' ' || c > '~' })) {
		r.fault(id, s.at("id"), "%q: want at most 64 printable ASCII characters without spaces", a.ID)
	}
	switch {
	case c.Broker.Kind == KindFake && a.Mode != broker.Simulated:
		r.fault(kindOr(mode, s), s.at("mode"), "%q: the fake broker has simulated accounts only", a.Mode)
	case c.Broker.Simulator && a.Mode != broker.Paper:
		r.fault(kindOr(mode, s), s.at("mode"), "%q: the simulated gateway has paper accounts only", a.Mode)
	case c.Broker.Kind == KindIBKR && a.Mode == broker.Simulated:
		r.fault(kindOr(mode, s), s.at("mode"), "%q: want live or paper, as the account is", a.Mode)
	case a.Mode == "":
		s.need("mode", "")
	}
	if !c.PaperMoney() && (cash != nil || positions != nil) {
		r.fault(s.line(), s.at("cash"), "cash and positions of a real account are the broker's to say")
	}
	return a
}

// quantities reads positions by symbol.
func (r *reader) quantities(node *yaml.Node, name string) map[broker.InstrumentID]decimal.Decimal {
	s := r.open(node, name)
	all := map[broker.InstrumentID]decimal.Decimal{}
	for symbol := range s.names {
		id, err := broker.ParseInstrumentID(symbol)
		if err != nil {
			r.fault(s.names[symbol], s.at(symbol), "%v", err)
		}
		var quantity decimal.Decimal
		s.number(symbol, &quantity)
		all[id] = quantity
	}
	return all
}

func (r *reader) trigger(node *yaml.Node, name string) *rebalance.Trigger {
	if node == nil {
		return nil
	}
	s, t := r.open(node, name), &rebalance.Trigger{}
	s.fraction("drift_absolute", &t.DriftAbsolute)
	s.fraction("drift_relative", &t.DriftRelative)
	choice(s, "calendar", &t.Calendar, rebalance.Monthly, rebalance.Weekly, rebalance.Quarterly, rebalance.Annually)
	s.count("cooldown_days", &t.CooldownDays)
	var zone *time.Location
	s.zone("zone", &zone)
	if zone != nil {
		t.Zone = zone.String()
	}
	s.done()
	return t
}

func (r *reader) partial(s *section) rebalance.Partial {
	var p rebalance.Partial
	choice(s, "then", &p.Then, rebalance.RollForward, rebalance.Halt)
	s.flag("follow_up", &p.FollowUp)
	s.done()
	return p
}

// policy reads a policy in the form that [rebalance.DecodePolicy] reads, with
// numbers written as numbers.
func (r *reader) policy(node *yaml.Node, name string) rebalance.Policy {
	p := rebalance.DefaultPolicy()
	if node == nil {
		return p
	}
	before := len(r.faults)
	data, err := json.Marshal(r.plain(node, name))
	if err != nil || len(r.faults) > before {
		return p
	}
	decoded, err := rebalance.DecodePolicy(data)
	if err == nil {
		p, err = decoded, decoded.Check()
	}
	if err != nil {
		for problem := range strings.SplitSeq(err.Error(), "\n") {
			if strings.HasPrefix(problem, "rebalance: policy has") {
				continue // a heading
			}
			r.fault(locate(node, problem), name, "%s", strings.TrimPrefix(problem, "rebalance: policy: "))
		}
	}
	return p
}

// plain turns YAML into what JSON can say: numbers become texts, as a policy
// wants them.
func (r *reader) plain(node *yaml.Node, name string) any {
	switch node.Kind {
	case yaml.MappingNode:
		s, all := r.open(node, name), map[string]any{}
		for key, value := range s.keys {
			all[key] = r.plain(value, s.at(key))
		}
		return all
	case yaml.SequenceNode:
		all := make([]any, len(node.Content))
		for i, item := range node.Content {
			all[i] = r.plain(item, name)
		}
		return all
	case yaml.AliasNode:
		r.fault(node, name, "aliases are not supported: write it out")
		return nil
	case yaml.ScalarNode, yaml.DocumentNode: // a document cannot be inside one
	}
	switch node.Tag {
	case "!!bool":
		return node.Value == "true"
	case "!!null":
		return nil
	}
	return node.Value
}

var fieldWord = regexp.MustCompile(`[a-z][a-z_]+(\.[a-z_]+)*`)

// locate finds the node that a message names, or the whole policy.
func locate(node *yaml.Node, problem string) *yaml.Node {
	for _, word := range fieldWord.FindAllString(strings.ToLower(problem), -1) {
		found := node
		for key := range strings.SplitSeq(word, ".") {
			i := slices.IndexFunc(found.Content, func(n *yaml.Node) bool { return n.Value == key })
			if found.Kind != yaml.MappingNode || i < 0 || i+1 >= len(found.Content) {
				found = nil
				break
			}
			found = found.Content[i+1]
		}
		if found != nil {
			return found
		}
	}
	return node
}
