package redisconn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/evenkeel/evenkeel/retry"
)

// Conn sends scripts to one server, one master behind sentinels, or one cluster.
// Create it with [Open] or [New]. It is safe for concurrent use, and starts
// goroutines only while calls are on their way.
type Conn struct {
	client   redis.UniversalClient
	owned    bool
	tls      bool
	patience time.Duration // for a batch, whatever the client's own timeouts do

	flying sync.WaitGroup // the batches on their way

	mu      sync.Mutex
	closed  bool
	line    []*pending
	flights int
}

// Open makes a client with the options, hardened by [Harden], and does not
// connect yet.
func Open(o *redis.UniversalOptions) *Conn {
	logging.Disable()
	h := Harden(o)
	return &Conn{
		client: redis.NewUniversalClient(h), owned: true, tls: h.TLSConfig != nil,
		patience: h.PoolTimeout + h.DialTimeout + h.WriteTimeout + h.ReadTimeout,
	}
}

// New uses a client that the caller made, and leaves its closing to the caller.
// It refuses one that sends commands twice by itself or that ignores contexts:
// make it with options from [Harden].
func New(client redis.UniversalClient) (*Conn, error) {
	logging.Disable()
	var retries int
	var heeds, encrypted bool
	var timeouts time.Duration
	switch c := client.(type) {
	case *redis.Client:
		o := c.Options()
		retries, heeds, timeouts = o.MaxRetries, o.ContextTimeoutEnabled, o.PoolTimeout+o.DialTimeout+o.WriteTimeout+o.ReadTimeout
		encrypted = o.TLSConfig != nil
	case *redis.ClusterClient:
		o := c.Options()
		heeds, timeouts = o.ContextTimeoutEnabled, o.PoolTimeout+o.DialTimeout+o.WriteTimeout+o.ReadTimeout
		encrypted = o.TLSConfig != nil
	default:
		return nil, fmt.Errorf("redisconn: new: a %T is neither a *redis.Client nor a *redis.ClusterClient", client)
	}
	var faults []error
	if retries > 0 {
		faults = append(faults, fmt.Errorf("redisconn: new: the client sends commands up to %d times more: set MaxRetries to -1", retries))
	}
	if !heeds {
		faults = append(faults, errors.New("redisconn: new: the client ignores contexts: set ContextTimeoutEnabled"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Conn{client: client, tls: encrypted, patience: max(timeouts, time.Second)}, nil
}

// Client returns the client, for reads that are no scripts.
func (c *Conn) Client() redis.UniversalClient { return c.client }

// Close waits for the calls that are on their way and closes the client, if
// [Open] made it. Later calls fail with [ErrClosed]. It may be repeated.
func (c *Conn) Close() error {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.mu.Unlock()
	c.flying.Wait()
	if was || !c.owned {
		return nil
	}
	return Translate(context.Background(), "close", c.client.Close())
}

// Backoff is the policy for a call whose script may be repeated: 5 tries within
// 10 s, after about 50, 100, 200 and 400 ms.
func Backoff() retry.Policy {
	return retry.NewBackoff(retry.BackoffOptions{
		Initial: 50 * time.Millisecond, Multiplier: 2, Max: 2 * time.Second, Jitter: 0.5, Retries: 4, MaxElapsed: 10 * time.Second,
	})
}
