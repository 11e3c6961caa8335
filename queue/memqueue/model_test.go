package memqueue_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// model is the contract in its plainest form: a list of events and loops over
// it. It says what the queue must answer.
type model struct {
	maxCrashes, maxEvents, maxLine, keep int
	lease                                time.Duration

	now      time.Time
	events   []*mEvent // those that are kept, in the order of acceptance
	accepted int
	fences   map[string]uint64
	ended    []*mEvent
	tokens   map[string]mAction
}

type mEvent struct {
	event        queue.Event
	place        int
	state        queue.State // waiting events are Queued, whether due or not
	due, expires time.Time
	attempt      int
	crashes      int
	fence        uint64
	token        string
	settled      []mSettlement // the newest first
	successor    string
}

type mAction struct {
	action  queue.Action
	receipt queue.Receipt
}

// at brings the model to an instant: leases that ran out are crashes.
func (m *model) at(now time.Time) {
	m.now = now
	for _, e := range m.events {
		if e.state != queue.Leased || now.Before(e.expires) {
			continue
		}
		e.crashes++
		e.token, e.due = "", now
		if e.state = queue.Queued; e.crashes >= m.maxCrashes {
			e.state = queue.Dead
		}
	}
}

func (m *model) find(is func(*mEvent) bool) *mEvent {
	if i := slices.IndexFunc(m.events, is); i >= 0 {
		return m.events[i]
	}
	return nil
}

func (m *model) byID(id string) *mEvent {
	return m.find(func(e *mEvent) bool { return e.event.ID == id })
}

// publish returns the receipt and the sentinel of the error.
func (m *model) publish(event queue.Event) (queue.Receipt, error) {
	first := m.find(func(e *mEvent) bool { return event.Key != "" && e.event.Key == event.Key })
	if first == nil && event.ID != "" {
		first = m.byID(event.ID)
	}
	if first != nil {
		if first.event.Account != event.Account || first.event.Command != event.Command {
			return queue.Receipt{}, queue.ErrInvalidEvent
		}
		return queue.Receipt{ID: first.event.ID, Duplicate: true}, nil
	}
	return m.accept(event)
}

func (m *model) accept(event queue.Event) (queue.Receipt, error) {
	old := m.find(func(e *mEvent) bool {
		return e.state == queue.Queued && e.fence == 0 && e.event.Account == event.Account && e.event.Command == event.Command
	})
	kept, line := 0, 0
	for _, e := range m.events {
		if !slices.Contains(m.ended, e) {
			kept++
		}
		if e.event.Account == event.Account && (e.state == queue.Queued || e.state == queue.Leased) {
			line++
		}
	}
	if old == nil && (kept >= m.maxEvents || line >= m.maxLine) {
		return queue.Receipt{}, queue.ErrFull
	}
	m.accepted++
	e := &mEvent{event: event, place: m.accepted, state: queue.Queued, due: m.now, attempt: 1}
	if e.event.ID == "" {
		e.event.ID = fmt.Sprintf("id%d", m.accepted)
	}
	m.events = append(m.events, e)
	receipt := queue.Receipt{ID: e.event.ID}
	if old != nil {
		receipt.Superseded = old.event.ID
		e.place = old.place
		if old.due.Before(e.due) {
			e.due = old.due
		}
		old.state, old.successor = queue.Superseded, e.event.ID
		m.end(old)
	}
	if event.NotBefore.After(e.due) {
		e.due = event.NotBefore
	}
	return receipt, nil
}

// end keeps the newest that ended.
func (m *model) end(e *mEvent) {
	if slices.Contains(m.ended, e) {
		return
	}
	if m.ended = append(m.ended, e); len(m.ended) > m.keep {
		gone := m.ended[0]
		m.ended = m.ended[1:]
		m.events = slices.DeleteFunc(m.events, func(e *mEvent) bool { return e == gone })
	}
}

// next is the event that Receive must return now, if any.
func (m *model) next() *mEvent {
	var best *mEvent
	for _, e := range m.events {
		if m.mayStart(e) && (best == nil || e.due.Before(best.due) || (e.due.Equal(best.due) && e.place < best.place)) {
			best = e
		}
	}
	return best
}

// mayStart applies the rule of the account's line.
func (m *model) mayStart(e *mEvent) bool {
	if !m.due(e) || m.heldUp(e) || m.leased(e.event.Account) {
		return false
	}
	for _, o := range m.earlier(e) {
		if m.due(o) && !m.heldUp(o) {
			return false // it comes first
		}
	}
	return true
}

