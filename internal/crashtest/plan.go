package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/childproc"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Faults of processes and of the link to the broker.
const (
	faultKill    = "SIGKILL"
	faultPause   = "SIGSTOP beyond the lease"
	faultDrain   = "stopped in good order"
	faultCutLink = "broker link cut"
)

// Faults of the exchange.
const (
	faultSession = "exchange: session cut"
	faultSwallow = "exchange: order lost without a word"
	faultLate    = "exchange: order arrives late, without an answer"
)

// Faults of Redis and of the link to it.
const (
	faultLoseReply    = "redis: reply lost"
	faultHideReply    = "redis: reply hidden, link open"
	faultLoseRequest  = "redis: request lost"
	faultResetRequest = "redis: request reset"
	faultHoleIn       = "redis: black hole to the server"
	faultHoleOut      = "redis: black hole to the client"
	faultHole         = "redis: black hole both ways"
	faultDelay        = "redis: latency"
	faultCut          = "redis: links closed"
	faultReset        = "redis: links reset"
	faultRefuse       = "redis: connections refused"
	faultRestart      = "redis: SIGKILL and restart on its AOF"
	faultFreeze       = "redis: SIGSTOP"
	faultFlush        = "redis: SCRIPT FLUSH"
	faultFull         = "redis: out of memory"
	faultReadOnly     = "redis: read-only replica"
	faultFailover     = "redis: failover that loses the tail"
)

// Faults that take place at a point before a call of journal or queue.
var requestFaults = []string{faultLoseReply, faultHideReply, faultLoseRequest, faultResetRequest}

// Faults that take place at any time.
var timedFaults = []string{
	faultHoleIn, faultHoleOut, faultHole, faultDelay, faultCut, faultReset, faultRefuse, faultRestart, faultFreeze, faultFlush,
	faultFull, faultReadOnly,
}

// strike is one fault: at the n-th time that anybody reaches a point, or, without
// a point, at a time.
type strike struct {
	fault string
	point string
	n     int
	after time.Duration
	lasts time.Duration
	all   bool // on the links of all workers, not of one
}

// name is how the table counts it.
func (s *strike) name() string {
	if s.point == "" {
		return s.fault + " at random"
	}
	return s.fault + " at " + s.point
}

// String says when it strikes.
func (s *strike) String() string {
	if s.point == "" {
		return fmt.Sprintf("%s after %v for %v", s.fault, s.after, s.lasts)
	}
	return fmt.Sprintf("%s (time %d) for %v", s.name(), s.n, s.lasts)
}

// brokerPoints are those of the hooks of the exchange.
func brokerPoints() []string {
	var list []string
	for _, m := range []string{
		remotebroker.MethodAccounts, remotebroker.MethodSnapshot, remotebroker.MethodResolve, remotebroker.MethodPlace,
		remotebroker.MethodCancel, remotebroker.MethodOrders, remotebroker.MethodAwait, remotebroker.MethodSessions,
		remotebroker.MethodProveAbsent, remotebroker.MethodQuotes,
	} {
		list = append(list, "broker "+m+" before", "broker "+m+" after")
	}
	return list
}

// storePoints are those of the journal and the queue.
func storePoints() []string {
	calls := []string{"journal begin", "journal intend SELL", "journal intend BUY", "journal settle", "journal finish", "journal block"}
	for _, s := range []rebalance.Step{
		rebalance.StepReady, rebalance.StepResolve, rebalance.StepAllocation, rebalance.StepInstruments, rebalance.StepSnapshot,
		rebalance.StepCancel, rebalance.StepPrices, rebalance.StepPlan, rebalance.StepSell, rebalance.StepSettle, "fund",
		rebalance.StepBuy, rebalance.StepVerify, "parked",
	} {
		calls = append(calls, "journal checkpoint "+string(s))
	}
	for _, v := range []queue.Verb{queue.VerbAck, queue.VerbRetry, queue.VerbDefer} {
		calls = append(calls, "queue "+string(v))
	}
	calls = append(calls, "queue publish", "queue extend")
	list := []string{"queue receive after"}
	for _, c := range calls {
		list = append(list, c+" before", c+" after")
	}
	return list
}

