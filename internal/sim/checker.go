package sim

import (
	"bytes"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// checker keeps its own books of what was accepted and compares them with the
// broker's ledger. Its methods are called right after the step that they are
// about took effect, at the same virtual instant. They lock world.mu.
type checker struct {
	w *world

	intents  map[broker.OrderID]*intended
	runs     map[journal.RunID]*runBooks
	accounts map[broker.AccountID]*accountBooks
	killAll  bool

	events   map[string]*eventBooks
	lines    map[string][]*eventBooks // by account, in the order of acceptance
	accepted int
}

// intended is an intent that the journal has.
type intended struct {
	journal.Intent
	fence    uint64
	received bool
	settled  *journal.Settlement
}

// runBooks is what is known of a run.
type runBooks struct {
	hash     string // of its plan
	orders   []rebalance.PlannedOrder
	reserve  decimal.Decimal
	began    time.Time
	intents  []*intended
	result   []byte
	approved bool
	asOf     time.Time // of its targets
}

// accountBooks is what is known of an account.
type accountBooks struct {
	fence    uint64 // the highest that was granted
	holder   journal.RunID
	killed   bool
	blocked  bool
	unknown  map[broker.OrderID]bool
	executed time.Time // how old the newest targets are that were carried out
	outside  time.Time // when somebody else last changed it
	leased   uint64    // the highest fence that the queue gave
}

func newChecker(w *world) *checker {
	return &checker{
		w: w, intents: map[broker.OrderID]*intended{}, runs: map[journal.RunID]*runBooks{},
		accounts: map[broker.AccountID]*accountBooks{}, events: map[string]*eventBooks{}, lines: map[string][]*eventBooks{},
	}
}

// account returns the books of an account. The caller holds mu.
func (c *checker) account(id broker.AccountID) *accountBooks {
	a := c.accounts[id]
	if a == nil {
		a = &accountBooks{unknown: map[broker.OrderID]bool{}}
		c.accounts[id] = a
	}
	return a
}

// run returns the books of a run. The caller holds mu.
func (c *checker) run(id journal.RunID) *runBooks {
	r := c.runs[id]
	if r == nil {
		r = &runBooks{began: time.Now()}
		c.runs[id] = r
	}
	return r
}

// outside notes that somebody else changed an account.
func (c *checker) outside(id broker.AccountID) { c.outsideUntil(id, time.Now()) }

// outsideUntil notes that the broker will change an account on its own, by a
// correction, until then.
func (c *checker) outsideUntil(id broker.AccountID, t time.Time) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if a := c.account(id); t.After(a.outside) {
		a.outside = t
	}
}

// disturbed reports whether somebody else changed the account since the run
// began, or shortly before. The caller holds mu.
func (c *checker) disturbed(id broker.AccountID, r *runBooks) bool {
	return c.account(id).outside.After(r.began.Add(-time.Minute))
}

// begun checks a claim that was granted.
//
// I-5: fences of an account never go down, and one fence belongs to one run.
// I-4: a finished run comes back with the result that it ended with.
func (c *checker) begun(claim *journal.Claim, b *journal.Begun) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	a := c.account(claim.Account)
	if b.Grant.Fence < a.fence || b.Grant.Fence == a.fence && a.holder != b.Grant.Run {
		c.w.violate("I-5", claim.Account, "run %s was granted fence %d, run %s had %d", b.Grant.Run, b.Grant.Fence, a.holder, a.fence)
	}
	a.fence, a.holder = b.Grant.Fence, b.Grant.Run
	r := c.run(b.Grant.Run)
	if r.result != nil && (b.Run.Outcome == nil || !bytes.Equal(b.Run.Outcome.Result, r.result)) {
		c.w.violate("I-4", claim.Account, "run %s is finished, but does not come back with its result", b.Grant.Run)
	}
}

// fenced checks that a write was accepted under the newest fence (I-6). The
// caller holds mu.
func (c *checker) fenced(what string, g *journal.Grant) *accountBooks {
	a := c.account(g.Account)
	if g.Fence != a.fence || g.Run != a.holder {
		c.w.violate("I-6", g.Account, "%s of run %s was accepted under fence %d, but run %s has %d", what, g.Run, g.Fence, a.holder, a.fence)
	}
	return a
}

// finished checks the end of a run.
//
// I-4: a run has one result.
func (c *checker) finished(g *journal.Grant, o *journal.Outcome) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.fenced("finish", g)
	r := c.run(g.Run)
	if r.result == nil {
		r.result = bytes.Clone(o.Result)
		c.w.tally["run "+o.Name]++
		if a := c.account(g.Account); len(r.intents) > 0 && r.asOf.After(a.executed) {
			a.executed = r.asOf
		}
		return
	}
	stored, err := c.w.journal.Run(background(), g.Run)
	if err != nil || stored.Outcome == nil || !bytes.Equal(stored.Outcome.Result, r.result) {
		c.w.violate("I-4", g.Account, "run %s was finished again, and its result changed (%v)", g.Run, err)
	}
}

// stopped notes a block, or its end.
func (c *checker) stopped(id broker.AccountID, blocked bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	a := c.account(id)
	a.blocked = blocked
	if blocked {
		c.w.tally["blocks"]++
		return
	}
	clear(a.unknown)
	c.w.tally["unblocks"]++
}

// killed notes a kill, or its end.
func (c *checker) killed(id broker.AccountID, on bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if id == "" {
		c.killAll = on
		return
	}
	c.account(id).killed = on
}

// approved notes that a held plan may be traded.
func (c *checker) approved(id journal.RunID) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.run(id).approved = true
}

// tracked counts what the engines say.
func (c *checker) tracked(p rebalance.Progress) {
	if p.Result == nil {
		return
	}
	c.w.count("result " + string(p.Result.Outcome) + " " + string(p.Result.Reason))
}
