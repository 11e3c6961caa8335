package gatewaysim

import (
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// The statuses of an order, as the gateway writes them.
const (
	StatusPendingSubmit = "PendingSubmit"
	StatusPreSubmitted  = "PreSubmitted"
	StatusSubmitted     = "Submitted"
	StatusPendingCancel = "PendingCancel"
	StatusCancelled     = "Cancelled"
	StatusFilled        = "Filled"
	StatusInactive      = "Inactive"
)

// orderKey is how a client names an order.
type orderKey struct{ client, id int }

// order is an order at the exchange.
type order struct {
	client, id int
	perm       int64
	contract   *Contract
	message    *protobuf.Order // as it is echoed
	account    string
	ref        string
	buy        bool
	kind       string // MKT, LMT, MOC, LOC
	tif        string
	quantity   decimal.Decimal
	limit      decimal.Decimal
	outsideRTH bool

	status    string
	filled    decimal.Decimal
	paid      decimal.Decimal // Σ quantity × price
	lastPrice decimal.Decimal
	whyHeld   string
	reason    string // why it ended
	placed    time.Time
	closes    time.Time // end of its day, zero if its market never closes
	ended     time.Time
	fills     []*fill
	archived  bool // no longer told as completed

	parked  bool // its client has not transmitted it
	stuck   bool // never fills by itself
	silent  bool // no status is told
	filling bool // parts of it are under way
}

// fill is one report of an execution: the first, or a correction.
type fill struct {
	order    *order
	base     string // execution id without its revision
	revision int
	quantity decimal.Decimal
	price    decimal.Decimal
	fee      decimal.Decimal
	realized decimal.Decimal
	cum, avg decimal.Decimal
	at       time.Time
	timeText string // replaces the time, if set
	archived bool
	unheard  bool // the gateway does not know of it yet
}

func (o *order) terminal() bool {
	return o.status == StatusFilled || o.status == StatusCancelled || o.status == StatusInactive && !o.ended.IsZero()
}

func (o *order) remaining() decimal.Decimal { return o.quantity.Sub(o.filled) }

// limited reports whether the order has a limit.
func (o *order) limited() bool { return o.kind == "LMT" || o.kind == "LOC" }

// atClose reports whether the order is for the auction at the close.
func (o *order) atClose() bool { return o.kind == "MOC" || o.kind == "LOC" }

func (o *order) sign() decimal.Decimal {
	if o.buy {
		return decimal.NewFromInt(1)
	}
	return decimal.NewFromInt(-1)
}

// key is how its client names it.
func (o *order) key() orderKey { return orderKey{o.client, o.id} }

// echo returns the order as the gateway knows it.
func (o *order) echo() *protobuf.Order {
	m := proto.CloneOf(o.message)
	m.OrderId, m.ClientId, m.PermId = proto.Int32(int32(o.id)), proto.Int32(int32(o.client)), proto.Int64(o.perm)
	m.Account, m.TotalQuantity, m.Tif = proto.String(o.account), proto.String(o.quantity.String()), proto.String(o.tif)
	m.FilledQuantity = proto.String(o.filled.String())
	if o.limited() {
		m.LmtPrice = toFloatPtr(o.limit)
	}
	return m
}

func (o *order) openOrder() *protobuf.OpenOrder {
	return &protobuf.OpenOrder{
		OrderId: proto.Int32(int32(o.id)), Contract: o.contract.message(), Order: o.echo(), OrderState: &protobuf.OrderState{Status: proto.String(o.status)},
	}
}

func (o *order) orderStatus() *protobuf.OrderStatus {
	return &protobuf.OrderStatus{
		OrderId: proto.Int32(int32(o.id)), Status: proto.String(o.status), Filled: proto.String(o.filled.String()),
		Remaining: proto.String(o.remaining().String()), AvgFillPrice: toFloatPtr(average(o.paid, o.filled)), PermId: proto.Int64(o.perm),
		ParentId: proto.Int32(0), LastFillPrice: toFloatPtr(o.lastPrice), ClientId: proto.Int32(int32(o.client)),
		WhyHeld: proto.String(o.whyHeld), MktCapPrice: proto.Float64(0),
	}
}

// completedOrder returns the order as a completed one: without the ids that its
// client gave it.
func (o *order) completedOrder(zone *time.Location) *protobuf.CompletedOrder {
	m := o.echo()
	m.OrderId, m.ClientId = nil, nil
	status := o.reason
	if o.status == StatusFilled {
		status = "Filled Size: " + o.filled.String()
	}
	return &protobuf.CompletedOrder{
		Contract: o.contract.message(), Order: m, OrderState: &protobuf.OrderState{
			Status: proto.String(o.status), CompletedTime: proto.String(o.ended.In(zone).Format("20060102 15:04:05 ") + zone.String()),
			CompletedStatus: proto.String(status),
		},
	}
}

// OrderRecord is what the exchange knows of an order.
type OrderRecord struct {
	Client     int             `json:"client"`
	OrderID    int             `json:"order_id"`
	PermID     int64           `json:"perm_id"`
	Account    string          `json:"account"`
	Ref        string          `json:"ref"`
	Symbol     string          `json:"symbol"`
	ConID      int             `json:"con_id"`
	Action     string          `json:"action"` // BUY or SELL
	Type       string          `json:"type"`
	TIF        string          `json:"tif"`
	Quantity   decimal.Decimal `json:"quantity"`
	Limit      decimal.Decimal `json:"limit"`
	OutsideRTH bool            `json:"outside_rth"`
	Status     string          `json:"status"`
	Filled     decimal.Decimal `json:"filled"`
	Placed     time.Time       `json:"placed"`
	Ended      time.Time       `json:"ended,omitzero"`
	Reason     string          `json:"reason,omitempty"`
}

// Open reports whether the order can still fill.
func (r *OrderRecord) Open() bool { return r.Ended.IsZero() }

// Orders returns every order that the exchange ever accepted, in order.
func (e *Exchange) Orders() []OrderRecord {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []OrderRecord{}
	for _, o := range e.orders {
		all = append(all, o.record())
	}
	return all
}

// OrderByRef returns the newest order with a reference.
func (e *Exchange) OrderByRef(ref string) (OrderRecord, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.orders) - 1; i >= 0; i-- {
		if e.orders[i].ref == ref {
			return e.orders[i].record(), true
		}
	}
	return OrderRecord{}, false
}

