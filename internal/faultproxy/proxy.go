package faultproxy

import (
	"fmt"
	"maps"
	"net"
	"sync"
	"time"
)

// Proxy forwards connections to a target and breaks them on demand.
type Proxy struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu      sync.Mutex
	links   map[*link]struct{}
	rules   []*Armed
	counts  map[Fault]int
	delay   map[Direction]time.Duration
	stall   Direction     // 0 for none
	healed  chan struct{} // closed when the stall ends or changes
	refuses bool
	closed  bool
}

// New listens on a free port of the loopback interface and forwards to target.
// [Proxy.Close] ends it.
func New(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("faultproxy: listen: %w", err)
	}
	p := &Proxy{
		listener: l, target: target, links: make(map[*link]struct{}), counts: make(map[Fault]int),
		delay: make(map[Direction]time.Duration), healed: make(chan struct{}),
	}
	p.all.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close ends all connections and waits for all goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	for _, l := range p.current() {
		l.close()
	}
	p.all.Wait()
	return err
}

// SetTarget changes where new connections go to.
func (p *Proxy) SetTarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// On puts a rule in force until it has taken effect once, or until [Proxy.Heal].
func (p *Proxy) On(rule Rule) *Armed {
	rule.Nth = max(rule.Nth, 1)
	switch rule.Fault {
	case LoseReply, HideReply, LoseRequest, ResetRequest:
	default:
		panic(fmt.Sprintf("faultproxy: fault %q cannot be tied to a request", rule.Fault))
	}
	a := &Armed{rule: rule, done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, a)
	return a
}

// Stall makes a black hole of a direction: what is sent is neither delivered nor
// refused. As behind a broken route, it is delivered late if the link heals
// before the connection ends.
func (p *Proxy) Stall(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setStall(d)
}

// setStall needs the lock.
func (p *Proxy) setStall(d Direction) {
	p.stall = d
	close(p.healed)
	p.healed = make(chan struct{})
}

// Delay delays each piece in a direction. Zero ends it.
func (p *Proxy) Delay(d Direction, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range []Direction{ToServer, ToClient} {
		if d.covers(one) {
			p.delay[one] = by
		}
	}
}

// Refuse resets new connections as soon as they are made. Old ones stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = true
}

// Cut closes all connections now.
func (p *Proxy) Cut() { p.end(CutOff, (*link).close) }

// Reset resets (RST) all connections now.
func (p *Proxy) Reset() { p.end(ResetOff, (*link).reset) }

// Heal ends all faults that last and disarms all rules.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules, p.refuses = nil, false
	clear(p.delay)
	p.setStall(0)
}

// Count returns how often a fault was injected.
func (p *Proxy) Count(f Fault) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[f]
}

// Counts returns how often each fault was injected.
func (p *Proxy) Counts() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// Open returns how many connections there are now.
func (p *Proxy) Open() int { return len(p.current()) }

// end ends all connections.
func (p *Proxy) end(f Fault, how func(*link)) {
	links := p.current()
	p.count(f, len(links))
	for _, l := range links {
		how(l)
	}
}

// current returns the connections.
func (p *Proxy) current() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// count notes faults.
func (p *Proxy) count(f Fault, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[f] += n
}

// accept serves new connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

// serve forwards one connection until it ends.
func (p *Proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	target, refuses := p.target, p.refuses || p.closed
	p.mu.Unlock()
	if refuses {
		p.count(Refused, 1)
		resetConn(client)
		return
	}
	server, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		resetConn(client)
		return
	}
	l := newLink(p, client, server.(*net.TCPConn))
	if !p.add(l) {
		l.close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(ToServer) })
	both.Go(func() { l.pump(ToClient) })
	both.Wait()
	l.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// add notes a connection, unless the proxy was closed meanwhile.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.links[l] = struct{}{}
	return true
}
