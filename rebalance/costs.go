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
	var expectedFees, expectedShortfall, traded, fees, shortfall num
	for i := range r.result.Orders {
		o := &r.result.Orders[i]
		currency := r.currency(o.Symbol)
		valued := numOf(r.valuedAt(o.Symbol))
		worse := func(at decimal.Decimal) num {
			if o.Side == broker.Sell {
				return valued.sub(numOf(at))
			}
			return numOf(at).sub(valued)
		}
		planned, filled := numOf(o.Planned), numOf(o.Filled)
		expectedFees = expectedFees.add(r.based(r.policy.Fee.estimate(planned, numOf(o.Limit)), currency))
		expectedShortfall = expectedShortfall.add(r.based(worse(o.Limit).mul(planned), currency))
		if o.Filled.IsZero() {
			continue
		}
		traded = traded.add(r.based(filled.mul(numOf(o.AveragePrice)), currency))
		shortfall = shortfall.add(r.based(worse(o.AveragePrice).mul(filled), currency))
		fees = fees.add(r.based(numOf(o.Fees), o.FeeCurrency))
	}
	return &Costs{
		ExpectedFees: expectedFees.decimal(), ExpectedShortfall: expectedShortfall.decimal(),
		Traded: traded.decimal(), Fees: fees.decimal(), Shortfall: shortfall.decimal(),
	}
}

// estimate is what an order may cost in fees, in the instrument's currency.
func (f *Fee) estimate(quantity, limit num) num {
	return numOf(f.Minimum).atLeast(numOf(f.PerUnit).mul(quantity)).atLeast(numOf(f.Fraction).mul(quantity).mul(limit))
}

// currency is what an instrument is priced in.
func (r *run) currency(id broker.InstrumentID) broker.Currency { return r.terms[id].Currency }

// valuedAt is the price at which the plan valued a symbol.
func (r *run) valuedAt(id broker.InstrumentID) decimal.Decimal {
	if b := r.frozen.Before; b != nil {
		if at, found := b.find(id); found {
			return b.Holdings[at].Price
		}
	}
	return decimal.Decimal{}
}
