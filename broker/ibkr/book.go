package ibkr

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// book is what is known of orders in one epoch. It is fed with every report that
// the gateway makes, in any order and any number of times. Fills are the truth;
// a status is a hint, of which the terminal ones stay. Not safe for concurrent
// use: the broker's lock guards it.
type book struct {
	client int64 // ours
	name   func(contractKey) broker.InstrumentID
	now    func() time.Time

	all     []*entry
	byPerm  map[permKey]*entry
	byRef   map[refKey]*entry
	byLocal map[localKey]*entry
	byExec  map[string]*entry    // by the identity of the execution
	fees    map[string]feeReport // of executions that are not known yet

	seq     uint64 // of the newest change; also numbers all reports
	highest int64  // numeric id of our client
}

// refKey is an order by the caller's reference.
type refKey struct {
	account broker.AccountID
	ref     broker.OrderID
}

// permKey is an order by the broker's identity. An advisor's order is one for all
// accounts that take part in it.
type permKey struct {
	perm    int64
	account broker.AccountID
}

// localKey is an order by the numeric id that its client gave it. Ids are used
// again after a restart of the gateway, so it never identifies an order alone.
type localKey struct{ client, order int64 }

// entry is one order.
type entry struct {
	state   broker.OrderState // but for its fills
	fills   []execution
	conID   int64
	perm    int64
	local   localKey
	acked   bool // the gateway has told of it
	doubted bool // a code named it that concludes nothing
	idle    bool // its newest status is Inactive
	named   bool // its instrument's name is the caller's
	stub    bool // known by its executions alone
	seq     uint64
	touched uint64          // when it was last told of, changed or not
	fillSeq uint64          // when a fill was added or corrected
	told    decimal.Decimal // the most that a status or a completed record says has filled
}

// execution is a fill and the revision of its report.
type execution struct {
	broker.Fill
	revision int
	most     decimal.Decimal // the greatest quantity of all revisions
}

func newBook(client int64, name func(contractKey) broker.InstrumentID, now func() time.Time) *book {
	return &book{
		client: client, name: name, now: now,
		byPerm: map[permKey]*entry{}, byRef: map[refKey]*entry{}, byLocal: map[localKey]*entry{}, byExec: map[string]*entry{},
		fees: map[string]feeReport{},
	}
}

// expect enters an order that is about to be written.
func (b *book) expect(o broker.Order, conID, id int64) *entry {
	o.Epoch, o.SendBefore = 0, time.Time{}
	e := &entry{conID: conID, local: localKey{b.client, id}, named: true}
	e.state = broker.OrderState{Order: o, Status: broker.StatusPending, Updated: b.now()}
	b.add(e)
	return e
}

// forget removes an order that was not written after all.
func (b *book) forget(e *entry) {
	b.all = slices.DeleteFunc(b.all, func(x *entry) bool { return x == e })
	if k := e.key(); b.byRef[k] == e {
		delete(b.byRef, k)
	}
	if b.byLocal[e.local] == e {
		delete(b.byLocal, e.local)
	}
}

func (e *entry) key() refKey { return refKey{e.state.Order.Account, e.state.Order.ID} }

// add indexes an entry.
func (b *book) add(e *entry) {
	b.all = append(b.all, e)
	if k := e.key(); k.ref != "" && b.byRef[k] == nil {
		b.byRef[k] = e
	}
	if e.local.order > 0 {
		b.byLocal[e.local] = e
	}
	b.byIdentity(e)
}

// byIdentity indexes an entry by the broker's identity: of its account, and of
// none, as a status does not name one.
func (b *book) byIdentity(e *entry) {
	for _, k := range []permKey{{e.perm, e.state.Order.Account}, {e.perm, ""}} {
		if e.perm != 0 && b.byPerm[k] == nil {
			b.byPerm[k] = e
		}
	}
}

// find returns an order by its reference, nil if there is none.
func (b *book) find(account broker.AccountID, id broker.OrderID) *entry {
	return b.byRef[refKey{account, id}]
}

// match finds the entry that a report is about: by the broker's identity, then by
// the reference, then by the numeric id of its client, and by each only if
// nothing else contradicts it.
func (b *book) match(perm int64, key refKey, local localKey, conID int64) *entry {
	if e := b.byPerm[permKey{perm, key.account}]; perm != 0 && e != nil {
		return e
	}
	fits := func(e *entry) bool {
		return e != nil && (e.perm == 0 || perm == 0) && (conID == 0 || e.conID == 0 || e.conID == conID)
	}
	if e := b.byRef[key]; key.ref != "" && fits(e) {
		return e
	}
	e := b.byLocal[local]
	if local.order <= 0 || !fits(e) || key.ref != "" && e.state.Order.ID != key.ref || key.account != "" && e.state.Order.Account != key.account {
		return nil
	}
	return e
}

