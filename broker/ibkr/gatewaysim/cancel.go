package gatewaysim

import (
	"cmp"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// cancel handles a client's wish to cancel one of its orders. The lock is held.
func (e *Exchange) cancel(s *tcpSession, id int) {
	o := e.byKey[orderKey{s.client, id}]
	if o == nil || o.archived {
		e.record(s, Entry{Kind: KindCancelAsked, OrderID: id, Detail: "not found"})
		s.fail(int32(id), 10147, "OrderId %d that needs to be cancelled is not found.", id)
		return
	}
	e.recordOrder(KindCancelAsked, o, "%s", o.status)
	at := o.place()
	at.session = s.number
	if e.strike(FaultLoseCancel, at) != nil {
		return
	}
	if f := e.strike(FaultCancelError, at); f != nil {
		e.cancelError(s, o, cmp.Or(f.Code, 10147))
		return
	}
	if e.readOnly(at) {
		s.fail(int32(id), readOnlyCode, "%s", readOnlyText)
		return
	}
	if o.terminal() {
		e.cancelError(s, o, 10148)
		return
	}
	if e.linkDown {
		e.withheld = append(e.withheld, func() { e.cancelOrder(o, at) })
		return
	}
	e.cancelOrder(o, at)
}

// cancelError answers a cancel with an error.
func (e *Exchange) cancelError(s *tcpSession, o *order, code int) {
	text := map[int]string{
		10147: fmt.Sprintf("OrderId %d that needs to be cancelled is not found.", o.id),
		10148: fmt.Sprintf("OrderId %d that needs to be cancelled cannot be cancelled, state: %s.", o.id, o.status),
		161:   "Cancel attempted when order is not in a cancellable state. Order permId = " + fmt.Sprint(o.perm),
		135:   "Can't find order with id = " + fmt.Sprint(o.id),
	}[code]
	s.fail(int32(o.id), code, "%s", cmp.Or(text, "Order cannot be cancelled"))
}

// cancelOrder cancels a working order, in the way in which the faults want it.
func (e *Exchange) cancelOrder(o *order, at place) {
	if o.terminal() {
		return
	}
	o.status = StatusPendingCancel
	e.show(o)
	if e.strike(FaultCancelNeverConfirmed, at) != nil {
		return
	}
	if e.strike(FaultFillOnCancel, at) != nil {
		e.execute(o, o.remaining(), e.anyPrice(o))
		return
	}
	if f := e.strike(FaultCancelLate, at); f != nil {
		e.after(cmp.Or(time.Duration(f.For), 100*time.Millisecond), func() { e.confirmCancel(o) })
		return
	}
	e.confirmCancel(o)
	if f := e.strike(FaultFillAfterCancel, at); f != nil {
		quantity := f.Quantity
		if quantity.IsZero() {
			quantity = o.remaining()
		}
		e.after(cmp.Or(time.Duration(f.After), 50*time.Millisecond), func() {
			e.execute(o, decimal.Min(quantity, o.remaining()), e.anyPrice(o))
		})
	}
}

// anyPrice is the price of a fill that nothing prevents.
func (e *Exchange) anyPrice(o *order) decimal.Decimal {
	if price, ok := e.fillPrice(o); ok {
		return price
	}
	return e.price(o.contract, o.limit)
}

func (e *Exchange) confirmCancel(o *order) {
	if !o.terminal() {
		e.endOrder(o, StatusCancelled, "Cancelled by Trader")
	}
}

// endOrder ends an order that did not fill.
func (e *Exchange) endOrder(o *order, status, reason string) {
	o.status, o.reason, o.ended = status, reason, e.now()
	e.recordOrder(KindCancelled, o, "%s, %s filled", reason, o.filled)
	e.show(o)
	e.tellError(o.client, o.id, 202, "Order Canceled - reason:%s", reason)
}

// globalCancel cancels every working order of every client.
func (e *Exchange) globalCancel(s *tcpSession) {
	for _, o := range e.orders {
		if !o.terminal() {
			at := o.place()
			at.session = s.number
			e.recordOrder(KindCancelAsked, o, "global cancel, %s", o.status)
			e.cancelOrder(o, at)
		}
	}
}

// Cancel ends an order as the broker does. A zero reason is "Cancelled by exchange".
func (e *Exchange) Cancel(permID int64, reason string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.byPerm(permID)
	if o == nil || o.terminal() {
		return fmt.Errorf("gatewaysim: cancel: no open order has the permId %d", permID)
	}
	e.endOrder(o, StatusCancelled, cmp.Or(reason, "Cancelled by exchange"))
	return nil
}

// Wake looks at the clock again: markets that opened fill the orders that
// waited, markets that closed fill the orders of the close and end the orders
// of the day. Call it after moving the clock of Config.Now.
func (e *Exchange) Wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wake()
}

func (e *Exchange) wake() {
	now := e.now()
	for _, o := range e.orders {
		if o.terminal() || o.status == StatusPendingSubmit {
			continue
		}
		if opened, _ := e.trading(o); opened && o.status == StatusPreSubmitted && !o.stuck && !o.atClose() {
			o.status = StatusSubmitted
			e.show(o)
		}
		if o.closes.IsZero() {
			o.closes = o.contract.closing(now)
		}
		e.match(o)
		if !o.closes.IsZero() && !now.Before(o.closes) {
			e.close(o)
		}
	}
}

// close ends an order's day.
func (e *Exchange) close(o *order) {
	if price, ok := e.fillPrice(o); ok && o.atClose() && !o.stuck && !o.parked {
		e.execute(o, o.remaining(), price)
	}
	if !o.terminal() && o.tif != "GTC" {
		e.endOrder(o, StatusCancelled, "Order expired")
	}
}

// CloseAuction fills the market-on-close and limit-on-close orders of a symbol
// at the quote, and ends the rest of them. A market that is always open has no
// other close.
func (e *Exchange) CloseAuction(symbol string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.mustContract(symbol)
	if err != nil {
		return err
	}
	for _, o := range e.orders {
		if o.contract == c && !o.terminal() && o.atClose() {
			e.close(o)
		}
	}
	return nil
}

// CutDay is midnight: executions and completed orders of before are no longer
// told. Open orders stay.
func (e *Exchange) CutDay() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.orders {
		o.archived = o.terminal()
		for _, f := range o.fills {
			f.archived = true
		}
	}
}
