package ibkr

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// open takes an open or a completed order.
func (b *book) open(r *orderReport) *entry {
	account := broker.AccountID(r.account)
	key := refKey{account, broker.OrderID(r.ref)}
	local := localKey{r.client, r.order}
	if r.completed || r.order <= 0 {
		local = localKey{} // it tells neither
	} else if r.client == b.client {
		b.highest = max(b.highest, r.order)
	}
	e := b.match(r.perm, key, local, r.contract.conID)
	fresh := e == nil || e.state.Order.Account != account
	if fresh {
		e = &entry{local: local, perm: r.perm}
		if r.perm != 0 {
			e.state.BrokerID = strconv.FormatInt(r.perm, 10)
		}
		e.state.Order = broker.Order{ID: key.ref, Account: account}
		b.add(e)
	}
	before := e.copy()
	b.bind(e, r.perm, local)
	b.touch(e)
	e.stub, e.conID = false, cmp.Or(r.contract.conID, e.conID)
	b.echo(e, r)
	b.hint(e, r)
	b.settle(e)
	if now := e.copy(); fresh || !sameState(&before, &now) {
		b.changed(e)
	}
	return e
}

// echo takes over the order as the gateway has it. The name of the instrument
// that was asked for stays while the contract is the same.
func (b *book) echo(e *entry, r *orderReport) {
	o := &e.state.Order
	if ref := strconv.FormatInt(r.contract.conID, 10); r.contract.conID != 0 && (o.Ref != ref || o.Instrument == "") {
		o.Instrument, o.Ref = b.name(r.contract), ref
	}
	o.Side, o.Type, o.TIF = broker.Side(r.side), broker.OrderType(r.kind), broker.TimeInForce(r.tif)
	if r.side == "SSHORT" {
		o.Side = broker.Sell
	}
	if r.quantity.Sign() > 0 {
		o.Quantity = r.quantity
	}
	o.Limit = decimal.Decimal{}
	if o.Type != broker.Market {
		o.Limit = r.limit
	}
}

// hint takes over the status of a report.
func (b *book) hint(e *entry, r *orderReport) {
	status := statuses[r.status]
	e.idle = r.status == inactive
	if r.completed {
		status = completedStatus(r)
		e.told = decimal.Max(e.told, r.filled.Decimal)
	}
	if status == broker.StatusPending && e.state.Status == "" {
		e.state.Status = status
	}
	e.state.Status = merged(e.state.Status, status)
	if e.state.Status == "" {
		e.state.Status = broker.StatusPending
	}
	if r.reason != "" && e.state.Reason == "" {
		e.state.Reason = r.reason
	}
	if e.idle && e.state.Reason == "" {
		e.state.Reason = "inactive: refused, or held until shares are found or the market opens"
	}
}

// completedStatus is how an order ended that the gateway lists as completed.
func completedStatus(r *orderReport) broker.Status {
	switch statuses[r.status] {
	case broker.StatusFilled:
		return broker.StatusFilled
	case broker.StatusHeld:
		if r.status == inactive && (!r.filled.Valid || r.filled.Decimal.IsZero()) {
			return broker.StatusRejected
		}
	default: // it has ended, and neither filled nor was refused
	}
	return broker.StatusCancelled
}

// status takes a change of a status.
func (b *book) status(r *statusReport) {
	local := localKey{r.client, r.order}
	if r.client == b.client {
		b.highest = max(b.highest, r.order)
	}
	e := b.match(r.perm, refKey{}, local, 0)
	if e == nil {
		return // the order itself is told of too
	}
	before := e.copy()
	b.bind(e, r.perm, local)
	b.touch(e)
	e.idle = r.status == inactive
	e.told = decimal.Max(e.told, r.filled)
	e.state.Status = merged(e.state.Status, statuses[r.status])
	if r.whyHeld != "" && !e.state.Status.Terminal() {
		e.state.Reason = "held: " + r.whyHeld
	}
	b.settle(e)
	if now := e.copy(); !sameState(&before, &now) {
		b.changed(e)
	}
}

// execution takes an execution or a correction of one.
func (b *book) execution(r *executionReport) {
	account := broker.AccountID(r.account)
	key := refKey{account, broker.OrderID(r.ref)}
	local := localKey{r.client, r.order}
	if r.client == b.client {
		b.highest = max(b.highest, r.order)
	}
	e := b.match(r.perm, key, local, r.contract.conID)
	if e == nil || e.state.Order.Account != account {
		e = b.stub(r, key, local)
	}
	b.bind(e, r.perm, local)
	if !e.acked {
		e.acked = true // but not touched: an execution does not say that the order is open
	}
	base, revision := splitExecID(r.id)
	fill := execution{revision: revision, most: r.quantity, Fill: broker.Fill{
		ID: base, Order: e.state.Order.ID, Instrument: e.state.Order.Instrument, Side: r.side, Quantity: r.quantity, Price: r.price, Time: r.time,
	}}
	if !e.put(fill) {
		return
	}
	b.byExec[base] = e
	if fee, ok := b.fees[base]; ok {
		delete(b.fees, base)
		e.charge(base, fee)
	}
	b.settle(e)
	b.changed(e)
	e.fillSeq = b.seq
}

