package faultproxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn
	ended          chan struct{}
	once           sync.Once
	tails          map[*Armed][]byte // used by the pump to the server only

	mu    sync.Mutex
	reply *Armed // the rule whose reply is to be swallowed
}

// newLink returns a link between two connections.
func newLink(p *Proxy, client, server *net.TCPConn) *link {
	return &link{proxy: p, client: client, server: server, ended: make(chan struct{}), tails: make(map[*Armed][]byte)}
}

// close ends both connections.
func (l *link) close() {
	l.once.Do(func() {
		close(l.ended)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// reset ends both connections with RST.
func (l *link) reset() {
	l.once.Do(func() {
		close(l.ended)
		resetConn(l.client)
		resetConn(l.server)
	})
}

// resetConn closes a connection with RST.
func resetConn(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// pump forwards one direction until the connection ends.
func (l *link) pump(d Direction) {
	from, to := l.client, l.server
	if d == ToClient {
		from, to = l.server, l.client
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !l.pass(d, to, buffer[:n]) {
				l.close()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite() // the other direction may still be under way
			return
		case err != nil:
			l.close()
			return
		}
	}
}

// pass forwards a piece, or does to it what the faults say. It reports whether
// the connection goes on.
func (l *link) pass(d Direction, to *net.TCPConn, piece []byte) bool {
	if !l.wait(d) {
		return false
	}
	if d == ToClient {
		if a, swallow := l.swallows(); swallow {
			if a == nil {
				return true // hidden: the connection stays open
			}
			l.proxy.count(a.rule.Fault, 1)
			a.fired()
			return false
		}
		_, err := to.Write(piece)
		return err == nil
	}
	a := l.proxy.match(l, piece)
	if a == nil {
		_, err := to.Write(piece)
		return err == nil
	}
	switch a.rule.Fault {
	case LoseReply:
		l.setReply(a)
		_, err := to.Write(piece)
		return err == nil
	case HideReply:
		l.setReply(&Armed{rule: Rule{Fault: HideReply}})
		_, err := to.Write(piece)
		l.proxy.count(HideReply, 1)
		a.fired()
		return err == nil
	case ResetRequest:
		l.proxy.count(ResetRequest, 1)
		a.fired()
		l.reset()
		return false
	default:
		l.proxy.count(LoseRequest, 1)
		a.fired()
		return false
	}
}

// setReply says what happens to the next reply.
func (l *link) setReply(a *Armed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reply = a
}

// swallows reports whether what comes from the server is swallowed; with a
// rule, the connection ends too.
func (l *link) swallows() (*Armed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reply == nil {
		return nil, false
	}
	if l.reply.rule.Fault == HideReply {
		return nil, true
	}
	return l.reply, true
}

// match returns the rule that takes effect on a piece, if any, and disarms it.
func (p *Proxy) match(l *link, piece []byte) *Armed {
	p.mu.Lock()
	defer p.mu.Unlock()
	var hit *Armed
	rest := p.rules[:0:0]
	for _, a := range p.rules {
		n, keep := a.matches(l.tails[a], piece)
		l.tails[a] = keep
		a.seen += n
		if hit == nil && a.seen >= a.rule.Nth {
			hit = a
			delete(l.tails, a)
			continue
		}
		rest = append(rest, a)
	}
	p.rules = rest
	return hit
}

// wait holds a piece back while its direction is stalled or delayed. It reports
// whether the connection goes on.
func (l *link) wait(d Direction) bool {
	p := l.proxy
	for counted := false; ; {
		p.mu.Lock()
		stalled, healed, delay := p.stall.covers(d), p.healed, p.delay[d]
		if stalled && !counted {
			p.counts[Stalled]++
			counted = true
		}
		if !stalled && delay > 0 {
			p.counts[Delayed]++
		}
		p.mu.Unlock()
		if !stalled {
			return l.sleep(delay)
		}
		select {
		case <-healed:
		case <-l.ended:
			return false
		}
	}
}

// sleep waits, but not longer than the connection lives.
func (l *link) sleep(delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ended:
		return false
	}
}
