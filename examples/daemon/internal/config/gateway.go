package config

import (
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/marketdata"
)

// The fields of the broker that only one kind of it has. The simulator is its
// own gateway, so those of fieldsOfGateway are not for it.
var (
	fieldsOfFake    = []string{"prices", "day"}
	fieldsOfGateway = []string{"address", "restart", "login", "timing"}
	fieldsOfIBKR    = append([]string{
		"simulator", "client_id", "currency", "fractional", "instruments", "tiers", "market_data_lines", "messages_per_second", "last_order_id",
	}, fieldsOfGateway...)
)

func (r *reader) broker(s *section) Broker {
	b := Broker{Kind: KindFake, Day: time.Minute}
	kind := choice(s, "kind", &b.Kind, KindFake, KindIBKR)
	s.flag("simulator", &b.Simulator)
	prices := text(s, "prices", &b.Prices)
	b.Prices = r.path(b.Prices)
	s.span("day", &b.Day)
	r.gateway(s, &b.Gateway)
	s.done()

	switch {
	case kind != nil && kind.Value != b.Kind: // it has a fault already
	case b.Kind == KindFake:
		s.only(KindIBKR, fieldsOfIBKR...)
		b.Simulator = false
		if b.Prices != "" {
			if _, err := os.Stat(b.Prices); err != nil {
				r.fault(prices, "broker.prices", "%v", err)
			}
		}
	case b.Simulator:
		s.only(KindFake, fieldsOfFake...)
		for _, key := range fieldsOfGateway {
			if at := s.names[key]; at != nil {
				r.fault(at, s.at(key), "stands beside simulator: the simulator has its own")
			}
		}
		b.Gateway.ClientID = max(b.Gateway.ClientID, 17)
	default:
		s.only(KindFake, fieldsOfFake...)
		s.need("address", b.Gateway.Address)
		if b.Gateway.ClientID == 0 {
			s.need("client_id", "")
		}
	}
	return b
}

// gateway reads how to reach IBKR.
func (r *reader) gateway(s *section, g *ibkr.Config) {
	g.Currency = "USD"
	address := text(s, "address", &g.Address)
	if host, port, err := net.SplitHostPort(g.Address); address != nil && (err != nil || host == "" || port == "") {
		r.fault(address, s.at("address"), "%q: want host:port, such as 127.0.0.1:4002", g.Address)
	}
	s.upTo("client_id", &g.ClientID, 1, 999_999)
	r.currency(s, &g.Currency)
	s.flag("fractional", &g.Fractional)
	g.Instruments = r.pins(s)
	for _, t := range words(s, "tiers", Tiers()...) {
		if !slices.Contains(g.Tiers, t) {
			g.Tiers = append(g.Tiers, t)
		}
	}
	s.upTo("market_data_lines", &g.MarketDataLines, 1, 100)
	s.upTo("messages_per_second", &g.MessagesPerSecond, 1, 50)
	var last int
	s.upTo("last_order_id", &last, 0, 1<<31-2)
	g.LastOrderID = int64(last)
	g.Restart, g.Login = r.window(s, "restart"), r.window(s, "login")
	r.waits(r.open(s.take("timing"), s.at("timing")), &g.Timing)
}

// Tiers are the tiers of prices, the best one first.
func Tiers() []marketdata.Tier {
	return []marketdata.Tier{
		marketdata.TierLive, marketdata.TierFrozen, marketdata.TierDelayed, marketdata.TierDelayedFrozen, marketdata.TierHistorical,
	}
}

func (r *reader) currency(s *section, into *broker.Currency) {
	node := text(s, "currency", into)
	if node != nil && (len(*into) != 3 || !upper(string(*into))) {
		r.fault(node, s.at("currency"), "%q: want three capital letters such as USD", *into)
	}
}

func upper(word string) bool {
	return !slices.ContainsFunc([]byte(word), func(c byte) bool { return c < 'A' || c > 'Z' })
}

// pins reads what symbols mean, by symbol.
func (r *reader) pins(s *section) map[broker.InstrumentID]ibkr.Pin {
	all := r.open(s.take("instruments"), s.at("instruments"))
	pins, numbers := map[broker.InstrumentID]ibkr.Pin{}, map[int64]broker.InstrumentID{}
	for _, symbol := range slices.Sorted(maps.Keys(all.names)) {
		name := all.names[symbol]
		id, err := broker.ParseInstrumentID(symbol)
		if err != nil {
			r.fault(name, all.at(symbol), "%s", strings.TrimPrefix(err.Error(), "broker: "))
		}
		if _, twice := pins[id]; twice {
			r.fault(name, all.at(symbol), "%s is there twice, in capital and in small letters", id)
		}
		var p ibkr.Pin
		in := r.open(all.take(symbol), all.at(symbol))
		var number int
		in.upTo("con_id", &number, 1, 1<<62)
		p.ConID = int64(number)
		text(in, "symbol", &p.Symbol)
		exchange := text(in, "primary_exchange", &p.PrimaryExchange)
		if exchange != nil && (p.PrimaryExchange == "SMART" || !upper(p.PrimaryExchange)) {
			r.fault(exchange, in.at("primary_exchange"), "%q: want the name of an exchange in capital letters, such as NASDAQ or ARCA", p.PrimaryExchange)
		}
		r.currency(in, &p.Currency)
		in.done()
		if len(in.names) == 0 && !in.broken {
			r.fault(name, all.at(symbol), "pins nothing: want con_id, primary_exchange, symbol or currency")
		}
		if first, ok := numbers[p.ConID]; ok && p.ConID != 0 {
			r.fault(name, in.at("con_id"), "%d is the contract of %s already: keep one of the two", p.ConID, first)
		}
		pins[id], numbers[p.ConID] = p, id
	}
	return pins
}

// window reads a span that comes back, nil if there is none.
func (r *reader) window(s *section, key string) *ibkr.Window {
	node := s.take(key)
	if node == nil {
		return nil
	}
	in, w := r.open(node, s.at(key)), &ibkr.Window{}
	from, to := in.clock("from", &w.From), in.clock("to", &w.To)
	w.Days = r.days(in)
	var zone *time.Location
	in.zone("zone", &zone)
	if zone != nil {
		w.Zone = zone.String()
	}
	in.done()
	if from == nil {
		in.need("from", "")
	}
	if to == nil {
		in.need("to", "")
	}
	if from != nil && to != nil && from.Value == to.Value {
		r.fault(to, in.at("to"), "%q is the time at which it begins: want another one", to.Value)
	}
	return w
}

// waits reads the adapter's timing.
func (r *reader) waits(s *section, t *ibkr.Timing) {
	s.span("connect", &t.Connect)
	s.span("retry", &t.Retry)
	s.span("longest_retry", &t.LongestRetry)
	retries := -1
	s.upTo("retries", &retries, 0, 1000)
	switch {
	case retries == 0:
		t.Retries = -1 // none; zero is the default
	case retries > 0:
		t.Retries = retries
	}
	s.span("settle", &t.Settle)
	s.span("answer", &t.Answer)
	s.span("write", &t.Write)
	s.span("acknowledge", &t.Acknowledge)
	s.span("heartbeat", &t.Heartbeat)
	s.span("stable", &t.Stable)
	s.span("quote", &t.Quote)
	s.span("quiet", &t.Quiet)
	s.span("terms", &t.Terms)
	s.done()
}
