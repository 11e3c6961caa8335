package gatewaysim

// modify changes a working order, or says why not. An order that was not
// transmitted goes to the market as soon as its client says so.
func (e *Exchange) modify(o, to *order) *refusal {
	switch {
	case to.account != o.account || to.contract != o.contract || to.buy != o.buy || to.kind != o.kind:
		return refuse(105, "Order being modified does not match original order")
	case to.quantity.LessThanOrEqual(o.filled):
		return refuse(104, "Cannot modify a filled order")
	}
	o.quantity, o.limit, o.message, o.tif, o.outsideRTH = to.quantity, to.limit, to.message, to.tif, to.outsideRTH
	e.recordOrder(KindModified, o, "%s %s at %s", o.action(), o.quantity, o.limit)
	if o.parked && o.message.GetTransmit() {
		o.parked = false
		e.send(o, o.place())
		return nil
	}
	e.show(o)
	e.match(o)
	return nil
}
