package ibkr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
)

// Names of the calls whose answers carry no request id. One of each kind is under
// way at a time.
const (
	askOpen      int64 = -101
	askCompleted int64 = -102
	askTime      int64 = -103
	askNextID    int64 = -104
)

// firstRequest is where request ids begin: far from the order ids, since codes
// name both by the same number.
const (
	firstRequest = 1_600_000_000
	lastRequest  = 2_100_000_000
	lastOrderID  = 1_500_000_000
)

// question is a request whose answer has an end.
type question struct {
	name string
	// id is one of the ask constants, or zero, which gives the call a request id.
	id   int64
	prio priority
	ask  func(c *ibapi.EClient, id int64)
	// drop ends a subscription, or a request whose answer is not wanted any more.
	drop func(c *ibapi.EClient, id int64)
	// subscribed says that the request goes on after its end marker.
	subscribed bool
	// each takes each row of the answer as it comes, under the broker's lock, and
	// reports whether that is all that is wanted. Default: rows are collected.
	each func(row any) bool
	// quiet, if not zero, ends the answer when enough says so and no row has come
	// for that long.
	quiet  time.Duration
	enough func() bool
}

// call is a question under way. The broker's lock guards it.
type call struct {
	question
	rows    []any
	err     error
	over    bool
	done    chan struct{}
	release func()      // gives the slot back
	late    *time.Timer // ends the session if an answer that was given up never ends
	beat    chan struct{}
}

// gatewayError is what the gateway said of a request.
type gatewayError struct {
	code int
	text string
}

func (e *gatewayError) Error() string { return fmt.Sprintf("%s (%d)", explain(e.code, e.text), e.code) }

// ask puts a question and returns all rows of the answer, or an error: if ctx or
// the session ends first, if the gateway refuses, or if no end marker comes.
func (s *session) ask(ctx context.Context, q question) ([]any, error) {
	c := &call{question: q, done: make(chan struct{}), beat: make(chan struct{}, 1)}
	if err := s.register(ctx, c); err != nil {
		return nil, err
	}
	err := s.write(ctx, &job{prio: q.prio, encode: func(cl *ibapi.EClient) { q.ask(cl, c.id) }})
	if err == nil {
		err = s.await(ctx, c)
	} else {
		s.finish(c.id, err)
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if c.over && c.err == nil {
		return c.rows, nil
	}
	if c.over && c.err != nil {
		return nil, fmt.Errorf("ibkr: %s: %w", q.name, c.err)
	}
	return nil, fmt.Errorf("ibkr: %s: %w", q.name, err)
}

// register gives a call its id, or its slot.
func (s *session) register(ctx context.Context, c *call) error {
	if c.id < 0 {
		slot := s.slots[c.id]
		limit := time.NewTimer(2 * s.b.cfg.Timing.Answer)
		defer limit.Stop()
		select {
		case slot <- struct{}{}:
		case <-s.ended:
			return s.cause()
		case <-ctx.Done():
			return fmt.Errorf("ibkr: %s: waiting for another one to end: %w", c.name, ctx.Err())
		case <-limit.C:
			return fmt.Errorf("ibkr: %s: another one has not ended within %s", c.name, 2*s.b.cfg.Timing.Answer)
		}
		c.release = func() { <-slot }
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if c.id == 0 {
		if s.nextRequest++; s.nextRequest > lastRequest {
			s.nextRequest = firstRequest
		}
		c.id = s.nextRequest
	}
	s.calls[c.id] = c
	return nil
}

// await waits for the end of an answer.
func (s *session) await(ctx context.Context, c *call) error {
	limit := time.NewTimer(s.b.cfg.Timing.Answer)
	defer limit.Stop()
	var quiet <-chan time.Time
	for {
		select {
		case <-c.done:
			if c.subscribed {
				s.drop(c)
			}
			return nil
		case <-c.beat:
			if c.quiet > 0 && s.locked(c.enough) {
				quiet = time.After(c.quiet)
			}
		case <-quiet:
			quiet = nil
			s.finish(c.id, nil)
			s.drop(c)
		case <-s.ended:
			s.finish(c.id, s.cause())
			return s.cause()
		case <-ctx.Done():
			return s.abandon(c, ctx.Err())
		case <-limit.C:
			return s.abandon(c, fmt.Errorf("no end of the answer within %s", s.b.cfg.Timing.Answer))
		}
	}
}

// locked calls f with the lock held.
func (s *session) locked(f func() bool) bool {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return f()
}

// abandon gives a call up. One without a request id keeps its slot until its end
// marker comes, which would satisfy the next one otherwise; if it never does,
// the session ends.
func (s *session) abandon(c *call, why error) error {
	if c.release != nil {
		s.b.mu.Lock()
		defer s.b.mu.Unlock()
		if !c.over && s.err == nil {
			c.late = time.AfterFunc(s.b.cfg.Timing.Answer, func() {
				s.end(fmt.Errorf("ibkr: the gateway never ended its answer to %s", c.name))
			})
		}
		return why
	}
	s.finish(c.id, why)
	s.drop(c)
	return why
}

// drop tells the gateway that no more is wanted.
func (s *session) drop(c *call) {
	if c.question.drop == nil {
		return
	}
	s.out.add(&job{
		prio: c.prio, verdict: make(chan error, 1),
		encode: func(cl *ibapi.EClient) { c.question.drop(cl, c.id) },
	})
}

// row takes a row of an answer.
func (s *session) row(id int64, row any) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	c := s.calls[id]
	if c == nil || c.over {
		return // late, or of a request that was dropped
	}
	if c.each == nil {
		c.rows = append(c.rows, row)
	} else if c.each(row) {
		s.finishLocked(id, nil)
		if !c.subscribed { // else await does it
			s.drop(c)
		}
	}
	select {
	case c.beat <- struct{}{}:
	default:
	}
}

// finish ends a call.
func (s *session) finish(id int64, err error) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.finishLocked(id, err)
}

func (s *session) finishLocked(id int64, err error) {
	c := s.calls[id]
	if c == nil || c.over {
		return
	}
	delete(s.calls, id)
	c.over, c.err = true, err
	close(c.done)
	if c.release != nil {
		c.release()
	}
	if c.late != nil {
		c.late.Stop()
	}
}

// write sends a message and returns its verdict. If ctx ends while the message
// waits for its turn it is taken back.
func (s *session) write(ctx context.Context, j *job) error {
	j.ended, j.verdict = ctx.Err, make(chan error, 1)
	s.out.add(j)
	select {
	case err := <-j.verdict:
		return err
	case <-ctx.Done():
		if s.out.withdraw(j) {
			return unsent(ctx.Err())
		}
		return <-j.verdict // it is being written, which has a deadline
	}
}

// fault makes the error of a method: its kind from what happened.
func fault(op string, account broker.AccountID, err error) *broker.Error {
	var known *broker.Error
	if errors.As(err, &known) {
		c := *known
		c.Op = op
		if c.Account == "" {
			c.Account = account
		}
		return &c
	}
	e := &broker.Error{Op: op, Account: account, Err: err, Kind: broker.KindTransient}
	var g *gatewayError
	if errors.As(err, &g) {
		e.Code = codeText(g.code)
		if m := asRequest(g.code).meaning; m == requestRefused || m == noContract {
			e.Kind = broker.KindPermanent
		}
	}
	return e
}
