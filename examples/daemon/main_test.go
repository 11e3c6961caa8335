package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

func TestAKilledDaemonGoesOnWithTheNextStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for round := range 4 { // killed at the start, and a little later each time
		c := spawn(t, "-data", data, "-http", "127.0.0.1:0")
		c.await("operations page")
		time.AfterFunc(time.Duration(round*15)*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
		_ = c.cmd.Wait()
	}
	c := spawn(t, "-data", data, "-http", "127.0.0.1:0")
	c.await("operations page")
	require.Eventually(t, func() bool {
		s := read[ops.Status](t, data, "status")
		a := &s.Accounts[0]
		return a.Block == nil && a.Open == 0 && len(a.Unfinished) == 0 && a.Picture != nil && a.Picture.Fault == "" && a.Picture.Orders == 0
	}, 90*time.Second, 50*time.Millisecond, "it goes on, and is not blocked: %s", c.text())
	traded := 0
	for _, run := range read[[]ops.Run](t, data, "runs", "-n", "100") {
		require.NotEqual(t, rebalance.Blocked, run.Outcome)
		if run.Command == rebalance.CommandRebalance && len(run.Orders) > 0 {
			traded++
		}
	}
	require.Equal(t, 1, traded, "the drift was traded away once")
	require.NoError(t, c.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, c.cmd.Wait(), "%s", c.text())
}
