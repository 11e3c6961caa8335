package config

import (
	"cmp"
	"maps"
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
	policy := s.take("policy")
	a.Policy = r.policy(policy, s.at("policy"))
	r.tiers(c, &a, cmp.Or(policy, s.line()), s.at("policy"))
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
	case c.Broker.Kind == KindIBKR && a.ID != "" && strings.HasPrefix(string(a.ID), "D") != (a.Mode == broker.Paper):
		r.fault(kindOr(mode, s), s.at("mode"), "%q, but the name of account %s is that of another kind: paper accounts of IBKR begin with D, live ones do not", a.Mode, a.ID)
	}
	if !c.Simulated() && (cash != nil || positions != nil) {
		r.fault(s.line(), s.at("cash"), "cash and positions of a real account are the broker's to say")
	}
	return a
}

// quantities reads positions by symbol.
func (r *reader) quantities(node *yaml.Node, name string) map[broker.InstrumentID]decimal.Decimal {
	s := r.open(node, name)
	all := map[broker.InstrumentID]decimal.Decimal{}
	for _, symbol := range slices.Sorted(maps.Keys(s.names)) {
		id, err := broker.ParseInstrumentID(symbol)
		if err != nil {
			r.fault(s.names[symbol], s.at(symbol), "%s", strings.TrimPrefix(err.Error(), "broker: "))
		}
		if _, twice := all[id]; twice {
			r.fault(s.names[symbol], s.at(symbol), "%s is there twice, in capital and in small letters", id)
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

// partial reads what happens when some orders did not fill.
func (r *reader) partial(s *section) rebalance.Partial {
	var p rebalance.Partial
	then := choice(s, "then", &p.Then, rebalance.RollForward, rebalance.Halt, rebalance.Compensate)
	s.flag("follow_up", &p.FollowUp)
	pairs, limit := s.items("pairs"), s.number("max_notional", &p.MaxNotional)
	sold := map[broker.InstrumentID]bool{}
	for _, item := range pairs {
		p.Pairs = append(p.Pairs, r.pair(r.open(item.node, item.name), sold))
	}
	s.done()
	if then != nil && then.Value != string(p.Then) {
		return p // it has a fault already
	}
	if p.Then != rebalance.Compensate {
		for _, key := range []string{"pairs", "max_notional"} {
			if at := s.names[key]; at != nil {
				r.fault(at, s.at(key), "is for then: compensate only: set it, or leave this away")
			}
		}
		return p
	}
	if len(pairs) == 0 {
		r.fault(s.line(), s.at("pairs"), "is missing: then: compensate buys back only what is named here, such as [{sell: MTUM, buy: QUAL}]")
	}
	if p.MaxNotional.Sign() <= 0 && !s.faulty("max_notional") {
		r.fault(cmp.Or(limit, s.line()), s.at("max_notional"), "%s: then: compensate needs a limit above 0, in base currency", p.MaxNotional)
	}
	return p
}

// pair reads a sale, and the buy that it pays for.
func (r *reader) pair(s *section, sold map[broker.InstrumentID]bool) rebalance.Pair {
	sell, buy := r.symbol(s, "sell"), r.symbol(s, "buy")
	s.done()
	s.need("sell", string(sell))
	s.need("buy", string(buy))
	if sell != "" && sell == buy {
		r.fault(s.line(), s.at("buy"), "%s is what is sold: want another symbol", buy)
	}
	if sell != "" && sold[sell] {
		r.fault(s.line(), s.at("sell"), "%s is sold in another pair already", sell)
	}
	sold[sell] = true
	return rebalance.Pair{Sell: sell, Buy: buy}
}

// symbol reads the name of an instrument.
func (r *reader) symbol(s *section, key string) broker.InstrumentID {
	value, node := s.scalar(key)
	if node == nil {
		return ""
	}
	id, err := broker.ParseInstrumentID(value)
	if err != nil {
		r.fault(node, s.at(key), "%s", strings.TrimPrefix(err.Error(), "broker: "))
	}
	return id
}
