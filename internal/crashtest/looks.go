package main

import (
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// looks checks that a worker looks at an account before the first order that it
// decides after the stores lost what they had acknowledged.
type looks struct {
	mu       sync.Mutex
	lost     time.Time // when the other server took over; zero before
	looked   map[looker]time.Time
	intended map[looker]time.Time // when the journal was asked for an order last
}

// looker is a worker with an account.
type looker struct {
	worker  string
	account broker.AccountID
}

// forget notes that the stores have forgotten something.
func (l *looks) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = time.Now()
}

// mayLack reports whether the stores may have forgotten what belongs to an order
// that the exchange got at this time: it was accepted before, or it was acknowledged
// by the old server and was under way. Nobody sends one beyond its lease.
func (l *looks) mayLack(received time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.lost.IsZero() && received.Before(l.lost.Add(lease))
}

// reached is called at each point.
func (l *looks) reached(w *world, worker, point string, account broker.AccountID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looked == nil {
		l.looked, l.intended = map[looker]time.Time{}, map[looker]time.Time{}
	}
	who, now := looker{worker, account}, time.Now()
	switch {
	case point == "broker snapshot after":
		l.looked[who] = now
	case strings.HasPrefix(point, "journal intend ") && strings.HasSuffix(point, " before"):
		l.intended[who] = now
	case point == "broker place before" && !l.lost.IsZero():
		// One that the old server had acknowledged is under way already.
		if l.intended[who].After(l.lost) && l.looked[who].Before(l.lost) {
			w.violate("reconcile first: %s sends an order for %s after a failover without a look at the account", worker, account)
		}
	}
}
