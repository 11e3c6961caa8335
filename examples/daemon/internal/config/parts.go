package config

import (
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

func (r *reader) broker(s *section) Broker {
	b := Broker{Kind: KindFake, Currency: "USD", Day: time.Minute}
	kind := choice(s, "kind", &b.Kind, KindFake, KindIBKR)
	s.flag("simulator", &b.Simulator)
	address := text(s, "address", &b.Address)
	s.count("client_id", &b.ClientID)
	text(s, "currency", &b.Currency)
	s.flag("fractional", &b.Fractional)
	prices := text(s, "prices", &b.Prices)
	s.span("day", &b.Day)
	s.done()

	b.Prices = r.path(b.Prices)
	if b.Kind == KindFake {
		if b.Simulator {
			r.fault(kindOr(kind, s), "broker.simulator", "is of kind ibkr only: set kind: ibkr")
			b.Simulator = false
		}
		if b.Prices != "" {
			if _, err := os.Stat(b.Prices); err != nil {
				r.fault(prices, "broker.prices", "%v", err)
			}
		}
		return b
	}
	if prices != nil {
		r.fault(prices, "broker.prices", "is of kind fake only")
	}
	if b.Simulator {
		if address != nil {
			r.fault(address, "broker.address", "stands beside simulator: the simulator has its own")
		}
		b.ClientID = max(b.ClientID, 17)
		return b
	}
	s.need("address", b.Address)
	if b.ClientID == 0 {
		s.need("client_id", "")
	}
	if _, _, err := net.SplitHostPort(b.Address); b.Address != "" && err != nil {
		r.fault(address, "broker.address", "%q: want host:port, such as 127.0.0.1:4002", b.Address)
	}
	return b
}

func kindOr(kind *yaml.Node, s *section) *yaml.Node {
	if kind != nil {
		return kind
	}
	return s.line()
}

func (r *reader) store(s *section, name string) Store {
	st := Store{Kind: KindBolt, Name: name}
	kind := choice(s, "kind", &st.Kind, KindBolt, KindRedis)
	text(s, "name", &st.Name)
	s.secret("url", &st.URL)
	s.done()
	if st.Kind == KindRedis && st.URL == "" {
		s.need("url", "")
	}
	if st.Kind == KindBolt && st.URL != "" {
		r.fault(kindOr(kind, s), s.at("url"), "is of kind redis only: set kind: redis")
	}
	return st
}

func (r *reader) allocations(s *section, root *yaml.Node) Allocations {
	a := Allocations{Kind: KindFile}
	choice(s, "kind", &a.Kind, KindFile, KindHTTP)
	path := text(s, "path", &a.Path)
	base := text(s, "base_url", &a.BaseURL)
	s.secret("api_key", &a.APIKey)
	text(s, "header", &a.Header)
	s.flag("insecure", &a.Insecure)
	s.number("min_sum", &a.Rules.MinSum)
	s.number("max_sum", &a.Rules.MaxSum)
	s.span("max_age", &a.Rules.MaxAge)
	s.done()
	if s.node == nil {
		s.node = root
	}
	a.Path = r.path(a.Path)
	switch {
	case a.Kind == KindFile && base != nil:
		r.fault(base, "allocations.base_url", "is of kind http only")
	case a.Kind == KindFile:
		s.need("path", a.Path)
	case path != nil:
		r.fault(path, "allocations.path", "is of kind file only")
	default:
		s.need("base_url", a.BaseURL)
		if u, err := url.Parse(a.BaseURL); base != nil && (err != nil || u.Host == "") {
			r.fault(base, "allocations.base_url", "%q: want an address such as https://api.example.com/v1/strategies", a.BaseURL)
		}
	}
	if err := a.Rules.Validate(); err != nil {
		r.fault(s.line(), "allocations", "%v", err)
	}
	return a
}

func (r *reader) http(c *Config, s *section) {
	address := text(s, "address", &c.HTTP.Address)
	remote := false
	s.flag("allow_remote", &remote)
	s.secret("token", &c.HTTP.Token)
	c.HTTP.Hosts = words[string](s, "hosts")
	s.done()
	host, _, err := net.SplitHostPort(c.HTTP.Address)
	if err != nil {
		r.fault(address, "http.address", "%q: want host:port, such as 127.0.0.1:8477", c.HTTP.Address)
		return
	}
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); !local && !remote {
		r.fault(address, "http.address", "%q is not the loopback: put a proxy with TLS before it, and set allow_remote: true", c.HTTP.Address)
	}
	if len(c.HTTP.Token) > 0 && len(c.HTTP.Token) < 16 {
		r.fault(s.line(), "http.token", "has fewer than 16 characters: it could be guessed")
	}
}

func (r *reader) ingestion(c *Config, s *section) {
	hook := r.open(s.take("webhook"), "webhook")
	hook.secret("secret", &c.Webhook.Secret)
	hook.done()
	if c.Webhook.Secret != "" && len(c.Webhook.Secret) < 16 {
		r.fault(hook.line(), "webhook.secret", "has fewer than 16 characters: it could be guessed")
	}
	drop := r.open(s.take("drop"), "drop")
	c.Drop.Every = 2 * time.Second
	text(drop, "folder", &c.Drop.Folder)
	c.Drop.Folder = r.path(c.Drop.Folder)
	drop.span("every", &c.Drop.Every)
	drop.done()
	stream := r.open(s.take("stream"), "stream")
	c.Stream.Name = "evenkeel-events"
	stream.secret("url", &c.Stream.URL)
	text(stream, "name", &c.Stream.Name)
	stream.done()
}

var alarming = []rebalance.Outcome{rebalance.Blocked, rebalance.Held, rebalance.Failed, rebalance.Rejected, rebalance.Cancelled, rebalance.CompletedAdjusted}

func (r *reader) notifications(c *Config, s *section) {
	all := append([]rebalance.Outcome{rebalance.NoTrade, rebalance.Completed, rebalance.Deferred}, alarming...)
	seen := map[string]bool{}
	for _, item := range s.items("notifications") {
		n := Notifier{Kind: KindNtfy, Outcomes: alarming}
		in := r.open(item.node, item.name)
		text(in, "name", &n.Name)
		choice(in, "kind", &n.Kind, KindNtfy, KindWebhook)
		in.secret("url", &n.URL)
		in.secret("token", &n.Token)
		if picked := words(in, "outcomes", all...); picked != nil {
			n.Outcomes = picked
		}
		in.done()
		in.need("name", n.Name)
		if n.URL == "" {
			in.need("url", "")
		} else if u, err := url.Parse(n.URL.Reveal()); err != nil || !strings.HasPrefix(u.Scheme, "http") || u.Host == "" {
			r.fault(in.line(), in.at("url"), "want an address that begins with https://")
		}
		if seen[n.Name] {
			r.fault(in.line(), in.at("name"), "%q is there twice", n.Name)
		}
		seen[n.Name] = true
		c.Notify = append(c.Notify, n)
	}
}

// modes are what the broker may say of an account.
var modes = []broker.Mode{broker.Simulated, broker.Paper, broker.Live}
