package main

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

// redisWorld is a Redis server of one lane of runs, with a proxy for each worker in
// front of it. A run with a failover has servers of its own.
type redisWorld struct {
	lane   *host // has the server of the lane
	usual  *redistest.Server
	own    *host // has the servers of a run with a failover
	server *redistest.Server
	spare  *redistest.Server // the replica
	prefix string
	// lost is called when the master is dead and its tail is lost.
	lost func()
	// proxies are the links of the workers, by slot.
	proxies []*faultproxy.Proxy

	mu     sync.Mutex // one disturbance of the server at a time
	broken bool       // the server is not as it should be
}

// newRedisWorld starts the server of a lane, which ends with h.
func newRedisWorld(h *host) (*redisWorld, error) {
	r := &redisWorld{lane: h}
	err := h.try(func() { r.usual = redistest.Start(h, redistest.Options{}) })
	return r, err
}

// begin is called before a run.
func (r *redisWorld) begin(workers int, lossy bool) error {
	r.proxies, r.prefix, r.server, r.own, r.spare = nil, "ct"+strings.ToLower(rand.Text()), r.usual, &host{}, nil
	err := r.own.try(func() {
		if !lossy {
			r.server.Do("flushall")
			return
		}
		r.server = redistest.Start(r.own, redistest.Options{})
		r.spare = redistest.Start(r.own, redistest.Options{})
		r.spare.Follow(r.server)
	})
	if err != nil {
		r.own.close()
		return err
	}
	for range workers {
		p, err := faultproxy.New(r.server.Addr)
		if err != nil {
			r.end()
			return err
		}
		r.proxies = append(r.proxies, p)
	}
	return nil
}

// end is called after a run.
func (r *redisWorld) end() {
	for _, p := range r.proxies {
		_ = p.Close()
	}
	r.own.close()
}

// requestFault is a fault that is tied to a request, as the proxy names it.
var requestFault = map[string]faultproxy.Fault{
	faultLoseReply: faultproxy.LoseReply, faultHideReply: faultproxy.HideReply,
	faultLoseRequest: faultproxy.LoseRequest, faultResetRequest: faultproxy.ResetRequest,
}

// strike lets something happen to the server, or to the links of the worker in a
// slot or of all workers.
func (r *redisWorld) strike(s *strike, slot int) error {
	links := r.proxies[slot : slot+1]
	if s.all && s.point == "" {
		links = r.proxies
	}
	if f, ok := requestFault[s.fault]; ok {
		links[0].On(faultproxy.Rule{Fault: f})
		return nil
	}
	begin := map[string]func(*faultproxy.Proxy){
		faultHoleIn:  func(p *faultproxy.Proxy) { p.Stall(faultproxy.ToServer) },
		faultHoleOut: func(p *faultproxy.Proxy) { p.Stall(faultproxy.ToClient) },
		faultHole:    func(p *faultproxy.Proxy) { p.Stall(faultproxy.Both) },
		faultDelay:   func(p *faultproxy.Proxy) { p.Delay(faultproxy.Both, s.lasts/40) },
		faultRefuse:  (*faultproxy.Proxy).Refuse,
		faultCut:     (*faultproxy.Proxy).Cut,
		faultReset:   (*faultproxy.Proxy).Reset,
	}[s.fault]
	if begin == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.own.try(func() { r.strikeServer(s) })
	}
	for _, p := range links {
		begin(p)
	}
	if s.fault != faultCut && s.fault != faultReset {
		pause(s.lasts)
		for _, p := range links {
			p.Heal()
		}
	}
	return nil
}

// strikeServer lets something happen to the server. The caller holds mu.
func (r *redisWorld) strikeServer(s *strike) {
	r.broken = true
	switch s.fault {
	case faultRestart:
		r.server.Kill()
		pause(s.lasts / 4)
		r.server.Restart()
	case faultFreeze:
		r.server.Pause()
		pause(s.lasts)
		r.server.Continue()
	case faultFlush:
		r.server.Do("script", "flush")
	case faultFull:
		r.server.FillUp()
		pause(s.lasts)
		r.server.Set("maxmemory", "0")
	case faultReadOnly:
		r.server.FollowNobody()
		pause(s.lasts)
		r.server.Promote()
	case faultFailover:
		r.failOver(s)
	default:
		r.own.Fatalf("crashtest: unknown fault %q", s.fault)
	}
	r.broken = false
}

// failOver lets the replica fall behind for a time, kills the master and puts the
// replica in its place: what was acknowledged in that time is lost.
func (r *redisWorld) failOver(s *strike) {
	if r.spare == nil {
		return
	}
	r.spare.CatchUp(r.server)
	r.spare.Promote()
	pause(s.lasts)
	r.server.Kill()
	r.lost()
	for _, p := range r.proxies {
		p.SetTarget(r.spare.Addr)
		p.Cut()
	}
	r.server, r.spare = r.spare, nil
}

// heal ends all faults.
func (r *redisWorld) heal() error {
	for _, p := range r.proxies {
		p.Heal()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return errors.New("crashtest: the server was left broken by an earlier failure")
	}
	return nil
}

// pause lets time pass.
func pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}
