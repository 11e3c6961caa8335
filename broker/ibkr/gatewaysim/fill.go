package gatewaysim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// trading reports whether an order may trade now, and if not from when on.
func (e *Exchange) trading(o *order) (bool, time.Time) {
	hours := o.contract.LiquidHours
	if o.outsideRTH {
		hours = cmp.Or(o.contract.TradingHours, hours)
	}
	return o.contract.open(e.now(), cmp.Or(hours, o.contract.TradingHours))
}

// fillPrice is the price at which an order would fill now.
func (e *Exchange) fillPrice(o *order) (decimal.Decimal, bool) {
	q := e.quotes[o.contract.ConID]
	price := q.Bid
	if o.buy {
		price = q.Ask
	}
	if !price.IsPositive() {
		if price = q.Last; !price.IsPositive() {
			return price, false
		}
	}
	if o.limited() {
		return price, o.buy && price.LessThanOrEqual(o.limit) || !o.buy && price.GreaterThanOrEqual(o.limit)
	}
	return price, true
}

// match fills an order if it is marketable.
func (e *Exchange) match(o *order) {
	if o.terminal() || o.parked || o.stuck || o.filling || o.atClose() {
		return
	}
	if opened, _ := e.trading(o); !opened {
		return
	}
	price, ok := e.fillPrice(o)
	if !ok {
		return
	}
	model := e.cfg.Fill
	if o.contract.Fill != nil {
		model = o.contract.Fill.withDefaults()
	}
	switch model.Mode {
	case FillByHand:
	case FillInParts:
		o.filling = true
		part := decimal.Max(average(o.remaining(), decimal.NewFromInt(int64(model.Parts))).Floor(), o.contract.MinSize)
		e.after(model.Every, func() { e.fillPart(o, part, model.Every) })
	default:
		e.execute(o, o.remaining(), price)
	}
}

// fillPart fills the next part of an order, and then the one after it.
func (e *Exchange) fillPart(o *order, part decimal.Decimal, every time.Duration) {
	o.filling = false
	price, ok := e.fillPrice(o)
	opened, _ := e.trading(o)
	if o.terminal() || o.stuck || !ok || !opened {
		return // the next quote tries again
	}
	if rest := o.remaining(); rest.LessThan(part.Add(part)) && rest.GreaterThan(part) && rest.Sub(part).LessThan(o.contract.MinSize) {
		part = rest
	}
	e.execute(o, decimal.Min(part, o.remaining()), price)
	if !o.terminal() {
		o.filling = true
		e.after(every, func() { e.fillPart(o, part, every) })
	}
}

// execute fills a part of an order, or nothing of none. The lock is held.
func (e *Exchange) execute(o *order, quantity, price decimal.Decimal) {
	if !quantity.IsPositive() {
		return
	}
	e.execs++
	f := &fill{
		order: o, base: fmt.Sprintf("%08x.%08x.01", uint32(o.placed.Unix()), e.execs), revision: 1, quantity: quantity, price: price,
		fee: e.fee(quantity), at: e.now(),
	}
	o.filled, o.paid, o.lastPrice = o.filled.Add(quantity), o.paid.Add(quantity.Mul(price)), price
	f.cum, f.avg = o.filled, average(o.paid, o.filled)
	o.fills = append(o.fills, f)
	if o.status != StatusCancelled && o.status != StatusInactive {
		if o.status != StatusPendingCancel {
			o.status = StatusSubmitted
		}
		if !o.remaining().IsPositive() {
			o.status, o.ended = StatusFilled, e.now()
		}
	}
	if e.strike(FaultTwoPermIDs, o.place()) != nil {
		e.perm++
		o.perm = e.perm
	}
	if odd := e.strike(FaultOddExecTime, o.place()); odd != nil {
		f.timeText = cmp.Or(odd.Text, e.now().Format("20060102 15:04:05 ")+"Mars/Olympus")
	}
	e.recordFill(KindFill, f)
	if f.unheard = e.linkDown; f.unheard {
		e.withheld = append(e.withheld, func() { f.unheard = false })
	}
	e.book(f, quantity, price)
	e.report(o, f)
	e.showAccount(e.account(o.account), o.contract)
}

