package httpsource

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
)

// Secret is a text that does not print.
type Secret string

// Format prints "[secret]", or nothing for an empty secret, under every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		fmt.Fprint(f, "[secret]")
	}
}

// MarshalText keeps the secret out of JSON and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

// Config says where the API is and how to ask it. BaseURL is required.
type Config struct {
	// BaseURL is the part of the address before the strategy, such as
	// "https://api.example.com/v1/strategies". No user, query or fragment.
	BaseURL string
	// APIKey is sent in Header. Default: none is sent.
	APIKey Secret
	// Header is the name of the key's header. Default: "X-API-Key".
	Header string
	// Insecure allows http to hosts other than this machine: who can read the
	// network then knows the key, who can write to it decides what is traded.
	// Default: false.
	Insecure bool
	// Timeout is the most time that one call of Allocation may take. Default: 30 s.
	Timeout time.Duration
	// Rules says which allocations are accepted. Default: as [allocation.Rules].
	Rules allocation.Rules
	// Zone is where a date in an answer begins. Default: UTC.
	Zone *time.Location
	// Now says what time it is, for ages and for Retry-After. Default: time.Now.
	Now func() time.Time
	// Client makes the requests. It is copied; its CheckRedirect is not used.
	// Default: one of the source's own, without proxy.
	Client *http.Client
}

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	c.Header = cmp.Or(c.Header, "X-API-Key")
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Zone = cmp.Or(c.Zone, time.UTC)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// validate returns the parsed BaseURL, or everything that is wrong.
func (c Config) validate() (*url.URL, error) {
	base, err := c.base()
	errs := []error{err, c.Rules.Validate()}
	if !isToken(c.Header) {
		errs = append(errs, fmt.Errorf("httpsource: Header %.40q is not the name of a header", c.Header))
	}
	if strings.ContainsFunc(string(c.APIKey), func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("httpsource: APIKey contains a character that no header can carry: only printable ASCII without spaces"))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("httpsource: Timeout is %s: want more than 0", c.Timeout))
	}
	return base, errors.Join(errs...)
}

// base parses BaseURL. Its errors do not quote it: it may contain a password.
func (c Config) base() (*url.URL, error) {
	if c.BaseURL == "" {
		return nil, errors.New(`httpsource: no BaseURL: want something like "https://api.example.com/v1/strategies"`)
	}
	u, err := url.Parse(strings.TrimRight(c.BaseURL, "/"))
	switch {
	case err != nil:
		return nil, errors.New("httpsource: BaseURL is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("httpsource: BaseURL must begin with https:// and a host")
	case u.User != nil:
		return nil, errors.New("httpsource: BaseURL contains a user or password: use APIKey and Header")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("httpsource: BaseURL contains a query or fragment: the strategy is put behind it")
	case u.Scheme == "http" && !c.Insecure && !isLocal(u.Hostname()):
		return nil, errors.New("httpsource: BaseURL uses http, which anybody on the way can read and change: use https, or set Insecure")
	}
	return u, nil
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isToken reports whether a text can name a header.
func isToken(s string) bool {
	const signs = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		alnum := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !alnum && !strings.ContainsRune(signs, r)
	})
}
