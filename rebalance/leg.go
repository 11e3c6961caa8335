package rebalance

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// refPrefix marks the orders that this engine sent: "ek1.", ten characters of
// the account and event, the run's number, the leg, the try. At most 32 ASCII
// characters, the same again when a run is resumed.
const refPrefix = "ek1."

// ours reports whether an order was sent by an engine of this kind.
func ours(id broker.OrderID) bool { return strings.HasPrefix(string(id), refPrefix) }

// ref is the reference of one try of one leg.
func ref(account broker.AccountID, event string, number, leg, try int) broker.OrderID {
	return broker.OrderID(appendRef(nil, refStem(account, event), number, leg, try))
}

// refs are the references of the next tries of some legs.
func (r *run) refs(legs []*leg) []broker.OrderID {
	texts := make([]byte, 0, 32*len(legs))
	ends := make([]int, len(legs))
	for i, l := range legs {
		texts = appendRef(texts, r.refStem(), r.record.Number, l.index, l.try+1)
		ends[i] = len(texts)
	}
	all, from := string(texts), 0 // one string for all
	ids := make([]broker.OrderID, len(legs))
	for i, end := range ends {
		ids[i], from = broker.OrderID(all[from:end]), end
	}
	return ids
}

// refStem is the part of a reference that names the account and the event.
func refStem(account broker.AccountID, event string) string {
	sum := sha256.Sum256([]byte(string(account) + "\x00" + event))
	return refPrefix + base32.StdEncoding.EncodeToString(sum[:10])[:10]
}

