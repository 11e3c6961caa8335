package redisconn

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/retry"
)

// Limits of a batch.
const (
	maxBatch   = 64      // calls
	maxBytes   = 1 << 20 // of arguments, roughly
	maxYields  = 3       // without a new call, before a batch leaves
	maxFlights = 1       // batches on their way at once: more make each batch smaller
)

// pending is a call that waits for its answer.
type pending struct {
	Call
	answer chan answer // holds one
	gone   atomic.Bool // nobody waits any more
	passed bool        // it let others go first
}

type answer struct {
	value any
	err   error
}

// enter puts a call into the line, and starts a batch unless enough are on their
// way.
func (c *Conn) enter(p *pending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &Error{Op: p.Script.name, Detail: "the connection was closed", kind: ErrClosed, class: retry.Permanent}
	}
	c.line = append(c.line, p)
	if c.flights < maxFlights {
		c.flights++
		c.flying.Go(c.fly)
	}
	return nil
}

// fly sends batches until nobody waits.
func (c *Conn) fly() {
	for {
		c.gather()
		batch := c.next()
		if batch == nil {
			return
		}
		c.send(batch)
	}
}

// gather lets those run who are ready to, for they may have just got an answer
// and ask again: what travels together costs less. It waits for nobody else.
func (c *Conn) gather() {
	for seen, yields := 0, 0; yields < maxYields && seen < maxBatch; yields++ {
		runtime.Gosched()
		c.mu.Lock()
		n := len(c.line)
		c.mu.Unlock()
		if n != seen {
			seen, yields = n, 0
		}
	}
}

// next takes the next batch from the line. Without one the flight is over.
func (c *Conn) next() []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	var batch []*pending
	var patient *pending // goes next
	bytes, taken := 0, 0
	for _, p := range c.line {
		if len(batch) == maxBatch || bytes > maxBytes {
			break
		}
		taken++
		switch {
		case p.gone.Load():
		case p.Patient && !p.passed && patient == nil:
			p.passed = true
			patient = p
		default:
			batch = append(batch, p)
			bytes += p.size()
		}
	}
	if batch == nil && patient != nil {
		batch, patient = []*pending{patient}, nil
	}
	if patient != nil {
		taken--
		c.line[taken] = patient
	}
	rest := copy(c.line, c.line[taken:])
	clear(c.line[rest:])
	c.line = c.line[:rest]
	if batch == nil {
		c.flights--
	}
	return batch
}

// size is about how many bytes a call has.
func (c *Call) size() int {
	n := 0
	for _, a := range c.Args {
		switch a := a.(type) {
		case string:
			n += len(a)
		case []byte:
			n += len(a)
		}
	}
	return n
}

// send executes a batch, and once more what must be sent in another way.
func (c *Conn) send(batch []*pending) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	for _, n := range c.byNode(ctx, batch) {
		for units := group(n.calls); len(units) > 0; {
			units = c.exec(ctx, n.client, units)
		}
	}
}

// unit is one execution of a script, for one call or for a group.
type unit struct {
	calls  []*pending
	args   []any
	source bool // the server does not know the script yet
}

// group makes units of calls.
func group(calls []*pending) []*unit {
	type kind struct {
		script *Script
		key    string
		first  any
	}
	var units []*unit
	groups := map[kind]*unit{}
	for _, p := range calls {
		if p.Script.group == 0 || len(p.Args) != p.Script.group+1 || len(p.Keys) != 1 {
			units = append(units, &unit{calls: []*pending{p}, args: p.Args})
			continue
		}
		k := kind{p.Script, p.Keys[0], p.Args[0]}
		if u := groups[k]; u != nil {
			u.calls = append(u.calls, p)
			u.args = append(u.args, p.Args[1:]...)
			continue
		}
		groups[k] = &unit{calls: []*pending{p}, args: p.Args[:len(p.Args):len(p.Args)]}
		units = append(units, groups[k])
	}
	return units
}

// pipeliner is what executes a batch.
type pipeliner interface{ Pipeline() redis.Pipeliner }

// node is a server and the calls for it.
type node struct {
	client pipeliner
	calls  []*pending
}

// byNode splits a batch by server, where that matters: a barrier must be asked
// for on the connection that wrote. Otherwise the client splits it.
func (c *Conn) byNode(ctx context.Context, batch []*pending) []node {
	cluster, ok := c.client.(*redis.ClusterClient)
	if !ok {
		return []node{{c.client, batch}}
	}
	var nodes []node
	var plain []*pending
	for _, p := range batch {
		if p.Barrier == nil {
			plain = append(plain, p)
			continue
		}
		master, err := cluster.MasterForKey(ctx, p.Keys[0])
		if err != nil {
			p.answer <- answer{err: Translate(ctx, p.Script.name, err)}
			continue
		}
		nodes = append(nodes, node{master, []*pending{p}})
	}
	if len(plain) > 0 {
		nodes = append(nodes, node{cluster, plain})
	}
	return nodes
}

