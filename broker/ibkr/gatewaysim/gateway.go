package gatewaysim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Gateway is a running simulator. All methods are safe for concurrent use.
type Gateway struct {
	cfg     Config
	ex      *Exchange
	addr    string
	control net.Listener // nil without a control port
	server  *http.Server

	ctx    context.Context //nolint:containedctx // of its goroutines, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while the gateway is down
	closed   bool
}

// Start starts a simulated gateway, which accepts connections when Start
// returns. Close it.
func Start(cfg Config) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, ex: newExchange(cfg)}
	g.ex.gateway = g
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("gatewaysim: start: %w", err)
	}
	g.listener, g.addr = listener, listener.Addr().String()
	if cfg.Control != "" {
		if g.control, err = net.Listen("tcp", cfg.Control); err != nil {
			return nil, errors.Join(fmt.Errorf("gatewaysim: start: control port: %w", err), listener.Close())
		}
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.wg.Go(func() { g.ex.runAgenda(g.ctx) })
	g.wg.Go(func() { g.accept(listener) })
	if g.control != nil {
		g.server = &http.Server{Handler: g.controlHandler(), ReadHeaderTimeout: 10 * time.Second}
		g.wg.Go(func() { _ = g.server.Serve(g.control) }) // ends with Close
	}
	return g, nil
}

// Addr is where clients connect, as host:port. It stays the same through
// simulated restarts.
func (g *Gateway) Addr() string { return g.addr }

// Port is the port of [Gateway.Addr].
func (g *Gateway) Port() int {
	tcp, err := net.ResolveTCPAddr("tcp", g.addr)
	if err != nil {
		return 0
	}
	return tcp.Port
}

// ControlAddr is the address of the HTTP control port, empty without one.
func (g *Gateway) ControlAddr() string {
	if g.control == nil {
		return ""
	}
	return g.control.Addr().String()
}

// Exchange is the market and the brokerage behind the gateway: it lives on when
// clients leave and the gateway restarts.
func (g *Gateway) Exchange() *Exchange { return g.ex }

// Close cuts all connections and waits until every goroutine has ended.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	listener := g.listener
	g.listener = nil
	g.mu.Unlock()
	g.cancel()
	var err error
	if listener != nil {
		err = listener.Close()
	}
	if g.server != nil {
		err = errors.Join(err, g.server.Close())
	}
	g.ex.hangUpAll()
	g.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Disconnect cuts the connections of a client id at once, or of all clients if
// it is negative. Orders live on.
func (g *Gateway) Disconnect(client int) {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	for _, s := range g.ex.sessions {
		if client < 0 || s.client == client {
			s.cut()
		}
	}
}

// Clients returns the ids of the clients that are connected and have started.
func (g *Gateway) Clients() []int {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	ids := []int{}
	for _, s := range g.ex.sessions {
		if s.started && !s.gone {
			ids = append(ids, s.client)
		}
	}
	return ids
}

// Restart is a restart of the gateway: all connections are cut, connections are
// refused for a time, and the next order ids fall back by a number, as they do
// when the gateway forgets the last orders.
func (g *Gateway) Restart(down time.Duration, idRollback int) {
	g.ex.mu.Lock()
	g.ex.restart(idRollback)
	g.ex.mu.Unlock()
	g.refuse(down)
}

// refuse closes the port for a time and cuts all connections.
func (g *Gateway) refuse(down time.Duration) {
	g.mu.Lock()
	listener := g.listener
	g.listener = nil
	if listener != nil { // under the lock, so that Close waits for it
		g.wg.Go(func() { g.reopen(down) })
	}
	g.mu.Unlock()
	if listener != nil {
		_ = listener.Close() // its error says nothing that matters here
		g.ex.hangUpAll()
	}
}

// down reports whether the port is closed.
func (g *Gateway) down() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.listener == nil
}

// reopen listens again after a time.
func (g *Gateway) reopen(down time.Duration) {
	for wait := down; ; wait = 5 * time.Millisecond {
		timer := time.NewTimer(wait)
		select {
		case <-g.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		listener, err := net.Listen("tcp", g.addr)
		if err != nil {
			continue // the old socket may still be going
		}
		g.mu.Lock()
		if g.closed {
			g.mu.Unlock()
			_ = listener.Close()
			return
		}
		g.listener = listener
		g.mu.Unlock()
		g.accept(listener)
		return
	}
}

// accept serves connections until the listener is closed.
func (g *Gateway) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		g.wg.Go(func() { g.serve(conn) })
	}
}
