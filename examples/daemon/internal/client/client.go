// Package client does the verbs of package ops on a daemon that runs, over HTTP.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// ErrUnauthorized says that the token is wrong.
var ErrUnauthorized = errors.New("client: the daemon does not take the token")

// headerInstance names the daemon in each of its answers.
const headerInstance = "X-Evenkeel-Instance"

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// Client asks a daemon. Safe for concurrent use.
type Client struct {
	base  string
	token config.Secret
	http  *http.Client
}

var _ ops.Verbs = (*Client)(nil)

// New returns a client for the daemon at host:port.
func New(address string, token config.Secret) *Client {
	return &Client{
		base: "http://" + address, token: token,
		http: &http.Client{
			Timeout: 2 * time.Minute, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true},
			// A daemon never redirects, and what another server says is no answer.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Alive reports whether the daemon with this name answers at the address; without
// a name, whether any does.
func (c *Client) Alive(ctx context.Context, instance string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/livez", nil)
	if err != nil {
		return false
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answers := resp.Header.Get(headerInstance)
	return answers != "" && (instance == "" || instance == answers)
}

// do makes a request and reads the answer into out.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	if resp.Header.Get(headerInstance) == "" {
		return fmt.Errorf("%w: what answers at %s with status %d is no daemon", ops.ErrUnavailable, c.base, resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	if err != nil {
		return fmt.Errorf("%w: the answer of %s cannot be read: %w", ops.ErrUnavailable, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return failed(resp.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%w: the answer of %s: %w", ops.ErrUnavailable, path, err)
	}
	return nil
}

// failed is the error that an answer tells.
func failed(status int, data []byte) error {
	var f struct{ Code, Error string }
	if json.Unmarshal(data, &f) != nil || f.Code == "" {
		return fmt.Errorf("%w: the daemon answers with status %d", ops.ErrUnavailable, status)
	}
	kind := map[string]error{
		"invalid": ops.ErrInvalid, "not_found": ops.ErrNotFound, "refused": ops.ErrRefused, "unauthorized": ErrUnauthorized,
	}[f.Code]
	if kind == nil {
		kind = ops.ErrUnavailable
	}
	return &remoteError{kind, f.Error}
}

// remoteError is an error of the daemon, with its own words.
type remoteError struct {
	kind error
	text string
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

type account struct {
	Account broker.AccountID `json:"account"`
	ops.Signed
}

// Status implements [ops.Verbs].
func (c *Client) Status(ctx context.Context) (s ops.Status, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/status", nil, &s)
	return s, err
}

// Enqueue implements [ops.Verbs].
func (c *Client) Enqueue(ctx context.Context, e ops.NewEvent) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/events", e, &r)
	return r, err
}

// Event implements [ops.Verbs].
func (c *Client) Event(ctx context.Context, id string) (e ops.Event, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/events/"+url.PathEscape(id), nil, &e)
	return e, err
}

// Preview implements [ops.Verbs].
func (c *Client) Preview(ctx context.Context, id broker.AccountID) (p rebalance.Plan, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/preview", account{Account: id}, &p)
	return p, err
}

// DeadLetters implements [ops.Verbs].
func (c *Client) DeadLetters(ctx context.Context) (all []ops.Event, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/deadletters", nil, &all)
	return all, err
}

// Requeue implements [ops.Verbs].
func (c *Client) Requeue(ctx context.Context, id string, s ops.Signed) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/deadletters/"+url.PathEscape(id)+"/requeue", s, &r)
	return r, err
}

// Drop implements [ops.Verbs].
func (c *Client) Drop(ctx context.Context, id string, s ops.Signed) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/deadletters/"+url.PathEscape(id)+"/drop", s, &r)
	return r, err
}

// Release implements [ops.Verbs].
func (c *Client) Release(ctx context.Context, id string, s ops.Signed) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/events/"+url.PathEscape(id)+"/release", s, &r)
	return r, err
}

// Runs implements [ops.Verbs].
func (c *Client) Runs(ctx context.Context, id broker.AccountID, limit int) (all []ops.Run, err error) {
	query := url.Values{"account": {string(id)}, "limit": {strconv.Itoa(limit)}}
	err = c.do(ctx, http.MethodGet, "/api/v1/runs?"+query.Encode(), nil, &all)
	return all, err
}

// Run implements [ops.Verbs].
func (c *Client) Run(ctx context.Context, id journal.RunID) (r ops.Run, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/runs/"+(&url.URL{Path: string(id)}).EscapedPath(), nil, &r)
	return r, err
}

// Approve implements [ops.Verbs].
func (c *Client) Approve(ctx context.Context, a ops.Approve) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/approve", a, &r)
	return r, err
}

// Unblock implements [ops.Verbs].
func (c *Client) Unblock(ctx context.Context, id broker.AccountID, s ops.Signed) (r queue.Receipt, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/unblock", account{id, s}, &r)
	return r, err
}

// Block implements [ops.Verbs].
func (c *Client) Block(ctx context.Context, id broker.AccountID, s ops.Signed) error {
	return c.do(ctx, http.MethodPost, "/api/v1/block", account{id, s}, nil)
}

// Kill implements [ops.Verbs].
func (c *Client) Kill(ctx context.Context, id broker.AccountID, s ops.Signed) error {
	return c.do(ctx, http.MethodPost, "/api/v1/kill", account{id, s}, nil)
}

// Breakers implements [ops.Verbs].
func (c *Client) Breakers(ctx context.Context) (all []ops.Breaker, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/breakers", nil, &all)
	return all, err
}

// ForceBreaker implements [ops.Verbs].
func (c *Client) ForceBreaker(ctx context.Context, name string, mode ops.BreakerMode, s ops.Signed) error {
	body := struct {
		Mode ops.BreakerMode `json:"mode"`
		ops.Signed
	}{mode, s}
	return c.do(ctx, http.MethodPost, "/api/v1/breakers/"+url.PathEscape(name), body, nil)
}

// Resume implements [ops.Verbs].
func (c *Client) Resume(ctx context.Context, id broker.AccountID, s ops.Signed) error {
	return c.do(ctx, http.MethodPost, "/api/v1/resume", account{id, s}, nil)
}
