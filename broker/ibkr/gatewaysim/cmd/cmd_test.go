package cmd_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim/cmd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"Accounts": [{"ID": "DU9", "Cash": {"USD": "12.5"}}]}`), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := cmd.Run(ctx, []string{"-config", file, "-addr", "127.0.0.1:0", "-control", "127.0.0.1:0", "-version", "176"}, w, io.Discard)
		_ = w.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(r)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "listening on 127.0.0.1:")
	require.True(t, lines.Scan())
	addr, ok := strings.CutPrefix(lines.Text(), "control on ")
	require.True(t, ok)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + addr + "/accounts")
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.JSONEq(t, `[{"id": "DU9", "cash": {"USD": "12.5"}, "positions": {}}]`, string(body))
	cancel()
	require.NoError(t, <-ended)
}

func TestRunRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag":    {"-nonsense"},
		"an argument":        {"now"},
		"a missing file":     {"-config", filepath.Join(t.TempDir(), "none.json")},
		"an unknown version": {"-version", "12", "-addr", "127.0.0.1:0", "-control", ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, cmd.Run(t.Context(), args, io.Discard, io.Discard))
		})
	}
	require.NoError(t, cmd.Run(t.Context(), []string{"-help"}, io.Discard, io.Discard))
}
