package sim

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// waiting are the events that are neither over nor held, with their states.
func (w *world) waiting(ctx context.Context) []string {
	var list []string
	for _, state := range []queue.State{queue.Queued, queue.Delayed, queue.Leased} {
		for entry, err := range w.queue.Entries(ctx, state) {
			if err == nil && entry.Event.Schema <= queue.Schema {
				list = append(list, entry.Event.ID+" of "+entry.Event.Account+" ("+entry.Event.Command+") is "+string(state)+": "+last(&entry))
			}
		}
	}
	return list
}

// last is the newest item of an event's history.
func last(e *queue.Entry) string {
	if len(e.History) == 0 {
		return "no history"
	}
	h := &e.History[len(e.History)-1]
	return h.What + " " + h.Class + " " + h.Detail
}

// atEnd checks what must hold when all is over.
//
// I-3, I-20: every event is done, dead with a cause, held with a reason, or
// superseded by one that it names.
// I-7, I-8: no order and no account is left in doubt.
// I-16: whoever kills its worker is dead, with a history.
// I-21: no lease is left.
func (c *checker) atEnd(ctx context.Context) {
	for id := range c.events {
		entry, err := c.w.queue.Entry(ctx, id)
		if err != nil {
			c.fail("I-3", "", "event %s is lost: %v", id, err)
			continue
		}
		c.over(&entry)
	}
	for i := range c.w.accounts {
		id := c.w.accounts[i].ID
		standing, err := c.w.journal.Account(ctx, id)
		switch {
		case err != nil:
			c.fail("I-7", id, "standing: %v", err)
		case len(standing.Open) > 0:
			c.fail("I-7", id, "%d orders are open at the end, the first is %s", len(standing.Open), standing.Open[0].Order.ID)
		case standing.Block != nil:
			c.fail("I-20", id, "the account is still blocked: %s", standing.Block.Reason)
		}
	}
	c.ledgerAtEnd()
	c.resultsAtEnd(ctx)
}

// over checks the last state of an event.
func (c *checker) over(e *queue.Entry) {
	account := broker.AccountID(e.Event.Account)
	why := last(e)
	switch e.State {
	case queue.Done:
	case queue.Superseded:
		if c.events[e.Successor] == nil {
			c.fail("I-17", account, "event %s is superseded by %q, which is none", e.Event.ID, e.Successor)
		}
	case queue.Dead, queue.Held:
		if strings.TrimSpace(why) == "" || len(e.History) < 2 {
			c.fail("I-16", account, "event %s is %s without a cause: %s", e.Event.ID, e.State, why)
		}
	case queue.Leased:
		c.fail("I-21", account, "event %s is still leased", e.Event.ID)
	default:
		if e.Event.Schema <= queue.Schema { // newer ones wait for a newer worker
			c.fail("I-20", account, "event %s is %s: %s", e.Event.ID, e.State, why)
		}
	}
	if isPoison(&e.Event) && e.State != queue.Dead && e.State != queue.Superseded && e.State != queue.Done {
		c.fail("I-16", account, "event %s kills its worker, but is %s", e.Event.ID, e.State)
	}
}

// ledgerAtEnd is I-1, I-2 and I-7 over the whole ledger. What was filled or
// corrected after the settlement is not compared: nobody can know that before.
func (c *checker) ledgerAtEnd() {
	ledger := c.w.broker.Ledger()
	seen := map[broker.OrderID]bool{}
	for i := range ledger.Orders {
		o := &ledger.Orders[i]
		if !ours(o) {
			continue
		}
		in := c.intents[o.Sent.ID]
		switch {
		case in == nil:
			c.fail("I-2", o.Sent.Account, "order %s is in the ledger, but was never journaled", o.Sent.ID)
			continue
		case seen[o.Sent.ID] || o.Duplicates > 0:
			c.fail("I-1", o.Sent.Account, "order %s was sent more than once", o.Sent.ID)
		case in.settled == nil:
			c.fail("I-7", o.Sent.Account, "order %s has no outcome", o.Sent.ID)
		case in.settled.Outcome == journal.NotSent:
			c.fail("I-7", o.Sent.Account, "order %s is settled as not sent, but is in the ledger: %s", o.Sent.ID, o.Status)
		case !ended(o.Status):
			c.fail("I-7", o.Sent.Account, "order %s still works at the end: %s", o.Sent.ID, o.Status)
		}
		seen[o.Sent.ID] = true
	}
}

// resultsAtEnd is I-4: every result is still the one that was stored first.
func (c *checker) resultsAtEnd(ctx context.Context) {
	for id, r := range c.runs {
		if r.result == nil {
			continue
		}
		run, err := c.w.journal.Run(ctx, id)
		if err != nil || run.Outcome == nil || !bytes.Equal(run.Outcome.Result, r.result) {
			c.fail("I-4", run.Account, "the result of run %s is not what it was (%v)", id, err)
		}
	}
}

// fail is violate for who does not hold mu.
func (c *checker) fail(promise string, account broker.AccountID, format string, args ...any) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.violate(promise, account, format, args...)
}

// enough is how long events may take once the faults have stopped: a long
// weekend, and their age limit.
const enough = 6 * 24 * time.Hour
