package sim

import (
	"bytes"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
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
	corrects map[broker.OrderID]bool // orders of which a fill is, or will be, corrected
	hides    map[broker.OrderID]bool // orders whose fills are told late
	lags     time.Time               // until when positions may lag

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
	equity   decimal.Decimal
	began    time.Time
	intents  []*intended
	result   []byte
	approved bool
	asOf     time.Time             // of its targets
	tells    []broker.InstrumentID // differences that its result must name
}

// accountBooks is what is known of an account.
type accountBooks struct {
	fence    uint64 // the highest that was granted
	holder   journal.RunID
	killed   bool
	blocked  bool
	unknown  map[broker.OrderID]bool
	executed time.Time                         // how old the newest targets are that were carried out
	outside  time.Time                         // when somebody else last changed it
	seen     time.Time                         // when an operator last let it go on
	told     map[broker.InstrumentID]time.Time // when a plan or a result last told that its position was not as expected
	leased   uint64                            // the highest fence that the queue gave
}

func newChecker(w *world) *checker {
	return &checker{
		w: w, corrects: map[broker.OrderID]bool{}, hides: map[broker.OrderID]bool{}, intents: map[broker.OrderID]*intended{}, runs: map[journal.RunID]*runBooks{},
		accounts: map[broker.AccountID]*accountBooks{}, events: map[string]*eventBooks{}, lines: map[string][]*eventBooks{},
	}
}

// account returns the books of an account. The caller holds mu.
func (c *checker) account(id broker.AccountID) *accountBooks {
	a := c.accounts[id]
	if a == nil {
		a = &accountBooks{unknown: map[broker.OrderID]bool{}, told: map[broker.InstrumentID]time.Time{}}
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

// correctsFill notes that the broker will correct the first fill of an order.
func (c *checker) correctsFill(id broker.OrderID) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.corrects[id] = true
}

// hidesFills notes that the broker will tell the fills of an order late.
func (c *checker) hidesFills(id broker.OrderID) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.hides[id] = true
}

// positionsLag notes that the positions will lag behind the next fills, which come
// within the time that an order may work.
func (c *checker) positionsLag() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.lags = time.Now().Add(4 * time.Minute)
}

// disturbed reports whether somebody else changed the account since the run
// began, or shortly before; the broker did if it filled or corrected an order of
// ours after that was settled. The caller holds mu.
func (c *checker) disturbed(id broker.AccountID, r *runBooks, ledger *fake.Ledger) bool {
	recently := r.began.Add(-time.Minute)
	if c.account(id).outside.After(recently) {
		return true
	}
	for i := range ledger.Orders {
		if o := &ledger.Orders[i]; o.Sent.Account == id && o.Updated.After(recently) && c.settledOtherwise(o) {
			return true
		}
	}
	return false
}

// settledOtherwise reports whether an order filled, or was corrected, after it was
// settled. The caller holds mu.
func (c *checker) settledOtherwise(o *fake.LedgerOrder) bool {
	in := c.intents[o.Sent.ID]
	if in == nil || in.settled == nil || in.settled.Outcome == journal.Unknown || in.settled.Outcome == journal.Inferred {
		return false
	}
	return o.Updated.After(in.settled.Time) && !o.Filled().Equal(in.settled.Filled)
}

// moved is when an order last moved its position, which the broker may report later.
// The caller holds mu.
func (c *checker) moved(o *fake.LedgerOrder) time.Time {
	if c.corrects[o.Sent.ID] || len(o.Fills) == 0 {
		return o.Updated
	}
	return o.Fills[len(o.Fills)-1].Time
}

// noticed is I-7 for the orders of earlier runs. What the broker filled or
// corrected after the settlement has its account blocked, and an operator look at
// it, before another run of that day sends anything. On a later day the broker
// shows no more than the position, which differs from what the last run left: then
// a result must tell that. Positions may lag, and a run may pause between its look
// and its plan. The caller holds mu.
func (c *checker) noticed(g *journal.Grant, r *runBooks, ledger *fake.Ledger) {
	a := c.account(g.Account)
	for i := range ledger.Orders {
		o := &ledger.Orders[i]
		if o.Sent.Account != g.Account || !o.Updated.Before(r.began.Add(-5*time.Minute)) || !a.seen.Before(o.Updated) || !c.settledOtherwise(o) {
			continue
		}
		if day(o.Updated) == day(r.began) {
			c.w.violate("I-7", g.Account, "order %s was settled with %s filled, the ledger has %s since %s, and run %s trades as if nothing had happened",
				o.Sent.ID, c.intents[o.Sent.ID].settled.Filled, o.Filled(), o.Updated.UTC().Format(time.RFC3339), g.Run)
		} else if a.told[o.Sent.Instrument].Before(c.moved(o)) {
			r.tells = append(r.tells, o.Sent.Instrument)
		}
	}
}

// tells notes the differences that a result names, and checks that it names those
// that it must. The caller holds mu.
func (c *checker) tells(g *journal.Grant, r *runBooks, o *journal.Outcome) {
	res, err := rebalance.DecodeResult(o.Result)
	if err != nil {
		c.w.violate("I-4", g.Account, "the result of run %s: %v", g.Run, err)
		return
	}
	a := c.account(g.Account)
	for _, d := range res.Differences {
		a.told[d.Symbol] = time.Now()
	}
	for _, id := range r.tells {
		if a.told[id].Before(r.began.Add(-time.Minute)) {
			c.w.violate("I-7", g.Account, "an order for %s changed after it was settled, and the result of run %s does not tell that the position is another", id, g.Run)
		}
	}
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
		c.tells(g, r, o)
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
	a.seen = time.Now()
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