// catalogue is every fault that a kind of stores can have, as strikes without
// their numbers.
func catalogue(kind string) []strike {
	var list []strike
	broker, store := brokerPoints(), storePoints()
	add := func(fault string, points ...string) {
		for _, p := range points {
			list = append(list, strike{fault: fault, point: p})
		}
	}
	add(faultKill, broker...)
	add(faultKill, store...)
	add(faultKill, "", "", "", "")
	add(faultDrain, "", "", "", "journal begin after", "journal intend SELL after", "broker place before", "journal finish before")
	if childproc.CanPause {
		add(faultPause, broker...)
		add(faultPause, store...)
		add(faultPause, "", "")
	}
	add(faultCutLink, broker...)
	for range 3 {
		add(faultSession, "", "broker snapshot after", "journal intend SELL after", "journal intend BUY before")
		add(faultSwallow, "")
		add(faultLate, "")
	}
	if kind != kindRedis {
		return list
	}
	for _, f := range requestFaults {
		for _, p := range store {
			if p[len(p)-6:] == "before" {
				add(f, p)
			}
		}
		add(f, "queue receive after") // strikes whatever comes next
	}
	for range 4 {
		for _, f := range timedFaults {
			if f != faultFreeze || childproc.CanPause {
				add(f, "")
			}
		}
	}
	add(faultFailover, "", "", "", "", "", "")
	return list
}

// plan is what goes wrong in a run.
type plan struct {
	workers int
	gaps    []time.Duration // when each event is published
	strikes []*strike
	shared  bool // bolt: one file
	lossy   bool // acknowledged writes are lost
	manned  bool // an operator may have to help
	// breakers are those of the engine for its stores.
	breakers breakerPlan
}

// breakerPlan is what becomes of breakers.
type breakerPlan string

// The plans. A breaker that opened stays so for half a minute, which few runs can
// wait for.
const (
	breakersHelped  breakerPlan = "closed by an operator when the faults are over"
	breakersPatient breakerPlan = "left alone"
)

// breakersOf draws what becomes of the breakers of a seed's run.
func breakersOf(kind string, seed uint64) breakerPlan {
	if stream(seed, "breakers "+kind).IntN(20) == 0 {
		return breakersPatient
	}
	return breakersHelped
}

// planOf draws the plan of a seed. Its first strike is the seed's place in the
// catalogue, so that many seeds in a row have all of them; or in that part of it
// whose names contain a text.
func planOf(kind string, seed uint64, events int, only string) *plan {
	r := stream(seed, "plan "+kind)
	list := catalogue(kind)
	p := &plan{workers: 1, shared: r.IntN(2) == 0, breakers: breakersOf(kind, seed)}
	if kind != kindBolt {
		p.workers = 2 + r.IntN(2)
	}
	at := time.Duration(0)
	for range events {
		p.gaps = append(p.gaps, at)
		at += time.Duration(r.IntN(120)) * time.Millisecond
	}
	firsts := slices.DeleteFunc(slices.Clone(list), func(s strike) bool { return !strings.Contains(s.name(), only) })
	if len(firsts) > 0 {
		first := firsts[int(seed%uint64(len(firsts)))] //nolint:gosec // less than the length
		first.n = 1
		p.add(r, first)
	}
	for range r.IntN(4) {
		s := pick(r, list)
		if s.fault == faultFailover {
			continue // runs of its own: it needs servers of its own
		}
		s.n = 1 + r.IntN(4)
		p.add(r, s)
	}
	return p
}

// add adds a strike with its times.
func (p *plan) add(r *rand.Rand, s strike) {
	s.after, s.all = time.Duration(20+r.IntN(600))*time.Millisecond, r.IntN(2) == 0
	switch s.fault {
	case faultPause, faultFreeze:
		s.lasts = lease + time.Duration(50+r.IntN(500))*time.Millisecond
	case faultLate, faultSession:
		s.lasts = time.Duration(5+r.IntN(60)) * time.Millisecond
	case faultDelay:
		s.lasts = time.Duration(100+r.IntN(800)) * time.Millisecond
	case faultFailover:
		s.lasts = time.Duration(5+r.IntN(200)) * time.Millisecond // of writes that are lost
		p.lossy, p.manned = true, true
	default:
		s.lasts = time.Duration(30+r.IntN(600)) * time.Millisecond
	}
	p.strikes = append(p.strikes, &s)
}
