package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestChangesAreStreamed(t *testing.T) {
	r := newRig(t)
	c := r.browser(t)
	c.Timeout = 0
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http.URL+"/changes", nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	r.hub.Track(ctx, rebalance.Progress{Account: "A", Run: "E/1", Result: &rebalance.Result{Outcome: rebalance.Completed}})
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var change web.Change
			require.NoError(t, json.Unmarshal([]byte(text), &change))
			require.Equal(t, "result", change.What)
			require.Equal(t, "completed", change.Detail)
			return
		}
	}
	t.Fatal("the stream ended")
}

func TestServeEndsWithItsStreams(t *testing.T) {
	r := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, l) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/api/v1/changes", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	began := time.Now()
	cancel()
	require.NoError(t, <-ended)
	require.Less(t, time.Since(began), 5*time.Second)
}

// A reader that takes nothing is let go, so that others find room.
func TestAStreamThatNobodyReadsEnds(t *testing.T) {
	r := newRig(t)
	web.SetSlowest(r.hub, 100*time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, l) }()
	defer func() { cancel(); require.NoError(t, <-ended) }()

	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token.Reveal() + "\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return web.Readers(r.hub) == 1 }, 5*time.Second, time.Millisecond)
	detail := strings.Repeat("x", 1<<20)
	require.Eventually(t, func() bool {
		r.hub.Tell(web.Change{What: "look", Detail: detail})
		return web.Readers(r.hub) == 0
	}, 20*time.Second, 5*time.Millisecond)
}
