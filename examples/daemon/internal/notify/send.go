package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

// sender makes the requests.
type sender struct{ client *http.Client }

func newSender() sender {
	return sender{&http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// statusError is an answer that is no success.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("notify: the answer is status %d", int(s)) }

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	var s statusError
	return errors.As(err, &s) && s >= 400 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusTooManyRequests &&
		s != http.StatusUnauthorized && s != http.StatusForbidden && s != http.StatusNotFound // an operator can mend these
}

// send tells one notifier. No error holds the address, which may be a secret.
func (s sender) send(ctx context.Context, n *config.Notifier, m *Message) error {
	req, err := request(ctx, n, m)
	if err != nil {
		return errors.New("notify: the request cannot be made: check the address")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("notify: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) //nolint:errcheck // only so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return statusError(resp.StatusCode)
	}
	return nil
}

func request(ctx context.Context, n *config.Notifier, m *Message) (*http.Request, error) {
	body, kind := m.text(), "text/plain; charset=utf-8"
	if n.Kind == config.KindWebhook {
		data, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		body, kind = string(data), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL.Reveal(), bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	if n.Token != "" {
		req.Header.Set("Authorization", "Bearer "+n.Token.Reveal())
	}
	if n.Kind == config.KindNtfy {
		req.Header.Set("Title", oneLine(fmt.Sprintf("%s: %s %s", m.Account, m.Command, m.Outcome)))
		req.Header.Set("Priority", priority(m.Outcome))
	} else {
		req.Header.Set("Idempotency-Key", oneLine(m.Event+"/"+m.Run+"/"+m.Outcome))
	}
	return req, nil
}

// text is the message for people.
func (m *Message) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s ended as %s", m.Command, m.Account, m.Outcome)
	if m.Reason != "" {
		fmt.Fprintf(&b, ": %s", m.Reason)
	}
	if m.Detail != "" {
		fmt.Fprintf(&b, "\n%s", m.Detail)
	}
	fmt.Fprintf(&b, "\n%d orders, run %s, event %s, %s", m.Orders, m.Run, m.Event, m.Time.UTC().Format(time.RFC3339))
	return b.String()
}

// priority is how loud ntfy is.
func priority(outcome string) string {
	switch outcome {
	case "blocked":
		return "urgent"
	case "held", "failed", "rejected", "cancelled":
		return "high"
	}
	return "default"
}

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
