package gatewaysim

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"

	"github.com/evenkeel/evenkeel/broker"
)

// refusal is an error that ends an order before it exists.
type refusal struct {
	code int
	text string
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// place handles an order of a client. The lock is held.
func (e *Exchange) place(s *tcpSession, m *protobuf.PlaceOrderRequest) {
	o, no := e.newOrder(s, m)
	if no != nil {
		e.refuseOrder(s, m, no)
		return
	}
	at := o.place()
	at.session = s.number
	if m.GetOrder().GetWhatIf() {
		e.preview(s, o)
		return
	}
	if e.faultBefore(s, m, at) {
		return
	}
	if no := e.checkID(o); no != nil {
		e.refuseOrder(s, m, no)
		return
	}
	if old := e.byKey[o.key()]; old != nil && !old.terminal() {
		if no := e.modify(old, o); no != nil {
			e.refuseOrder(s, m, no)
		}
		return
	}
	if f := e.strike(FaultAckLate, at); f != nil {
		e.after(cmp.Or(time.Duration(f.For), 100*time.Millisecond), func() { e.accept(o, at) })
		return
	}
	e.accept(o, at)
}

// refuseOrder answers an order with an error.
func (e *Exchange) refuseOrder(s *tcpSession, m *protobuf.PlaceOrderRequest, no *refusal) {
	e.record(s, Entry{
		Kind: KindRejected, Account: m.GetOrder().GetAccount(), OrderID: int(m.GetOrderId()), Ref: m.GetOrder().GetOrderRef(),
		Detail: fmt.Sprintf("%d %s", no.code, no.text),
	})
	s.fail(m.GetOrderId(), no.code, "%s", no.text)
}

// newOrder checks an order and returns it, or why it is refused.
func (e *Exchange) newOrder(s *tcpSession, m *protobuf.PlaceOrderRequest) (*order, *refusal) {
	w := m.GetOrder()
	if w == nil || m.GetContract() == nil {
		return nil, refuse(320, "Error reading request. Order or contract is missing")
	}
	o := &order{
		client: s.client, id: int(m.GetOrderId()), message: w, account: w.GetAccount(), ref: w.GetOrderRef(), buy: w.GetAction() == "BUY",
		kind: w.GetOrderType(), tif: cmp.Or(w.GetTif(), "DAY"), outsideRTH: w.GetOutsideRth(), status: StatusPreSubmitted,
	}
	if o.account == "" && len(e.accounts) == 1 {
		o.account = e.accounts[0].ID
	}
	found := e.find(m.GetContract())
	switch {
	case o.account == "":
		return nil, refuse(435, "You must specify an account.")
	case e.account(o.account) == nil:
		return nil, refuse(321, "Error validating request.-'bW' : cause - Invalid account %s", o.account)
	case len(found) == 0:
		return nil, refuse(200, "No security definition has been found for the request")
	case len(found) > 1:
		return nil, refuse(200, "The contract description specified for %s is ambiguous.", m.GetContract().GetSymbol())
	}
	o.contract = found[0]
	if no := unplayedOrder(w); no != nil {
		return nil, no
	}
	return o, e.checkOrder(o, w)
}

// checkOrder reads and checks the terms of an order.
func (e *Exchange) checkOrder(o *order, w *protobuf.Order) *refusal {
	var err error
	if o.quantity, err = broker.ParseDecimal(w.GetTotalQuantity()); err != nil {
		return refuse(320, "Error reading request. %v", err)
	}
	if o.limit, err = fromOptional(w.LmtPrice); err != nil {
		return refuse(320, "Error reading request. %v", err)
	}
	limited := o.limited()
	if !limited {
		o.limit = decimal.Decimal{}
	}
	switch {
	case w.GetAction() != "BUY" && w.GetAction() != "SELL":
		return refuse(321, "Error validating request.-'bW' : cause - Invalid order action: %s", w.GetAction())
	case !limited && o.kind != "MKT" && o.kind != "MOC":
		return refuse(387, "Unsupported order type for this exchange and security type.")
	case o.tif != "DAY" && o.tif != "GTC":
		return refuse(321, "Error validating request.-'bW' : cause - Invalid time in force: %s", o.tif)
	case !o.quantity.IsPositive():
		return refuse(434, "The order size cannot be zero.")
	case !o.quantity.Mod(o.contract.SizeIncrement).IsZero() || o.quantity.LessThan(o.contract.MinSize):
		return refuse(10243, "Fractional-sized order cannot be placed via API. Please use desktop version to place this order.")
	case limited && !o.limit.IsPositive():
		return refuse(321, "Error validating request.-'bW' : cause - Missing or invalid limit price")
	case limited && !o.limit.Mod(o.contract.MinTick).IsZero():
		return refuse(110, "The price does not conform to the minimum price variation for this contract.")
	case e.readOnly(o.place()):
		return refuse(readOnlyCode, readOnlyText)
	}
	return nil
}

const (
	readOnlyCode = 321
	readOnlyText = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode."
)

// readOnly reports whether orders and cancels are refused.
func (e *Exchange) readOnly(at place) bool {
	return e.cfg.ReadOnly || e.strike(FaultReadOnly, at) != nil
}

// checkID refuses an id that was used.
func (e *Exchange) checkID(o *order) *refusal {
	old := e.byKey[o.key()]
	switch {
	case old != nil && !old.terminal():
		return nil // a modification
	case o.id <= 0, o.id <= e.lastID[o.client] && (!e.cfg.LaxOrderIDs || old != nil):
		return refuse(103, "Duplicate order id")
	}
	return nil
}

// faultBefore plays the faults that lose an order; true if one struck.
func (e *Exchange) faultBefore(s *tcpSession, m *protobuf.PlaceOrderRequest, at place) bool {
	switch {
	case e.strike(FaultCutBeforeAccept, at) != nil:
		s.cut()
		return true
	case e.strike(FaultLoseOrder, at) != nil:
		return true
	case e.strike(FaultDuplicateOrderID, at) != nil:
		e.refuseOrder(s, m, refuse(103, "Duplicate order id"))
		return true
	}
	return false
}

// accept makes an order exist.
func (e *Exchange) accept(o *order, at place) {
	e.perm++
	o.perm, o.placed, o.closes = e.perm, e.now(), o.contract.closing(e.now())
	if o.client >= 0 {
		e.lastID[o.client] = max(e.lastID[o.client], o.id)
	}
	e.orders = append(e.orders, o)
	e.byKey[o.key()] = o
	if f := e.strike(FaultAlterOrder, at); f != nil {
		e.alter(o, f)
	}
	e.recordOrder(KindOrder, o, "%s %s %s %s %s", o.action(), o.quantity, o.contract.Symbol, o.kind, o.limit)
	if f := e.strike(FaultRejectOrder, at); f != nil {
		e.reject(o, cmp.Or(f.Code, 201), cmp.Or(f.Text, "Order rejected - reason:The order was refused by a fault"))
		return
	}
	if e.cfg.CheckFunds && e.short(o) {
		e.reject(o, 201, noFunds)
		return
	}
	if !o.message.GetTransmit() {
		o.status, o.parked = StatusInactive, true
		e.show(o)
		return
	}
	e.send(o, at)
}

// send sends an order to the market, once the gateway has its link.
func (e *Exchange) send(o *order, at place) {
	if e.linkDown { // it goes out when the link is back
		o.status, o.stuck = StatusPendingSubmit, true
		e.withheld = append(e.withheld, func() { e.work(o, at) })
		return
	}
	e.work(o, at)
}

// reject ends an order that was received.
func (e *Exchange) reject(o *order, code int, text string) {
	o.status, o.ended, o.reason = StatusInactive, e.now(), text
	e.recordOrder(KindRejected, o, "%d %s", code, text)
	e.tell(o.client, o.openOrder(), o.orderStatus())
	e.tellError(o.client, o.id, code, "%s", text)
}

// work acknowledges an order and sends it to the market, in the way in which
// the faults want it.
func (e *Exchange) work(o *order, at place) {
	o.status = StatusSubmitted
	if o.atClose() {
		o.status = StatusPreSubmitted
	}
	if opened, next := e.trading(o); !opened {
		e.hold(o, next)
	}
	o.silent = e.strike(FaultFillWithoutStatus, at) != nil
	o.stuck = e.strike(FaultNeverFill, at) != nil
	switch {
	case e.strike(FaultCutAfterAccept, at) != nil:
		e.cutOwner(o.client, true)
	case e.strike(FaultOrderPendsForever, at) != nil:
		o.status, o.stuck = StatusPendingSubmit, true
		e.show(o)
		return
	default:
		if e.faultWork(o, at) {
			return
		}
		e.show(o)
		if e.strike(FaultCutAfterAck, at) != nil {
			e.cutOwner(o.client, false)
		}
	}
	e.match(o)
}

// faultWork plays the faults that keep an order from the market at first; true
// if one struck.
func (e *Exchange) faultWork(o *order, at place) bool {
	if f := e.strike(FaultInactive, at); f != nil {
		o.status, o.stuck = StatusInactive, true
		e.show(o)
		e.reviveAfter(o, time.Duration(f.For))
		return true
	}
	if f := e.strike(FaultHoldOrder, at); f != nil {
		o.status, o.stuck = StatusPreSubmitted, true
		e.show(o)
		e.tellError(o.client, o.id, 399, "Order Message:\n%s %s %s\nWarning: your order will not be placed at the exchange until it opens.", o.action(), o.quantity, o.contract.Symbol)
		e.reviveAfter(o, time.Duration(f.For))
		return true
	}
	if f := e.strike(FaultPartialThenStop, at); f != nil {
		e.partial(o, f)
		return true
	}
	if f := e.strike(FaultPartialThenCancel, at); f != nil {
		e.partial(o, f)
		if !o.terminal() {
			e.endOrder(o, StatusCancelled, "Cancelled by exchange")
		}
		return true
	}
	return false
}

// partial fills a part of an order for a fault, and nothing more of it.
func (e *Exchange) partial(o *order, f *Fault) {
	o.stuck = true
	e.show(o)
	part := f.Quantity
	if part.IsZero() {
		part = decimal.Max(average(o.quantity, decimal.NewFromInt(2)).Floor(), o.contract.MinSize)
	}
	e.execute(o, decimal.Min(part, o.remaining()), e.anyPrice(o))
}

// reviveAfter lets an order work after a time; never without one.
func (e *Exchange) reviveAfter(o *order, d time.Duration) {
	if d <= 0 {
		return
	}
	e.after(d, func() {
		if o.terminal() || o.status == StatusPendingCancel {
			return
		}
		o.stuck, o.status = false, StatusSubmitted
		e.show(o)
		e.match(o)
	})
}

// hold keeps an order until its market opens.
func (e *Exchange) hold(o *order, next time.Time) {
	o.status = StatusPreSubmitted
	e.tellError(o.client, o.id, 399, "Order Message:\n%s %s %s\nWarning: Your order will not be placed at the exchange until %s.",
		o.action(), o.quantity, o.contract.Symbol, next.In(o.contract.zone()).Format("2006-01-02 15:04:05 MST"))
	if wait := next.Sub(e.now()); !next.IsZero() && wait > 0 {
		e.after(wait, e.wake)
	}
}

// alter changes an order as a preset of the gateway does.
func (e *Exchange) alter(o *order, f *Fault) {
	if f.Quantity.IsPositive() {
		o.quantity = f.Quantity
	}
	if f.Price.IsPositive() {
		o.kind, o.limit = "LMT", f.Price
		o.message = proto.CloneOf(o.message)
		o.message.OrderType = proto.String(o.kind)
	}
	if f.Text != "" || f.Quantity.IsZero() && f.Price.IsZero() {
		o.tif = cmp.Or(f.Text, "GTC")
	}
	e.tellError(o.client, o.id, cmp.Or(f.Code, 10349), "Order TIF was set to %s based on order preset.", strings.ToUpper(o.tif))
}

// noFunds is the text of a refusal for want of cash.
const noFunds = "Order rejected - reason:Your account has insufficient equity for this order."

// short reports whether a buy costs more than the account has.
func (e *Exchange) short(o *order) bool {
	price := o.limit
	if q := e.quotes[o.contract.ConID]; price.IsZero() {
		price = q.Ask
	}
	a := e.account(o.account)
	return o.buy && price.Mul(o.quantity).GreaterThan(a.truth.cash[o.contract.Currency])
}

// show tells the state of an order.
func (e *Exchange) show(o *order) {
	if !o.silent {
		e.tell(o.client, o.openOrder(), o.orderStatus())
	}
}

// cutOwner cuts the connection of a client, at once or after what is queued.
func (e *Exchange) cutOwner(client int, atOnce bool) {
	for _, s := range e.sessions {
		if s.client != client || !s.started {
			continue
		}
		if atOnce {
			s.cut()
			continue
		}
		s.dismiss()
	}
}
