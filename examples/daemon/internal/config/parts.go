package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

func kindOr(kind *yaml.Node, s *section) *yaml.Node {
	if kind != nil {
		return kind
	}
	return s.line()
}

func (r *reader) allocations(s *section, root *yaml.Node) Allocations {
	a := Allocations{Kind: KindFile, Timeout: 20 * time.Second, Zone: time.UTC}
	kind := choice(s, "kind", &a.Kind, KindFile, KindHTTP)
	text(s, "path", &a.Path)
	base := text(s, "base_url", &a.BaseURL)
	s.secret("api_key", &a.APIKey)
	text(s, "header", &a.Header)
	s.flag("insecure", &a.Insecure)
	s.span("timeout", &a.Timeout)
	s.zone("zone", &a.Zone)
	least := s.number("min_sum", &a.Rules.MinSum)
	most := s.number("max_sum", &a.Rules.MaxSum)
	s.span("max_age", &a.Rules.MaxAge)
	s.done()
	if s.node == nil {
		s.node = root
	}
	a.Path = r.path(a.Path)
	switch {
	case kind != nil && kind.Value != a.Kind: // it has a fault already
	case a.Kind == KindFile:
		s.only(KindHTTP, "base_url", "api_key_env", "api_key_file", "header", "insecure", "timeout", "zone")
		s.need("path", a.Path)
	default:
		s.only(KindFile, "path")
		s.need("base_url", a.BaseURL)
		r.address(s, base, &a)
	}
	for _, f := range []struct {
		key   string
		node  *yaml.Node
		value decimal.Decimal
	}{{"min_sum", least, a.Rules.MinSum}, {"max_sum", most, a.Rules.MaxSum}} {
		if f.node != nil && f.value.Sign() == 0 {
			r.fault(f.node, s.at(f.key), "%s: want more than 0", f.value)
		}
	}
	if err := a.Rules.Validate(); err != nil {
		key := "min_sum"
		if least == nil {
			key = "max_sum"
		}
		r.fault(cmp.Or(least, most, s.line()), s.at(key), "want min_sum (0.99 by default) more than 0, and max_sum (1.01 by default) not less")
	}
	return a
}

// address checks where the targets are asked for.
func (r *reader) address(s *section, node *yaml.Node, a *Allocations) {
	if node == nil {
		return
	}
	u, err := url.Parse(a.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.fault(node, s.at("base_url"), "%q: want an address such as https://api.example.com/v1/strategies", a.BaseURL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		r.fault(node, s.at("base_url"), "has a user, a query or a fragment: want the address alone; a key goes into api_key_env or api_key_file")
	}
}

func (r *reader) http(c *Config, s *section) {
	address := text(s, "address", &c.HTTP.Address)
	s.flag("allow_remote", &c.HTTP.Remote)
	s.secret("token", &c.HTTP.Token)
	c.HTTP.Hosts = words[string](s, "hosts")
	s.done()
	if err := c.HTTP.CheckAddress(); err != nil {
		r.fault(address, "http.address", "%v", err)
	}
	if len(c.HTTP.Token) > 0 && len(c.HTTP.Token) < 16 {
		r.fault(s.line(), "http.token", "has fewer than 16 characters: it could be guessed")
	}
}

// CheckAddress says what is wrong with the address, if anything is.
func (h *HTTP) CheckAddress() error {
	host, _, err := net.SplitHostPort(h.Address)
	if err != nil {
		return fmt.Errorf("%q: want host:port, such as %s", h.Address, DefaultAddress)
	}
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); !local && !h.Remote {
		return fmt.Errorf("%q is not the loopback: put a proxy with TLS before it, and set http.allow_remote: true", h.Address)
	}
	return nil
}

func (r *reader) ingestion(c *Config, s *section) {
	hook := r.open(s.take("webhook"), "webhook")
	hook.secret("secret", &c.Webhook.Secret)
	hook.done()
	if len(hook.names) > 0 {
		hook.need("secret", c.Webhook.Secret.Reveal())
	}
	if c.Webhook.Secret != "" && len(c.Webhook.Secret) < 16 {
		r.fault(hook.line(), "webhook.secret", "has fewer than 16 characters: it could be guessed")
	}
	drop := r.open(s.take("drop"), "drop")
	c.Drop.Every = 2 * time.Second
	text(drop, "folder", &c.Drop.Folder)
	c.Drop.Folder = r.path(c.Drop.Folder)
	drop.span("every", &c.Drop.Every)
	drop.done()
	if len(drop.names) > 0 {
		drop.need("folder", c.Drop.Folder)
	}
	stream := r.open(s.take("stream"), "stream")
	c.Stream.Name = "evenkeel-events"
	stream.redis(&c.Stream.URL)
	if text(stream, "name", &c.Stream.Name) != nil {
		stream.need("name", c.Stream.Name)
	}
	stream.done()
	if len(stream.names) > 0 {
		stream.need("url", c.Stream.URL.Reveal())
	}
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
