package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
)

// Ten thousand dead letters, most of them asked for again long ago, leave the page
// small and quick, and hide none that waits for an operator.
func TestAPageOfManyDeadLetters(t *testing.T) {
	r := newRig(t)
	q := memqueue.New(memqueue.Options{})
	r.local.Queue = q
	const many, waiting = 10_000, 150
	signed := ops.Signed{Operator: "Ada", Reason: "once more"}
	for n := range many {
		receipt, err := q.Publish(t.Context(), queue.Event{Account: fmt.Sprint("X", n), Command: "rebalance"})
		require.NoError(t, err)
		d, err := q.Receive(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.Dead(t.Context(), queue.Note{Class: "rejected", Cause: "наше ☃ " + nasty}))
		if n >= many-waiting {
			continue
		}
		again, err := r.local.Requeue(t.Context(), receipt.ID, signed)
		require.NoError(t, err)
		_, err = r.local.Drop(t.Context(), again.ID, signed)
		require.NoError(t, err)
	}
	dead, err := r.local.DeadLetters(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, len(dead), 1000)
	for i := range waiting {
		require.Empty(t, dead[i].Successor, "those that wait come first")
	}
	c := r.browser(t)
	began := time.Now()
	status, page := get(t, c, r.http.URL+"/")
	require.Equal(t, http.StatusOK, status)
	require.Less(t, time.Since(began), 5*time.Second)
	require.Less(t, len(page), 300_000)
	require.Equal(t, 100, strings.Count(page, "/do/requeue"))
	require.Contains(t, page, "At least 50 more")
	require.Contains(t, page, "наше ☃ &lt;script&gt;")
}

// No way in takes a body without bound, and none but those that are documented
// take a method.
func TestBodiesAndMethods(t *testing.T) {
	r := newRig(t)
	send := func(method, path string, body io.Reader) int {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, r.http.URL+path, body)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	huge := func() io.Reader { return strings.NewReader(strings.Repeat("a", 1<<20)) }
	require.Equal(t, http.StatusBadRequest, send(http.MethodPost, "/api/v1/events", huge()))
	require.Equal(t, http.StatusBadRequest, send(http.MethodPost, "/api/v1/kill", huge()))
	require.Equal(t, http.StatusUnauthorized, send(http.MethodPost, "/login", huge()))
	for _, path := range []string{"/api/v1/status", "/api/v1/runs", "/livez", "/changes", "/static/app.js"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			require.Equal(t, http.StatusMethodNotAllowed, send(method, path, nil), method+" "+path)
		}
	}
	for _, path := range []string{"/api/v1/events", "/api/v1/kill", "/api/v1/approve", "/do/kill", "/logout"} {
		require.Equal(t, http.StatusMethodNotAllowed, send(http.MethodGet, path, nil), path)
	}
}
