package ibkr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
)

// session is one connection to the gateway, from its handshake to its end. It has
// a client object of the library of its own, which nothing touches once the
// session has ended. All fields below calls are guarded by the broker's lock.
type session struct {
	b       *Broker
	client  *ibapi.EClient
	wrapper *wrapper
	door    *door
	out     *outbox

	slots map[int64]chan struct{} // of the calls without request id
	ended chan struct{}           // closed by end
	stale chan struct{}           // capacity 1: everything must be read anew
	told  chan struct{}           // closed when the gateway told accounts and the first id
	relay chan struct{}           // closed when nothing more comes

	clockSlot chan struct{} // one call for the gateway's time a second
	clockLast time.Time     // guarded by clockSlot

	calls       map[int64]*call
	previews    map[int64]bool // order ids of previews
	nextRequest int64
	err         error
	accounts    []string
	firstID     int64
	book        *book
	down        map[string]bool // farms
	since       time.Time       // when the link was last known to be bad
	served      bool            // orders could be sent
	lost        bool            // the gateway has lost IBKR
}

// connect opens a session up to its handshake: the gateway has accepted the
// client id and told its accounts.
func (b *Broker) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timing.Connect)
	defer cancel()
	s := &session{
		b: b, ended: make(chan struct{}), stale: make(chan struct{}, 1), told: make(chan struct{}), relay: make(chan struct{}), clockSlot: make(chan struct{}, 1),
		slots: map[int64]chan struct{}{}, calls: map[int64]*call{}, previews: map[int64]bool{}, nextRequest: firstRequest,
		down: map[string]bool{}, since: b.cfg.Now(),
	}
	for _, id := range []int64{askOpen, askCompleted, askTime, askNextID} {
		s.slots[id] = make(chan struct{}, 1)
	}
	s.book = b.newBook()
	s.wrapper = newWrapper(s)
	s.client = ibapi.NewEClient(s.wrapper)
	var err error
	if s.door, err = openDoor(ctx, b.cfg.Dial, b.cfg.Address, b.cfg.Now(), s.client, int64(b.cfg.ClientID)); err != nil {
		return nil, err
	}
	_, exact := s.door.gateway.(*net.TCPConn)
	s.out = &outbox{
		exact:  exact,
		client: s.client, library: s.door.library, gateway: s.door.gateway, timeout: b.cfg.Timing.Write, count: &s.door.count,
		bucket: newBucket(b.cfg.MessagesPerSecond, time.Now()), wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		fail: s.end,
	}
	err = s.out.prime()
	go s.out.run()
	go s.read()
	if err == nil {
		err = s.greeted(ctx)
	}
	if err != nil {
		s.close(err)
		return nil, s.cause()
	}
	return s, nil
}

// greeted waits until the gateway has told what a session needs.
func (s *session) greeted(ctx context.Context) error {
	select {
	case <-s.told:
		return s.checkAccounts()
	case <-s.ended:
		return s.cause()
	case <-ctx.Done():
		return fmt.Errorf("ibkr: connect to %s: no accounts and order id in time: is the user logged in, and is a dialog open in the gateway?: %w",
			s.b.cfg.Address, context.Cause(ctx))
	}
}

// checkAccounts makes sure that the gateway manages our accounts.
func (s *session) checkAccounts() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.firstID > lastOrderID {
		return &fatalError{fmt.Errorf("ibkr: the next order id is %d: reset the order ids in the gateway's API settings", s.firstID)}
	}
	managed := map[string]bool{}
	for _, a := range s.accounts {
		managed[a] = true
	}
	for _, a := range s.b.cfg.Accounts {
		if !managed[string(a.ID)] {
			return &fatalError{fmt.Errorf("ibkr: the gateway at %s does not manage account %s, but %d others: %w: check its login and Config.Address",
				s.b.cfg.Address, a.ID, len(s.accounts), broker.ErrUnknownAccount)}
		}
	}
	return nil
}

// read passes on what the gateway says, until the end. What came before the end
// is decoded before the session ends.
func (s *session) read() {
	defer close(s.relay)
	err := s.door.relay()
	if s.door.deliver(markerFrame(s.door.version, mark)) == nil {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-s.wrapper.flushed:
		case <-s.wrapper.closed: // the library gave up first
			err = errors.Join(errors.New("ibkr: the client library could not decode a message"), err)
		case <-timer.C:
		}
	}
	s.end(err)
}

