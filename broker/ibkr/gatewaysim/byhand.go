package gatewaysim

import (
	"cmp"
	"fmt"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// ForeignOrder is an order that no client of the gateway placed through this
// session: somebody's at the screen, or another program's.
type ForeignOrder struct {
	// Client is the id of the other program; 0 is a person at the screen. Default: 0.
	Client  int
	Account string
	Symbol  string
	Action  string // BUY or SELL
	// Type is MKT or LMT. Default: LMT if Limit is set.
	Type     string
	Quantity decimal.Decimal
	Limit    decimal.Decimal
	// Ref is the order's reference. Default: none.
	Ref string
}

// PlaceForeign places an order past the sessions and returns its permId. It
// fills as every order does.
func (e *Exchange) PlaceForeign(f ForeignOrder) (int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.mustContract(f.Symbol)
	if err != nil {
		return 0, err
	}
	if e.account(f.Account) == nil {
		return 0, fmt.Errorf("gatewaysim: foreign order: no account %q", f.Account)
	}
	kind := "MKT"
	if f.Limit.IsPositive() {
		kind = "LMT"
	}
	w := &protobuf.Order{
		Action: proto.String(f.Action), TotalQuantity: proto.String(f.Quantity.String()), OrderType: proto.String(cmp.Or(f.Type, kind)),
		Account: proto.String(f.Account), Tif: proto.String("DAY"), OrderRef: proto.String(f.Ref), Transmit: proto.Bool(true),
	}
	if f.Limit.IsPositive() {
		w.LmtPrice = toFloatPtr(f.Limit)
	}
	o := &order{
		client: f.Client, message: w, account: f.Account, ref: f.Ref, buy: f.Action == "BUY", kind: w.GetOrderType(), tif: "DAY",
		status: StatusPreSubmitted, contract: c,
	}
	if f.Client != 0 {
		o.id = e.nextID(f.Client)
	} else { // orders without an id of their own get negative ones
		e.byHand--
		o.id = e.byHand
	}
	if no := e.checkOrder(o, w); no != nil {
		return 0, fmt.Errorf("gatewaysim: foreign order: %d %s", no.code, no.text)
	}
	e.accept(o, o.place())
	return o.perm, nil
}
