package httpsource_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/allocationtest"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "k3y-0f-th3-t3st/+%"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// serve starts a server and returns a source for it.
func serve(t *testing.T, handler http.HandlerFunc, change ...func(c *httpsource.Config)) *httpsource.Source {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config := httpsource.Config{BaseURL: server.URL + "/v1", APIKey: key, Now: func() time.Time { return noon }}
	for _, f := range change {
		f(&config)
	}
	s, err := httpsource.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// ask asks for the strategy core.
func ask(t *testing.T, s *httpsource.Source) (allocation.Allocation, error) {
	t.Helper()
	return s.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: "core"})
}

// answer is a good answer with these targets.
func answer(targets string) string {
	return `{"status":"success","data":{"name":"Core","last_rebalance_on":"2026-03-01","allocations":[` + targets + `]}}`
}

const (
	one = `{"symbol":"A","allocation":1}`
	two = `{"symbol":"AAPL","allocation":0.6,"x":[]},{"symbol":" msft ","allocation":0.4}`
)

// says is a handler that answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// models is a server's memory of strategies.
type models struct {
	mu      sync.Mutex
	answers map[string]string
}

func (m *models) set(a allocation.Allocation) error {
	var targets []string
	for _, t := range a.Targets {
		targets = append(targets, fmt.Sprintf(`{"symbol":%q,"allocation":%s}`, t.Symbol, t.Weight))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[a.Strategy] = fmt.Sprintf(`{"status":"success","data":{"last_rebalance_on":%q,"allocations":[%s]}}`,
		a.AsOf.Format(time.DateOnly), strings.Join(targets, ","))
	return nil
}

func (m *models) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	name, err := url.PathUnescape(segments[len(segments)-2])
	m.mu.Lock()
	text, ok := m.answers[name]
	m.mu.Unlock()
	if err != nil || !ok || len(segments) != 4 {
		http.NotFound(w, r)
		return
	}
	io.WriteString(w, text)
}

func TestConforms(t *testing.T) {
	allocationtest.Run(t, harness)
}

// harness is a source for the suite.
func harness(t *testing.T) allocationtest.Harness {
	t.Helper()
	m := &models{answers: map[string]string{}}
	return allocationtest.Harness{Source: serve(t, m.ServeHTTP), Set: m.set}
}

func TestAsksAsTheProtocolSays(t *testing.T) {
	var got *http.Request
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		io.WriteString(w, answer(two))
	}, func(c *httpsource.Config) { c.BaseURL += "/" })
	a, err := s.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: "my core/2"})
	require.NoError(t, err)
	require.Equal(t, http.MethodGet, got.Method)
	require.Equal(t, "/v1/my%20core%2F2/allocations", got.RequestURI)
	require.Equal(t, key, got.Header.Get("X-API-Key"))
	require.Equal(t, "application/json", got.Header.Get("Accept"))
	require.Equal(t, "no-cache", got.Header.Get("Cache-Control"))

	require.Equal(t, "my core/2", a.Strategy)
	require.Equal(t, allocation.Schema, a.Schema)
	require.Equal(t, "[{AAPL 0.6} {MSFT 0.4}]", fmt.Sprint(a.Targets))
	require.Equal(t, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), a.AsOf)
	require.Equal(t, allocation.Hash(a), a.Version)
}

func TestHeaderAndNoKey(t *testing.T) {
	var got http.Header
	handler := func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		io.WriteString(w, answer(one))
	}
	_, err := ask(t, serve(t, handler, func(c *httpsource.Config) { c.Header = "Authorization" }))
	require.NoError(t, err)
	require.Equal(t, key, got.Get("Authorization"))
	_, err = ask(t, serve(t, handler, func(c *httpsource.Config) { c.APIKey = "" }))
	require.NoError(t, err)
	require.NotContains(t, got, "X-Api-Key")
}

func TestReadsWhenTheTargetsWereDecided(t *testing.T) {
	york, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for text, want := range map[string]time.Time{
		`"2026-03-01"`:                time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC),
		`"2026-03-01T09:30:00-05:00"`: time.Date(2026, 3, 1, 14, 30, 0, 0, time.UTC),
		`""`:                          {},
		`null`:                        {},
	} {
		s := serve(t, says(strings.Replace(answer(one), `"2026-03-01"`, text, 1)), func(c *httpsource.Config) { c.Zone = york })
		a, err := ask(t, s)
		require.NoError(t, err)
		require.True(t, want.Equal(a.AsOf), "%s: %s", text, a.AsOf)
	}
	s := serve(t, says(answer(one)), func(c *httpsource.Config) { c.Rules.MaxAge = 24 * time.Hour })
	_, err = ask(t, s)
	require.ErrorIs(t, err, allocation.ErrStale)
}

func TestConfigIsChecked(t *testing.T) {
	_, err := httpsource.New(httpsource.Config{Header: "a b", APIKey: "x\ny", Timeout: -1, Rules: allocation.Rules{MaxAge: -1}})
	for _, part := range []string{"no BaseURL", "Header", "APIKey", "Timeout", "MaxAge"} {
		require.ErrorContains(t, err, part)
	}
	for base, want := range map[string]string{
		"api.example.com":                        "must begin with https://",
		"ftp://api.example.com":                  "must begin with https://",
		"https://":                               "must begin with https://",
		"https://user:s3cret@api.example.com/v1": "user or password",
		"https://api.example.com/v1?key=s3cret":  "query",
		"https://api.example.com/v1#s3cret":      "fragment",
		"http://api.example.com/s3cret":          "Insecure",
		"https://s3cret:s3 cret@x":               "not a URL",
		"https://x:s3cret":                       "not a URL",
	} {
		_, err := httpsource.New(httpsource.Config{BaseURL: base, APIKey: "s3cret"})
		require.ErrorContains(t, err, want, base)
		require.NotContains(t, err.Error(), "s3cret")
	}
	for _, base := range []string{"https://api.example.com", "http://localhost:8080/v1", "http://127.0.0.1", "http://[::1]:80"} {
		_, err := httpsource.New(httpsource.Config{BaseURL: base})
		require.NoError(t, err, base)
	}
	_, err = httpsource.New(httpsource.Config{BaseURL: "http://api.internal", Insecure: true})
	require.NoError(t, err)
}

func TestSecretDoesNotPrint(t *testing.T) {
	s := httpsource.Secret("s3cret")
	config := httpsource.Config{BaseURL: "https://x", APIKey: s}
	source, err := httpsource.New(config)
	require.NoError(t, err)
	data, err := json.Marshal(map[string]any{"key": s})
	require.NoError(t, err)
	texts := []string{string(data)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, config), fmt.Sprintf(verb, source), fmt.Sprintf(verb, *source))
	}
	for _, text := range texts {
		require.NotContains(t, text, "s3cret")
		require.NotContains(t, text, "733363726574") // the same in hexadecimal
	}
	require.Equal(t, "[secret]", fmt.Sprint(s))
	require.Empty(t, fmt.Sprint(httpsource.Secret("")))
}