func (m *model) due(e *mEvent) bool { return e.state == queue.Queued && !e.due.After(m.now) }

// heldUp reports whether an earlier event of the same command was delivered and
// waits.
func (m *model) heldUp(e *mEvent) bool {
	return slices.ContainsFunc(m.earlier(e), func(o *mEvent) bool { return m.waits(o) && o.event.Command == e.event.Command })
}

// waits reports whether an event was delivered and waits for a retry or a
// deferral.
func (m *model) waits(e *mEvent) bool { return m.shown(e) == queue.Delayed && e.fence != 0 }

func (m *model) leased(account string) bool {
	return m.find(func(e *mEvent) bool { return e.state == queue.Leased && e.event.Account == account }) != nil
}

// earlier returns what stands before an event in its account's line.
func (m *model) earlier(e *mEvent) []*mEvent {
	var before []*mEvent
	for _, o := range m.events {
		if o.event.Account == e.event.Account && o.state == queue.Queued && o.place < e.place {
			before = append(before, o)
		}
	}
	return before
}

func (m *model) deliver(e *mEvent, token string) {
	m.fences[e.event.Account]++
	e.fence = m.fences[e.event.Account]
	e.state, e.token, e.expires = queue.Leased, token, m.now.Add(m.lease)
}

// mSettlement is a settlement that took effect.
type mSettlement struct {
	token   string
	verdict queue.Verdict
}

// settle returns the sentinel of the error.
func (m *model) settle(l queue.Lease, v queue.Verdict) error {
	e := m.byID(l.Event)
	switch {
	case e == nil:
		return queue.ErrLeaseLost
	case e.state == queue.Leased && e.token == l.Token:
	default:
		for _, s := range e.settled {
			switch {
			case s.token == l.Token && s.verdict.Equal(v):
				return nil
			case s.token == l.Token:
				return queue.ErrSettled
			}
		}
		return queue.ErrLeaseLost
	}
	e.settled = append([]mSettlement{{l.Token, v}}, e.settled...)
	e.settled, e.token = e.settled[:min(len(e.settled), 9)], ""
	m.fences[e.event.Account] = max(m.fences[e.event.Account], v.MinFence)
	e.state = queue.Queued
	switch v.Verb {
	case queue.VerbAck:
		e.state = queue.Done
		m.end(e)
	case queue.VerbHold:
		e.state = queue.Held
	case queue.VerbDead:
		e.state = queue.Dead
	case queue.VerbRetry:
		e.attempt++
		e.due = m.now.Add(v.After)
	case queue.VerbDefer:
		if e.due = v.Until; e.due.Before(m.now) {
			e.due = m.now
		}
	}
	return nil
}

func (m *model) extend(l queue.Lease) error {
	e := m.byID(l.Event)
	if e == nil || e.state != queue.Leased || e.token != l.Token {
		return queue.ErrLeaseLost
	}
	e.expires = m.now.Add(m.lease)
	return nil
}

// operator returns the receipt and the sentinel of the error.
func (m *model) operator(a queue.Action) (queue.Receipt, error) {
	if first, ok := m.tokens[a.Token]; ok {
		if first.action.ID != a.ID || first.action.Verb != a.Verb {
			return queue.Receipt{}, queue.ErrInvalidAction
		}
		return first.receipt, nil
	}
	e := m.byID(a.ID)
	receipt := queue.Receipt{ID: a.ID}
	switch {
	case e == nil:
		return queue.Receipt{}, queue.ErrUnknownEvent
	case a.Verb == queue.Release && e.state == queue.Held:
		e.state, e.due = queue.Queued, m.now
	case a.Verb == queue.Requeue && e.state == queue.Dead && e.successor == "":
		var err error
		receipt, err = m.accept(queue.Event{Account: e.event.Account, Command: e.event.Command, Origin: e.event.ID})
		if err != nil {
			return queue.Receipt{}, err
		}
		e.successor = receipt.ID
		m.end(e)
	case a.Verb == queue.Drop && (e.state == queue.Held || e.state == queue.Dead || e.state == queue.Queued):
		e.state = queue.Done
		m.end(e)
	default:
		return queue.Receipt{}, queue.ErrWrongState
	}
	m.tokens[a.Token] = mAction{a, receipt}
	return receipt, nil
}

// shown is the state as the contract names it.
func (m *model) shown(e *mEvent) queue.State {
	if e.state == queue.Queued && e.due.After(m.now) {
		return queue.Delayed
	}
	return e.state
}
