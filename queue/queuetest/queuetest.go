// Package queuetest is the conformance suite of package queue: whoever
// implements [queue.EventQueue] runs it, and so shows that every promise of the
// contract is kept.
//
// An implementation in memory runs [Run]: each case has its own synctest bubble,
// so that days pass in no time. An implementation behind a socket runs [RunLive]
// with a short lease, in real time.
package queuetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// T is what the suite needs of *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Logf(format string, args ...any)
	Context() context.Context
	Cleanup(func())
}

// Harness is an implementation with an empty store of its own.
type Harness struct {
	// Queue is what is tested. Required.
	Queue queue.EventQueue
	// Lease is how long its leases run. Required.
	Lease time.Duration
	// MaxCrashes is how many crash deliveries an event has. Required.
	MaxCrashes int

	// MaxPerAccount bounds an account's line, at 40 or more. Default: not tested.
	MaxPerAccount int
	// Driver settles the queue's deliveries. Default: Queue, if it is one;
	// otherwise repeated settlements are not tested.
	Driver queue.Driver
	// Advance lets time pass. Default: time.Sleep.
	Advance func(time.Duration)
	// Now is the queue's clock. Default: time.Now.
	Now func() time.Time
	// SetClock sets Now forward or back. Default: not tested.
	SetClock func(by time.Duration)
	// Quiet is how long the suite waits to be sure that nothing is delivered.
	// Default: a tenth of Lease.
	Quiet time.Duration
	// Patience is how long a delivery that is due may take. Default: Lease.
	Patience time.Duration
	// Close closes Queue. Default: not tested.
	Close func() error
	// Open opens the same store a second time. Default: not tested.
	Open func() queue.EventQueue
	// Restart closes Queue and opens its store again, as after the death of the
	// process. Default: not tested.
	Restart func() queue.EventQueue
	// Features names what the implementation does not do.
	Features Features

	live bool // time passes by itself, and slowly
}

// Features declares gaps, so that none is skipped silently.
type Features struct {
	// NoAdmin: Queue is no [queue.Admin].
	NoAdmin bool
}

// Run runs the suite, each case in a synctest bubble of its own: newHarness is
// called inside it.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.check(t, newHarness(t)) })
		})
	}
}

// RunLive runs the suite in real time, many cases at once whatever -parallel
// says: they mostly wait. newHarness is called by several goroutines, each for a
// store of its own. A lease of half a second to two seconds is a good choice: too
// short for the machine, and leases run out that should not.
func RunLive(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, atOnce)
	for _, c := range cases {
		free <- struct{}{}
		catchBreath()
		running.Go(func() {
			defer func() { <-free }()
			t.Run(c.name, func(t *testing.T) {
				h := newHarness(t)
				h.live = true
				c.check(t, h)
			})
		})
	}
}

// catchBreath waits, for a few seconds at most, until the machine keeps up: on one
// that does not, leases run out that should not.
func catchBreath() {
	const nap, late = 5 * time.Millisecond, 20 * time.Millisecond
	for range 200 {
		before := time.Now()
		time.Sleep(nap)
		if time.Since(before) < late {
			return
		}
	}
}

// testCase is one promise.
type testCase struct {
	name string
	run  func(*env)
	// needs are roles and abilities without which it is skipped.
	needs need
}

// need is a set of abilities.
type need uint8

const (
	needsAdmin need = 1 << iota
	needsDriver
	needsLimit
	needsClose
	needsOpen
	needsRestart
	needsClock
)

// String names the abilities.
func (n need) String() string {
	var names []string
	for i, name := range [...]string{"queue.Admin", "Driver", "MaxPerAccount", "Close", "Open", "Restart", "SetClock"} {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

var cases = concat(publishCases, receiveCases, orderCases, leaseCases, settleCases, coalesceCases, operatorCases, manyCases, durableCases, clockCases)

func concat(groups ...[]testCase) []testCase {
	var all []testCase
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// check runs the case, and then holds the queue to the promise that each
// accepted event is in exactly one state.
func (c testCase) check(t T, h Harness) {
	t.Helper()
	e := newEnv(t, h)
	if missing := c.needs &^ e.has(); missing != 0 {
		t.Logf("not checked: the harness lacks %v", missing)
		return
	}
	c.run(e)
	e.audit()
}
