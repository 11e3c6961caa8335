package redistest_test

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

// orphanEnv makes a process of the test that leaves without cleaning up.
const orphanEnv = "EVENKEEL_REDISTEST_ORPHAN"

// TestServerDiesWithItsTest looks at a server whose test process ended without
// any cleanup, as after a panic or a timeout.
func TestServerDiesWithItsTest(t *testing.T) {
	if os.Getenv(orphanEnv) != "" {
		os.Stdout.WriteString("addr=" + redistest.Start(t, redistest.Options{}).Addr + "=\n")
		os.Exit(3)
	}
	redistest.Start(t, redistest.Options{}) // skips without a server
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerDiesWithItsTest$")
	cmd.Env = append(os.Environ(), orphanEnv+"=1")
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	require.Error(t, err)
	parts := strings.Split(string(out), "=")
	require.Len(t, parts, 3, "%s", out)
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", parts[1])
		if err == nil {
			c.Close()
		}
		return err != nil
	}, 10*time.Second, 10*time.Millisecond, "the server still listens at %s", parts[1])
}
