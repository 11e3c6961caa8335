package redisconn

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Watch remembers which server answers for a key, so that a failover or a
// restart is noticed. It is safe for concurrent use.
type Watch struct {
	conn *Conn
	key  string

	mu      sync.Mutex
	run     string
	changes uint64
}

// Change is that another run of a server answers than before.
type Change struct {
	Was, Is string // run_id
}

// Watch returns a watch over the server that has a key.
func (c *Conn) Watch(key string) *Watch { return &Watch{conn: c, key: key} }

// Check asks for the server's run_id. It returns a change if the server is not
// the one of the last Check, nil otherwise and at the first time. A server that
// does not tell its run_id never changes.
func (w *Watch) Check(ctx context.Context) (*Change, error) {
	run, err := w.conn.RunID(ctx, w.key)
	if err != nil || run == "" {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.run
	w.run = run
	if was == "" || was == run {
		return nil, nil
	}
	w.changes++
	return &Change{Was: was, Is: run}, nil
}

// Changes is how many changes were noticed. Whoever wrote something under
// another number must read it again before relying on it.
func (w *Watch) Changes() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// RunID returns the run_id of the master that has a key, or "" if it does not
// tell.
func (c *Conn) RunID(ctx context.Context, key string) (string, error) {
	client, err := c.Master(ctx, key)
	if err != nil {
		return "", err
	}
	text, err := client.Info(ctx, "server").Result()
	if isRefusal(ctx, err) {
		return "", nil
	}
	if err != nil {
		return "", Translate(ctx, "info", err)
	}
	return fields(text)["run_id"], nil
}

// Master returns a client of the master that has a key, for reads that a cluster
// does not route by a key.
func (c *Conn) Master(ctx context.Context, key string) (redis.Cmdable, error) {
	cluster, ok := c.client.(*redis.ClusterClient)
	if !ok {
		return c.client, nil
	}
	master, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, Translate(ctx, "find the master", err)
	}
	return master, nil
}

// isRefusal reports whether the server answered that it will not tell.
func isRefusal(ctx context.Context, err error) bool {
	if err == nil || errors.Is(Translate(context.WithoutCancel(ctx), "", err), ErrTopology) {
		return false
	}
	for _, prefix := range [...]string{"NOPERM", "unknown command", "section ("} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// fields reads the lines "name:value" of INFO.
func fields(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			found[name] = value
		}
	}
	return found
}
