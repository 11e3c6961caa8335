package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/service"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a log for several goroutines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// daemon is a daemon that runs.
type daemon struct {
	*client.Client
	address string
	log     *log
	stop    func() error
}

// start runs a daemon until it is stopped or the test ends.
func start(t *testing.T, c *config.Config, o service.Options) *daemon {
	t.Helper()
	d := &daemon{log: &log{}}
	o.Logger = slog.New(slog.NewTextHandler(d.log, nil))
	ready, ended := make(chan string, 1), make(chan error, 1)
	o.Ready = func(address string) { ready <- address }
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- service.Run(ctx, c, o) }()
	d.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = d.stop() })
	select {
	case d.address = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal("the daemon ended: ", err)
	}
	token, err := service.Token(c)
	require.NoError(t, err)
	d.Client = client.New(d.address, token)
	return d
}

// fresh is the configuration without a file, in a folder that does not exist yet.
func fresh(t *testing.T) *config.Config {
	t.Helper()
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	c.HTTP.Address = "127.0.0.1:0"
	return c
}

// settled waits until the account was looked at, has nothing under way and nothing
// to trade.
func (d *daemon) settled(t *testing.T) *ops.Account {
	t.Helper()
	var last ops.Status
	require.Eventually(t, func() bool {
		var err error
		last, err = d.Status(t.Context())
		require.NoError(t, err)
		a := &last.Accounts[0]
		return a.Picture != nil && a.Picture.Fault == "" && a.Picture.Orders == 0 && len(a.Unfinished) == 0
	}, 30*time.Second, 10*time.Millisecond, "%+v\n%s", &last, d.log)
	return &last.Accounts[0]
}

// folder is every file of a folder with its content.
func folder(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		all[name] = string(data)
		return err
	}))
	return all
}

func TestTheDriftIsTradedAwayOnceOverTwoStarts(t *testing.T) {
	c := fresh(t)
	d := start(t, c, service.Options{})
	require.Nil(t, d.settled(t).Block)
	address, instance, ok := service.Endpoint(c)
	require.True(t, ok)
	require.Equal(t, d.address, address)
	require.True(t, d.Alive(t.Context(), instance))
	require.NoError(t, d.stop())
	require.False(t, d.Alive(t.Context(), ""))
	_, _, ok = service.Endpoint(c)
	require.False(t, ok, "nobody is there any more")
	text := d.log.String()
	require.Less(t, strings.Index(text, "serving"), strings.Index(text, "draining"))
	require.Less(t, strings.Index(text, "draining"), strings.Index(text, "stopped"))

	d = start(t, c, service.Options{})
	d.settled(t)
	var traded []ops.Run
	require.Eventually(t, func() bool { // the second start asks as well
		runs, err := d.Runs(t.Context(), "DEMO-1", 100)
		require.NoError(t, err)
		traded = nil
		n := 0
		for _, run := range runs {
			if run.Command == rebalance.CommandRebalance && run.Outcome != ops.Unfinished {
				n++
			}
			if len(run.Orders) > 0 {
				traded = append(traded, run)
			}
		}
		return n == 2
	}, 30*time.Second, 10*time.Millisecond)
	require.Len(t, traded, 1)
	run, err := d.Run(t.Context(), traded[0].ID)
	require.NoError(t, err)
	require.Equal(t, rebalance.Completed, run.Outcome)
	require.NotEmpty(t, run.Steps)
	require.NoError(t, d.stop())
}

func TestASecondDaemonOnTheFolderLeavesTheFirstAlone(t *testing.T) {
	c := fresh(t)
	d := start(t, c, service.Options{})
	second := *c
	err := service.Run(t.Context(), &second, service.Options{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, ops.ErrUnavailable)
	require.True(t, parts.InUse(err), "%v", err)
	address, _, ok := service.Endpoint(c)
	require.True(t, ok)
	require.Equal(t, d.address, address)
	d.settled(t)
}

func TestAnAddressInUseIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c := fresh(t)
	c.HTTP.Address = l.Addr().String()
	err = service.Run(t.Context(), c, service.Options{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "service: http.address")
	require.NoFileExists(t, filepath.Join(c.Data, "queue.db"))
}

func TestADryRunBesideTheDaemonChangesNothing(t *testing.T) {
	c := fresh(t)
	d := start(t, c, service.Options{})
	d.settled(t)
	before := folder(t, c.Data)

	copied := *c
	dry := start(t, &copied, service.Options{DryRun: true})
	receipt, err := dry.Enqueue(t.Context(), ops.NewEvent{Account: "DEMO-1", Command: rebalance.CommandRebalance})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		e, err := dry.Event(t.Context(), receipt.ID)
		require.NoError(t, err)
		return e.State == "done"
	}, 30*time.Second, 10*time.Millisecond)
	runs, err := dry.Runs(t.Context(), "", 100)
	require.NoError(t, err)
	for _, run := range runs {
		require.Equal(t, rebalance.CommandPreview, run.Command)
	}
	s, err := dry.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.DryRun)
	require.NoError(t, dry.stop())
	after := folder(t, c.Data)
	for name, data := range before {
		if filepath.Ext(name) != ".db" { // the daemon itself works on those
			require.Equal(t, data, after[name], name)
		}
	}
	address, _, ok := service.Endpoint(c)
	require.True(t, ok)
	require.Equal(t, d.address, address, "the daemon is still the one that is found")
}

