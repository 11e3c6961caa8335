package fake

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Always makes a fault strike at its N-th call and at every later one.
func Always(f Fault) Fault { return scoped{Fault: f, always: true} }

// On makes a fault count only the orders of one instrument.
func On(id broker.InstrumentID, f Fault) Fault { return scoped{Fault: f, symbol: id} }

// scoped is a fault with a scope.
type scoped struct {
	Fault
	symbol broker.InstrumentID
	always bool
}

// armed is a fault that waits for its call.
type armed struct {
	Fault
	spec
	symbol broker.InstrumentID
	always bool
	seen   int
}

// lagging is what LagPositions does.
type lagging struct {
	by   time.Duration
	left int // fills that it still strikes, negative for all
}

// take reports whether the next fill lags.
func (l *lagging) take() bool {
	if l.left == 0 {
		return false
	}
	l.left--
	return true
}

// Inject arms faults. They may be combined: one call can be struck by several.
func (b *Broker) Inject(faults ...Fault) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.catchUp(now)
	for _, f := range faults {
		b.arm(f)
	}
}

func (b *Broker) arm(f Fault) {
	a := &armed{}
	for s, ok := f.(scoped); ok; s, ok = f.(scoped) {
		f, a.symbol, a.always = s.Fault, cmp.Or(a.symbol, s.symbol), a.always || s.always
	}
	a.Fault, a.spec = f, f.spec()
	a.n = max(a.n, 1)
	switch f := f.(type) {
	case LagPositions:
		b.lag = &lagging{by: f.For, left: cmp.Or(f.N, -1)}
		return
	case CutSession:
		if f.Before == 0 && f.After == 0 {
			b.fired[FaultCutSession]++
			b.cut(f.For)
			return
		}
	}
	b.armed = append(b.armed, a)
}

// ClearFaults disarms all faults. What they did stays done.
func (b *Broker) ClearFaults() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed, b.lag = nil, nil
}

// Faults says how often each kind of fault struck, by its name.
func (b *Broker) Faults() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.fired)
}

// hit counts a call and reports whether the fault strikes it.
func (a *armed) hit(method string, o *broker.Order) bool {
	if a.method != "" && a.method != method || a.symbol != "" && (o == nil || o.Instrument != a.symbol) {
		return false
	}
	a.seen++
	return a.seen == a.n || a.always && a.seen > a.n
}

// strike returns a fault of a name if one strikes this call, else nil.
func (b *Broker) strike(method string, o *broker.Order, name string) Fault {
	var found Fault
	b.armed = slices.DeleteFunc(b.armed, func(a *armed) bool {
		if a.name != name || !a.hit(method, o) {
			return false
		}
		b.fired[name]++
		found = a.Fault
		return !a.always
	})
	return found
}

// failCall returns the error of a fault that strikes a call.
func (b *Broker) failCall(c Call) error {
	if len(b.armed) == 0 {
		return nil
	}
	f, ok := b.strike(c.Method, &broker.Order{}, FaultFailCall).(FailCall)
	if !ok {
		return nil
	}
	if f.Err == nil {
		f.Err = errors.New("failed by a fault")
	}
	return b.fault(c, f.Kind, f.Err)
}

// cut ends the session; the next one has another epoch.
func (b *Broker) cut(by time.Duration) {
	b.epoch++
	b.down, b.upAt = by > 0, b.now.Add(by)
	b.wake()
}

// quirk is what faults do to one order.
type quirk struct {
	err      error  // Place fails with it, nothing was sent
	lost     string // the order never arrives, by which fault
	silent   bool   // and nobody says so
	noAnswer bool   // the order arrives, but Place does not hear of it
	late     time.Duration
	reject   *RejectOrder
	hold     time.Duration // negative: to the close
	partial  *partial
	alter    func(*broker.Order)
	mute     broker.Status // told instead of filled
	reveal   time.Duration // how long fills are not told
	feeLate  time.Duration
	correct  *CorrectFill
	cut      *CutSession
}

// partial is an order that fills in part only.
type partial struct {
	quantity decimal.Decimal
	cancel   bool
}

