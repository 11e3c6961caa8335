package cli_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestOverTheWire(t *testing.T) {
	r := newRig(t, "")
	r.args = append(r.args, "-simulator")
	r.start()
	s := r.eventually("the gateway has filled both orders", func(*ops.Status) bool {
		runs := read[[]ops.Run](r, "runs", "-n", "5")
		return len(runs) > 0 && runs[len(runs)-1].Outcome == rebalance.Completed
	})
	require.EqualValues(t, "DU1234567", s.Accounts[0].ID)
	runs := read[[]ops.Run](r, "runs")
	require.Len(t, runs[len(runs)-1].Orders, 2)
}

func TestOnRedisWithAnImport(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	old := server.Client()
	defer old.Close()
	r := newRig(t, guarded+fmt.Sprintf("queue: {kind: redis, url: 'redis://%[1]s'}\njournal: {kind: redis, url: 'redis://%[1]s'}\nstream: {url: 'redis://%[1]s'}\n", server.Addr))
	r.targets(twoTargets)
	require.NoError(t, old.LPush(t.Context(), "rebalance_queue",
		`{"event_id":"old-1","account_id":"P1","exec":"print-rebalance","status":"pending","times_queued":1,"data":{"account_id":"P1","exec":"print-rebalance"}}`).Err())
	require.Contains(t, r.do(0, "import", "redis://"+server.Addr, "-dry-run"), "old-1")
	require.Contains(t, r.do(0, "import", "redis://"+server.Addr), "old-1")
	r.start()
	require.NoError(t, old.XAdd(t.Context(), &redis.XAddArgs{Stream: "evenkeel-events", Values: map[string]any{"event": `{"account":"P1","command":"snapshot"}`}}).Err())
	r.eventually("both events end", func(s *ops.Status) bool { return s.Queue[queue.Done] >= 2 })
	commands := map[rebalance.Command]bool{}
	for _, run := range read[[]ops.Run](r, "runs") {
		commands[run.Command] = true
	}
	require.True(t, commands["preview"] && commands["snapshot"], "%v", commands)
}

func TestMetricsAndHealth(t *testing.T) {
	r := newRig(t, "")
	r.start()
	endpoint, err := os.ReadFile(filepath.Join(r.data, "endpoint"))
	require.NoError(t, err)
	address, _, _ := strings.Cut(string(endpoint), " ")
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, b.String()
	}
	http.DefaultTransport.(*http.Transport).DisableKeepAlives = true
	require.Eventually(t, func() bool { status, _ := get("/readyz"); return status == 200 }, 20*time.Second, 10*time.Millisecond)
	r.eventually("the first run ends", func(s *ops.Status) bool { return s.Queue[queue.Done] >= 1 })
	status, text := get("/metrics")
	require.Equal(t, 200, status)
	for _, name := range []string{"evenkeel_runs_total", "evenkeel_orders_total", "evenkeel_breaker_state", "evenkeel_queue_events", "evenkeel_outbox_messages"} {
		require.Contains(t, text, name)
	}
	require.NotContains(t, text, "DEMO-1")
	require.NotContains(t, text, "MTUM")
}

// What a simulated gateway left is not what a command without the flag shows; it
// says so.
func TestTheOtherStoresAreMentioned(t *testing.T) {
	r := newRig(t, "")
	plain := r.args
	require.NotContains(t, r.do(0, "status"), "another one")
	r.args = append(r.args, "-simulator")
	r.start()()
	text := r.do(0, "status")
	require.Contains(t, text, "DU1234567")
	require.Contains(t, text, "see it without -simulator")
	r.args = plain
	text = r.do(0, "runs")
	require.Contains(t, text, "no runs yet")
	require.Contains(t, text, "left its own in "+filepath.Join(r.data, "simulator")+": see it with -simulator")
	require.NotNil(t, read[[]ops.Run](r, "runs"), "JSON stays JSON")
}
