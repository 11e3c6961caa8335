package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// checker compares what became of a run with what was promised. The truth is the
// ledger of the exchange.
type checker struct {
	w      *world
	view   *stores
	want   *outcome
	ledger fake.Ledger
	runs   map[journal.RunID]*journal.Run
	// successors are the IDs of the events that took the place of others, by theirs.
	successors map[string]string
}

// check checks everything.
func (c *checker) check(ctx context.Context) {
	c.ledger = c.w.exchange.Ledger()
	c.read(ctx)
	c.eventsKept(ctx)
	var err error
	if c.w.verbose {
		c.explain(ctx)
	}
	if c.want, err = undisturbed(c.w.scenario, c.line()); err != nil {
		c.w.violate("the undisturbed run failed: %v", err)
		return
	}
	c.ordersOnce()
	c.neverTwoAtOnce()
	c.runsApart()
	c.journalIsTrue()
	c.asPlanned()
	c.reserveKept()
	c.onTarget()
	c.nothingInDoubt(ctx)
	for _, f := range c.w.jobs.faults {
		c.w.violate("zero lost events: %s", f)
	}
}

// read reads all runs.
func (c *checker) read(ctx context.Context) {
	c.runs = map[journal.RunID]*journal.Run{}
	for _, account := range c.w.scenario.accounts {
		for run, err := range c.view.journal.Runs(ctx, account) {
			if err != nil {
				c.w.violate("the journal cannot be read: %v", err)
				return
			}
			c.runs[run.ID] = &run
		}
	}
}

// eventsKept: each accepted event is in exactly one final state, and has exactly
// one result unless a newer one took its place.
func (c *checker) eventsKept(ctx context.Context) {
	states := map[string]queue.State{}
	c.successors = map[string]string{}
	for _, state := range queue.States() {
		for e, err := range c.view.admin.Entries(ctx, state) {
			if err != nil {
				c.w.violate("zero lost events: the queue cannot be listed: %v", err)
				return
			}
			if other, ok := states[e.Event.ID]; ok {
				c.w.violate("zero lost events: event %s is both %s and %s", e.Event.ID, other, state)
			}
			states[e.Event.ID] = state
		}
	}
	stats, err := c.view.admin.Stats(ctx)
	total := 0
	for _, n := range stats.Counts {
		total += n
	}
	if err != nil || total != len(states) {
		c.w.violate("zero lost events: the queue counts %d events and lists %d (%v)", total, len(states), err)
	}
	for _, e := range c.w.jobs.events {
		c.eventKept(ctx, e, states[e.accepted])
	}
}

// eventKept checks one event that was accepted.
func (c *checker) eventKept(ctx context.Context, e *published, state queue.State) {
	id := e.accepted
	entry, err := c.view.admin.Entry(ctx, id)
	if id == "" || err != nil {
		c.w.violate("zero lost events: event %q is gone: %v", id, err)
		return
	}
	run := c.runs[journal.RunID(id+"/1")]
	switch {
	case entry.State != state:
		c.w.violate("zero lost events: event %s is %s, and listed as %q", id, entry.State, state)
	case state == queue.Superseded && run != nil:
		c.w.violate("zero lost events: event %s is superseded, but was run", id)
	case state == queue.Superseded:
		c.successors[id] = entry.Successor
		c.w.count("result superseded")
	case state != queue.Done:
		c.w.violate("zero lost events: event %s is %s in the end: %s", id, state, lastOf(&entry))
	case run == nil || run.Outcome == nil:
		c.w.violate("zero lost events: event %s (%s) is done without a result: %s", id, e.event.Key, lastOf(&entry))
	default:
		c.result(run)
	}
}

// result counts how a run ended.
func (c *checker) result(run *journal.Run) {
	r, err := rebalance.DecodeResult(run.Outcome.Result)
	if err != nil {
		c.w.violate("zero lost events: the result of run %s: %v", run.ID, err)
		return
	}
	c.w.count(strings.TrimSuffix("result "+string(r.Outcome)+": "+string(r.Reason), ": "))
}

// explain tells what became of the events.
func (c *checker) explain(ctx context.Context) {
	for _, e := range c.w.jobs.events {
		entry, _ := c.view.admin.Entry(ctx, e.accepted)
		fmt.Printf("event %s %s of %s %s: %s %s\n", e.event.Key, e.accepted, e.event.Account, e.event.Payload, entry.State, entry.Successor)
		for _, h := range entry.History {
			fmt.Printf("    %s %s %s %s\n", h.Time.Format("05.000"), h.What, h.Class, h.Detail)
		}
	}
}

// line is the events that were run, in the order in which they were: one that
// superseded another took its place. When acknowledged writes were lost only the
// last ones matter.
func (c *checker) line() []queue.Event {
	byID := map[string]queue.Event{}
	var ids []string
	for _, e := range c.w.jobs.events {
		if e.operator {
			continue
		}
		byID[e.accepted] = e.event
		ids = append(ids, e.accepted)
	}
	var line []queue.Event
	for _, id := range ids {
		for c.successors[id] != "" { // it was superseded in turn
			id = c.successors[id]
		}
		if e, ok := byID[id]; ok {
			line = append(line, e)
			delete(byID, id)
		}
	}
	return line
}

// lastOf is the newest item of an event's history.
func lastOf(e *queue.Entry) string {
	if len(e.History) == 0 {
		return "no history"
	}
	h := &e.History[len(e.History)-1]
	return h.What + " " + h.Class + " " + h.Detail
}

// nothingInDoubt: the truth of the exchange could always be reached in the end, so
// nothing is unknown and no account is blocked.
func (c *checker) nothingInDoubt(ctx context.Context) {
	for _, account := range c.w.scenario.accounts {
		standing, err := c.view.journal.Account(ctx, account)
		switch {
		case err != nil:
			c.w.violate("unknown outcomes: %v", err)
		case standing.Block != nil:
			c.w.violate("unknown outcomes: %s is blocked: %s", account, standing.Block.Reason)
		case len(standing.Open) > 0:
			c.w.violate("unknown outcomes: %s has %d open orders, the first is %s", account, len(standing.Open), standing.Open[0].Order.ID)
		}
	}
	for range c.w.jobs.unblocks {
		c.w.count("unblocked by an operator")
	}
	for id, run := range c.runs {
		for i := range run.Intents {
			if c.w.plan.manned {
				continue // the operator has answered for it
			}
			if s := run.Intents[i].Settlement; s != nil && s.Outcome == journal.Unknown {
				c.w.violate("unknown outcomes: order %s of run %s: %s", s.Ref, id, s.Reason)
			}
		}
	}
}
