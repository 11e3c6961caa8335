package httpsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
)

const (
	maxBody      = 1 << 20 // bytes, unpacked
	maxRedirects = 3
)

// Source is an HTTP API of allocations. It is safe for concurrent use. Each call
// takes at most Config.Timeout.
type Source struct {
	config  Config // without the key
	base    *url.URL
	client  *http.Client
	release func() // frees the idle connections of our own client

	// The key lives in these two only, so that nothing that prints a Source
	// prints it.
	authorize func(http.Header)
	redact    func(error) error
}

var _ allocation.AllocationSource = (*Source)(nil)

// New returns a source. The error names everything that is wrong with config.
func New(config Config) (*Source, error) {
	config = config.withDefaults()
	base, err := config.validate()
	if err != nil {
		return nil, err
	}
	key := string(config.APIKey)
	header := config.Header
	s := &Source{
		base:    base,
		release: func() {},
		authorize: func(h http.Header) {
			if key != "" {
				h.Set(header, key)
			}
		},
		redact: redactor(key),
	}
	s.client, s.release = newClient(config.Client)
	config.APIKey, config.Client = "", nil
	s.config = config
	return s, nil
}

// newClient returns a client that does not follow redirects to other hosts, and
// how to free its connections. Those of a client that was given stay.
func newClient(given *http.Client) (client *http.Client, release func()) {
	if given == nil {
		transport := &http.Transport{
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}
		return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, transport.CloseIdleConnections
	}
	own := *given
	own.CheckRedirect = checkRedirect
	return &own, func() {}
}

// Close frees the connections that are kept open between calls. The source can
// still be used; a client that was given is left alone.
func (s *Source) Close() error {
	s.release()
	return nil
}

// Allocation asks the API for the strategy's targets.
func (s *Source) Allocation(ctx context.Context, query allocation.Query) (allocation.Allocation, error) {
	bounded, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	a, err := s.ask(bounded, query.Strategy)
	var fault *notJSON
	if errors.As(err, &fault) {
		a, err = s.ask(bounded, query.Strategy)
	}
	if err == nil {
		err = s.config.Rules.Check(a, s.config.Now())
	}
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil:
		return allocation.Allocation{}, fmt.Errorf("allocation: strategy %s: %w", query.Strategy, ctx.Err())
	case bounded.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no whole answer within %s: %w", s.config.Timeout, err)
	}
	return allocation.Allocation{}, s.failure(query, err)
}

// ask makes one request.
func (s *Source) ask(ctx context.Context, strategy string) (allocation.Allocation, error) {
	if strategy == "" || strategy == "." || strategy == ".." {
		return allocation.Allocation{}, permanent("", fmt.Errorf("%w: %q cannot be part of an address", allocation.ErrUnknownStrategy, strategy))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address(strategy).String(), nil)
	if err != nil {
		return allocation.Allocation{}, permanent("", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache")
	request.Header.Set("User-Agent", "evenkeel")
	s.authorize(request.Header)
	response, err := s.client.Do(request)
	if err != nil {
		return allocation.Allocation{}, requestFailure(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return allocation.Allocation{}, statusFailure(response, s.config.Now())
	}
	body, err := readBody(response)
	if err != nil {
		return allocation.Allocation{}, err
	}
	return decode(body, strategy, s.config.Zone)
}

// address returns the URL of a strategy.
func (s *Source) address(strategy string) *url.URL {
	u := *s.base
	u.RawPath = u.EscapedPath() + "/" + url.PathEscape(strategy) + "/allocations"
	u.Path += "/" + strategy + "/allocations"
	return &u
}

// readBody reads a body to its end.
func readBody(response *http.Response) ([]byte, error) {
	if e := response.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, invalid(fmt.Errorf("its content encoding %.40q is not known", e))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if len(body) > maxBody {
		return nil, invalid(fmt.Errorf("it has more than %d bytes", maxBody))
	}
	if err != nil {
		return nil, fmt.Errorf("the answer breaks off: %w", err)
	}
	return body, nil
}

// errRedirect: the server sent us to another place.
var errRedirect = errors.New("redirect refused")

// checkRedirect keeps requests, and the key in them, on the same server.
func checkRedirect(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch to := request.URL; {
	case to.Scheme != first.Scheme || to.Host != first.Host:
		return fmt.Errorf("%w: to %s://%s: if that is right, set BaseURL to it", errRedirect, to.Scheme, to.Host)
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", errRedirect, maxRedirects)
	}
	return nil
}