// stub makes an entry of an order of which only an execution is known.
func (b *book) stub(r *executionReport, key refKey, local localKey) *entry {
	e := &entry{stub: true, conID: r.contract.conID, perm: r.perm, local: local, acked: true}
	e.state = broker.OrderState{
		Order: broker.Order{
			ID: key.ref, Account: key.account, Instrument: b.name(r.contract), Ref: strconv.FormatInt(r.contract.conID, 10), Side: r.side,
		},
		Status: broker.StatusPending,
	}
	if r.perm != 0 {
		e.state.BrokerID = strconv.FormatInt(r.perm, 10)
	}
	b.add(e)
	return e
}

// put adds a fill, or replaces it by a newer revision. It reports whether
// anything changed.
func (e *entry) put(fill execution) bool {
	for i := range e.fills {
		if e.fills[i].ID != fill.ID {
			continue
		}
		fill.most = decimal.Max(fill.most, e.fills[i].most)
		if e.fills[i].revision >= fill.revision {
			e.fills[i].most = fill.most
			return false
		}
		fill.Fee, fill.FeeCurrency = e.fills[i].Fee, e.fills[i].FeeCurrency
		e.fills[i] = fill
		return true
	}
	e.fills = append(e.fills, fill)
	return true
}

// fee takes what an execution cost.
func (b *book) fee(r *feeReport) {
	base, _ := splitExecID(r.execution)
	e := b.byExec[base]
	if e == nil {
		b.fees[base] = *r
		return
	}
	if e.charge(base, *r) {
		b.changed(e)
	}
}

// charge notes the fee of a fill, and reports whether that is new.
func (e *entry) charge(base string, r feeReport) bool {
	for i := range e.fills {
		f := &e.fills[i]
		if f.ID != base || f.Fee.Valid && f.Fee.Decimal.Equal(r.fee) && f.FeeCurrency == r.currency {
			continue
		}
		f.Fee, f.FeeCurrency = decimal.NewNullDecimal(r.fee), r.currency
		return true
	}
	return false
}

// settle makes an order filled whose fills make up the whole of it, whatever its
// status says.
func (b *book) settle(e *entry) {
	if e.stub || e.state.Order.Quantity.Sign() <= 0 || e.state.Status == broker.StatusFilled {
		return
	}
	state := e.copy()
	if filled := state.Filled(); filled.Sign() > 0 && filled.GreaterThanOrEqual(e.state.Order.Quantity) {
		e.state.Status = broker.StatusFilled
	}
}

// note takes a code that names one of our orders by its numeric id.
func (b *book) note(id int64, code int, text string) {
	e := b.byLocal[localKey{b.client, id}]
	if e == nil {
		return
	}
	before := e.state
	rule := asOrder(code)
	switch rule.meaning {
	case orderRefused:
		if e.acked && !e.idle && !rule.late && !e.state.Status.Terminal() {
			break // it works: the code is about a cancel that was refused, or the like
		}
		// An acknowledged order that is cancelled without fills was refused if a
		// refusal follows.
		if s := e.state.Status; !s.Terminal() || s == broker.StatusCancelled && len(e.fills) == 0 {
			e.state.Status, e.state.Refusal = broker.StatusRejected, refusalKind(code, text)
		}
		b.touch(e)
	case orderEnded:
		e.state.Status = merged(e.state.Status, broker.StatusCancelled)
		b.touch(e)
	case orderNote:
		b.touch(e)
	case info:
		return
	case orderDoubt, idTaken:
		e.doubted = true // no evidence that the gateway has this order, and none that it has not
	default: // answers to a cancel
	}
	explains := rule.meaning == orderEnded && before.Status == broker.StatusCancelled && before.Code == ""
	if !before.Status.Terminal() || e.state.Status != before.Status || explains {
		e.state.Code, e.state.Reason = codeText(code), explain(code, text)
	}
	b.settle(e)
	if e.acked && !sameState(&before, &e.state) {
		b.changed(e)
	}
}

// splitExecID parts the identity of an execution from the revision of its report:
// the number behind the last point.
func splitExecID(id string) (base string, revision int) {
	i := strings.LastIndexByte(id, '.')
	if i < 0 {
		return id, 0
	}
	n, err := strconv.Atoi(id[i+1:])
	if err != nil || n < 0 {
		return id, 0
	}
	return id[:i], n
}

// sameState reports whether two states tell the same, fills aside.
func sameState(a, b *broker.OrderState) bool {
	return a.Order.Same(&b.Order) && a.Order.Ref == b.Order.Ref && a.BrokerID == b.BrokerID && a.Status == b.Status &&
		a.Refusal == b.Refusal && a.Code == b.Code && a.Reason == b.Reason
}
