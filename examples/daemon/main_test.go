package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/cli"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestMain makes the test binary a daemon when it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("EVENKEEL_TEST_DAEMON") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// child is a daemon in a process of its own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	output strings.Builder
	lines  sync.WaitGroup
}

func spawn(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{t: t, cmd: exec.Command(self, args...)}
	c.cmd.Env = append(os.Environ(), "EVENKEEL_TEST_DAEMON=1")
	out, in := io.Pipe()
	c.cmd.Stdout, c.cmd.Stderr = in, in
	require.NoError(t, c.cmd.Start())
	c.lines.Go(func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			c.mu.Lock()
			c.output.WriteString(s.Text() + "\n")
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		in.Close()
		c.lines.Wait()
	})
	return c
}

// kill ends the daemon as a loss of power would, and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

func (c *child) said(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.output.String(), text)
}

func (c *child) await(text string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.said(text) }, 30*time.Second, 2*time.Millisecond, "waits for %q", text)
}

// read asks by a sub-command.
func read[T any](t *testing.T, data string, args ...string) T {
	t.Helper()
	var out, errs strings.Builder
	code := cli.Main(context.Background(), cli.Process{
		Args: append(args, "-data", data, "-http", "127.0.0.1:0", "-o", "json"), Stdout: &out, Stderr: &errs, Environ: os.LookupEnv,
	})
	require.Equal(t, 0, code, "%s", errs.String())
	var v T
	require.NoError(t, json.Unmarshal([]byte(out.String()), &v))
	return v
}

func TestASignalDrainsTheDaemonInTheMiddleOfARun(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	c := spawn(t, "-simulator", "-data", data, "-http", "127.0.0.1:0")
	c.await("operations page")
	require.Eventually(t, func() bool { // an order is at the gateway, which fills it in parts
		for _, run := range read[[]ops.Run](t, data, "runs") {
			if run.Outcome == ops.Unfinished && len(run.Orders) > 0 {
				return true
			}
		}
		return false
	}, 30*time.Second, time.Millisecond)
	began := time.Now()
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, c.cmd.Wait(), "%s", c.text())
	require.Less(t, time.Since(began), 50*time.Second)
	require.True(t, c.said("draining") && c.said("stopped"), "%s", c.text())
	require.True(t, c.said("rebalance DU1234567: completed"), "the run under way ended: %s", c.text())
}

// TestAKilledDaemonGoesOnWithTheNextStart kills daemons at instants of their first
// run. The next start knows what they did: it finishes the run and trades nothing
// twice. The lease of the killed one must run out, so it is short.
func TestAKilledDaemonGoesOnWithTheNextStart(t *testing.T) {
	instants := map[string]func(t *testing.T, data string){
		"again and again": func(t *testing.T, data string) {
			t.Helper()
			for round := range 4 {
				c := spawn(t, soon(data)...)
				c.await("operations page")
				time.AfterFunc(time.Duration(round*15)*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
				_ = c.cmd.Wait()
			}
		},
		"when the run is over": func(t *testing.T, data string) {
			t.Helper()
			c := spawn(t, soon(data)...)
			c.await("rebalance DEMO-1: completed")
			c.kill()
		},
	}
	for orders := range 6 { // it places 5
		instants[fmt.Sprint("with orders at the broker: ", orders)] = func(t *testing.T, data string) {
			t.Helper()
			c := spawn(t, soon(data)...)
			for received(data) < orders && t.Context().Err() == nil {
				runtime.Gosched()
			}
			c.kill()
		}
	}
	for name, kill := range instants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			kill(t, data)
			goesOn(t, data)
		})
	}
}

// soonConfig is the daemon's default with a lease that runs out soon.
const soonConfig = "testdata/soon.yaml"

func soon(data string) []string {
	return []string{"-config", soonConfig, "-data", data, "-http", "127.0.0.1:0"}
}

// received counts the orders that the broker has written down.
func received(data string) int {
	books, err := os.ReadFile(filepath.Join(data, "paper.json"))
	if err != nil {
		return 0 // there is none yet
	}
	return bytes.Count(books, []byte(`"broker_id"`))
}

// goesOn starts a daemon after one that was killed, and checks what it does.
func goesOn(t *testing.T, data string) {
	t.Helper()
	c := spawn(t, soon(data)...)
	c.await("operations page")
	var last ops.Status
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("status at the end: %+v\n%s", last, c.text())
		}
	})
	require.Eventually(t, func() bool {
		last = read[ops.Status](t, data, "status", "-config", soonConfig)
		a := &last.Accounts[0]
		return a.Block == nil && a.Open == 0 && len(a.Unfinished) == 0 && a.Picture != nil && a.Picture.Fault == "" && a.Picture.Orders == 0 && received(data) > 0
	}, 90*time.Second, 50*time.Millisecond, "it goes on, and is not blocked")
	traded := 0
	for _, run := range read[[]ops.Run](t, data, "runs", "-n", "100", "-config", soonConfig) {
		require.NotEqual(t, rebalance.Blocked, run.Outcome)
		if run.Command == rebalance.CommandRebalance && len(run.Orders) > 0 {
			traded++
		}
	}
	require.Positive(t, traded)
	require.Equal(t, 5, received(data), "the drift was traded away once")
	require.NoError(t, c.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, c.cmd.Wait(), "%s", c.text())
}
