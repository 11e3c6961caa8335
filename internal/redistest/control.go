package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/childproc"
)

// Client returns a new client that repeats nothing by itself. The caller closes
// it.
func (s *Server) Client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, ContextTimeoutEnabled: true})
}

// Do runs a command and returns its answer.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	answer, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("redistest: %s: %v: %v", s.Addr, args, err)
	}
	return answer
}

// try runs a command.
func (s *Server) try(args ...any) (any, error) {
	c := s.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Do(ctx, args...).Result()
}

// Set changes a directive of the running server (CONFIG SET).
func (s *Server) Set(directive, value string) {
	s.t.Helper()
	s.own("change the configuration of")
	s.Do("config", "set", directive, value)
}

// FillUp makes the server refuse writes for want of memory. [Server.Set] of
// maxmemory to 0 ends it.
func (s *Server) FillUp() {
	s.t.Helper()
	s.Set("maxmemory", "1")
}

// FollowNobody makes a read-only replica of the server, of a master that does
// not exist. [Server.Promote] ends it.
func (s *Server) FollowNobody() {
	s.t.Helper()
	s.own("demote")
	s.Do("replicaof", "127.0.0.1", strconv.Itoa(s.port.number+1)) // nobody speaks there
}

// Promote makes a master of the server.
func (s *Server) Promote() {
	s.t.Helper()
	s.own("promote")
	s.Do("replicaof", "no", "one")
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() {
	s.t.Helper()
	s.own("kill")
	if err := s.proc.Kill(); err != nil {
		s.t.Fatalf("redistest: kill %s: %v", s.Addr, err)
	}
}

// Restart starts the server again, on the same data and port. It kills a server
// that still runs.
func (s *Server) Restart() {
	s.t.Helper()
	s.own("restart")
	if s.proc.Running() {
		s.Kill()
	}
	if err := s.run(s.proc.Cmd.Path); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops the server in the middle of what it does, until [Server.Continue].
func (s *Server) Pause() {
	s.t.Helper()
	s.own("pause")
	if !childproc.CanPause {
		s.t.Skip("redistest: processes cannot be paused on this system")
	}
	if err := s.proc.Pause(); err != nil {
		s.t.Fatalf("redistest: pause %s: %v", s.Addr, err)
	}
}

// Continue lets a paused server go on.
func (s *Server) Continue() {
	s.t.Helper()
	if err := s.proc.Resume(); err != nil {
		s.t.Fatalf("redistest: continue %s: %v", s.Addr, err)
	}
}

// own skips the test if the server is shared.
func (s *Server) own(what string) {
	s.t.Helper()
	if s.port == nil {
		s.t.Skipf("redistest: cannot %s the server of REDIS_ADDR: unset it to run this test", what)
	}
}

// Follow makes a replica of the server, and waits until it has all that the
// master had. [Server.Promote] ends it.
func (s *Server) Follow(master *Server) {
	s.t.Helper()
	s.own("demote")
	s.Do("replicaof", "127.0.0.1", strconv.Itoa(master.port.number))
	s.CatchUp(master)
}

// CatchUp waits until the server, a replica, has all that its master had when it
// was called.
func (s *Server) CatchUp(master *Server) {
	s.t.Helper()
	eventually(s.t, "replica", func() error {
		info, err := s.try("info", "replication")
		if err == nil && !strings.Contains(fmt.Sprint(info), "master_link_status:up") {
			err = fmt.Errorf("it has no link to the master: %v", info)
		}
		if err != nil {
			return err
		}
		// A new write, acknowledged, has all earlier ones before it.
		c := master.Client()
		defer c.Close()
		conn := c.Conn()
		defer conn.Close()
		ctx := context.Background()
		if err := conn.Publish(ctx, "redistest", "").Err(); err != nil {
			return err
		}
		n, err := conn.Wait(ctx, 1, patience/4).Result()
		if err == nil && n < 1 {
			err = errors.New("no replica has acknowledged")
		}
		return err
	})
}

// eventually waits until a condition holds, or ends the test.
func eventually(tb testing.TB, what string, holds func() error) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			tb.Fatalf("redistest: %s: not within %v: %v", what, patience, err)
		case <-tick.C:
		}
	}
}
