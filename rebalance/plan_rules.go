package rebalance

import (
	"github.com/shopspring/decimal"
)

// rules is the numbers of the policy.
type rules struct {
	raise, reserveAmount, reserveFraction  num
	withdrawals, destination               num
	minValue, minFraction                  num
	slippage, haircut, maxAge              num
	feeMinimum, feePerUnit, feeFraction    num
	weightTolerance                        num
	nlvFraction, nlvAmount                 num
	absolute, relative                     optional
	maxShift, maxTurnover                  optional
	maxNotional, maxOrders                 optional
	moreForeign, lessForeign, spend, yield num // 1 ± haircut, 1 ± slippage
}

// newRules converts the numbers of a policy.
func newRules(p *Policy) rules {
	r := rules{
		raise:         numOf(p.RaiseAmount),
		reserveAmount: numOf(p.Reserve.Amount), reserveFraction: numOf(p.Reserve.Fraction),
		withdrawals: numOf(p.PendingWithdrawals), destination: numOf(p.DestinationFraction),
		minValue: numOf(p.MinTrade.Value), minFraction: numOf(p.MinTrade.Fraction),
		slippage: numOf(p.Slippage), haircut: numOf(p.FXHaircut), maxAge: numOf(p.MaxQuoteAge),
		feeMinimum: numOf(p.Fee.Minimum), feePerUnit: numOf(p.Fee.PerUnit), feeFraction: numOf(p.Fee.Fraction),
		weightTolerance: numOf(p.WeightTolerance),
		nlvFraction:     numOf(p.NLVTolerance.Fraction), nlvAmount: numOf(p.NLVTolerance.Amount),
		absolute: optionalOf(p.Band.Absolute), relative: optionalOf(p.Band.Relative),
		maxShift: optionalOf(p.Guards.MaxAllocationShift), maxTurnover: optionalOf(p.Guards.MaxTurnover),
		maxNotional: optionalOf(p.Guards.MaxOrderNotional), maxOrders: optionalOf(p.Guards.MaxOrders),
	}
	r.moreForeign, r.lessForeign = one.add(r.haircut), one.sub(r.haircut)
	r.spend, r.yield = one.add(r.slippage), one.sub(r.slippage)
	return r
}

// optionalOf converts a number that may be absent.
func optionalOf(d decimal.NullDecimal) optional {
	if !d.Valid {
		return optional{}
	}
	return optional{num: numOf(d.Decimal), set: true}
}

// priceOf converts a price: absent unless it is greater than zero and within the
// limits of numbers.
func priceOf(d decimal.NullDecimal) optional {
	if !d.Valid || d.Decimal.Sign() <= 0 {
		return optional{}
	}
	n, ok := numWithin(d.Decimal)
	return optional{num: n, set: ok}
}

// priceLike is priceOf for a price that often is the very same as another one.
func priceLike(d, other decimal.NullDecimal, known optional) optional {
	if d == other {
		return known
	}
	return priceOf(d)
}
