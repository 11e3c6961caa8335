package linear

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/evenkeel/evenkeel/queue"
)

// verb is what an operation does.
type verb string

const (
	publish verb = "publish"
	receive verb = "receive"
	extend  verb = "extend"
	settle  verb = "settle"
)

// answer is how an operation ended.
type answer string

const (
	ok      answer = "ok"
	lost    answer = "lease lost"
	settled answer = "settled otherwise"
	unknown answer = "no answer"
)

// input is an operation on one account.
type input struct {
	verb    verb
	account string
	event   string
	token   string     // of the lease, for extend and settle
	verdict queue.Verb // for settle
	after   int64      // the delay of a retry
	call    int64
}

// output is its answer.
type output struct {
	answer answer
	event  string // what receive got
	token  string
	fence  uint64
	back   int64
}

// place is where an event is.
type place uint8

const (
	waiting place = iota
	leased
	ended
)

// event is an event of the account's line.
type event struct {
	id    string
	place place
	token string
	since int64 // when its lease was asked for, at the earliest
	due   int64 // when its retry is due, at the earliest
}

// settlement is one that took effect.
type settlement struct {
	token   string
	event   string
	verdict queue.Verb
}

// remembered is how many settlements of an event a queue must know at least, the
// newest ones. An older one it may have forgotten.
const remembered = 8

// state is an account.
type state struct {
	fence   uint64
	events  []event
	settled []settlement
}

// slack is by how much the clocks of a queue and its clients may differ.
const slack = int64(5 * time.Millisecond)

// model is a queue whose leases last so long.
func model(lease time.Duration) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: byAccount,
		Init:      func() []any { return []any{state{}} },
		Step: func(s, in, out any) []any {
			return step(s.(state), in.(input), out.(output), int64(lease))
		},
		Equal: func(a, b any) bool {
			s, t := a.(state), b.(state)
			return s.fence == t.fence && slices.Equal(s.events, t.events) && slices.Equal(s.settled, t.settled)
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
	}
	return m.ToModel()
}

// byAccount splits a history: accounts have nothing to do with each other.
func byAccount(history []porcupine.Operation) [][]porcupine.Operation {
	var parts [][]porcupine.Operation
	at := map[string]int{}
	for _, op := range history {
		account := op.Input.(input).account
		i, seen := at[account]
		if !seen {
			i = len(parts)
			at[account] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

// step returns the states that can follow.
func step(s state, in input, out output, lease int64) []any {
	var next []any
	for _, from := range before(s, out, lease) {
		if out.answer == unknown {
			next = append(next, from)
		}
		for _, to := range effect(from, in, out) {
			next = append(next, to)
		}
	}
	return next
}

// before returns the state, and the one in which its lease has run out, if it can
// have.
func before(s state, out output, lease int64) []state {
	states := []state{s}
	i := slices.IndexFunc(s.events, func(e event) bool { return e.place == leased })
	if i >= 0 && out.back >= s.events[i].since+lease-slack {
		over := s.clone()
		over.events[i].place, over.events[i].token = waiting, ""
		states = append(states, over)
	}
	return states
}

// effect is what an operation makes of a state: nothing at all if it cannot have
// had this answer.
func effect(s state, in input, out output) []state {
	switch in.verb {
	case publish:
		return s.published(in)
	case receive:
		return s.received(in, out)
	case extend:
		return s.extended(in, out)
	case settle:
		return s.settling(in, out)
	}
	return nil
}

func (s state) clone() state {
	s.events, s.settled = slices.Clone(s.events), slices.Clone(s.settled)
	return s
}

func (s state) published(in input) []state {
	s = s.clone()
	s.events = append(s.events, event{id: in.event})
	return []state{s}
}

// received: the first event of the line that did not end, and no other.
func (s state) received(in input, out output) []state {
	i := slices.IndexFunc(s.events, func(e event) bool { return e.place != ended })
	if i < 0 || s.events[i].place == leased || out.back < s.events[i].due-slack {
		return nil
	}
	s = s.clone()
	e := &s.events[i]
	e.place, e.since = leased, in.call
	if out.answer == unknown {
		e.token, s.fence = "unknown", s.fence+1
		return []state{s}
	}
	if e.id != out.event || out.fence <= s.fence {
		return nil
	}
	e.token, s.fence = out.token, out.fence
	return []state{s}
}

// holds is the index of the event that a lease holds, or -1.
func (s state) holds(token string) int {
	return slices.IndexFunc(s.events, func(e event) bool { return e.place == leased && e.token == token })
}

func (s state) extended(in input, out output) []state {
	i := s.holds(in.token)
	switch {
	case out.answer == lost && i < 0:
		return []state{s}
	case out.answer == lost || i < 0:
		return nil
	}
	s = s.clone()
	s.events[i].since = in.call
	return []state{s}
}

func (s state) settling(in input, out output) []state {
	i := s.holds(in.token)
	was := slices.IndexFunc(s.settled, func(t settlement) bool { return t.token == in.token })
	switch {
	case was >= 0:
		same := s.settled[was].verdict == in.verdict
		forgotten := out.answer == lost && s.since(was) >= remembered
		if same && out.answer == ok || !same && out.answer == settled || forgotten {
			return []state{s}
		}
		return nil
	case i < 0 && out.answer == lost:
		return []state{s}
	case i < 0 || out.answer == lost || out.answer == settled:
		return nil
	}
	s = s.clone()
	e := &s.events[i]
	e.token = ""
	if e.place = ended; in.verdict == queue.VerbRetry {
		e.place, e.due = waiting, in.call+in.after
	}
	s.settled = append(s.settled, settlement{in.token, e.id, in.verdict})
	return []state{s}
}

// since is how many settlements of the same event there were from this one on.
func (s state) since(at int) int {
	n := 0
	for _, t := range s.settled[at:] {
		if t.event == s.settled[at].event {
			n++
		}
	}
	return n - 1
}
