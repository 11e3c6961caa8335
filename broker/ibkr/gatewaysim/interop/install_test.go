package interop_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// installTime is how long an installation may take.
const installTime = 4 * time.Minute

// needed ends the test because something is missing: skipped, or failed if the
// environment demands these tests.
func needed(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("EVENKEEL_REQUIRE_INTEROP") == "1" {
		t.Fatalf("EVENKEEL_REQUIRE_INTEROP=1, but "+format, args...)
	}
	t.Skipf("skipped: "+format, args...)
}

// python returns the interpreter of an environment in which the Python clients
// are installed.
func python(t *testing.T) string {
	t.Helper()
	base := program(t, "python3", "python3 with venv and pip")
	requirements := absolute(t, "clients/python/requirements.txt")
	dir := installed(t, "python", base, []string{requirements}, func(ctx context.Context, dir string) error {
		if err := run(ctx, dir, base, "-m", "venv", dir); err != nil {
			return err
		}
		return run(ctx, dir, interpreter(dir), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", requirements)
	})
	return interpreter(dir)
}

// interpreter is the one of a virtual environment.
func interpreter(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// node returns the interpreter and the folder in which the Node client is
// installed.
func node(t *testing.T) (binary, dir string) {
	t.Helper()
	base := program(t, "node", "node")
	npm := program(t, "npm", "npm")
	files := []string{absolute(t, "clients/node/package.json"), absolute(t, "clients/node/package-lock.json")}
	return base, installed(t, "node", base, files, func(ctx context.Context, dir string) error {
		for _, f := range files {
			if err := copyFile(filepath.Join(dir, filepath.Base(f)), f); err != nil {
				return err
			}
		}
		return run(ctx, dir, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	})
}

// installed returns a folder of the cache that an installation made, now or in
// an earlier run with the same files and the same interpreter. An installation
// becomes visible as a whole, so that tests may run at the same time.
func installed(t *testing.T, name, base string, files []string, install func(ctx context.Context, dir string) error) string {
	t.Helper()
	cache := cacheDir(t)
	dir := filepath.Join(cache, name+"-"+fingerprint(t, base, files))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	draft, err := os.MkdirTemp(cache, name+"-draft-") //nolint:usetesting // it is moved to its place, in the same file system
	require.NoError(t, err)
	defer os.RemoveAll(draft)
	ctx, cancel := context.WithTimeout(t.Context(), installTime)
	defer cancel()
	if err := install(ctx, draft); err != nil {
		needed(t, "the %s clients cannot be installed: %v", name, err)
	}
	err = os.Rename(draft, dir)
	if _, there := os.Stat(dir); err != nil && there != nil {
		require.NoError(t, err)
	}
	return dir
}

// cacheDir is where installations are kept, for this test only if the user's
// cache cannot be written.
func cacheDir(t *testing.T) string {
	t.Helper()
	if user, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(user, "evenkeel-interop")
		if probe, err := os.MkdirTemp(mkdir(dir), "probe-"); err == nil { //nolint:usetesting // can it be written
			require.NoError(t, os.Remove(probe))
			return dir
		}
	}
	return t.TempDir()
}

// mkdir makes a folder; whoever writes into it hears of a failure.
func mkdir(dir string) string {
	_ = os.MkdirAll(dir, 0o755)
	return dir
}

// fingerprint names an installation by its files and its interpreter.
func fingerprint(t *testing.T, base string, files []string) string {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), base, "--version").Output()
	if err != nil {
		needed(t, "%s does not run: %v", base, err)
	}
	sum := sha256.New()
	fmt.Fprintln(sum, base, string(version), runtime.GOOS, runtime.GOARCH)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		sum.Write(text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:6])
}

func program(t *testing.T, name, what string) string {
	t.Helper()
	found, err := exec.LookPath(name)
	if err != nil {
		needed(t, "%s is not installed", what)
	}
	return found
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.FromSlash(name))
	require.NoError(t, err)
	return abs
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// run runs a program in a folder and returns the end of what it said if it
// fails.
func run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	const most = 1000
	tail := said[max(0, len(said)-most):]
	return fmt.Errorf("%s: %w: %s", filepath.Base(program), errors.Join(err, ctx.Err()), slices.Clone(tail))
}
