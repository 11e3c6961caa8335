package rebalance

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Costs is what a run was expected to cost at most, and what it did cost, in
// base currency. A price is compared with the one that the plan valued the
// symbol at: what is lost against it is the shortfall, negative when gained.
type Costs struct {
	// ExpectedFees and ExpectedShortfall are for all orders filled at their limits.
	ExpectedFees      decimal.Decimal `json:"expected_fees"`
	ExpectedShortfall decimal.Decimal `json:"expected_shortfall"`
	// Traded is the sum of all fills, Fees what is known of their fees.
	Traded    decimal.Decimal `json:"traded"`
	Fees      decimal.Decimal `json:"fees"`
	Shortfall decimal.Decimal `json:"shortfall"`
}

// costs sums up the orders of the result.
func (r *run) costs() *Costs {
	var c Costs
	for i := range r.result.Orders {
		o := &r.result.Orders[i]
		currency := r.currency(o.Symbol)
		valued := r.valuedAt(o.Symbol)
		sign := decimal.New(o.Side.Sign(), 0)
		worse := func(at decimal.Decimal) decimal.Decimal { return at.Sub(valued).Mul(sign) }

		c.ExpectedFees = c.ExpectedFees.Add(r.inBase(r.policy.Fee.of(o.Planned, o.Limit), currency))
		c.ExpectedShortfall = c.ExpectedShortfall.Add(r.inBase(worse(o.Limit).Mul(o.Planned), currency))
		if o.Filled.IsZero() {
			continue
		}
		c.Traded = c.Traded.Add(r.inBase(o.Filled.Mul(o.AveragePrice), currency))
		c.Shortfall = c.Shortfall.Add(r.inBase(worse(o.AveragePrice).Mul(o.Filled), currency))
		c.Fees = c.Fees.Add(r.inBase(o.Fees, o.FeeCurrency))
	}
	return &c
}

// of estimates the fee of an order, in the instrument's currency.
func (f *Fee) of(quantity, limit decimal.Decimal) decimal.Decimal {
	return decimal.Max(f.Minimum, f.PerUnit.Mul(quantity), f.Fraction.Mul(quantity).Mul(limit))
}

// currency is what an instrument is priced in.
func (r *run) currency(id broker.InstrumentID) broker.Currency { return r.terms[id].Currency }

// valuedAt is the price at which the plan valued a symbol.
func (r *run) valuedAt(id broker.InstrumentID) decimal.Decimal {
	if b := r.frozen.Before; b != nil {
		for i := range b.Holdings {
			if b.Holdings[i].Symbol == id {
				return b.Holdings[i].Price
			}
		}
	}
	return decimal.Decimal{}
}
