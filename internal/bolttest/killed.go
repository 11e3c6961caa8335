package bolttest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileEnv is the name of the file for the process that is going to be killed.
const fileEnv = "EVENKEEL_BOLT_TEST_FILE"

// Killed runs this test program on a file, as a process that finds the file's name
// by [File], kills it at some moment and returns what it said.
func Killed(t *testing.T, path string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), fileEnv+"="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var lines []string
	last := 1 + rand.IntN(600)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if lines = append(lines, scanner.Text()); len(lines) == last {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	return lines
}

// File is the name of the file on which this process has to work until it is
// killed. It is empty in a test.
func File() string { return os.Getenv(fileEnv) }

// Say tells the test a line, in one write.
func Say(format string, args ...any) {
	_, _ = os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
}