func (o *order) action() string {
	if o.buy {
		return "BUY"
	}
	return "SELL"
}

func (o *order) record() OrderRecord {
	return OrderRecord{
		Client: o.client, OrderID: o.id, PermID: o.perm, Account: o.account, Ref: o.ref, Symbol: o.contract.Symbol, ConID: o.contract.ConID,
		Action: o.action(), Type: o.kind, TIF: o.tif, Quantity: o.quantity, Limit: o.limit, OutsideRTH: o.outsideRTH,
		Status: o.status, Filled: o.filled, Placed: o.placed, Ended: o.ended, Reason: o.reason,
	}
}

// FillRecord is one report of an execution: the first one or a correction.
type FillRecord struct {
	ExecID   string          `json:"exec_id"`
	PermID   int64           `json:"perm_id"`
	Account  string          `json:"account"`
	Ref      string          `json:"ref"`
	Symbol   string          `json:"symbol"`
	Action   string          `json:"action"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	Fee      decimal.Decimal `json:"fee"`
	Time     time.Time       `json:"time"`
	// Superseded reports that a later correction replaces it.
	Superseded bool `json:"superseded,omitempty"`
}

// Fills returns every execution and every correction, by order.
func (e *Exchange) Fills() []FillRecord {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []FillRecord{}
	for _, o := range e.orders {
		for _, f := range o.fills {
			all = append(all, FillRecord{
				ExecID: f.id(), PermID: o.perm, Account: o.account, Ref: o.ref, Symbol: o.contract.Symbol, Action: o.action(),
				Quantity: f.quantity, Price: f.price, Fee: f.fee, Time: f.at, Superseded: o.newest(f.base) != f,
			})
		}
	}
	return all
}

// newest returns the newest report of an execution.
func (o *order) newest(base string) *fill {
	var best *fill
	for _, f := range o.fills {
		if f.base == base && (best == nil || f.revision > best.revision) {
			best = f
		}
	}
	return best
}