// whole adds a key that never exists. While a slot moves from one node of a cluster
// to another, each has some of its keys, and a script that names one key and reads
// others would take those of the other node for missing. A command with several
// keys, one of which is not there, is refused until the move is over.
func whole(keys []string) []string {
	if len(keys) == 0 || !strings.Contains(keys[0], "{") {
		return keys
	}
	return append(slices.Clip(keys), keys[0]+":never")
}

// exec sends the units as one pipeline and hands out the answers. It returns what
// must be sent again in another way.
func (c *Conn) exec(ctx context.Context, client pipeliner, units []*unit) (again []*unit) {
	pipe := client.Pipeline()
	replies := make([]*redis.Cmd, len(units))
	var barrier *Barrier
	for i, u := range units {
		script, keys, args := u.calls[0].Script, whole(u.calls[0].Keys), u.args
		if last := u.calls[0].Last; last != nil {
			args = append(slices.Clip(args), last())
		}
		if u.source {
			replies[i] = pipe.Eval(ctx, script.source, keys, args...)
		} else {
			replies[i] = pipe.EvalSha(ctx, script.sha, keys, args...)
		}
		for _, p := range u.calls {
			barrier = barrier.join(p.Barrier)
		}
	}
	reached := barrier.ask(ctx, pipe)
	_, failure := pipe.Exec(ctx)
	for i, u := range units {
		value, err := replies[i].Result()
		if err == nil && value == nil {
			err = failure // the connection was refused: the client library tells no command
		}
		switch {
		case !u.source && isNoScript(err):
			again = append(again, &unit{u.calls, u.args, true})
		case err != nil && len(u.calls) > 1 && isAnswer(err):
			for _, p := range u.calls {
				again = append(again, &unit{[]*pending{p}, p.Args, u.source})
			}
		case err != nil && !errors.Is(err, redis.Nil):
			u.answer(nil, Translate(context.WithoutCancel(ctx), u.calls[0].Script.name, err), nil)
		default:
			u.answer(value, nil, reached)
		}
	}
	return again
}

// answer hands out the answer to a unit.
func (u *unit) answer(value any, err error, reached *redis.Cmd) {
	list, _ := value.([]any)
	for i, p := range u.calls {
		own := value
		if p.Script.group > 0 && len(list) == len(u.calls) {
			if part, ok := list[i].([]any); ok {
				own = part
			}
		}
		if err == nil && p.Barrier != nil {
			p.answer <- answer{own, p.Barrier.verdict(p.Script.name, reached)}
			continue
		}
		p.answer <- answer{own, err}
	}
}

// isAnswer reports whether an error is an answer of the server.
func isAnswer(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !errors.Is(err, redis.Nil)
}

func isNoScript(err error) bool {
	return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT")
}

// join returns a barrier that is as high as both.
func (b *Barrier) join(o *Barrier) *Barrier {
	switch {
	case b == nil:
		return o
	case o == nil:
		return b
	}
	return &Barrier{Replicas: max(b.Replicas, o.Replicas), Fsync: b.Fsync || o.Fsync, Timeout: max(b.timeout(), o.timeout())}
}

func (b *Barrier) timeout() time.Duration {
	if b.Timeout == 0 {
		return 100 * time.Millisecond
	}
	return b.Timeout
}

// ask asks for the barrier behind all that the pipeline wrote.
func (b *Barrier) ask(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	switch {
	case b == nil:
		return nil
	case b.Fsync:
		return pipe.Do(ctx, "WAITAOF", 1, b.Replicas, b.timeout().Milliseconds())
	}
	return pipe.Do(ctx, "WAIT", b.Replicas, b.timeout().Milliseconds())
}

// verdict says whether the barrier was reached.
func (b *Barrier) verdict(op string, reply *redis.Cmd) error {
	value, err := reply.Result()
	if err == nil && value == nil {
		err = errors.New("no answer")
	}
	if err != nil {
		return &Error{Op: op, Detail: "it was executed, but how durable it is is not known: " + err.Error(), kind: ErrNotDurable, class: retry.Transient}
	}
	local, replicas := int64(0), int64(0)
	switch v := value.(type) {
	case int64:
		replicas = v
	case []any:
		if len(v) == 2 {
			local, _ = v[0].(int64)
			replicas, _ = v[1].(int64)
		}
	}
	if replicas >= int64(b.Replicas) && (!b.Fsync || local >= 1) {
		return nil
	}
	return &Error{
		Op: op, kind: ErrNotDurable, class: retry.Transient,
		Detail: fmt.Sprintf("it was executed, but %d of %d replicas have it (fsync of the master: %d, asked for: %t): look after the replicas",
			replicas, b.Replicas, local, b.Fsync),
	}
}
