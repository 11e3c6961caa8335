package redisqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
)

// Queue is the event queue in Redis. Create it with [Open] or [Dial], and close
// it.
type Queue struct {
	opts     Options
	conn     *redisconn.Conn
	owned    bool
	watch    *redisconn.Watch
	scripts  scripts
	prefix   string
	keys     []string     // of every script
	epoch    string       // of the key space
	limits   atomic.Value // a string, the first argument of every script
	instance string       // unlike that of any other queue
	serial   atomic.Uint64
	witness  witness

	closed  chan struct{}
	poked   chan struct{} // tells the pump to look
	doubted chan struct{} // tells the upkeep to look whether another server answers
	work    sync.WaitGroup
	deaf    bool // the user may not be woken
	stop    context.CancelFunc

	mu         sync.Mutex
	line       []*waiter // receivers that wait, in the order in which they came
	hot        bool      // something may be ready
	subscribed bool      // the server will wake us
	shut       bool
}

var (
	_ queue.EventQueue = (*Queue)(nil)
	_ queue.Admin      = (*Queue)(nil)
	_ queue.Driver     = (*Queue)(nil)
)

// Open opens a queue on a server that the caller's client is connected to, and
// makes it if there is none. It fails if the server is not fit to keep it, or if
// the client sends commands twice by itself: make it with MaxRetries -1 and
// ContextTimeoutEnabled. The client must outlive the queue; deliveries can be
// settled also after Close.
func Open(ctx context.Context, client redis.UniversalClient, o Options) (*Queue, error) {
	conn, err := redisconn.New(client)
	if err != nil {
		return nil, fmt.Errorf("redisqueue: open: %w", err)
	}
	return open(ctx, conn, o)
}

// Dial opens a queue on the server with this URL:
//
//	redis://[user:password@]host:port[/database]
//	redis+cluster://[user:password@]host:port[,host:port…]
//	redis+sentinel://[user:password@]host:port[,host:port…]/master[/database]
//
// and with rediss instead of redis, if it is encrypted. Close closes the
// connection, so settle all deliveries before.
func Dial(ctx context.Context, url string, o Options) (*Queue, error) {
	options, err := redisconn.Parse(url)
	if err != nil {
		return nil, fmt.Errorf("redisqueue: dial: %w", err)
	}
	conn := redisconn.Open(options)
	q, err := open(ctx, conn, o)
	if err != nil {
		_ = conn.Close() //nolint:contextcheck // closing has no context
		return nil, err
	}
	q.owned = true
	return q, nil
}

func open(ctx context.Context, conn *redisconn.Conn, o Options) (*Queue, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("redisqueue: open: %w", err)
	}
	prefix := o.prefix()
	q := &Queue{
		opts: o, conn: conn, scripts: newScripts(), prefix: prefix, keys: []string{prefix + "ctl"},
		instance: rand.Text()[:16], watch: conn.Watch(prefix + "ctl"), hot: true,
		closed: make(chan struct{}), poked: make(chan struct{}, 1), doubted: make(chan struct{}, 1),
	}
	if err := q.begin(ctx); err != nil {
		return nil, fmt.Errorf("redisqueue: open %s: %w", o.Name, err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.work.Go(func() { q.pump(background) })
	if !q.deaf {
		q.work.Go(func() { q.listen(background) })
	}
	q.work.Go(func() { q.upkeep(background) })
	return q, nil
}

// begin looks at the server and makes the key space.
func (q *Queue) begin(ctx context.Context) error {
	warnings, err := q.conn.Check(ctx, q.keys[0], q.opts.Barrier)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		q.opts.OnWarning(w)
	}
	if _, err := q.watch.Check(ctx); err != nil {
		return err
	}
	q.limits.Store(q.opts.limits(0, ""))
	r, err := q.enter(ctx, rand.Text())
	if err != nil {
		return err
	}
	q.epoch = r.text(1)
	q.limits.Store(q.opts.limits(0, q.epoch))
	q.tryChannel(ctx)
	return nil
}

// token is unlike any other of any queue.
func (q *Queue) token() string {
	return q.instance + "-" + strconv.FormatUint(q.serial.Add(1), 36)
}

// Changes is how often another server or another run of it was found to answer
// since the queue was opened, see Options.OnFailover. It is looked for once a
// second and after every error of the connection.
func (q *Queue) Changes() uint64 { return q.watch.Changes() }

// Close ends receiving and publishing: waiting receivers return
// [queue.ErrClosed]. It waits for what is under way. It may be repeated.
func (q *Queue) Close() error {
	q.mu.Lock()
	if !q.shut {
		q.shut = true
		close(q.closed)
	}
	q.mu.Unlock()
	q.stop()
	q.work.Wait()
	if !q.owned {
		return nil
	}
	return q.conn.Close()
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}
