package sim

import (
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// eventBooks is what is known of an event.
type eventBooks struct {
	id, account, command string
	place                int // in the line of its account
	due                  time.Time
	delivered            bool
	over                 bool // done, dead or superseded
	held                 bool
}

// published checks an event that the queue accepted.
//
// I-3: it is in the queue, in one state, and so is every other.
func (c *checker) published(e *queue.Event, r queue.Receipt, err error) {
	if err != nil || r.Duplicate {
		return
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.accept(e.Account, e.Command, e.NotBefore, r)
	c.sum()
}

// accept adds an event. The caller holds mu.
func (c *checker) accept(account, command string, notBefore time.Time, r queue.Receipt) {
	c.accepted++
	now := time.Now()
	e := &eventBooks{id: r.ID, account: account, command: command, place: c.accepted, due: now}
	if old := c.events[r.Superseded]; old != nil {
		old.over = true
		e.place = old.place
		if old.due.Before(e.due) {
			e.due = old.due
		}
		if old.delivered {
			c.w.violate("I-17", broker.AccountID(account), "event %s took the place of %s, which was delivered already", r.ID, old.id)
		}
	}
	if notBefore.After(e.due) {
		e.due = notBefore
	}
	c.events[r.ID] = e
	c.lines[account] = append(c.lines[account], e)
	c.w.tally["events"]++
}

// sum is I-3: the states of the queue add up to what was accepted. The caller
// holds mu.
func (c *checker) sum() {
	stats, err := c.w.queue.Stats(background())
	total := 0
	for _, n := range stats.Counts {
		total += n
	}
	if err != nil || total != c.accepted {
		c.w.violate("I-3", "", "%d events were accepted, the queue has %d (%v): %v", c.accepted, total, stats.Counts, err)
	}
}

// delivered checks a delivery.
//
// I-5: the account's fence went up, so nobody else holds it.
// I-17: no event of the same account and command that was accepted before, and is
// due, was passed over before its first delivery.
func (c *checker) delivered(d *queue.Delivery) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	account := broker.AccountID(d.Event.Account)
	a := c.account(account)
	if d.Fence <= a.leased {
		c.w.violate("I-5", account, "event %s was delivered with fence %d, the account had %d", d.Event.ID, d.Fence, a.leased)
	}
	a.leased = d.Fence
	e := c.events[d.Event.ID]
	if e == nil || e.over || e.held {
		c.w.violate("I-3", account, "event %s was delivered, but is not waiting: %+v", d.Event.ID, e)
		return
	}
	now := time.Now()
	for _, other := range c.lines[d.Event.Account] {
		waits := !other.delivered && !other.over && !other.held && !other.due.After(now)
		if !e.delivered && waits && other.command == e.command && other.place < e.place {
			c.w.violate("I-17", account, "event %s was delivered before %s, which was accepted first", e.id, other.id)
		}
	}
	e.delivered = true
	c.sum()
}

// settling checks a verdict before it is given.
//
// I-4: an event is done only when the result of its run is stored.
// I-7: an event is not thrown away while an order of its run is open.
func (c *checker) settling(lease *queue.Lease, v *queue.Verdict) {
	if v.Verb != queue.VerbAck && v.Verb != queue.VerbDead {
		return
	}
	run, err := c.w.journal.Run(background(), journal.RunID(lease.Event+"/1"))
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	account := broker.AccountID(lease.Account)
	if v.Verb == queue.VerbAck && (err != nil || run.Outcome == nil) {
		c.w.violate("I-4", account, "event %s is acknowledged, but its result is not stored (%v)", lease.Event, err)
	}
	for i := range run.Intents {
		if in := &run.Intents[i]; in.Open() {
			c.w.violate("I-7", account, "event %s ends (%s) while order %s is open", lease.Event, v.Verb, in.Order.ID)
		}
	}
}

// settledEvent notes a verdict that was accepted.
func (c *checker) settledEvent(lease *queue.Lease, v *queue.Verdict, err error) {
	if err != nil {
		return
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	e := c.events[lease.Event]
	e.over = v.Verb == queue.VerbAck || v.Verb == queue.VerbDead
	e.held = v.Verb == queue.VerbHold
	c.w.tally["event "+string(v.Verb)+" "+v.Note.Class]++
	c.sum()
}

// acted notes what an operator did.
func (c *checker) acted(act *queue.Action, r queue.Receipt, err error) {
	if err != nil {
		return
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	e := c.events[act.ID]
	switch act.Verb {
	case queue.Release:
		e.held = false
	case queue.Drop:
		e.over, e.held = true, false
	case queue.Requeue:
		c.accept(e.account, e.command, time.Time{}, r)
	}
	c.sum()
}
