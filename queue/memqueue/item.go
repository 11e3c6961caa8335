package memqueue

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// state is a [queue.State] as a number.
type state uint8

const (
	queued state = iota
	delayed
	leased
	held
	dead
	done
	superseded
	states
)

var names = [states]queue.State{
	queue.Queued, queue.Delayed, queue.Leased, queue.Held, queue.Dead, queue.Done, queue.Superseded,
}

// item is one event with all that happened to it.
type item struct {
	event   queue.Event
	account *account
	state   state
	placed  bool // has entered its first state
	kept    bool // is among the ended
	seq     uint64
	// place is that in the account's line: seq, or the place of the event that
	// this one superseded.
	place uint64
	// rank orders it in the heap of its state, in which it has slot.
	rank time.Time
	slot int

	attempt, crashes int
	due              time.Time
	fence            uint64
	first            time.Time
	token            string       // of the lease
	settled          []settlement // of its deliveries, the newest last
	successor        string
	history          []queue.HistoryItem
}

// settlement is how a delivery was settled.
type settlement struct {
	token   string
	verdict queue.Verdict
}

// remembered is how many settlements of an event are known, the newest ones.
const remembered = 9

// settledBy returns how the delivery with this token was settled, nil if it was not
// or that is forgotten.
func (i *item) settledBy(token string) *settlement {
	for n := range i.settled {
		if i.settled[n].token == token {
			return &i.settled[n]
		}
	}
	return nil
}

// remember keeps a settlement, and forgets the oldest.
func (i *item) remember(s settlement) {
	if over := len(i.settled) + 1 - remembered; over > 0 {
		i.settled = slices.Delete(i.settled, 0, over)
	}
	i.settled = append(i.settled, s)
}

// account is one account and its line: the events that are queued, delayed or
// leased, by place.
type account struct {
	name   string
	fence  uint64
	line   []*item
	leased *item
	// head is what would be delivered next, nil if nothing may be; with a head
	// the account is in the heap of ready ones, in which it has slot.
	head *item
	slot int
}

func (i *item) before(j *item) bool {
	if c := i.rank.Compare(j.rank); c != 0 {
		return c < 0
	}
	return i.place < j.place
}

func (i *item) index() *int { return &i.slot }

func (a *account) before(b *account) bool { return a.head.before(b.head) }
func (a *account) index() *int            { return &a.slot }

// account returns the account of this name, a new one if need be.
func (q *Queue) account(name string) *account {
	a := q.accounts[name]
	if a == nil {
		a = &account{name: name}
		q.accounts[name] = a
	}
	return a
}

// replaceable returns the last event of the command in the line if it asks for
// the same and was never delivered. One further up stays: what was asked for
// after it must not come last.
func (a *account) replaceable(e *queue.Event) *item {
	for _, it := range slices.Backward(a.line) {
		if it.event.Command != e.Command {
			continue
		}
		same := cmp.Or(it.event.Schema, queue.Schema) == cmp.Or(e.Schema, queue.Schema) && bytes.Equal(it.event.Payload, e.Payload)
		if it.fence == 0 && same {
			return it
		}
		return nil
	}
	return nil
}

// next returns the first event of the line that may be delivered now, if any.
func (a *account) next() *item {
	if a.leased != nil {
		return nil
	}
	for n, it := range a.line {
		if it.state == queued && !waits(a.line[:n], it.event.Command) {
			return it
		}
	}
	return nil
}

// waits reports whether an event of this command has to wait for one of the
// earlier ones: for one of the same command that was delivered and is not due.
func waits(earlier []*item, command string) bool {
	for _, it := range earlier {
		if it.fence != 0 && it.state == delayed && it.event.Command == command {
			return true
		}
	}
	return false
}

// enter puts an event back into the line, at its place.
func (a *account) enter(it *item) {
	at, _ := slices.BinarySearchFunc(a.line, it, func(x, y *item) int {
		if x.place < y.place {
			return -1
		}
		return 1
	})
	a.line = slices.Insert(a.line, at, it)
}

// leave takes an event out of the line.
func (a *account) leave(it *item) {
	if at := slices.Index(a.line, it); at >= 0 {
		a.line = slices.Delete(a.line, at, at+1)
	}
}

// refresh finds out anew whether the account is ready.
func (q *Queue) refresh(a *account) {
	next := a.next()
	if next == a.head {
		return // and an event's rank does not change while it may be delivered
	}
	if a.head != nil {
		q.ready.remove(a)
	}
	if a.head = next; next != nil {
		q.ready.push(a)
	}
}

// move changes an event's state. rank is its place in the heap of the state.
func (q *Queue) move(it *item, to state, rank time.Time) {
	if it.placed {
		q.counts[it.state]--
		if it.state <= leased {
			q.lanes[it.state].remove(it)
		}
	}
	it.placed = true
	it.state, it.rank = to, rank
	q.counts[to]++
	if to <= leased {
		q.lanes[to].push(it)
	}
}

// wait makes an event of the line queued or delayed.
func (q *Queue) wait(it *item) {
	if it.due.After(q.now) {
		q.move(it, delayed, it.due)
	} else {
		q.move(it, queued, it.due)
	}
}

// end moves an event to a final state, and forgets the oldest that ended.
func (q *Queue) end(it *item, final state) {
	q.move(it, final, time.Time{})
	q.keep(it)
}

// keep remembers an event among those that ended.
func (q *Queue) keep(it *item) {
	if it.kept {
		return
	}
	it.kept = true
	q.ended.push(it)
	if q.ended.len() <= q.opts.KeepDone {
		return
	}
	old := q.ended.pop()
	if old.state == dead {
		q.again--
	}
	q.counts[old.state]--
	delete(q.items, old.event.ID)
	if old.event.Key != "" {
		delete(q.keys, old.event.Key)
	}
}

// note adds to an event's history, which keeps the newest items.
func (q *Queue) note(it *item, h queue.HistoryItem) {
	if h.Time.IsZero() {
		h.Time = q.now
	}
	if it.fence != 0 {
		h.Attempt, h.Fence = it.attempt, it.fence
	}
	if over := len(it.history) + 1 - q.opts.History; over > 0 {
		it.history = slices.Delete(it.history, 0, over)
	}
	it.history = append(it.history, h)
}

// entry is what the contract shows of an event.
func (i *item) entry() queue.Entry {
	event := i.event
	event.Payload = bytes.Clone(event.Payload)
	return queue.Entry{
		Event: event, State: names[i.state], Due: i.due, Attempt: i.attempt, Crashes: i.crashes,
		Fence: i.fence, First: i.first, Successor: i.successor, History: slices.Clone(i.history),
	}
}

// later returns the later of two instants.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