// end marks the session as over. It never blocks; close does the rest.
func (s *session) end(cause error) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = cause
	for _, c := range s.calls {
		if c.late != nil {
			c.late.Stop()
		}
	}
	close(s.ended)
	s.b.sessionEnded(s)
}

// cause is why the session ended.
func (s *session) cause() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return s.err
}

// close ends the session and waits until nothing of it runs any more. The library
// hears of the end only when nobody uses it any more: it forgets its connection
// while others may still look at it.
func (s *session) close(cause error) {
	s.end(cause)
	s.out.close(s.cause())
	_ = s.door.gateway.Close()
	<-s.out.done
	<-s.relay
	_ = s.door.library.Close()
	timer := time.NewTimer(libraryWait)
	defer timer.Stop()
	select {
	case <-s.wrapper.closed:
	case <-timer.C:
		s.b.log.Warn("the client library does not let go of its connection")
	}
}

// The callbacks.

func (s *session) onNextID(id int64) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.firstID == 0 {
		s.firstID = id
		s.tell()
	}
	if id <= lastOrderID { // else the session is refused
		s.b.nextID = max(s.b.nextID, id)
	}
	if c := s.calls[askNextID]; c != nil {
		c.rows = append(c.rows, id)
		s.finishLocked(askNextID, nil)
	}
}

func (s *session) onAccounts(list []string) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	var known []string
	for _, a := range list {
		if a != "" {
			known = append(known, a)
		}
	}
	first := s.accounts == nil
	s.accounts = known
	if first && known != nil {
		s.tell()
	}
}

// tell closes told once both have come. The lock is held.
func (s *session) tell() {
	if s.firstID == 0 || s.accounts == nil {
		return
	}
	select {
	case <-s.told:
	default:
		close(s.told)
	}
}

func (s *session) onOrder(r *orderReport) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if r.preview || s.previews[r.order] && r.client == s.book.client {
		s.answerPreview(r)
		return
	}
	s.book.open(r)
	s.b.nextID = max(s.b.nextID, min(s.book.highest, lastOrderID)+1)
	s.b.wake()
}

func (s *session) onStatus(r *statusReport) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.previews[r.order] && r.client == s.book.client {
		return
	}
	s.book.status(r)
	s.b.wake()
}

func (s *session) onExecution(r *executionReport) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.book.execution(r)
	s.b.wake()
}

func (s *session) onFee(r *feeReport) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.book.fee(r)
	s.b.wake()
}

// onCode takes what the gateway says by a number: of the connection, a farm, a
// request or an order.
func (s *session) onCode(id int64, code int, text string) {
	rule := codeOf(code)
	s.b.log.Debug("gateway", "id", id, "code", code, "text", text)
	switch rule.meaning {
	case freeze:
		s.b.froze(s, &gatewayError{code, text})
		return
	case resync:
		s.b.thawed(s)
		return
	case hangUp, clientTaken:
		if s.out != nil || rule.meaning == clientTaken { // else the library talks to itself while it dials
			s.end(&gatewayError{code, text})
		}
		return
	case slower:
		s.tooFast(&gatewayError{code, text})
		s.b.log.Warn("the gateway asks for fewer messages", "code", code, "text", text)
		return
	case farmDown, farmUp:
		s.b.mu.Lock()
		s.down[farms[code]] = rule.meaning == farmDown
		s.b.mu.Unlock()
		return
	default:
		s.about(id, code, text)
	}
}

// tooFast halves the rate, and fails the requests that are under way: the gateway
// has dropped one message, and does not say which.
func (s *session) tooFast(why error) {
	s.out.slower()
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	for _, id := range slices.Collect(maps.Keys(s.calls)) {
		if id >= 0 {
			s.finishLocked(id, why)
		}
	}
}

// about takes a code of a request or an order.
func (s *session) about(id int64, code int, text string) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	switch {
	case id >= firstRequest:
		if asRequest(code).meaning != info {
			s.finishLocked(id, &gatewayError{code, text})
		}
	case s.previews[id]:
		s.refusePreview(id, code, text)
	case id > 0:
		if asOrder(code).meaning == idTaken {
			s.b.raiseIDs(s)
		}
		s.book.note(id, code, text)
		s.b.wake()
	case asRequest(code).meaning == requestRefused: // of a call without an id
		for _, open := range []int64{askOpen, askCompleted} {
			s.finishLocked(open, &gatewayError{code, text})
		}
	}
}
