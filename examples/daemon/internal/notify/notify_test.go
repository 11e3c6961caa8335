package notify_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/notify"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listener is a notifier that can be made to fail.
type listener struct {
	status atomic.Int64
	mu     sync.Mutex
	heard  []*http.Request
	bodies []string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if status := l.status.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard, l.bodies = append(l.heard, r), append(l.bodies, string(body))
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

func ended(outcome rebalance.Outcome, detail string) rebalance.Progress {
	return rebalance.Progress{Time: time.Now(), Result: &rebalance.Result{
		Account: "A", Event: "E", Run: "E/1", Command: "rebalance", Outcome: outcome, Detail: detail,
	}}
}

// start opens an outbox and runs a post on it, until the returned function.
func start(t *testing.T, file string, log io.Writer, notifiers ...config.Notifier) (*notify.Post, func()) {
	t.Helper()
	outbox, err := notify.OpenOutbox(file)
	require.NoError(t, err)
	p := notify.New(outbox, notifiers, slog.New(slog.NewTextHandler(log, nil)))
	notify.SetFirst(p, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	return p, func() { cancel(); wg.Wait(); require.NoError(t, outbox.Close()) }
}

func TestOnlyWhatIsWantedIsTold(t *testing.T) {
	l := &listener{}
	server := httptest.NewServer(l)
	defer server.Close()
	p, stop := start(t, filepath.Join(t.TempDir(), "outbox.db"), io.Discard,
		config.Notifier{Name: "n", Kind: config.KindNtfy, URL: config.Secret(server.URL), Token: "tk", Outcomes: []rebalance.Outcome{rebalance.Blocked}})
	defer stop()
	p.Track(t.Context(), ended(rebalance.NoTrade, ""))
	p.Track(t.Context(), rebalance.Progress{Step: rebalance.StepBuy})
	p.Track(t.Context(), ended(rebalance.Blocked, "line\r\nX-Injected: 1 ünïcode"))
	require.Eventually(t, func() bool { return l.count() == 1 && p.Waiting() == 0 }, 5*time.Second, time.Millisecond)
	r := l.heard[0]
	require.Equal(t, "A: rebalance blocked", r.Header.Get("Title"))
	require.Equal(t, "urgent", r.Header.Get("Priority"))
	require.Equal(t, "Bearer tk", r.Header.Get("Authorization"))
	require.Empty(t, r.Header.Get("X-Injected"))
	require.Contains(t, l.bodies[0], "ünïcode")
}

func TestADeadNotifierHoldsUpNobodyAndIsToldLater(t *testing.T) {
	l := &listener{}
	l.status.Store(http.StatusBadGateway)
	server := httptest.NewServer(l)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "outbox.db")
	n := config.Notifier{Name: "n", Kind: config.KindWebhook, URL: config.Secret(server.URL), Outcomes: []rebalance.Outcome{rebalance.Failed}}
	p, stop := start(t, file, io.Discard, n)
	began := time.Now()
	for range 20 {
		p.Track(t.Context(), ended(rebalance.Failed, "x"))
	}
	require.Less(t, time.Since(began), time.Second)
	require.Eventually(t, func() bool { return p.Waiting() == 20 }, 5*time.Second, time.Millisecond)
	stop() // the daemon stops, the messages stay

	l.status.Store(0)
	p, stop = start(t, file, io.Discard, n)
	defer stop()
	require.Eventually(t, func() bool { return l.count() == 20 && p.Waiting() == 0 }, 10*time.Second, time.Millisecond)
	require.NotEmpty(t, l.heard[0].Header.Get("Idempotency-Key"))
}

func TestOneDeadNotifierDoesNotHoldUpAnother(t *testing.T) {
	good := &listener{}
	server := httptest.NewServer(good)
	defer server.Close()
	outcomes := []rebalance.Outcome{rebalance.Failed}
	p, stop := start(t, filepath.Join(t.TempDir(), "outbox.db"), io.Discard,
		config.Notifier{Name: "dead", Kind: config.KindWebhook, URL: "http://127.0.0.1:1/", Outcomes: outcomes},
		config.Notifier{Name: "good", Kind: config.KindWebhook, URL: config.Secret(server.URL), Outcomes: outcomes})
	defer stop()
	for range 3 {
		p.Track(t.Context(), ended(rebalance.Failed, "x"))
	}
	require.Eventually(t, func() bool { return good.count() == 3 && p.Waiting() == 3 }, 5*time.Second, time.Millisecond)
}

func TestWhatANotifierRefusesIsGivenUp(t *testing.T) {
	l := &listener{}
	l.status.Store(http.StatusBadRequest)
	server := httptest.NewServer(l)
	defer server.Close()
	p, stop := start(t, filepath.Join(t.TempDir(), "outbox.db"), io.Discard,
		config.Notifier{Name: "n", Kind: config.KindWebhook, URL: config.Secret(server.URL), Outcomes: []rebalance.Outcome{rebalance.Failed}})
	defer stop()
	p.Track(t.Context(), ended(rebalance.Failed, "x"))
	require.Eventually(t, func() bool { return p.Waiting() == 0 }, 5*time.Second, time.Millisecond)
}

func TestNoLogHoldsTheAddress(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "outbox.db")
	p, stop := start(t, file, writer(func(b []byte) { mu.Lock(); defer mu.Unlock(); log.Write(b) }),
		config.Notifier{Name: "n", Kind: config.KindNtfy, URL: "http://127.0.0.1:1/hidden-topic", Outcomes: []rebalance.Outcome{rebalance.Failed}})
	p.Track(t.Context(), ended(rebalance.Failed, "x"))
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return log.Len() > 0 }, 5*time.Second, time.Millisecond)
	stop()
	require.NotContains(t, log.String(), "hidden-topic")
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// What waits for a notifier that the configuration names no more does not wait for
// ever.
func TestLettersToNobodyAreGivenUp(t *testing.T) {
	dead, well := &listener{}, &listener{}
	dead.status.Store(http.StatusServiceUnavailable)
	deadAt, wellAt := httptest.NewServer(dead), httptest.NewServer(well)
	defer deadAt.Close()
	defer wellAt.Close()
	file := filepath.Join(t.TempDir(), "outbox.db")
	var log bytes.Buffer
	was := config.Notifier{Name: "was", Kind: config.KindWebhook, URL: config.Secret(deadAt.URL), Outcomes: []rebalance.Outcome{rebalance.Blocked}}
	is := config.Notifier{Name: "is", Kind: config.KindWebhook, URL: config.Secret(deadAt.URL), Outcomes: []rebalance.Outcome{rebalance.Blocked}}
	p, stop := start(t, file, io.Discard, was, is)
	p.Track(t.Context(), ended(rebalance.Blocked, "x"))
	require.Eventually(t, func() bool { return p.Waiting() == 2 }, 5*time.Second, time.Millisecond)
	stop()
	is.URL = config.Secret(wellAt.URL)
	p, stop = start(t, file, &log, is)
	require.Eventually(t, func() bool { return p.Waiting() == 0 && well.count() == 1 }, 5*time.Second, time.Millisecond)
	stop()
	require.Contains(t, log.String(), "count=1")
}