// quirkOf collects what the armed faults do to an order that is to be sent. Nil
// is nothing.
func (b *Broker) quirkOf(o *broker.Order) *quirk {
	if len(b.armed) == 0 {
		return nil
	}
	var q *quirk
	b.armed = slices.DeleteFunc(b.armed, func(a *armed) bool {
		if a.method != MethodPlace || a.name == FaultFailCall || !a.hit(MethodPlace, o) {
			return false
		}
		if q == nil {
			q = &quirk{}
		}
		b.fired[a.name]++
		b.apply(q, a.Fault, o)
		return !a.always
	})
	return q
}

// apply adds what a fault does.
func (b *Broker) apply(q *quirk, f Fault, o *broker.Order) {
	switch f := f.(type) {
	case RejectOrder:
		f.Code, f.Reason = cmp.Or(f.Code, "201"), cmp.Or(f.Reason, "refused by a fault")
		q.reject = &f
	case LoseAck:
		q.noAnswer = true
	case LoseOrder:
		q.lost = FaultLoseOrder
	case SwallowOrder:
		q.lost, q.silent = FaultSwallowOrder, true
	case DelayOrder:
		q.noAnswer, q.late = true, max(f.By, 1)
	case PartialThenStop:
		q.partial = &partial{quantity: f.Quantity}
	case PartialThenCancel:
		q.partial = &partial{quantity: f.Quantity, cancel: true}
	case AlterOrder:
		if q.alter = f.Change; q.alter == nil {
			q.alter = b.backOff
		}
	case HoldOrder:
		q.hold = cmp.Or(f.For, -1)
	case StatusWithoutFills:
		q.reveal = max(f.For, 1)
	case FillsWithoutStatus:
		q.mute = broker.StatusWorking
	case CorrectFill:
		q.correct = &f
	case LateFee:
		q.feeLate = max(f.For, 1)
	case CutSession:
		if f.After > 0 {
			q.cut = &f
			return
		}
		b.cut(f.For)
		c := Call{Method: MethodPlace, Account: o.Account, Order: o.ID}
		q.err = b.fault(c, broker.KindSession, fmt.Errorf("the connection was lost before the order was written: %w", broker.ErrSession))
	}
}

// backOff moves a limit away from the market by a tenth, to a whole tick.
func (b *Broker) backOff(o *broker.Order) {
	i := b.byID[o.Instrument]
	if i == nil || o.Type != broker.Limit {
		return
	}
	tenth := o.Limit.Mul(decimal.New(1, -1))
	tenth = decimal.Max(tenth.Sub(tenth.Mod(i.Tick)), i.Tick)
	if o.Side == broker.Buy {
		tenth = tenth.Neg()
	}
	o.Limit = o.Limit.Add(tenth)
}

// quirkFill does to a fill what faults do to its order.
func (b *Broker) quirkFill(o *order, n int) {
	q, f := o.quirk, &o.fills[n]
	if q.reveal > 0 {
		f.hidden = true
		b.due.add(happening{at: b.now.Add(q.reveal), kind: reveal, order: o, fill: n})
	}
	if q.feeLate > 0 {
		f.fee.Valid = false
		b.due.add(happening{at: b.now.Add(q.feeLate), kind: feeKnown, order: o, fill: n})
	}
	if c := q.correct; c != nil && n == 0 {
		b.due.add(happening{at: b.now.Add(c.After), kind: correction, order: o, quantity: c.Quantity, price: c.Price})
	}
}

// correct replaces the quantity and price of a fill, and what it moved.
func (b *Broker) correct(o *order, h *happening) {
	f := &o.fills[h.fill]
	was := *f
	if h.quantity.Sign() > 0 {
		f.quantity = h.quantity
	}
	if h.price.Sign() > 0 {
		f.price = h.price
	}
	sign := decimal.New(o.order.Side.Sign(), 0)
	paid := f.quantity.Mul(f.price).Sub(was.quantity.Mul(was.price))
	o.account.addPosition(o.instrument.index, f.quantity.Sub(was.quantity).Mul(sign))
	o.account.addCash(o.instrument.currency, paid.Mul(sign).Neg())
	b.changed(o)
}

// fillLater reports an order as cancelled and lets it fill afterwards.
func (b *Broker) fillLater(o *order, f FillAfterCancel) {
	quantity := o.left
	if f.Quantity.Sign() > 0 {
		quantity = f.Quantity
	}
	price := o.estimate()
	b.end(o, broker.StatusCancelled, "202", "cancelled on request")
	if o.instrument != nil && price.Sign() > 0 {
		b.due.add(happening{at: b.now.Add(f.After), kind: lateFill, order: o, quantity: quantity, price: price})
	}
}