// appendRef appends the reference with that stem.
func appendRef(b []byte, stem string, number, leg, try int) []byte {
	b = append(b, stem...)
	for _, n := range [...]int{number, leg, try} {
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return b
}

// leg is one order of the plan on its way.
type leg struct {
	index int
	plan  PlannedOrder
	// quantity is what may be sent: the plan's, or less when buys were funded.
	quantity decimal.Decimal
	// try counts the intents of the leg; the newest one is in order.
	try   int
	order broker.Order
	state legState
	run   journal.RunID
	held  decimal.Decimal // the position before the order
	sent  time.Time       // when the intent was journaled

	ackBy, doneBy time.Time
	cancelling    bool // a cancel was asked for, cancels times in all
	cancels       int
	doubt         bool   // only a look at the broker can tell more
	altered       bool   // the broker changed the order, to echoed
	adopted       bool   // ours, but not in the journal
	lost          bool   // proven never to have reached the broker
	refused       string // why it was not sent this time
	wasUnknown    bool   // an earlier look had to settle it as unknown
	echoed        *broker.Order
	// settlement is how it ended, once that is known.
	settlement *journal.Settlement
	closed     journal.Settlement // room for it
	stored     bool               // the journal has the settlement
}

// legState is what a leg keeps of what the broker says of its order.
type legState struct {
	Status       broker.Status
	Fills        []broker.Fill
	Refusal      broker.Refusal
	Code, Reason string
}

// stateOf is what is kept of a state.
func stateOf(s *broker.OrderState) legState {
	return legState{Status: s.Status, Fills: s.Fills, Refusal: s.Refusal, Code: s.Code, Reason: s.Reason}
}

// Filled returns the quantity of the fills.
func (s *legState) Filled() decimal.Decimal {
	o := broker.OrderState{Fills: s.Fills}
	return o.Filled()
}

// layOut makes a leg of every planned order, with what the journal knows of it.
// Legs that the resolve step found at work keep what it found.
func (r *run) layOut(orders []PlannedOrder, from int) []*leg {
	legs := make([]*leg, len(orders))
	room := r.legRoom(len(orders))
	known := r.legs
	r.legs = slices.Grow(known, len(orders))
	for i := range orders {
		l := r.legAt(known, from+i, &room[i])
		l.plan = orders[i]
		if l.quantity.IsZero() {
			l.quantity = orders[i].Quantity
		}
		legs[i] = l
	}
	return legs
}

// legRoom is memory for so many legs. What it was used for in this run stays.
func (r *run) legRoom(n int) []leg {
	used := len(r.room.legs)
	if used+n > cap(r.room.legs) {
		r.room.legs, used = make([]leg, 0, n), 0
	}
	r.room.legs = r.room.legs[:used+n]
	return r.room.legs[used:]
}

// legAt returns the leg with an index, as the run or the journal knows it: one of
// those known, or else l.
func (r *run) legAt(known []*leg, index int, l *leg) *leg {
	for _, k := range known {
		if k.index == index {
			return k
		}
	}
	l.index = index
	for i := range r.record.Intents {
		if in := &r.record.Intents[i]; in.Leg == index {
			l.try, l.order, l.run, l.held, l.sent = in.Number, in.Order, in.Run, in.Held, in.Time
			l.settlement, l.stored = in.Settlement, in.Settlement != nil
		}
	}
	if l.settlement != nil && l.settlement.Outcome == journal.NotSent && l.try < maxLegTries {
		l.again() // proven
	}
	r.legs = append(r.legs, l)
	return l
}

// again makes the leg ready for one more try; the last one is proven over.
func (l *leg) again() {
	l.settlement, l.stored, l.order, l.state = nil, false, broker.Order{}, legState{}
	l.cancelling, l.cancels, l.altered, l.doubt, l.lost = false, 0, false, false, false
}

// fundedBy takes the quantity that the planner could fund.
func (l *leg) fundedBy(funded *Plan) {
	l.quantity = decimal.Decimal{}
	for i := range funded.Orders {
		if o := &funded.Orders[i]; o.Symbol == l.plan.Symbol && o.Side == l.plan.Side {
			l.quantity, l.plan.Limit = o.Quantity, o.Limit
		}
	}
}

// take hands the news to their legs.
func take(legs []*leg, news []broker.OrderState) {
	for i := range news {
		for _, l := range legs {
			if l.order.ID != "" && l.order.ID == news[i].Order.ID {
				l.merge(&news[i])
				break
			}
		}
	}
}

// merge takes over what the broker says of the order. A terminal status stays;
// fills are collected by their identity, the newer report wins.
func (l *leg) merge(s *broker.OrderState) {
	if l.order.ID != "" && !l.order.Same(&s.Order) {
		l.altered = true
	}
	if l.altered {
		echoed := s.Order
		l.echoed = &echoed
	}
	fills := l.state.Fills
	if len(fills) == 0 {
		fills = s.Fills
	} else {
		fills = mergeFills(fills, s.Fills)
	}
	status, code, reason := s.Status, s.Code, s.Reason
	if l.state.Status.Terminal() && !status.Terminal() {
		status, code, reason = l.state.Status, l.state.Code, l.state.Reason
	}
	l.state = stateOf(s)
	l.state.Fills, l.state.Status, l.state.Code, l.state.Reason = fills, status, code, reason
}

// mergeFills returns the union of two lists of fills; of two with one identity
// the newer one counts.
func mergeFills(old, news []broker.Fill) []broker.Fill {
	merged := append([]broker.Fill(nil), old...)
next:
	for _, n := range news {
		for i := range merged {
			if merged[i].ID == n.ID {
				merged[i] = n
				continue next
			}
		}
		merged = append(merged, n)
	}
	return merged
}

// ended reports whether the order can be settled: it is terminal, and the fills
// bear out what the status says. Fills that make up the whole order end it
// whatever the status.
func (l *leg) ended() bool {
	filled := l.state.Filled()
	if l.order.Quantity.Sign() > 0 && filled.GreaterThanOrEqual(l.order.Quantity) {
		return true
	}
	return l.state.Status.Terminal() && l.state.Status != broker.StatusFilled
}

// filled is what is known to have filled of the leg.
func (l *leg) filled() decimal.Decimal {
	if l.settlement != nil {
		return l.settlement.Filled
	}
	return l.state.Filled()
}

// moved is what the leg's fills did to the position: negative for a sale.
func (l *leg) moved() num {
	if l.order.Side == broker.Sell {
		return numOf(l.filled()).negate()
	}
	return numOf(l.filled())
}

// close decides how the order ended. Only for legs that ended.
func (l *leg) close(now time.Time) {
	filled := l.state.Filled()
	s := &l.closed
	*s = journal.Settlement{
		Ref: l.order.ID, Filled: filled, Code: l.state.Code, Reason: l.state.Reason, Time: now,
	}
	switch {
	case filled.GreaterThan(l.order.Quantity):
		l.unknown(now, "the broker reports fills of "+filled.String()+", more than the order's "+l.order.Quantity.String())
		return
	case l.altered:
		l.unknown(now, "the broker changed the order: sent "+describe(&l.order)+", echoed "+describe(l.echoed))
		return
	case filled.Equal(l.order.Quantity):
		s.Outcome = journal.Filled
	case filled.Sign() > 0:
		s.Outcome = journal.PartiallyFilled
	case l.state.Status == broker.StatusRejected:
		s.Outcome = journal.Rejected
	default:
		s.Outcome = journal.Cancelled
	}
	if !filled.IsZero() {
		c := costsOf(l.state.Fills, filled)
		s.AveragePrice, s.Fees, s.FeeCurrency = c.price, c.fees, c.currency
		s.Reason = joined(s.Reason, c.missing)
	}
	l.settlement = s
}

// unknown settles the leg as unknown, with the reason.
func (l *leg) unknown(now time.Time, why string) {
	filled := decimal.Min(l.state.Filled(), l.order.Quantity)
	l.settlement = &journal.Settlement{
		Ref: l.order.ID, Outcome: journal.Unknown, Filled: filled, Code: l.state.Code, Reason: why, Time: now,
	}
}

// inferred settles the leg by what the positions show.
func (l *leg) inferred(now time.Time, filled decimal.Decimal, why string) {
	l.settlement = &journal.Settlement{Ref: l.order.ID, Outcome: journal.Inferred, Filled: filled, Reason: "inferred " + why, Time: now}
	if filled.Sign() > 0 {
		l.settlement.AveragePrice = l.order.Limit // the worst that it can have been
	}
}

// notSent settles the leg as proven not to be at the broker.
func (l *leg) notSent(now time.Time, why string) {
	l.settlement = &journal.Settlement{Ref: l.order.ID, Outcome: journal.NotSent, Reason: why, Time: now}
}

// costs are what the fills of an order cost, as far as that is known.
type costs struct {
	price    decimal.Decimal // the average, rounded to 8 places
	fees     decimal.Decimal
	currency broker.Currency // of the fees
	missing  string          // what fees does not hold
}

// costsOf sums up some fills that are not none. Fees in a second currency are not
// added, but named: there is no rate for them here.
func costsOf(fills []broker.Fill, filled decimal.Decimal) costs {
	var c costs
	var notional decimal.Decimal
	pending := 0
	for i := range fills {
		f := &fills[i]
		if len(fills) > 1 {
			notional = notional.Add(f.Price.Mul(f.Quantity))
		}
		switch fee := f.Fee.Decimal; {
		case !f.Fee.Valid:
			pending++
		case fee.IsZero():
			c.currency = cmp.Or(c.currency, f.FeeCurrency)
		case c.fees.IsZero() || c.currency == f.FeeCurrency:
			c.fees, c.currency = c.fees.Add(fee), f.FeeCurrency
		default:
			c.missing += fmt.Sprintf("; a further fee is %s %s", fee, f.FeeCurrency)
		}
	}
	if pending > 0 {
		c.missing += fmt.Sprintf("; the fee of %d of %d fills is not known yet", pending, len(fills))
	}
	c.missing = strings.TrimPrefix(c.missing, "; ")
	if len(fills) == 1 {
		c.price = fills[0].Price
	} else {
		c.price, _ = broker.Quo(notional, filled, 8) // filled is not zero
	}
	return c
}

// joined puts two remarks into one.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// describe names what an order asks for.
func describe(o *broker.Order) string {
	return string(o.Side) + " " + o.Quantity.String() + " " + string(o.Instrument) + " " + string(o.Type) + " " + o.Limit.String()
}
