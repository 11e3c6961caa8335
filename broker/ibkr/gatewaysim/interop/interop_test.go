package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

var everyVersion = flag.Bool("every-version", false, "try every server version that a client knows")

// walkTime is how long a client may take for the story.
const walkTime = 90 * time.Second

// client is one of the clients that are not ours.
type client struct {
	name string
	// newest server version that it knows; the gateway's is used below that.
	newest int
	// versions that are tried.
	versions []int
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
		name: "ibapi", newest: 226, versions: []int{163, 178, 200, 201, 203, 208, 213, 225},
		command: func(t *testing.T) []string { return []string{python(t), absolute(t, "clients/python/with_ibapi.py")} },
	},
	{
		name: "stoqey", newest: 193, versions: []int{163, 178, 193}, // knows no protobuf
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
					walk(t, command, version, version)
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
			t.Run(c.name, func(t *testing.T) { walk(t, c.command(t), gatewaysim.NewestVersion, c.newest) })
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

// walk lets a client tell the story to a gateway of one version, and checks
// that it saw what it should, in the version that both speak.
func walk(t *testing.T, command []string, offered, spoken int) {
	g := stage(t, offered)
	told := tell(t, g, command)
	want := steps(t, g, spoken)
	for i, w := range want {
		require.Less(t, i, len(told), "the client stopped before step %s", w.step())
		requireSeen(t, w, told[i])
	}
	require.Len(t, told, len(want))
	requireLedger(t, g)
}

// requireSeen compares a step: all fields that are wanted, and of the values of
// an account those that are wanted. Positions come in any order.
func requireSeen(t *testing.T, want, got seen) {
	t.Helper()
	text, err := json.Marshal(want)
	require.NoError(t, err)
	wanted := decode(t, text)
	require.Equal(t, wanted.step(), got.step())
	for key, w := range wanted {
		g := got[key]
		switch all := g.(type) {
		case map[string]any:
			few := map[string]any{}
			for name := range w.(map[string]any) {
				few[name] = all[name]
			}
			g = few
		case []any:
			if strings.HasPrefix(want.step(), "po") { // portfolio, positions
				require.ElementsMatch(t, w, g, want.step())
				continue
			}
		}
		require.Equal(t, w, g, "%s of step %s", key, want.step())
	}
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

// decode reads a line, with numbers in one form.
func decode(t *testing.T, line []byte) seen {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var m map[string]any
	require.NoError(t, d.Decode(&m), "%s", line)
	return plain(t, m).(map[string]any)
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