// book moves the position and the cash of a fill, in the truth now and in what
// is shown perhaps later.
func (e *Exchange) book(f *fill, quantity, price decimal.Decimal) {
	o := f.order
	a := e.account(o.account)
	signed := quantity.Mul(o.sign())
	cost := signed.Mul(price).Add(f.fee).Neg()
	f.realized = a.truth.trade(o.contract.ConID, signed, price)
	a.truth.pay(o.contract.Currency, cost)
	showPosition := func() { a.shown.trade(o.contract.ConID, signed, price) }
	showCash := func() { a.shown.pay(o.contract.Currency, cost) }
	e.later(e.strike(FaultPositionLag, o.place()), a, o.contract, showPosition)
	e.later(e.strike(FaultFrozenValues, o.place()), a, o.contract, showCash)
}

// later shows a change now, or after the fault's time, or not at all.
func (e *Exchange) later(f *Fault, a *account, c *Contract, show func()) {
	switch {
	case f == nil && e.linkDown:
		e.withheld = append(e.withheld, show)
	case f == nil:
		show()
	case f.For > 0:
		n := a.caught
		e.after(time.Duration(f.For), func() {
			if a.caught == n { // else lifting the fault has shown it
				show()
				e.showAccount(a, c)
			}
		})
	}
}

// catchUp shows the truth.
func (e *Exchange) catchUp() {
	for _, a := range e.accounts {
		a.shown = a.truth.clone()
		a.caught++
		e.showAccount(a, nil)
	}
}

func (e *Exchange) fee(quantity decimal.Decimal) decimal.Decimal {
	if e.cfg.NoFees {
		return decimal.Decimal{}
	}
	return decimal.Max(quantity.Mul(e.cfg.FeePerShare), e.cfg.FeeMinimum)
}

// liveExecution is a fill on its way to sessions that write times differently.
type liveExecution struct {
	protobuf.ExecutionDetails
	fill *fill
}

// report tells of a fill: execution, order, commission.
func (e *Exchange) report(o *order, f *fill) {
	at := o.place()
	exec := &liveExecution{fill: f}
	status := o.orderStatus()
	if e.strike(FaultWrongRemaining, at) != nil {
		status.Remaining = proto.String(o.quantity.String())
	}
	var update []proto.Message
	if !o.silent {
		update = []proto.Message{o.openOrder(), status}
	}
	if e.strike(FaultDuplicateStatus, at) != nil {
		update = append(update, status)
	}
	if e.strike(FaultRegressStatus, at) != nil {
		stale := proto.CloneOf(status)
		stale.Status, stale.Filled, stale.Remaining = proto.String(StatusSubmitted), proto.String("0"), proto.String(o.quantity.String())
		update = append(update, stale)
	}
	if late := e.strike(FaultStatusWithoutExec, at); late != nil {
		e.tell(o.client, update...)
		e.after(cmp.Or(time.Duration(late.For), 100*time.Millisecond), func() {
			e.tell(o.client, exec)
			e.reportFee(f, at)
		})
		return
	}
	if e.strike(FaultReorderStatus, at) != nil {
		e.reportFee(f, at)
		slices.Reverse(update)
		e.tell(o.client, append(update, exec)...)
		return
	}
	e.tell(o.client, exec)
	if e.strike(FaultDuplicateExec, at) != nil {
		e.tell(o.client, exec)
	}
	if lost := e.strike(FaultLinkLostMidFill, at); lost != nil {
		e.loseLink(1100)
		e.after(cmp.Or(time.Duration(lost.For), 50*time.Millisecond), func() { e.restoreLink(1102) })
	}
	if e.strike(FaultCutAfterFill, at) != nil {
		e.cutOwner(o.client, false)
	}
	e.tell(o.client, update...)
	e.reportFee(f, at)
	if fix := e.strike(FaultCorrectExec, at); fix != nil {
		e.after(cmp.Or(time.Duration(fix.After), 20*time.Millisecond), func() { e.correct(f, fix.Quantity, fix.Price) })
	}
}

// reportFee tells the commission of a fill.
func (e *Exchange) reportFee(f *fill, at place) {
	m := e.commission(f)
	if odd := e.strike(FaultCommissionOdd, at); odd != nil {
		if m.CommissionAndFees = proto.Float64(math.MaxFloat64); !odd.Price.IsZero() {
			m.CommissionAndFees = toFloatPtr(odd.Price)
		}
	}
	if none := e.strike(FaultCommissionNone, at); none != nil {
		if none.For > 0 {
			e.after(time.Duration(none.For), func() { e.tell(f.order.client, m) })
		}
		return
	}
	e.tell(f.order.client, m)
}

