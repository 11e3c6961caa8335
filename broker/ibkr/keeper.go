package ibkr

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
)

// keep holds a session until ctx ends: it connects, reads everything, watches,
// and begins anew. It tells first how the first session began.
func (b *Broker) keep(ctx context.Context, first chan<- error) {
	defer close(b.done)
	delay := b.cfg.Timing.Retry
	for failed := 0; ctx.Err() == nil; {
		began := time.Now()
		err := b.once(ctx, first)
		if ctx.Err() != nil {
			return
		}
		if b.everReady() {
			first = nil
		}
		if errors.Is(err, errWasReady) {
			failed, delay = 0, b.cfg.Timing.Retry
			if time.Since(began) > b.cfg.Timing.LongestRetry {
				continue // a session that lasted is replaced at once
			}
		}
		failed++
		var fatal *fatalError
		if first != nil && (failed > b.cfg.Timing.Retries || errors.As(err, &fatal)) {
			first <- err
			return
		}
		wait := jitter(delay)
		if errors.Is(err, errWasReady) {
			wait = min(wait, jitter(b.cfg.Timing.Retry)/5)
		} else {
			delay = min(2*delay, b.cfg.Timing.LongestRetry)
		}
		b.log.Warn("no session with the gateway", "address", b.cfg.Address, "retry", wait.String(), "err", err)
		if !b.rest(ctx, wait, err) {
			return
		}
	}
}

// errWasReady marks the end of a session that orders could be sent in.
var errWasReady = errors.New("ibkr: session ended")

func (b *Broker) everReady() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.epoch > 0
}

// rest waits before the next attempt, and reports whether to make it.
func (b *Broker) rest(ctx context.Context, wait time.Duration, why error) bool {
	b.mu.Lock()
	b.why, b.retryAt = why, b.cfg.Now().Add(wait)
	b.mu.Unlock()
	return sleep(ctx, wait)
}

// sleep waits, and reports whether the context lives on.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// jitter varies a wait by a fifth.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(max(2*d/5, 1))
}

// once is one session from its beginning to its end, and why it ended.
func (b *Broker) once(ctx context.Context, first chan<- error) error {
	s, err := b.connect(ctx)
	if err != nil {
		b.mu.Lock()
		b.why = err
		b.mu.Unlock()
		return err
	}
	b.mu.Lock()
	b.session, b.why = s, nil
	b.turn(turnGreeted)
	lost := s.lost && b.turn(turnLost) // it was told along with the greeting
	b.mu.Unlock()
	b.log.Info("connected", "address", b.cfg.Address, "version", s.door.version, "client", b.cfg.ClientID)
	if lost {
		b.log.Warn(lostMessage)
	}
	err = b.serve(ctx, s, first)
	s.close(err)
	b.log.Info("disconnected", "address", b.cfg.Address, "err", s.cause())
	return s.whyEnded()
}

// whyEnded is the cause of the end, marked if orders could be sent before.
func (s *session) whyEnded() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.served {
		return fmt.Errorf("%w: %w", errWasReady, s.err)
	}
	return s.err
}

// serve reads everything and then watches the session until it ends.
func (b *Broker) serve(ctx context.Context, s *session, first chan<- error) error {
	if err := s.pause(ctx, b.cfg.Timing.Settle); err != nil {
		return err
	}
	if err := b.synchronise(ctx, s); err != nil {
		return err
	}
	ticker := time.NewTicker(b.cfg.Timing.Heartbeat)
	defer ticker.Stop()
	for missed := 0; ; {
		if first != nil && b.everReady() {
			first <- nil
			first = nil
		}
		select {
		case <-ctx.Done():
			return broker.ErrClosed
		case <-s.ended:
			return s.cause()
		case <-s.wrapper.closed:
			return errors.New("ibkr: the client library could not decode a message and hung up")
		case <-s.stale:
			if err := b.synchronise(ctx, s); err != nil {
				return err
			}
		case <-ticker.C:
			if b.beat(ctx, s) == nil {
				missed = 0
			} else if missed++; missed > 1 {
				return fmt.Errorf("ibkr: the gateway has not answered for %s", 2*b.cfg.Timing.Heartbeat)
			}
		}
	}
}

// beat makes a round trip.
func (b *Broker) beat(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timing.Heartbeat)
	defer cancel()
	_, err := b.gatewayTime(ctx, s)
	return err
}

// clockEvery is how often the gateway answers what time it is.
const clockEvery = time.Second

// gatewayTime asks the gateway for its time.
func (b *Broker) gatewayTime(ctx context.Context, s *session) (time.Time, error) {
	select {
	case s.clockSlot <- struct{}{}:
		defer func() { <-s.clockSlot }()
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-s.ended:
		return time.Time{}, s.cause()
	}
	if err := s.pause(ctx, clockEvery-time.Since(s.clockLast)); err != nil {
		return time.Time{}, err
	}
	s.clockLast = time.Now()
	rows, err := s.ask(ctx, question{
		name: "current time", id: askTime, prio: prioCancel, // a heartbeat that waits behind others would end the session
		ask: func(c *ibapi.EClient, _ int64) { c.ReqCurrentTime() },
	})
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range rows {
		if t, ok := r.(time.Time); ok {
			return t, nil
		}
	}
	return time.Time{}, errors.New("ibkr: no time in the answer")
}

// pause waits, if there is something to wait, unless the context or the session
// ends first.
func (s *session) pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ended:
		return s.cause()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turn moves the state machine on. The lock is held.
func (b *Broker) turn(t turn) bool {
	next, ok := b.phase.after(t)
	b.phase = next
	if ok {
		b.wake()
	}
	return ok
}

const lostMessage = "the gateway has lost IBKR: nothing is sent until everything was read anew"

// froze notes that the gateway has lost IBKR.
func (b *Broker) froze(s *session, why error) {
	b.mu.Lock()
	s.since, s.lost = b.cfg.Now(), true
	lost := b.session == s && b.turn(turnLost)
	if lost {
		b.noteAcks(s.book)
	}
	b.mu.Unlock()
	if lost {
		b.log.Warn(lostMessage, "err", why)
	}
}

// thawed notes that IBKR is back, and has everything read anew.
func (b *Broker) thawed(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.since, s.lost = b.cfg.Now(), false
	if b.session != s || !b.turn(turnBack) {
		return
	}
	b.noteAcks(s.book)
	select {
	case s.stale <- struct{}{}:
	default:
	}
}

// sessionEnded notes the end of a session. The lock is held.
func (b *Broker) sessionEnded(s *session) {
	if b.session != s {
		return
	}
	b.noteAcks(s.book)
	b.session, b.why = nil, s.err
	b.turn(turnEnded)
}
