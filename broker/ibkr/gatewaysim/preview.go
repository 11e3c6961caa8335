package gatewaysim

import (
	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// preview answers a what-if order: what it would cost, or why it would be
// refused.
func (e *Exchange) preview(s *tcpSession, o *order) {
	e.recordOrder(KindWhatIf, o, "%s %s %s", o.action(), o.quantity, o.contract.Symbol)
	if e.cfg.CheckFunds && e.short(o) {
		s.fail(int32(o.id), 201, "%s", noFunds)
		return
	}
	price := e.price(o.contract, o.limit)
	value := price.Mul(o.quantity)
	fee := e.fee(o.quantity)
	var total decimal.Decimal
	for _, v := range e.values(e.account(o.account)) {
		if v.key == "EquityWithLoanValue" {
			total, _ = decimal.NewFromString(v.value) // our own text
		}
	}
	m := o.openOrder()
	m.Order.PermId = proto.Int64(0)
	m.OrderState = &protobuf.OrderState{
		Status: proto.String(StatusPreSubmitted), InitMarginBefore: toFloatPtr(decimal.Decimal{}), MaintMarginBefore: toFloatPtr(decimal.Decimal{}),
		EquityWithLoanBefore: toFloatPtr(total), InitMarginChange: toFloatPtr(value), MaintMarginChange: toFloatPtr(value),
		EquityWithLoanChange: toFloatPtr(fee.Neg()), InitMarginAfter: toFloatPtr(value), MaintMarginAfter: toFloatPtr(value),
		EquityWithLoanAfter: toFloatPtr(total.Sub(fee)), CommissionAndFees: toFloatPtr(fee), CommissionAndFeesCurrency: proto.String(o.contract.Currency),
	}
	s.send(m)
}
