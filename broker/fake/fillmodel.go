package fake

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// FillModel says how an order that the market would take is filled. It is
// called with the fake's lock held: it must be quick and must not call the fake.
type FillModel interface {
	// Slices cuts what is left of a marketable order into executions. Slices
	// beyond the quantity are cut off; what they leave over rests until the next
	// quote.
	Slices(r FillRequest) []Slice
}

// FillRequest is what a [FillModel] decides on.
type FillRequest struct {
	Order      *broker.Order // not to be changed
	Instrument *broker.Instrument
	Quote      marketdata.Quote
	// Quantity is what is left to fill.
	Quantity decimal.Decimal
	// Price is what an execution would cost now, slippage included.
	Price decimal.Decimal
	Time  time.Time
}

// Slice is one execution to come.
type Slice struct {
	Quantity decimal.Decimal
	// Price is kept within the order's limit. Default: that of the quote when
	// the slice is due; if the limit does not allow it then, the slice rests.
	Price decimal.Decimal
	// Delay is how long after now the slice is executed.
	Delay time.Duration
}

// Immediate fills orders at once and whole. It is the default.
type Immediate struct{}

// Slices returns one slice.
func (Immediate) Slices(r FillRequest) []Slice { return []Slice{{Quantity: r.Quantity}} }

// Delayed fills orders whole after a time.
type Delayed struct{ By time.Duration }

// Slices returns one slice.
func (d Delayed) Slices(r FillRequest) []Slice {
	return []Slice{{Quantity: r.Quantity, Delay: d.By}}
}

// Partial fills orders slice by slice: the first at once, the others each after
// a further interval.
type Partial struct {
	// Lots is how many lots a slice has. Default: 1.
	Lots int64
	// Every is the time between slices. Default: 0, all at once.
	Every time.Duration
}

// Slices returns slices of the given number of lots, 10,000 at most.
func (p Partial) Slices(r FillRequest) []Slice {
	size := r.Instrument.Lot.Mul(decimal.New(max(p.Lots, 1), 0))
	var cuts []Slice
	for left := r.Quantity; left.Sign() > 0 && len(cuts) < 10_000; left = left.Sub(size) {
		cuts = append(cuts, Slice{Quantity: decimal.Min(size, left), Delay: time.Duration(len(cuts)) * p.Every})
	}
	return cuts
}

// Fraction fills a fraction of what the order asked for in each slice, rounded
// down to lots but at least one: the first at once, the others each after a
// further interval.
type Fraction struct {
	// Of is the fraction, more than 0. Default: all.
	Of decimal.Decimal
	// Every is the time between slices. Default: 0, all at once.
	Every time.Duration
}

// Slices returns slices of the given fraction.
func (f Fraction) Slices(r FillRequest) []Slice {
	if f.Of.Sign() <= 0 {
		return []Slice{{Quantity: r.Quantity}}
	}
	lots, err := broker.Quo(r.Order.Quantity.Mul(f.Of), r.Instrument.Lot, 8)
	if err != nil {
		return []Slice{{Quantity: r.Quantity}} // a lot is never zero
	}
	return Partial{Lots: lots.IntPart(), Every: f.Every}.Slices(r)
}

// Slippage moves the price of executions. It is called with the fake's lock
// held.
type Slippage interface {
	// Slip returns the price at which a quantity is executed when the quote says
	// price. The limit of the order still holds.
	Slip(order *broker.Order, instrument *broker.Instrument, price decimal.Decimal) decimal.Decimal
}

// Ticks is [Slippage] by a number of ticks to the order's disadvantage.
type Ticks int64

// Slip moves the price.
func (n Ticks) Slip(order *broker.Order, instrument *broker.Instrument, price decimal.Decimal) decimal.Decimal {
	return price.Add(instrument.Tick.Mul(decimal.New(int64(n)*order.Side.Sign(), 0)))
}

// Fees says what executions cost. It is called with the fake's lock held.
type Fees interface {
	// Fee returns the fee of one execution, in the instrument's currency.
	Fee(r FeeRequest) decimal.Decimal
}

// FeeRequest is what [Fees] are computed from.
type FeeRequest struct {
	Order      *broker.Order // not to be changed
	Instrument *broker.Instrument
	// Quantity and Notional are those of the order's executions up to and with
	// this one.
	Quantity, Notional decimal.Decimal
	// Charged is what the earlier executions of the order cost.
	Charged decimal.Decimal
}

// Commission is what most brokers charge: for each unit and as a fraction of
// the value, but at least a minimum for each order.
type Commission struct {
	PerUnit  decimal.Decimal
	Fraction decimal.Decimal
	Minimum  decimal.Decimal
}

// Fee returns what the order costs so far, less what was charged.
func (c Commission) Fee(r FeeRequest) decimal.Decimal {
	total := c.PerUnit.Mul(r.Quantity).Add(c.Fraction.Mul(r.Notional))
	return decimal.Max(total, c.Minimum).Sub(r.Charged)
}
