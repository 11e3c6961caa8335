package otel_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheCoreLinksNoOpenTelemetry: only who imports this package pays for it,
// and this package needs the API alone, without its globals.
func TestTheCoreLinksNoOpenTelemetry(t *testing.T) {
	core := telemetry(t, "github.com/evenkeel/evenkeel/rebalance")
	require.Empty(t, core)

	own := telemetry(t, "github.com/evenkeel/evenkeel/rebalance/otel")
	require.Contains(t, own, "go.opentelemetry.io/otel/trace", "the test sees what is linked")
	require.NotContains(t, own, "go.opentelemetry.io/otel", "the package of the globals")
	for _, path := range own {
		require.False(t, strings.HasPrefix(path, "go.opentelemetry.io/otel/sdk"), path)
	}
}

// telemetry lists the packages of OpenTelemetry that a package links.
func telemetry(t *testing.T, path string) []string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go tool here")
	}
	out, err := exec.CommandContext(t.Context(), tool, "list", "-deps", path).Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, path)
	return slices.DeleteFunc(deps, func(dep string) bool { return !strings.HasPrefix(dep, "go.opentelemetry.io/") })
}
