package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

const token = config.Secret("0123456789abcdef-token")

// nasty is what outsiders would like to be taken for HTML.
const nasty = `<script>alert("x")</script><img src=x onerror=alert(1)>`

// rig is a server on stores in memory, with something of everything.
type rig struct {
	server *web.Server
	http   *httptest.Server
	hub    *web.Hub
	queue  *memqueue.Queue
	local  *ops.Local
	dead   string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	q, j, ctx := memqueue.New(memqueue.Options{}), journal.NewMemory(journal.MemoryOptions{}), t.Context()
	local := &ops.Local{Queue: q, Journal: j, Accounts: []rebalance.Account{{ID: "A", Mode: "paper", Strategy: "core"}, {ID: "B", Mode: "paper", Strategy: nasty}}}
	local.Plan = func(context.Context, rebalance.Request) (rebalance.Plan, error) {
		return rebalance.Plan{Hash: "h"}, nil
	}
	local.Fill = func(_ context.Context, s *ops.Status) {
		s.Paper, s.Serving = true, true
		s.Health = &rebalance.Report{Ready: true, Live: true, Checks: []rebalance.Check{{Name: "broker", OK: true, Detail: "session 1"}, {Name: "prices", Detail: nasty}}}
		s.Accounts[0].Picture = &ops.Picture{Time: time.Now(), Equity: dec("100000"), Plan: rebalance.PlanTrade, Orders: 2, Lines: []rebalance.PlanLine{
			{Symbol: "AAPL", Value: dec("52000"), Desired: dec("49000"), Drift: dec("0.03")}, {Symbol: "MSFT", Value: dec("46000"), Desired: dec("49000"), Drift: dec("-0.03")},
		}}
	}
	local.Switchboard = &board{states: map[string]retry.State{"broker": retry.Closed, "prices": retry.Open}}
	r := &rig{hub: web.NewHub(), queue: q, local: local}
	r.dead = bury(t, q)
	_, err := q.Publish(ctx, queue.Event{Account: "A", Command: "rebalance"})
	require.NoError(t, err)
	finished(t, j)
	require.NoError(t, j.Block(ctx, journal.Block{Account: "B", Reason: nasty, Evidence: json.RawMessage(`{"why":"</pre><script>"}`), Time: time.Now()}))
	r.server = web.New(web.Config{
		Verbs: local, Token: token, Instance: "this-one", Hub: r.hub, Logger: slog.New(slog.DiscardHandler),
		Health:  func(context.Context) rebalance.Report { return rebalance.Report{Live: true, Ready: true} },
		Live:    func() bool { return true },
		Ready:   func() bool { return false },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "m 1\n") }),
	})
	r.http = httptest.NewServer(r.server)
	t.Cleanup(r.http.Close)
	t.Cleanup(r.hub.Close)
	return r
}

// board has breakers without an engine.
type board struct {
	mu     sync.Mutex
	states map[string]retry.State
}

func (b *board) Breakers() map[string]retry.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.states)
}

func (b *board) ForceBreaker(name string, mode retry.Mode) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.states[name]; !ok {
		return fmt.Errorf("no breaker %q", name)
	}
	b.states[name] = map[retry.Mode]retry.State{retry.ForceOpen: retry.Open}[mode]
	return nil
}

// bury makes a dead letter.
func bury(t *testing.T, q *memqueue.Queue) string {
	t.Helper()
	receipt, err := q.Publish(t.Context(), queue.Event{Account: "A", Command: "rebalance"})
	require.NoError(t, err)
	d, err := q.Receive(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.Dead(t.Context(), queue.Note{Class: "rejected", Cause: nasty}))
	return receipt.ID
}

// finished records a run with an order.
func finished(t *testing.T, j *journal.Memory) {
	t.Helper()
	begun, err := j.Begin(t.Context(), journal.Claim{Account: "A", Event: "E1", Command: "rebalance", Time: time.Now()})
	require.NoError(t, err)
	result, err := rebalance.EncodeResult(&rebalance.Result{
		Schema: rebalance.ResultSchema, Account: "A", Event: "E1", Run: begun.Run.ID, Command: "rebalance", Outcome: rebalance.CompletedAdjusted, Detail: nasty,
		Orders: []rebalance.OrderResult{
			{Symbol: "AAPL", Side: "SELL", Planned: dec("30"), Filled: dec("30"), AveragePrice: dec("100.01"), Outcome: journal.Filled},
			{Symbol: "MSFT", Side: "BUY", Planned: dec("60"), Outcome: journal.Rejected, Code: "201", Reason: nasty},
		},
		Started: time.Now(), Finished: time.Now(),
	})
	require.NoError(t, err)
	require.NoError(t, j.Finish(t.Context(), begun.Grant, journal.Outcome{Name: string(rebalance.CompletedAdjusted), Time: time.Now(), Result: result}))
}

func dec(s string) decimal.Decimal {
	d, err := decimal.NewFromString(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (r *rig) address() string { return strings.TrimPrefix(r.http.URL, "http://") }

// browser logs in.
func (r *rig) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	status, page := get(t, c, r.http.URL+"/") // sends him there
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "autocomplete=\"current-password\"")
	resp, err := c.PostForm(r.http.URL+"/login", url.Values{"operator": {"Ada"}, "token": {token.Reveal()}})
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return c
}

