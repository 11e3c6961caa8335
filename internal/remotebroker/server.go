package remotebroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Exchange is what a server serves: a broker with every role, and its prices.
type Exchange interface {
	broker.Broker
	broker.Calendar
	broker.WhatIfer
	broker.Prober
	broker.AbsenceProver
	marketdata.PriceSource
}

// Call is a call as a hook sees it.
type Call struct {
	Client  string // the name of the client
	Method  string // such as [MethodPlace]
	Account broker.AccountID
	Order   broker.OrderID
}

// Hooks run around each call, in its own goroutine. They may block and kill the
// client. An error cuts the connection; the client hears nothing of the call.
type Hooks struct {
	// Before runs before the call has any effect. Default: none.
	Before func(context.Context, Call) error
	// After runs when it had all its effects. Default: none.
	After func(context.Context, Call) error
}

// Server serves an exchange. Make one with [Serve].
type Server struct {
	exchange Exchange
	hooks    Hooks
	listener net.Listener
	all      sync.WaitGroup
	ctx      context.Context //nolint:containedctx // the life of the server
	stop     context.CancelFunc

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	active int // calls under way
}

// Serve serves an exchange on a listener, which the server closes in the end.
func Serve(l net.Listener, exchange Exchange, hooks Hooks) *Server {
	s := &Server{exchange: exchange, hooks: hooks, listener: l, conns: map[net.Conn]struct{}{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.all.Go(s.accept)
	return s
}

// Close ends all calls and connections and waits for all goroutines. Hooks must
// not wait for ever. Closing again does nothing.
func (s *Server) Close() error {
	s.stop()
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
	return err
}

// Active is how many calls are under way.
func (s *Server) Active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// accept serves new connections until the listener is closed.
func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.add(c) {
			_ = c.Close()
			return
		}
		s.all.Go(func() { s.serve(c) })
	}
}

// add notes a connection, unless the server is closed.
func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// serve answers the calls of one connection, one after another. A connection
// that ends during a call ends the call.
func (s *Server) serve(raw net.Conn) {
	c := newConn(raw)
	ctx, cancel := context.WithCancel(s.ctx)
	requests := make(chan *request)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(requests)
		defer cancel()
		for {
			req := new(request)
			if c.dec.Decode(req) != nil {
				return
			}
			select {
			case requests <- req:
			case <-ctx.Done():
				return
			}
		}
	})
	for req := range requests {
		if s.answer(ctx, c, req) != nil {
			break
		}
	}
	cancel()
	_ = c.Close()
	reader.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, raw)
}

// answer does one call. An error ends the connection.
func (s *Server) answer(ctx context.Context, c *conn, req *request) error {
	s.count(1)
	defer s.count(-1)
	call := Call{Client: req.Client, Method: req.Method, Account: req.Account, Order: req.ID}
	if req.Method == MethodPlace || req.Method == MethodWhatIf {
		call.Account, call.Order = req.Order.Account, req.Order.ID
	}
	if s.hooks.Before != nil {
		if err := s.hooks.Before(ctx, call); err != nil {
			return err
		}
	}
	res := s.do(ctx, req)
	if s.hooks.After != nil {
		if err := s.hooks.After(ctx, call); err != nil {
			return err
		}
	}
	_, err := c.send(res)
	return err
}

// count counts the calls under way.
func (s *Server) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active += n
}

// do calls the exchange.
func (s *Server) do(ctx context.Context, q *request) *response {
	r, x := &response{}, s.exchange
	var err error
	switch q.Method {
	case MethodAccounts:
		r.Accounts, err = x.Accounts(ctx)
	case MethodSnapshot:
		r.Snapshot, err = x.Snapshot(ctx, q.Account)
		r.NoneSettled = r.Snapshot.SettledCash != nil && len(r.Snapshot.SettledCash) == 0
	case MethodResolve:
		r.Instruments, err = x.Resolve(ctx, q.Symbols...)
	case MethodPlace:
		r.State, err = x.Place(ctx, q.Order)
	case MethodCancel:
		err = x.Cancel(ctx, q.Account, q.ID)
	case MethodOrders:
		r.States, err = x.Orders(ctx, q.Account, q.Query)
	case MethodAwait:
		r.States, r.Cursor, err = x.Await(ctx, q.Account, q.After)
	case MethodSessions:
		r.Sessions, err = x.Sessions(ctx, q.From, q.To, q.Symbols...)
	case MethodWhatIf:
		r.WhatIf, err = x.WhatIf(ctx, q.Order)
	case MethodProbe:
		r.Probe, err = x.Probe(ctx)
	case MethodProveAbsent:
		r.Absent, err = x.ProveAbsent(ctx, q.Account, q.ID)
	case MethodQuotes:
		r.Quotes, err = x.Quotes(ctx, q.Symbols)
	default:
		err = &broker.Error{Op: q.Method, Kind: broker.KindPermanent, Err: fmt.Errorf("unknown method %q", q.Method)}
	}
	r.Err = toWire(err)
	return r
}