// correct replaces an execution by another. The lock is held.
func (e *Exchange) correct(f *fill, quantity, price decimal.Decimal) {
	o := f.order
	if f = o.newest(f.base); quantity.IsZero() {
		quantity = f.quantity
	}
	if price.IsZero() {
		price = f.price.Add(decimal.New(1, -2))
	}
	fixed := &fill{order: o, base: f.base, revision: f.revision + 1, quantity: quantity, price: price, fee: f.fee, at: e.now()}
	o.filled = o.filled.Sub(f.quantity).Add(quantity)
	o.paid = o.paid.Sub(f.quantity.Mul(f.price)).Add(quantity.Mul(price))
	fixed.cum, fixed.avg = o.filled, average(o.paid, o.filled)
	o.fills = append(o.fills, fixed)
	e.recordFill(KindCorrection, fixed)
	a := e.account(o.account)
	cash := f.quantity.Mul(f.price).Sub(quantity.Mul(price)).Mul(o.sign())
	for _, b := range []book{a.truth, a.shown} {
		p := b.positions[o.contract.ConID]
		p.quantity = p.quantity.Add(quantity.Sub(f.quantity).Mul(o.sign()))
		b.positions[o.contract.ConID] = p
		b.pay(o.contract.Currency, cash)
	}
	e.tell(o.client, &liveExecution{fill: fixed}, e.commission(fixed))
	e.showAccount(a, o.contract)
}

// id is the execution's id: the base, and in the last part the revision.
func (f *fill) id() string { return fmt.Sprintf("%s.%02d", f.base, f.revision) }

func (e *Exchange) execution(f *fill, reqID int32) *protobuf.ExecutionDetails {
	o := f.order
	return &protobuf.ExecutionDetails{ReqId: proto.Int32(reqID), Contract: o.contract.message(), Execution: &protobuf.Execution{
		OrderId: proto.Int32(int32(o.id)), ExecId: proto.String(f.id()), Time: proto.String(f.timeText), AcctNumber: proto.String(o.account),
		Exchange: proto.String(o.contract.PrimaryExchange), Side: proto.String(sideCode(o.buy)), Shares: proto.String(f.quantity.String()),
		Price: toFloatPtr(f.price), PermId: proto.Int64(o.perm), ClientId: proto.Int32(int32(o.client)), CumQty: proto.String(f.cum.String()),
		AvgPrice: toFloatPtr(f.avg), OrderRef: proto.String(o.ref), LastLiquidity: proto.Int32(2),
	}}
}

func (e *Exchange) commission(f *fill) *protobuf.CommissionAndFeesReport {
	m := &protobuf.CommissionAndFeesReport{
		ExecId: proto.String(f.id()), CommissionAndFees: toFloatPtr(f.fee), Currency: proto.String(f.order.contract.Currency),
		RealizedPNL: proto.Float64(unsetFloat),
	}
	if !f.realized.IsZero() {
		m.RealizedPNL = toFloatPtr(f.realized.Sub(f.fee))
	}
	return m
}

// Fill fills a part of an order by hand, also one that is cancelled: late fills
// happen. A zero quantity is all that remains, a zero price the quote's.
func (e *Exchange) Fill(permID int64, quantity, price decimal.Decimal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.byPerm(permID)
	if o == nil {
		return fmt.Errorf("gatewaysim: fill: no order has the permId %d", permID)
	}
	if quantity.IsZero() {
		quantity = o.remaining()
	}
	if !quantity.IsPositive() || quantity.GreaterThan(o.remaining()) {
		return fmt.Errorf("gatewaysim: fill: %s of order %d, of which %s remains", quantity, permID, o.remaining())
	}
	if price.IsZero() {
		if price, _ = e.fillPrice(o); !price.IsPositive() {
			return fmt.Errorf("gatewaysim: fill: %s has no quote: give a price", o.contract.Symbol)
		}
	}
	e.execute(o, quantity, price)
	return nil
}

// Correct corrects an execution. A zero quantity stays as it was, a zero price
// becomes a cent more.
func (e *Exchange) Correct(execID string, quantity, price decimal.Decimal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.orders {
		for _, f := range o.fills {
			if f.id() == execID {
				e.correct(f, quantity, price)
				return nil
			}
		}
	}
	return errors.New("gatewaysim: correct: no execution " + execID)
}

func (e *Exchange) byPerm(id int64) *order {
	for _, o := range e.orders {
		if o.perm == id {
			return o
		}
	}
	return nil
}
