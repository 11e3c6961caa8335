package redisconn

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"time"
)

// Script is a Lua script with a name for messages. It is immutable.
type Script struct {
	name, source, sha string
	group             int
}

// NewScript returns a script of one or more pieces of source, in this order.
func NewScript(name string, source ...string) *Script {
	s := &Script{name: name}
	for _, piece := range source {
		s.source += piece + "\n"
	}
	sum := sha1.Sum([]byte(s.source)) // the server's own name for it
	s.sha = hex.EncodeToString(sum[:])
	return s
}

// NewGroupScript returns a script that can do the work of several calls at once.
// Each call has a first argument and so many more. Calls with the same keys and
// the same first argument that travel together become one execution: ARGV has
// the first argument once and then the others of each call. The script answers
// with a list of lists, one for each call in their order, or with one list whose
// first element is a text, which is then the answer to all.
//
// When the server refuses such an execution, the calls are executed one by one,
// so that none suffers for another: the script must bear a repetition also for
// that reason.
func NewGroupScript(name string, args int, source ...string) *Script {
	s := NewScript(name, source...)
	s.group = args
	return s
}

// Name returns the script's name.
func (s *Script) Name() string { return s.name }

// Call is one execution of a script.
type Call struct {
	Script *Script
	Keys   []string // all of one slot, at least one
	Args   []any    // strings, []byte, integers
	// Last is asked for one more argument, the last one, when the call is sent. It
	// must return at once. Of calls that are executed together the first one is asked.
	// Default: nil, none.
	Last func() any
	// Patient: it lets the other calls that wait with it go first, once, because
	// their answers bring more work for it. Default: false.
	Patient bool
	// Barrier is what must have the write before the call succeeds. The script
	// must write something, also when it only repeats its first answer.
	// Default: nil, none.
	Barrier *Barrier
}

// Barrier asks for the durability of what a call has written.
type Barrier struct {
	// Replicas is how many replicas must have it.
	Replicas int
	// Fsync: it must be on the disk of the master and of these replicas. Needs
	// Redis 7.2 with an append-only file; [Conn.Check] refuses a server without.
	Fsync bool
	// Timeout is how long to wait for it, at most half of the client's
	// ReadTimeout. Default: 100 ms.
	Timeout time.Duration
}

// Check returns what makes the barrier unusable, or nil.
func (b *Barrier) Check() error {
	switch {
	case b == nil:
		return nil
	case b.Replicas < 0 || b.Timeout < 0:
		return fmt.Errorf("redisconn: barrier: Replicas %d or Timeout %s is negative", b.Replicas, b.Timeout)
	case b.Replicas == 0 && !b.Fsync:
		return fmt.Errorf("redisconn: barrier: asks for nothing: set Replicas or Fsync, or give none")
	case b.Timeout > time.Second:
		return fmt.Errorf("redisconn: barrier: Timeout is %s: want at most 1s", b.Timeout)
	}
	return nil
}

// Run executes a script once and returns its answer: nil, an int64, a string or
// a []any of those. The error is an [*Error] or that of ctx. With
// [ErrNotDurable] there is an answer all the same.
func (c *Conn) Run(ctx context.Context, call Call) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("redis: %s: not sent: %w", call.Script.name, err)
	}
	p := &pending{Call: call, answer: make(chan answer, 1)}
	if err := c.enter(p); err != nil {
		return nil, err
	}
	select {
	case a := <-p.answer:
		return a.value, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-p.answer: // both at once
		return a.value, a.err
	default:
	}
	p.gone.Store(true)
	return nil, fmt.Errorf("redis: %s: given up, it may have been executed: %w", call.Script.name, ctx.Err())
}
