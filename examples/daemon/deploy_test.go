package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/cli"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

func TestTheConfigurationOfTheComposeFile(t *testing.T) {
	c, err := config.Load("deploy/daemon.yaml", func(name string) (string, bool) { return "0123456789abcdef", name == "EVENKEEL_TOKEN" })
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4002", c.Broker.Gateway.Address)
	require.FileExists(t, c.Allocations.Path)
}

func TestTheComposeFile(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Image, Network string
			Ports          []string
			Grace          string `yaml:"stop_grace_period"`
			Build          struct{ Context, Dockerfile string }
			Network_mode   string
			Env_file       []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(file(t, "deploy/compose.yaml")), &compose))
	require.Len(t, compose.Services, 3)
	daemon := compose.Services["daemon"]
	require.FileExists(t, filepath.Join("deploy", daemon.Build.Context, daemon.Build.Dockerfile))
	grace, err := time.ParseDuration(daemon.Grace)
	require.NoError(t, err)
	require.GreaterOrEqual(t, grace, 50*time.Second, "drain and spare time")
	for _, s := range compose.Services { // the text says which files to copy
		for _, name := range s.Env_file {
			require.FileExists(t, filepath.Join("deploy", name+".example"))
			require.Contains(t, file(t, "deploy/compose.yaml"), "cp "+name+".example "+name)
		}
	}
	require.Equal(t, "service:daemon", compose.Services["gateway"].Network_mode)
	for name, s := range compose.Services {
		require.NotContains(t, s.Image, ":latest", name)
		for _, port := range s.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s", name, port)
		}
	}
}

func TestTheDockerfile(t *testing.T) {
	text := file(t, "deploy/Dockerfile")
	require.Regexp(t, `(?m)^FROM golang:1\.26`, text)
	require.Regexp(t, `(?m)^USER [1-9]`, text)
	known := regexp.MustCompile(`^(FROM|WORKDIR|COPY|RUN|USER|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD) `)
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", ""), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			require.Regexp(t, known, line)
		}
	}
	linter, err := exec.LookPath("hadolint")
	if err != nil {
		t.Skip("there is no hadolint in PATH: it does not look at the Dockerfile")
	}
	said, err := exec.Command(linter, "deploy/Dockerfile").CombinedOutput()
	require.NoError(t, err, "%s", said)
}

func TestTheSystemdUnit(t *testing.T) {
	text := file(t, "deploy/evenkeel.service")
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(text)
	require.NotNil(t, stop)
	seconds, err := strconv.Atoi(stop[1])
	require.NoError(t, err)
	require.GreaterOrEqual(t, seconds, 50)
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze in PATH: the unit is not verified")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), "evenkeel.service")
	require.NoError(t, os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/evenkeel-daemon", self)), 0o600))
	said, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Empty(t, strings.TrimSpace(string(said)))
}

// The README's commands exist, and so do the files that it names.
func TestTheREADMENamesWhatIsThere(t *testing.T) {
	for _, name := range []string{"README.md", "OPERATING.md"} {
		for _, link := range regexp.MustCompile(`\]\(([^)h][^)]*)\)`).FindAllStringSubmatch(file(t, name), -1) {
			_, err := os.Stat(link[1])
			require.NoError(t, err, name)
		}
	}
}

// Every command that the texts show is one, with arguments that it takes.
func TestTheTextsShowCommandsThatExist(t *testing.T) {
	var help, errs strings.Builder
	require.Zero(t, cli.Main(t.Context(), cli.Process{Args: []string{"help"}, Stdout: &help, Stderr: &errs, Environ: os.LookupEnv}))
	shown := regexp.MustCompile("(?m)(?:^|`|/)daemon ([a-z]+)(?: ([a-z][a-z-]+))?")
	for _, name := range []string{"README.md", "OPERATING.md", "daemon.example.yaml"} {
		found := shown.FindAllStringSubmatch(file(t, name), -1)
		require.True(t, len(found) > 0 || name == "daemon.example.yaml", name)
		for _, words := range found {
			line := regexp.MustCompile(`(?m)^  ` + words[1] + ` .*$`).FindString(help.String())
			require.NotEmpty(t, line, "%s: daemon %s", name, words[1])
			if words[2] != "" {
				require.Contains(t, line, words[2], "%s: daemon %s %s", name, words[1], words[2])
			}
		}
	}
}
