package childproc_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/childproc"
)

// childEnv makes a child of the test's own program.
const childEnv = "EVENKEEL_CHILDPROC"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "talk":
		os.Stdout.WriteString(strings.Repeat("x", 20<<10) + "the end")
		os.Exit(3)
	case "wait":
		select {}
	}
}

// child is a command that does what the name says.
func child(what string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	return cmd
}

func TestEnd(t *testing.T) {
	p, err := childproc.Start(child("talk"))
	require.NoError(t, err)
	<-p.Exited()
	require.False(t, p.Running())
	require.Equal(t, 3, p.Cmd.ProcessState.ExitCode())
	require.Len(t, p.Output(), 16<<10)
	require.True(t, strings.HasSuffix(p.Output(), "the end"))
	require.NoError(t, p.Kill(), "it has ended")
}

func TestKill(t *testing.T) {
	cmd := child("wait")
	var said strings.Builder
	cmd.Stderr = &said // what goes elsewhere is not kept
	p, err := childproc.Start(cmd)
	require.NoError(t, err)
	if childproc.CanPause {
		require.NoError(t, p.Pause())
		require.NoError(t, p.Resume())
	}
	require.True(t, p.Running())
	require.NoError(t, p.Kill())
	require.False(t, p.Running())
	require.Equal(t, -1, p.Cmd.ProcessState.ExitCode())
	require.Empty(t, p.Output())
}

func TestStartFails(t *testing.T) {
	_, err := childproc.Start(exec.Command(t.TempDir() + "/nothing"))
	require.ErrorContains(t, err, "childproc: start nothing")
	require.ErrorIs(t, err, os.ErrNotExist)
}