func TestADryRunNeedsNoFolder(t *testing.T) {
	c := fresh(t)
	c.HTTP.Token = "0123456789abcdef" // so that none has to be made
	d := start(t, c, service.Options{DryRun: true})
	s, err := d.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.DryRun)
	require.NoError(t, d.stop())
}

func TestAKillAndABlockStopTheAccount(t *testing.T) {
	c := fresh(t)
	c.Schedules, c.Events.Recheck = nil, time.Second
	d := start(t, c, service.Options{})
	by := ops.Signed{Operator: "ana", Reason: "a test"}
	require.NoError(t, d.Kill(t.Context(), "", by))
	receipt, err := d.Enqueue(t.Context(), ops.NewEvent{Account: "DEMO-1"})
	require.NoError(t, err)
	state := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool {
			e, err := d.Event(t.Context(), receipt.ID)
			require.NoError(t, err)
			return string(e.State) == want
		}, 30*time.Second, 10*time.Millisecond, "waits for %s: %s", want, d.log)
	}
	state("held")
	require.NoError(t, d.Resume(t.Context(), "", by))
	require.NoError(t, d.Block(t.Context(), "DEMO-1", by))
	_, err = d.Release(t.Context(), receipt.ID, by)
	require.NoError(t, err)
	runs := func() int {
		all, err := d.Runs(t.Context(), "DEMO-1", 100)
		require.NoError(t, err)
		orders := 0
		for _, run := range all {
			orders += len(run.Orders)
		}
		return orders
	}
	require.Eventually(t, func() bool {
		s, err := d.Status(t.Context())
		require.NoError(t, err)
		return s.Accounts[0].Block != nil
	}, 30*time.Second, 10*time.Millisecond)
	require.Zero(t, runs())
	_, err = d.Unblock(t.Context(), "DEMO-1", by)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := d.Status(t.Context())
		require.NoError(t, err)
		return s.Accounts[0].Block == nil
	}, 30*time.Second, 10*time.Millisecond)
	_, err = d.Enqueue(t.Context(), ops.NewEvent{Account: "DEMO-1"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return runs() > 0 }, 60*time.Second, 10*time.Millisecond, "%s", d.log)
}

func TestProbesAndMetrics(t *testing.T) {
	d := start(t, fresh(t), service.Options{})
	d.settled(t)
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.address+path, nil)
		require.NoError(t, err)
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, body.String()
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/healthz": 401, "/api/v1/status": 401} {
		code, _ := get(path)
		require.Equal(t, want, code, path)
	}
	_, text := get("/metrics")
	for _, name := range []string{`evenkeel_queue_events{state="dead"} 0`, "evenkeel_outbox_messages 0", "evenkeel_runs_total", "go_goroutines"} {
		require.Contains(t, text, name)
	}
}

func TestTheTokenIsMadeOnceAndKept(t *testing.T) {
	c := fresh(t)
	first, err := service.Token(c)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(first.Reveal()), 32)
	again, err := service.Token(c)
	require.NoError(t, err)
	require.Equal(t, first.Reveal(), again.Reveal())
	info, err := os.Stat(filepath.Join(c.Data, service.TokenFile))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	require.NotContains(t, fmt.Sprintf("%v %+v %s", first, first, first), first.Reveal())

	require.NoError(t, os.WriteFile(filepath.Join(c.Data, service.TokenFile), []byte("short\n"), 0o600))
	_, err = service.Token(c)
	require.ErrorContains(t, err, "is no token: remove it")
	require.NotContains(t, err.Error(), "short")
	c.HTTP.Token = "configured"
	given, err := service.Token(c)
	require.NoError(t, err)
	require.Equal(t, "configured", given.Reveal())
}

func TestTheEndpointOfABadFileIsNone(t *testing.T) {
	c := fresh(t)
	_, _, ok := service.Endpoint(c)
	require.False(t, ok)
	require.NoError(t, os.MkdirAll(c.Data, 0o700))
	for _, text := range []string{"", "127.0.0.1:1\n", strings.Repeat("x", 2000)} {
		require.NoError(t, os.WriteFile(filepath.Join(c.Data, "endpoint"), []byte(text), 0o600))
		_, _, ok = service.Endpoint(c)
		require.False(t, ok, "%q", text)
	}
}
