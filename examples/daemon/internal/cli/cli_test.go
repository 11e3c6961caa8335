package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/cli"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.loop"), goleak.IgnoreTopFunction("os/signal.signal_recv"))
}

// rig is a data folder, and a daemon on it if one was started.
type rig struct {
	t    *testing.T
	args []string // of every call
	env  map[string]string
	data string
	out  *safe // of the daemon that was started last
}

func newRig(t *testing.T, config string) *rig {
	t.Helper()
	r := &rig{t: t, data: filepath.Join(t.TempDir(), "data"), env: map[string]string{"USER": "ada"}}
	r.args = []string{"-data", r.data, "-http", "127.0.0.1:0"}
	if config != "" {
		file := filepath.Join(t.TempDir(), "daemon.yaml")
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		r.args = append(r.args, "-config", file)
	}
	return r
}

// safe is a buffer for several goroutines.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.b.Write(p) }

func (s *safe) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func (r *rig) main(ctx context.Context, out, errs *safe, args ...string) int {
	return cli.Main(ctx, cli.Process{
		Args: append(append([]string{}, args...), r.args...), Stdout: out, Stderr: errs,
		Environ: func(name string) (string, bool) { v, ok := r.env[name]; return v, ok },
	})
}

// do makes a call that must end with a code, and returns its output.
func (r *rig) do(code int, args ...string) string {
	r.t.Helper()
	var out, errs safe
	got := r.main(r.t.Context(), &out, &errs, args...)
	require.Equal(r.t, code, got, "%v\n%s\n%s", args, &out, &errs)
	return out.String() + errs.String()
}

// read makes a call and decodes its JSON.
func read[T any](r *rig, args ...string) T {
	r.t.Helper()
	var out, errs safe
	require.Equal(r.t, 0, r.main(r.t.Context(), &out, &errs, append(args, "-o", "json")...), "%v\n%s", args, &errs)
	var v T
	require.NoError(r.t, json.Unmarshal([]byte(out.String()), &v), "%s", &out)
	return v
}

// start runs the daemon until the returned function.
func (r *rig) start(args ...string) (stop func() string) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	out, errs := &safe{}, &safe{}
	r.out = out
	ended := make(chan int, 1)
	go func() { ended <- r.main(ctx, out, errs, append([]string{"run"}, args...)...) }()
	require.Eventually(r.t, func() bool { return strings.Contains(out.String(), "operations page") }, 30*time.Second, 5*time.Millisecond, "%s\n%s", out, errs)
	var once sync.Once
	stop = func() string {
		once.Do(func() {
			cancel()
			select {
			case code := <-ended:
				require.Equal(r.t, 0, code, "%s\n%s", out, errs)
			case <-time.After(60 * time.Second):
				r.t.Fatal("the daemon did not stop")
			}
		})
		return out.String() + errs.String()
	}
	r.t.Cleanup(func() { stop() })
	return stop
}

// eventually waits for a status.
func (r *rig) eventually(what string, good func(s *ops.Status) bool) ops.Status {
	r.t.Helper()
	var s ops.Status
	require.Eventually(r.t, func() bool { s = read[ops.Status](r, "status"); return good(&s) }, 30*time.Second, 20*time.Millisecond, what)
	return s
}

func TestNoFlagsAndNoServices(t *testing.T) {
	r := newRig(t, "")
	require.Contains(t, r.do(0, "status"), "no daemon runs")
	require.Contains(t, r.do(0, "check"), "placement")
	require.Contains(t, r.do(0, "preview"), "MTUM")
	require.Contains(t, r.do(0, "enqueue", "DEMO-1", "snapshot"), "no daemon runs, the next one works on it")

	stop := r.start()
	s := r.eventually("both events end, and the account is on target", func(s *ops.Status) bool {
		return s.Queue[queue.Done] >= 2 && s.Health != nil && s.Accounts[0].Picture != nil && s.Accounts[0].Picture.Orders == 0
	})
	require.True(t, s.Paper)
	require.Contains(t, r.do(0, "status"), "serving, paper money")
	runs := read[[]ops.Run](r, "runs")
	var traded ops.Run
	for _, run := range runs {
		if run.Outcome == rebalance.Completed && len(run.Orders) > 0 {
			traded = run
		}
	}
	require.NotEmpty(t, traded.ID, "%v", runs)
	require.Contains(t, r.do(0, "runs", "show", string(traded.ID)), "SELL MTUM")
	require.Contains(t, r.do(0, "enqueue", "DEMO-1", "-wait"), "no_trade")
	require.Contains(t, r.do(0, "preview", "DEMO-1"), "no_trade")
	require.Contains(t, r.do(0, "check"), "broker")
	require.Contains(t, stop(), "stopped")

	// The next daemon goes on with the same account and the same journal.
	again := r.start()
	require.Contains(t, r.do(0, "enqueue", "DEMO-1", "reconcile", "-wait"), "completed")
	s = read[ops.Status](r, "status")
	require.Nil(t, s.Accounts[0].Block)
	again()
}

