package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/childproc"
)

// MasterName is the name under which a [Sentinel] watches its master.
const MasterName = "mymaster"

// Sentinel is a master with one replica, watched by one sentinel that fails over
// by itself after half a second without an answer.
type Sentinel struct {
	Master  *Server // as started
	Replica *Server // as started
	// Addr is that of the sentinel.
	Addr string

	t testing.TB
}

// NewSentinel starts a master, a replica and a sentinel for the test, and waits
// until the replica follows and the sentinel knows both.
func NewSentinel(tb testing.TB, opts Options) *Sentinel {
	tb.Helper()
	binary := program(tb, "redis-sentinel")
	s := &Sentinel{t: tb, Master: startServer(tb, opts, nil)}
	s.Replica = startServer(tb, opts, []string{"--replicaof", "127.0.0.1", strconv.Itoa(s.Master.port.number)})
	s.AwaitReplica()
	s.watch(binary)
	eventually(tb, "sentinel", func() error {
		answer, err := s.ask("sentinel", "replicas", MasterName)
		if err == nil && !strings.Contains(fmt.Sprint(answer), s.Replica.Addr) {
			err = fmt.Errorf("it knows no replica: %v", answer)
		}
		return err
	})
	return s
}

// watch starts the sentinel.
func (s *Sentinel) watch(binary string) {
	s.t.Helper()
	var proc *childproc.Process
	for range 5 {
		p, err := reserve()
		if err != nil {
			s.t.Fatal(err)
		}
		s.Addr = p.addr()
		config := filepath.Join(s.t.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor %s 127.0.0.1 %d 1\nsentinel down-after-milliseconds %[2]s 500\n"+
			"sentinel failover-timeout %[2]s 3000\n", p.number, MasterName, s.Master.port.number)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
		if proc, err = start(binary, filepath.Dir(config), config); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = proc.Kill(); p.release() })
		answers := false
		eventually(s.t, "start of the sentinel", func() error {
			if !proc.Running() {
				return nil
			}
			_, err := s.ask("ping")
			answers = err == nil
			return err
		})
		if answers {
			return
		}
	}
	s.t.Fatalf("redistest: sentinel does not start: it said:\n%s", proc.Output())
}

// AwaitReplica waits until the replica has all that the master had when it was
// called.
func (s *Sentinel) AwaitReplica() {
	s.t.Helper()
	s.Replica.CatchUp(s.Master)
}

// AwaitFailover waits until the sentinel names the replica as master and the
// replica takes writes.
func (s *Sentinel) AwaitFailover() {
	s.t.Helper()
	eventually(s.t, "failover", func() error {
		answer, err := s.ask("sentinel", "get-master-addr-by-name", MasterName)
		if err != nil {
			return err
		}
		if !strings.Contains(fmt.Sprint(answer), strconv.Itoa(s.Replica.port.number)) {
			return fmt.Errorf("master is %v", answer)
		}
		info, err := s.Replica.try("info", "replication")
		if err == nil && !strings.Contains(fmt.Sprint(info), "role:master") {
			err = fmt.Errorf("it is no master yet: %v", info)
		}
		return err
	})
}

// Client returns a new client that finds the master by the sentinel and repeats
// nothing by itself. The caller closes it.
func (s *Sentinel) Client() *redis.Client {
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: MasterName, SentinelAddrs: []string{s.Addr}, MaxRetries: -1, ContextTimeoutEnabled: true,
	})
}

// ask sends a command to the sentinel.
func (s *Sentinel) ask(args ...any) (any, error) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Do(ctx, args...).Result()
}
