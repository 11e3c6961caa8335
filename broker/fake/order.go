package fake

import (
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// order is what the broker knows of an order.
type order struct {
	order      broker.Order  // as it works and is echoed
	altered    *broker.Order // as it was received, if that is different
	epoch      broker.Epoch  // the guards of the send
	sendBefore time.Time
	account    *account
	instrument *instrument // nil if the symbol is not known
	brokerID   string
	received   time.Time
	duplicates int

	status       broker.Status
	code, reason string
	refusal      broker.Refusal
	updated      time.Time
	fills        []execution
	first        [1]execution    // most orders need no more
	left         decimal.Decimal // not filled yet
	planned      decimal.Decimal // the part of left whose executions are due later
	notional     decimal.Decimal // of the fills; kept only if there are fees
	charged      decimal.Decimal // the fees so far

	seq        uint64 // of its newest news
	prev, next *order // in the account's list
	quirk      *quirk // what faults do to it
	hidden     bool   // on its way: nobody sees it yet
	stopped    bool   // fills no more
	stale      bool   // its next news is an old state
}

// execution is a fill and whether it is told yet.
type execution struct {
	id              string
	quantity, price decimal.Decimal
	fee             decimal.NullDecimal
	time            time.Time
	hidden          bool
}

// serial numbers what arrives. It makes its texts ten at a time, in one string.
type serial struct {
	prefix string
	number int    // the next one
	texts  string // of the next ones, up to a number that ends in 9: all of one length
	length int
}

// next is the text of the next number.
func (s *serial) next() string {
	if s.texts == "" {
		s.makeTexts()
	}
	text := s.texts[:s.length]
	s.texts = s.texts[s.length:]
	s.number++
	return text
}

func (s *serial) makeTexts() {
	texts := make([]byte, 0, 128)
	count := 10 - s.number%10
	for i := range count {
		texts = strconv.AppendInt(append(texts, s.prefix...), int64(s.number+i), 10)
	}
	s.texts, s.length = string(texts), len(texts)/count
}

// fill is an execution as it is told.
func (o *order) fill(e *execution) broker.Fill {
	return broker.Fill{
		ID: e.id, Order: o.order.ID, Instrument: o.order.Instrument, Side: o.order.Side,
		Quantity: e.quantity, Price: e.price, Fee: e.fee, FeeCurrency: o.instrument.Currency, Time: e.time,
	}
}

// state is what the broker says of the order. Its fills are put into room, of which
// the rest is for the next ones.
func (o *order) state(room *[]broker.Fill) broker.OrderState {
	s := broker.OrderState{
		Order: o.order, BrokerID: o.brokerID, Status: o.status, Refusal: o.refusal, Code: o.code, Reason: o.reason, Updated: o.updated,
	}
	if q := o.quirk; q != nil && q.mute != "" && o.status == broker.StatusFilled {
		s.Status = q.mute
	}
	if len(o.fills) > 0 {
		if len(*room) < len(o.fills) {
			*room = make([]broker.Fill, max(len(o.fills), 10))
		}
		s.Fills = (*room)[:0:len(o.fills)]
		*room = (*room)[len(o.fills):]
		for i := range o.fills {
			if !o.fills[i].hidden {
				s.Fills = append(s.Fills, o.fill(&o.fills[i]))
			}
		}
	}
	return s
}

// sent is the order as it was received.
func (o *order) sent() broker.Order {
	s := o.order
	if o.altered != nil {
		s = *o.altered
	}
	s.Epoch, s.SendBefore = o.epoch, o.sendBefore
	return s
}

// touch returns the price at which the market takes the order now.
func (o *order) touch() (decimal.Decimal, bool) {
	p, ok := o.instrument.price(o.order.Side)
	if !ok || o.order.Type != broker.Limit {
		return p, ok
	}
	if o.order.Side == broker.Buy {
		return p, compare(p, o.order.Limit) <= 0
	}
	return p, compare(p, o.order.Limit) >= 0
}

// within keeps a price inside the order's limit.
func (o *order) within(price decimal.Decimal) decimal.Decimal {
	if o.order.Type != broker.Limit {
		return price
	}
	if o.order.Side == broker.Buy {
		return decimal.Min(price, o.order.Limit)
	}
	return decimal.Max(price, o.order.Limit)
}

// estimate is what a unit is expected to cost: the quote if the market takes
// the order, else its limit.
func (o *order) estimate() decimal.Decimal {
	p, ok := o.touch()
	if !ok && o.order.Type == broker.Limit {
		return o.order.Limit
	}
	return p
}

// orderList is a list of orders, that with the newest news last.
type orderList struct{ first, last *order }

// toEnd moves an order to the end, or adds it there.
func (l *orderList) toEnd(o *order) {
	if l.last == o {
		return
	}
	l.remove(o)
	o.prev = l.last
	if l.last != nil {
		l.last.next = o
	} else {
		l.first = o
	}
	l.last = o
}

// remove takes an order off the list, if it is on it.
func (l *orderList) remove(o *order) {
	if o.prev == nil && o.next == nil && l.first != o {
		return
	}
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		l.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		l.last = o.prev
	}
	o.prev, o.next = nil, nil
}