func TestExitCodes(t *testing.T) {
	r := newRig(t, "")
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"dance"}},
		{2, []string{"enqueue"}},
		{2, []string{"runs", "dance"}},
		{2, []string{"status", "-o", "xml"}},
		{2, []string{"kill"}},
		{2, []string{"status", "-nonsense"}},
		{6, []string{"breakers"}},
		{4, []string{"enqueue", "NOBODY"}},
		{4, []string{"runs", "show", "no/1"}},
		{4, []string{"deadletters", "show", "none"}},
		{5, []string{"enqueue", "DEMO-1", "dance"}},
		{5, []string{"enqueue", "DEMO-1", "rebalance", "-payload", "{"}},
		{0, []string{"help"}},
		{0, []string{"status", "-h"}},
		{0, []string{"deadletters"}},
		{0, []string{"runs", "list"}},
	} {
		r.do(c.code, c.args...)
	}
	bad := newRig(t, "accounts: 5")
	require.Contains(t, bad.do(3, "check"), "line 1")
	require.Contains(t, bad.do(3, "run"), "accounts: want a list")
	redisDown := newRig(t, "allocations: {path: a.json}\naccounts: [{id: A, strategy: s}]\nqueue: {kind: redis, url: 'redis://127.0.0.1:1'}\n")
	redisDown.do(6, "status")
	unready := newRig(t, "allocations: {path: none.json}\naccounts: [{id: A, strategy: s}]\n")
	require.Contains(t, unready.do(7, "check"), "FAILED")
}

func TestAStopInTheWrongPlaceIsNoStop(t *testing.T) {
	r := newRig(t, "")
	require.Contains(t, r.do(6, "kill", "-reason", "now"), "nothing was changed")
	require.NoDirExists(t, r.data)
	r.do(0, "status")
	require.Contains(t, r.do(0, "kill", "-reason", "now"), "no daemon runs on "+r.data+", the next one heeds it")
}

func TestADataFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	r := newRig(t, "")
	for _, data := range []string{file, filepath.Join(file, "x")} {
		r.args[1] = data
		for _, verb := range []string{"run", "status", "check"} {
			require.Contains(t, r.do(6, verb), data)
		}
	}
	require.Contains(t, r.do(2, "-o", "json", "status"), "before its flags")
}

func TestTheEnvironmentNamesTheConfiguration(t *testing.T) {
	r := newRig(t, guarded)
	file := r.args[len(r.args)-1]
	r.args, r.env["EVENKEEL_CONFIG"] = r.args[:len(r.args)-2], file
	require.Contains(t, r.do(0, "status"), "P1")
	r.env["EVENKEEL_CONFIG"] = file + ".missing"
	require.Contains(t, r.do(3, "status"), "no such file")
	require.Contains(t, r.do(0, "status", "-config", file), "P1")
}

func TestAnAddressThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	r := newRig(t, "")
	r.args = []string{"-data", r.data, "-http", l.Addr().String()}
	require.Contains(t, r.do(6, "run"), "is another daemon there?")
	require.NoDirExists(t, r.data)
	r.args[3] = "0.0.0.0:0"
	require.Contains(t, r.do(2, "run"), "allow_remote")
}

func TestTheFilesBelongToTheDaemon(t *testing.T) {
	r := newRig(t, "")
	r.start()
	require.NoError(t, os.Remove(filepath.Join(r.data, "endpoint"))) // so that it cannot be found
	require.Contains(t, r.do(6, "status"), "in use")
}

func TestADryRunSendsNothing(t *testing.T) {
	r := newRig(t, "")
	stop := r.start("-dry-run")
	require.Eventually(t, func() bool { return strings.Contains(r.out.String(), "preview DEMO-1: completed") }, 20*time.Second, 5*time.Millisecond)
	out := stop()
	require.Contains(t, out, "SELL")
	require.Contains(t, out, "dry run: nothing is sent")
	require.NoFileExists(t, filepath.Join(r.data, "paper.json"))
	require.NoFileExists(t, filepath.Join(r.data, "journal.db"))
}

func TestADryRunShowsAPlanBeforeAnyScheduleIsDue(t *testing.T) {
	r := newRig(t, guarded)
	r.targets(twoTargets)
	stop := r.start("-dry-run")
	require.Eventually(t, func() bool { return strings.Contains(r.out.String(), "preview P1: completed") }, 20*time.Second, 5*time.Millisecond)
	require.Contains(t, stop(), "BUY")
}