// bind gives an entry the identities that a report tells.
func (b *book) bind(e *entry, perm int64, local localKey) {
	if perm != 0 && e.perm == 0 {
		e.perm = perm
		e.state.BrokerID = strconv.FormatInt(perm, 10)
		b.byIdentity(e)
	}
	if local.order > 0 && e.local.order <= 0 {
		e.local = local
		b.byLocal[local] = e
	}
}

// touch notes that an order was told of.
func (b *book) touch(e *entry) {
	b.seq++
	e.acked, e.touched = true, b.seq
}

// changed makes an order news.
func (b *book) changed(e *entry) {
	b.seq++
	e.seq = b.seq
	e.state.Updated = b.now()
}

// news returns the orders of an account that changed after a place, the oldest
// news first. What was only sent is no news.
func (b *book) news(account broker.AccountID, after uint64) []broker.OrderState {
	var found []*entry
	for _, e := range b.all {
		if e.acked && e.seq > after && e.state.Order.Account == account {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(x, y *entry) int { return cmp.Compare(x.seq, y.seq) })
	states := make([]broker.OrderState, len(found))
	for i, e := range found {
		states[i] = e.copy()
	}
	return states
}

// missing reports whether more has filled, as the gateway says, than there are
// executions of.
func (e *entry) missing() bool {
	heard := decimal.Decimal{}
	for i := range e.fills {
		heard = heard.Add(e.fills[i].most)
	}
	return e.told.GreaterThan(heard)
}

// status is the status that callers see: an order is not cancelled or refused for
// them before all its executions have come.
func (e *entry) status() broker.Status {
	if s := e.state.Status; s != broker.StatusCancelled && s != broker.StatusRejected || !e.missing() {
		return s
	}
	return broker.StatusPendingCancel
}

// copy returns the order as callers may keep it.
func (e *entry) copy() broker.OrderState {
	s := e.state
	s.Status = e.status()
	if len(e.fills) > 0 {
		s.Fills = make([]broker.Fill, len(e.fills))
		for i := range e.fills {
			s.Fills[i] = e.fills[i].Fill
		}
	}
	return s
}

// orders returns the orders of an account that a complete look, begun at since,
// has shown, or that ended before. An order that was open and is not shown any
// more is left out: what became of it is not known.
func (b *book) orders(account broker.AccountID, q broker.OrderQuery, since uint64) []broker.OrderState {
	var states []broker.OrderState
	for _, e := range b.all {
		o := &e.state
		if o.Order.Account != account || !e.acked || q.ID != "" && o.Order.ID != q.ID {
			continue
		}
		ended := e.status().Terminal()
		if ended && q.OpenOnly || !ended && e.touched <= since {
			continue
		}
		states = append(states, e.copy())
	}
	return states
}

// fillsSince reports whether a fill of the account was added or corrected.
func (b *book) fillsSince(account broker.AccountID, since uint64) bool {
	return slices.ContainsFunc(b.all, func(e *entry) bool {
		return e.fillSeq > since && e.state.Order.Account == account
	})
}

// conclude ends a complete look that began at since: an order that is known by
// its executions alone and is not open has ended with them.
func (b *book) conclude(since uint64) {
	for _, e := range b.all {
		if e.stub && !e.state.Status.Terminal() && e.touched <= since {
			e.state.Status, e.state.Reason = broker.StatusCancelled, "known by its executions alone, and not open"
			b.changed(e)
		}
	}
}

// inherit takes over from the book of an earlier epoch the orders that had ended
// there and that the gateway does not tell of any more.
func (b *book) inherit(old *book, youngest time.Time) {
	for _, e := range old.all {
		if !e.acked || !e.status().Terminal() || e.state.Updated.Before(youngest) ||
			b.byPerm[permKey{e.perm, e.state.Order.Account}] != nil || b.byRef[e.key()] != nil {
			continue
		}
		b.seq = max(b.seq, 1)
		e.seq, e.touched, e.fillSeq = 1, 0, 0
		e.local = localKey{} // the numeric id may be another order's now
		b.add(e)
		for i := range e.fills {
			b.byExec[e.fills[i].ID] = e
		}
	}
}

// renamed gives a contract another name. Orders that were placed here keep the name
// under which they were placed.
func (b *book) renamed(conID int64, id broker.InstrumentID) {
	for _, e := range b.all {
		if e.conID != conID || e.named {
			continue
		}
		e.state.Order.Instrument = id
		for i := range e.fills {
			e.fills[i].Instrument = id
		}
	}
}
