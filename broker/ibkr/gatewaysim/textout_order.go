package gatewaysim

import (
	"github.com/scmhub/ibapi/protobuf"
)

func writeOrderStatus(w *fieldWriter, m *protobuf.OrderStatus) {
	w.int(int64(m.GetOrderId()))
	w.str(m.GetStatus(), m.GetFilled(), m.GetRemaining())
	w.float(m.GetAvgFillPrice())
	w.int(m.GetPermId())
	w.int(int64(m.GetParentId()))
	w.float(m.GetLastFillPrice())
	w.int(int64(m.GetClientId()))
	w.str(m.GetWhyHeld())
	w.float(m.GetMktCapPrice())
}

// An open order and a completed order are the same long list of fields with
// some left out. What the simulator does not model is sent as not set.

func writeOpenOrder(w *fieldWriter, version int, m *protobuf.OpenOrder) {
	o := m.GetOrder()
	w.int(int64(m.GetOrderId()))
	writeOrderHead(w, m.GetContract(), o)
	w.int(int64(o.GetClientId()))
	writeOrderFlags(w, o)
	w.str("") // shares allocation
	writeOrderMiddle(w, version, o)
	w.str("0") // auction strategy
	writeOrderPrices(w)
	w.str("0") // block order
	w.bool(o.GetSweepToFill())
	w.bool(o.GetAllOrNone())
	w.str("") // minimum quantity
	w.int(int64(o.GetOcaType()))
	w.str("0", "0", "") // three that are no longer used
	w.int(int64(o.GetParentId()))
	w.int(int64(o.GetTriggerMethod()))
	writeOrderVolatility(w)
	w.str("", "") // basis points
	writeOrderCombo(w)
	w.str("0") // opt out of smart routing
	w.str(o.GetClearingAccount(), o.GetClearingIntent())
	w.bool(o.GetNotHeld())
	w.str("0", "") // delta neutral, algo strategy
	w.bool(o.GetSolicited())
	w.bool(o.GetWhatIf())
	writeOrderState(w, version, m.GetOrderState())
	w.str("0", "0") // randomise size and price
	w.str("0")      // conditions
	w.str("")       // adjusted order type
	for range 6 {   // trigger, trail stop, offset and three adjusted prices
		w.str(sentinelText)
	}
	w.str("0")        // adjustable trailing unit
	w.str("", "", "") // soft dollar tier
	w.optional(o.CashQty)
	w.str("0", "0", "0", "", "", "", "0") // hedge price, container, peg, price management, duration, ATS, cancel parent
	writePegOffsets(w, version)
	writeOrderTail(w, version, o)
}

func writeCompletedOrder(w *fieldWriter, version int, m *protobuf.CompletedOrder) {
	o, s := m.GetOrder(), m.GetOrderState()
	writeOrderHead(w, m.GetContract(), o)
	writeOrderFlags(w, o)
	writeOrderMiddle(w, version, o)
	writeOrderPrices(w)
	w.bool(o.GetSweepToFill())
	w.bool(o.GetAllOrNone())
	w.str("") // minimum quantity
	w.int(int64(o.GetOcaType()))
	w.int(int64(o.GetTriggerMethod()))
	writeOrderVolatility(w)
	writeOrderCombo(w)
	w.str(o.GetClearingAccount(), o.GetClearingIntent())
	w.bool(o.GetNotHeld())
	w.str("0", "") // delta neutral, algo strategy
	w.bool(o.GetSolicited())
	w.str(s.GetStatus())
	w.str("0", "0")                   // randomise size and price
	w.str("0")                        // conditions
	w.str(sentinelText, sentinelText) // trail stop, offset
	w.optional(o.CashQty)
	w.str("0", "0", "") // hedge price, container, auto cancel date
	w.str(o.GetFilledQuantity())
	w.str("0", "0", "", "0") // futures conId, cancel parent, shareholder, imbalance only
	w.str("2147483647", "0") // route marketable to BBO, parent permId
	w.str(s.GetCompletedTime(), s.GetCompletedStatus())
	writePegOffsets(w, version)
	if version >= verCustomerAccount {
		w.str(o.GetCustomerAccount())
	}
	if version >= verProfessional {
		w.bool(o.GetProfessionalCustomer())
	}
	if version >= verSubmitter {
		w.str(o.GetSubmitter())
	}
}

