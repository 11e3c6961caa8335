package gatewaysim

import (
	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// readPlaceOrder reads an order up to its what-if flag; what follows says
// nothing that the simulator acts on.
func readPlaceOrder(version int, r *fieldReader) proto.Message {
	m := &protobuf.PlaceOrderRequest{OrderId: proto.Int32(r.int())}
	c := readContract(r)
	c.SecIdType, c.SecId = proto.String(r.str()), proto.String(r.str())
	o := &protobuf.Order{
		OrderId: m.OrderId, Action: proto.String(r.str()), TotalQuantity: proto.String(r.str()), OrderType: proto.String(r.str()),
		LmtPrice: r.float(), AuxPrice: r.float(), Tif: proto.String(r.str()), OcaGroup: proto.String(r.str()), Account: proto.String(r.str()),
		OpenClose: proto.String(r.str()), Origin: proto.Int32(r.int()), OrderRef: proto.String(r.str()), Transmit: proto.Bool(r.bool()),
		ParentId: proto.Int32(r.int()), BlockOrder: proto.Bool(r.bool()), SweepToFill: proto.Bool(r.bool()), DisplaySize: proto.Int32(r.int()),
		TriggerMethod: proto.Int32(r.int()), OutsideRth: proto.Bool(r.bool()), Hidden: proto.Bool(r.bool()),
	}
	if c.GetSecType() == "BAG" {
		r.skip(8 * r.count()) // combo legs
		r.skip(r.count())     // prices of the legs
		r.skip(2 * r.count()) // routing parameters
	}
	r.skip(1) // shares allocation
	o.DiscretionaryAmt, o.GoodAfterTime, o.GoodTillDate = r.float(), proto.String(r.str()), proto.String(r.str())
	o.FaGroup, o.FaMethod, o.FaPercentage = proto.String(r.str()), proto.String(r.str()), proto.String(r.str())
	if version < verNoFAProfile {
		r.skip(1)
	}
	o.ModelCode = proto.String(r.str())
	r.skip(3) // short sale slot, location, exempt code
	o.OcaType = proto.Int32(r.int())
	o.Rule80A, o.SettlingFirm = proto.String(r.str()), proto.String(r.str())
	o.AllOrNone = proto.Bool(r.bool())
	r.skip(2)             // minimum quantity, percent offset
	r.skip(3)             // three that are no longer used
	r.skip(1 + 3 + 2 + 1) // auction strategy, box orders, stock range, override
	readVolatility(r)
	r.skip(2) // trail stop price, trailing percent
	readScale(r)
	r.skip(3)          // scale table and its times
	if r.str() != "" { // hedge type
		r.skip(1)
	}
	r.skip(1) // opt out of smart routing
	o.ClearingAccount, o.ClearingIntent = proto.String(r.str()), proto.String(r.str())
	o.NotHeld = proto.Bool(r.bool())
	if r.bool() { // delta neutral contract
		r.skip(3)
	}
	if o.AlgoStrategy = proto.String(r.str()); o.GetAlgoStrategy() != "" {
		r.skip(2 * r.count())
	}
	r.skip(1) // algo id
	o.WhatIf = proto.Bool(r.bool())
	m.Contract, m.Order = c, o
	return m
}

func readVolatility(r *fieldReader) {
	r.skip(2)
	kind := r.str()
	r.skip(1)
	if kind != "" {
		r.skip(8)
	}
	r.skip(2)
}

func readScale(r *fieldReader) {
	r.skip(2)
	if step := r.float(); step != nil && *step > 0 {
		r.skip(7)
	}
}
