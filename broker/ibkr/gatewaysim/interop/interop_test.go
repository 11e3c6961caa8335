package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

var everyVersion = flag.Bool("every-version", false, "try every server version that a client knows")

// walkTime is how long a client may take for the story.
const walkTime = 45 * time.Second

// client is one of the clients that are not ours.
type client struct {
	name string
	// newest server version that it knows; the gateway's is used below that.
	newest int
	// versions that are tried.
	versions []int
	// misreads changes what is wanted to what the client makes of it, where the
	// client is wrong. Nil if it never is.
	misreads func(version int, want []seen)
	// command is the client's, without host, port and client id.
	command func(t *testing.T) []string
}

var clients = []client{
	{
		name: "ib_async", newest: 178, versions: []int{163, 176, 178}, // knows no protobuf
		command: func(t *testing.T) []string {
			return []string{python(t), absolute(t, "clients/python/with_ib_async.py")}
		},
	},
	{
		name: "ibapi", newest: 226, versions: []int{163, 178, 200, 201, 203, 204, 205, 206, 207, 208, 211, 212, 213, 225}, // each step to protobuf
		command: func(t *testing.T) []string { return []string{python(t), absolute(t, "clients/python/with_ibapi.py")} },
	},
	{
		name: "stoqey", newest: 193, versions: []int{163, 178, 193}, // knows no protobuf
		misreads: loseCompleted,
		command: func(t *testing.T) []string {
			program, dir := node(t)
			return []string{program, absolute(t, "clients/node/with_stoqey.mjs"), dir}
		},
	},
}

func TestClients(t *testing.T) {
	if testing.Short() {
		needed(t, "these tests install other programs: not in short mode")
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			command := c.command(t)
			for _, version := range c.tried() {
				t.Run(strconv.Itoa(version), func(t *testing.T) {
					t.Parallel()
					walk(t, c, command, version)
				})
			}
		})
	}
}

// TestVersionIsTheLowerOne connects clients to a gateway that is newer than
// they are.
func TestVersionIsTheLowerOne(t *testing.T) {
	if testing.Short() {
		needed(t, "these tests install other programs: not in short mode")
	}
	for _, c := range clients {
		if c.newest < gatewaysim.NewestVersion {
			t.Run(c.name, func(t *testing.T) { walk(t, c, c.command(t), gatewaysim.NewestVersion) })
		}
	}
}

// tried are the versions at which a client is tried.
func (c client) tried() []int {
	if !*everyVersion {
		return c.versions
	}
	var all []int
	for v := gatewaysim.OldestVersion; v <= min(c.newest, gatewaysim.NewestVersion); v++ {
		all = append(all, v)
	}
	return all
}

// loseCompleted is what @stoqey/ib 1.6.10 makes of completed orders below
// version 177: it looks for a field in the wrong version, complains and drops
// them.
func loseCompleted(version int, want []seen) {
	if version >= 177 {
		return
	}
	for _, w := range want {
		switch w.step() {
		case "completed":
			w["rows"] = []any{}
		case "done":
			delete(w, "exceptions")
		}
	}
}

// walk lets a client tell the story to a gateway of one version, and checks
// that it saw what it should, in the version that both speak.
func walk(t *testing.T, c client, command []string, version int) {
	t.Helper()
	g := stage(t, version)
	told := tell(t, g, command)
	spoken := min(version, c.newest)
	want := steps(t, g, spoken)
	if c.misreads != nil {
		c.misreads(spoken, want)
	}
	for i, w := range want {
		require.Less(t, i, len(told), "the client stopped before step %s", w.step())
		require.Empty(t, difference(t, w, told[i]), "step %d", i+1)
	}
	require.Len(t, told, len(want))
	requireLedger(t, g)
}

// tell runs a client and returns its lines.
func tell(t *testing.T, g *gatewaysim.Gateway, command []string) []seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), walkTime)
	defer cancel()
	const clientID = 7
	args := append(command[1:len(command):len(command)], "127.0.0.1", strconv.Itoa(g.Port()), strconv.Itoa(clientID))
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Env = append(os.Environ(), "TZ=Asia/Tokyo", "PYTHONDONTWRITEBYTECODE=1") // far from the gateway's zone
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	told := listen(t, g, stdout, stdin)
	require.NoError(t, cmd.Wait(), "after %d steps: %s\nledger: %s", len(told), stderr.String(), lastEntries(g))
	return told
}

// listen reads the client's lines. The market moves when the client listens to
// it, and the client that went away may return when the gateway knows that it
// did.
func listen(t *testing.T, g *gatewaysim.Gateway, stdout io.Reader, stdin io.Writer) []seen {
	t.Helper()
	var told []seen
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := decode(t, lines.Bytes())
		told = append(told, line)
		switch line.step() {
		case "streaming":
			require.NoError(t, g.Exchange().SetQuote("AAPL", moved))
		case "away":
			require.Eventually(t, func() bool { return len(g.Clients()) == 0 }, walkTime, time.Millisecond)
			fmt.Fprintln(stdin, "return")
		}
	}
	require.NoError(t, lines.Err())
	return told
}

// lastEntries is the end of the ledger, for a test that failed.
func lastEntries(g *gatewaysim.Gateway) string {
	all := g.Ledger()
	var text bytes.Buffer
	for _, e := range all[max(0, len(all)-15):] {
		fmt.Fprintf(&text, "\n%d %s %s %s", e.Seq, e.Kind, e.Name, e.Detail)
	}
	return text.String()
}