// writeOrderHead writes the contract and action to orderRef.
func writeOrderHead(w *fieldWriter, c *protobuf.Contract, o *protobuf.Order) {
	writeContract(w, c)
	w.str(o.GetAction(), o.GetTotalQuantity(), o.GetOrderType())
	w.optional(o.LmtPrice)
	w.optional(o.AuxPrice)
	w.str(o.GetTif(), o.GetOcaGroup(), o.GetAccount(), o.GetOpenClose())
	w.int(int64(o.GetOrigin()))
	w.str(o.GetOrderRef())
}

// writeOrderFlags writes permId to goodAfterTime.
func writeOrderFlags(w *fieldWriter, o *protobuf.Order) {
	w.int(o.GetPermId())
	w.bool(o.GetOutsideRth())
	w.bool(o.GetHidden())
	w.float(o.GetDiscretionaryAmt())
	w.str(o.GetGoodAfterTime())
}

// writeOrderMiddle writes the advisor's fields to the short sale's.
func writeOrderMiddle(w *fieldWriter, version int, o *protobuf.Order) {
	w.str(o.GetFaGroup(), o.GetFaMethod(), o.GetFaPercentage())
	if version < verNoFAProfile {
		w.str("")
	}
	w.str(o.GetModelCode(), o.GetGoodTillDate(), o.GetRule80A())
	w.str("") // percent offset
	w.str(o.GetSettlingFirm())
	w.str("0", "", "-1") // short sale slot, location, exempt code
}

// writeOrderPrices writes three box prices, the stock range and display size.
func writeOrderPrices(w *fieldWriter) { w.str("", "", "", "", "", "") }

// writeOrderVolatility writes the volatility and the trail parameters.
func writeOrderVolatility(w *fieldWriter) {
	w.str("", "0", "", "", "0", "0") // volatility, type, delta neutral type and price, continuous, reference
	w.str("", "")                    // trail stop price, trailing percent
}

// writeOrderCombo writes the legs, routing, scale and hedge.
func writeOrderCombo(w *fieldWriter) {
	w.str("", "0", "0") // description, legs, prices of legs
	w.str("0")          // routing parameters
	w.str("", "", "")   // scale
	w.str("")           // hedge type
}

func writeOrderState(w *fieldWriter, version int, s *protobuf.OrderState) {
	w.str(s.GetStatus())
	for _, f := range []*float64{
		s.InitMarginBefore, s.MaintMarginBefore, s.EquityWithLoanBefore, s.InitMarginChange, s.MaintMarginChange,
		s.EquityWithLoanChange, s.InitMarginAfter, s.MaintMarginAfter, s.EquityWithLoanAfter,
	} {
		w.sentinel(f)
	}
	w.optional(s.CommissionAndFees)
	w.optional(s.MinCommissionAndFees)
	w.optional(s.MaxCommissionAndFees)
	w.str(s.GetCommissionAndFeesCurrency())
	if version >= verFullPreview {
		w.str(s.GetMarginCurrency())
		for range 9 { // margins outside regular hours
			w.str("")
		}
		w.str(s.GetSuggestedSize(), s.GetRejectReason(), "0")
	}
	w.str(s.GetWarningText())
}

func writePegOffsets(w *fieldWriter, version int) {
	if version >= verPegOffsets {
		w.str("", "", "", "", "")
	}
}

func writeOrderTail(w *fieldWriter, version int, o *protobuf.Order) {
	if version >= verCustomerAccount {
		w.str(o.GetCustomerAccount())
	}
	if version >= verProfessional {
		w.bool(o.GetProfessionalCustomer())
	}
	if version >= verBondInterest {
		w.str("")
	}
	if version >= verOvernight {
		w.bool(o.GetIncludeOvernight())
	}
	if version >= verTaggingEcho {
		w.str("", "")
	}
	if version >= verSubmitter {
		w.str(o.GetSubmitter())
	}
	if version >= verImbalance {
		w.str("0")
	}
}
