package ibkr

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/scmhub/ibapi"
)

// priority orders what waits to be sent. Lower goes first.
type priority int

const (
	prioCancel priority = iota
	prioResolve
	prioSend
	prioPrice
	prioOther
	priorities
)

// errUnsent marks an error after which nothing of the message was written.
var errUnsent = errors.New("nothing was sent")

// job is one message to the gateway.
type job struct {
	prio priority
	// ended says whether the caller has given up. Nil: it never does.
	ended func() error
	// encode makes exactly one call of the library, which writes one frame.
	encode func(*ibapi.EClient)
	// permit is asked last, when the frame is about to be written. Nil permits.
	permit func(frame []byte) error
	// verdict tells what became of it, once. A verdict that is not errUnsent and
	// not nil means that part of the message may have been written.
	verdict chan error
}

// outbox sends the messages of one connection, one after another: it takes the
// most urgent one, waits for its turn, has the library encode it, reads the frame
// from the library's end of the door and writes it to the gateway. So it is known
// of each message whether it was written, and the library is used by one
// goroutine alone.
type outbox struct {
	client  *ibapi.EClient
	library net.Conn // the door's end of the library's connection
	gateway net.Conn
	timeout time.Duration
	count   *counters
	// exact says that the gateway's end counts what it wrote: a plain TCP socket.
	// What others count is not trusted.
	exact bool

	mu     sync.Mutex
	queue  [priorities][]*job
	bucket *bucket
	err    error // why nothing more is sent

	wake chan struct{} // capacity 1
	stop chan struct{} // closed by close
	done chan struct{} // closed when run has ended
	fail func(error)   // ends the session; must not block
}

// encodeWait is how long the library may take to write the frame of a call.
const encodeWait = 2 * time.Second

// add queues a message. It never blocks.
func (o *outbox) add(j *job) {
	o.mu.Lock()
	err := o.err
	if err == nil {
		o.queue[j.prio] = append(o.queue[j.prio], j)
	}
	o.mu.Unlock()
	if err != nil {
		j.verdict <- unsent(err)
		return
	}
	o.nudge()
}

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// withdraw takes a message back. It reports whether it was still waiting: then
// it is never sent, and its verdict never comes.
func (o *outbox) withdraw(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.queue[j.prio]
	for i := range q {
		if q[i] == j {
			o.queue[j.prio] = append(q[:i:i], q[i+1:]...)
			return true
		}
	}
	return false
}

// slower halves the rate of messages.
func (o *outbox) slower() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bucket.slower()
}

// close lets nothing more out and refuses what waits. It does not wait for run.
func (o *outbox) close(cause error) {
	o.mu.Lock()
	if o.err != nil {
		o.mu.Unlock()
		return
	}
	o.err = cause
	close(o.stop)
	var left []*job
	for p := range o.queue {
		left = append(left, o.queue[p]...)
		o.queue[p] = nil
	}
	o.mu.Unlock()
	for _, j := range left {
		j.verdict <- unsent(cause)
	}
}

// prime has the library encode a message that goes nowhere. The library counts its
// goroutines as they begin, and must not be closed before it has: this one has
// begun then. Call it before run.
func (o *outbox) prime() error {
	_, err := o.encode(&job{encode: func(c *ibapi.EClient) { c.ReqCurrentTime() }}, libraryWait)
	return err
}

// run sends until close.
func (o *outbox) run() {
	defer close(o.done)
	for {
		j, wait := o.next()
		if j != nil {
			o.send(j)
			continue
		}
		if !o.pause(wait) {
			return
		}
	}
}

// next returns the message whose turn it is, or how long to wait; a wait of zero
// is until something is added.
func (o *outbox) next() (*job, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p := range o.queue {
		if len(o.queue[p]) == 0 {
			continue
		}
		if wait := o.bucket.take(time.Now()); wait > 0 {
			return nil, wait
		}
		j := o.queue[p][0]
		o.queue[p] = o.queue[p][1:]
		return j, 0
	}
	return nil, 0
}

// pause waits, and reports whether to go on.
func (o *outbox) pause(wait time.Duration) bool {
	var over <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-o.stop:
		return false
	case <-o.wake:
	case <-over:
	}
	return true
}

// send carries out one message.
func (o *outbox) send(j *job) {
	if j.ended != nil && j.ended() != nil {
		j.verdict <- unsent(j.ended())
		return
	}
	select {
	case <-o.stop:
		j.verdict <- unsent(o.cause())
		return
	default:
	}
	frame, err := o.encode(j, encodeWait)
	if err != nil {
		j.verdict <- unsent(err)
		o.fail(err)
		return
	}
	if j.permit != nil {
		if err := j.permit(frame); err != nil {
			j.verdict <- unsent(err)
			return
		}
	}
	n, err := o.write(frame)
	switch {
	case err == nil:
		j.verdict <- nil
	case n == 0 && o.exact: // the system took none of it
		j.verdict <- unsent(err)
	default:
		j.verdict <- err
	}
	if err != nil {
		o.fail(fmt.Errorf("ibkr: write to the gateway: %w", err))
	}
}

// encode has the library write the frame and reads it. If no frame comes the
// connection is of no use: it might come later, as another message's.
func (o *outbox) encode(j *job, wait time.Duration) ([]byte, error) {
	returned := make(chan struct{})
	go func() { // the library may block for ever if its own goroutines have ended
		defer close(returned)
		j.encode(o.client)
	}()
	if err := o.library.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	frame, err := readFrame(o.library, maxOutFrame)
	if err != nil {
		return nil, fmt.Errorf("ibkr: the client library did not encode the message: %w", err)
	}
	select {
	case <-returned:
	case <-time.After(wait):
		return nil, errors.New("ibkr: the client library does not return from a call")
	}
	return frame, nil
}

// write writes a frame to the gateway and returns how many bytes of it the
// system took.
func (o *outbox) write(frame []byte) (int, error) {
	if err := o.gateway.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
		return 0, err
	}
	n, err := o.gateway.Write(frame)
	o.count.bytesOut.Add(int64(n))
	if err == nil {
		o.count.framesOut.Add(1)
	}
	return n, err
}

func (o *outbox) cause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// unsent marks an error as raised before anything was written.
func unsent(err error) error { return fmt.Errorf("%w: %w", errUnsent, err) }
