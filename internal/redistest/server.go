package redistest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/childproc"
)

// Options changes how servers are started.
type Options struct {
	// AppendFsync is when the append-only file reaches the disk: "always",
	// "everysec" or "no". Default: "always".
	AppendFsync string
	// Config holds further directives of redis.conf. Default: none.
	Config map[string]string
}

// patience is how long a server may take to start.
const patience = 20 * time.Second

// Server is one Redis server. Its methods fail the test if they cannot do their
// work.
type Server struct {
	// Addr is host and port.
	Addr string
	// Prefix is one that no other test uses for its keys. It matters on a server
	// that is shared.
	Prefix string

	t    testing.TB
	port *port // nil for a server that is shared
	dir  string
	args []string
	proc *childproc.Process
}

// Single returns a server for the test: that of the environment variable
// REDIS_ADDR if it is set, where keys need [Server.Prefix] and what would
// disturb others skips the test; else one of its own, as [Start] starts it.
func Single(tb testing.TB, opts Options) *Server {
	tb.Helper()
	addr := os.Getenv("REDIS_ADDR")
	if addr == "" {
		return Start(tb, opts)
	}
	s := &Server{t: tb, Addr: addr, Prefix: prefix()}
	tb.Cleanup(s.sweep)
	return s
}

// Start starts a server for the test alone.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	return startServer(tb, opts, nil)
}

// startServer starts a server with directives of its kind.
func startServer(tb testing.TB, opts Options, kind []string) *Server {
	tb.Helper()
	binary := program(tb, "redis-server")
	s := &Server{t: tb, Prefix: prefix(), dir: tb.TempDir()}
	tb.Cleanup(func() {
		if s.proc != nil {
			_ = s.proc.Kill()
			s.port.release()
		}
	})
	var err error
	for range 5 { // another program may take the port in the last moment
		if s.port, err = reserve(); err != nil {
			tb.Fatal(err)
		}
		s.Addr, s.args = s.port.addr(), slices.Concat(directives(s.port.number, opts), kind)
		if err = s.run(binary); err == nil {
			return s
		}
		s.port.release()
	}
	tb.Fatal(err)
	return nil
}

// directives are those of every server.
func directives(port int, opts Options) []string {
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--protected-mode", "no", "--daemonize", "no", "--save", "",
		"--appendonly", "yes", "--appendfsync", cmp.Or(opts.AppendFsync, "always"), "--maxmemory-policy", "noeviction",
		"--repl-diskless-sync-delay", "0",
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Config)) {
		args = append(append(args, "--"+name), strings.Fields(opts.Config[name])...)
	}
	return args
}

// run starts the process and waits until it answers.
func (s *Server) run(binary string) error {
	proc, err := start(binary, s.dir, s.args...)
	if err != nil {
		return err
	}
	if err := s.await(proc); err != nil {
		_ = proc.Kill()
		return fmt.Errorf("redistest: %s: %w: it said:\n%s", s.Addr, err, proc.Output())
	}
	s.proc = proc
	return nil
}

// await waits until this very process answers.
func (s *Server) await(proc *childproc.Process) error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := listens(s.Addr)
		var info string
		if err == nil {
			info, err = c.Info(ctx, "server").Result()
		}
		if err == nil {
			err = c.Ping(ctx).Err() // refused while the data is loaded
		}
		switch {
		case err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r", proc.Cmd.Process.Pid)):
			return nil
		case err == nil:
			return errors.New("the port belongs to another server")
		}
		select {
		case <-proc.Exited():
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("no answer within %v: %w", patience, err)
		case <-tick.C:
		}
	}
}

// start runs a program in a directory.
func start(program, dir string, args ...string) (*childproc.Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	p, err := childproc.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	return p, nil
}

// program returns the path of a program, or ends the test.
func program(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("EVENKEEL_REQUIRE_REDIS") == "1":
		tb.Fatalf("redistest: %s is not in PATH, and EVENKEEL_REQUIRE_REDIS=1 asks for it: install Redis", name)
	default:
		tb.Skipf("redistest: %s is not in PATH: install Redis to run this test", name)
	}
	return ""
}

// prefix returns a prefix for keys that nobody else has.
func prefix() string { return "t" + strings.ToLower(rand.Text()[:12]) }

// sweep removes the keys of the test from a server that is shared.
func (s *Server) sweep() {
	c := s.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	keys := c.Scan(ctx, 0, "*"+s.Prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		c.Unlink(ctx, keys.Val())
	}
	if err := keys.Err(); err != nil {
		s.t.Errorf("redistest: sweep %s: %v", s.Addr, err)
	}
}