func get(t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	resp, err := c.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

func TestWhoMayDoWhat(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]int{
		"/livez": 200, "/readyz": 503, "/metrics": 200, "/openapi.json": 200, "/healthz": 401, "/api/v1/status": 401, "/api/v1/runs": 401,
		"/api/v1/changes": 401, "/changes": 401, "/?part=live": 401, "/hooks/events": 404, "/static/app.js": 200, "/nowhere": 404,
	} {
		status, body := get(t, http.DefaultClient, r.http.URL+path)
		require.Equal(t, want, status, path)
		require.NotContains(t, body, token.Reveal())
	}
	c := r.browser(t)
	status, _ := get(t, c, r.http.URL+"/api/v1/status")
	require.Equal(t, http.StatusUnauthorized, status, "the API takes no cookie")
}

func TestForeignHostsAndOriginsAreRefused(t *testing.T) {
	r := newRig(t)
	req := httptest.NewRequest(http.MethodGet, "/livez", nil)
	req.Host = "evil.example.com:8477"
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	require.Equal(t, http.StatusMisdirectedRequest, w.Code)

	c := r.browser(t)
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL+"/do/kill", strings.NewReader("reason=x&csrf="+csrf(t, r, c)))
	require.NoError(t, err)
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", "https://evil.example.com")
	resp, err := c.Do(post)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([A-Z0-9]+)"`)

func csrf(t *testing.T, r *rig, c *http.Client) string {
	t.Helper()
	_, page := get(t, c, r.http.URL+"/")
	found := csrfField.FindStringSubmatch(page)
	require.NotNil(t, found)
	return found[1]
}

func TestFormsNeedTheTokenOfTheirSession(t *testing.T) {
	r := newRig(t)
	c, other := r.browser(t), r.browser(t)
	send := func(form url.Values) int {
		resp, err := c.PostForm(r.http.URL+"/do/kill", form)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, send(url.Values{"reason": {"x"}}))
	require.Equal(t, http.StatusForbidden, send(url.Values{"reason": {"x"}, "csrf": {csrf(t, r, other)}}))
	s, err := r.local.Status(t.Context())
	require.NoError(t, err)
	require.Nil(t, s.Accounts[0].Kill)
	require.Equal(t, http.StatusOK, send(url.Values{"reason": {"x"}, "csrf": {csrf(t, r, c)}}))
	s, err = r.local.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Ada", s.Accounts[0].Kill.Operator)
}

func TestBreakersAreSetOnThePage(t *testing.T) {
	r := newRig(t)
	c := r.browser(t)
	send := func(form url.Values) (int, string) {
		resp, err := c.PostForm(r.http.URL+"/do/force", form)
		require.NoError(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(page)
	}
	good := url.Values{"name": {"broker"}, "mode": {"force-open"}, "reason": {nasty}, "csrf": {csrf(t, r, c)}}
	for field, bad := range map[string]string{"csrf": "", "reason": " ", "mode": "ajar", "name": "moon"} {
		form := maps.Clone(good)
		form[field] = []string{bad}
		status, _ := send(form)
		require.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest, http.StatusNotFound}, status, field)
	}
	all, err := r.local.Breakers(t.Context())
	require.NoError(t, err)
	require.Equal(t, ops.BreakerAuto, all[0].Mode)
	status, page := send(good)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "The breaker is set.")
	require.Contains(t, page, "<strong>force-open</strong> by Ada since")
	require.NotContains(t, page, "<script>alert")
	all, err = r.local.Breakers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"open", "Ada"}, []string{all[0].State, all[0].Operator})
	good.Set("mode", "auto")
	_, page = send(good)
	require.Contains(t, page, "<strong>auto</strong> by Ada since")
}

func TestNothingFromOutsideIsHTML(t *testing.T) {
	r := newRig(t)
	c := r.browser(t)
	runs, err := r.local.Runs(t.Context(), "A", 1)
	require.NoError(t, err)
	for _, path := range []string{"/", "/?part=live", "/runs/" + string(runs[0].ID), "/events/" + r.dead, "/events/" + url.PathEscape(nasty), "/?done=" + url.QueryEscape(nasty)} {
		_, page := get(t, c, r.http.URL+path)
		require.NotContains(t, page, "<script>alert", path)
		require.NotContains(t, page, "<img", path)
		require.NotContains(t, page, "</pre><script>", path)
	}
	_, page := get(t, c, r.http.URL+"/")
	require.Contains(t, page, "&lt;script&gt;alert")
	resp, err := c.Get(r.http.URL + "/")
	require.NoError(t, err)
	resp.Body.Close()
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
}

func TestLogins(t *testing.T) {
	r := newRig(t)
	try := func(token, operator string) int {
		resp, err := http.PostForm(r.http.URL+"/login", url.Values{"operator": {operator}, "token": {token}})
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusBadRequest, try(token.Reveal(), " "))
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, try("wrong", "Ada"))
	}
	require.Equal(t, http.StatusTooManyRequests, try(token.Reveal(), "Ada"))
}

func newEvent() ops.NewEvent { return ops.NewEvent{Account: "A", Command: "snapshot"} }
