package rebalance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Check returns every fault of the policy, joined, or nil. Each names its field
// as the JSON form does, and the value.
func (p *Policy) Check() error {
	var f faults
	p.checkNumbers(&f)
	if len(f) == 0 {
		p.checkValues(&f)
	}
	p.checkSubstitutes(&f)
	p.checkEquivalents(&f)
	return f.join()
}

// faults collects what is wrong.
type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f faults) join() error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("rebalance: policy has %d faults:\n%w", len(f), errors.Join(f...))
}

// policyNumber is a number of a policy and its range.
type policyNumber struct {
	name  string
	value *decimal.Decimal
	above bool // may exceed 1
}

// numbers lists the numbers of the policy that are set. Amounts may be anything
// from 0 up, fractions end at 1.
func (p *Policy) numbers(list []policyNumber) []policyNumber {
	list = append(list,
		policyNumber{"raise_amount", &p.RaiseAmount, true},
		policyNumber{"reserve.amount", &p.Reserve.Amount, true},
		policyNumber{"reserve.fraction", &p.Reserve.Fraction, false},
		policyNumber{"pending_withdrawals", &p.PendingWithdrawals, true},
		policyNumber{"destination_fraction", &p.DestinationFraction, false},
		policyNumber{"min_trade.value", &p.MinTrade.Value, true},
		policyNumber{"min_trade.fraction", &p.MinTrade.Fraction, false},
		policyNumber{"slippage", &p.Slippage, false},
		policyNumber{"fee.minimum", &p.Fee.Minimum, true},
		policyNumber{"fee.per_unit", &p.Fee.PerUnit, true},
		policyNumber{"fee.fraction", &p.Fee.Fraction, false},
		policyNumber{"max_quote_age_seconds", &p.MaxQuoteAge, true},
		policyNumber{"fx_haircut", &p.FXHaircut, false},
		policyNumber{"weight_tolerance", &p.WeightTolerance, false},
		policyNumber{"nlv_tolerance.fraction", &p.NLVTolerance.Fraction, false},
		policyNumber{"nlv_tolerance.amount", &p.NLVTolerance.Amount, true},
	)
	for _, o := range [...]struct {
		policyNumber
		set *decimal.NullDecimal
	}{
		{policyNumber{name: "band.absolute"}, &p.Band.Absolute},
		{policyNumber{name: "band.relative", above: true}, &p.Band.Relative},
		{policyNumber{name: "guards.max_allocation_shift"}, &p.Guards.MaxAllocationShift},
		{policyNumber{name: "guards.max_turnover", above: true}, &p.Guards.MaxTurnover},
		{policyNumber{name: "guards.max_order_notional", above: true}, &p.Guards.MaxOrderNotional},
		{policyNumber{name: "guards.max_orders", above: true}, &p.Guards.MaxOrders},
	} {
		if o.set.Valid {
			o.value = &o.set.Decimal
			list = append(list, o.policyNumber)
		}
	}
	return list
}

// mostNumbers is how many numbers a policy has, substitutes aside.
const mostNumbers = 22

// checkNumbers names each number that is too long or too large.
func (p *Policy) checkNumbers(f *faults) {
	var store [mostNumbers]policyNumber
	for _, n := range p.numbers(store[:0]) {
		if !within(*n.value) {
			f.add("%s is %s: %s", n.name, shown(*n.value), numberLimits)
		}
	}
	for i := range p.Substitutes {
		if !within(p.Substitutes[i].Scale) {
			f.add("substitutes[%d].scale is %s: %s", i, shown(p.Substitutes[i].Scale), numberLimits)
		}
	}
}

// checkValues names each number out of its range and each unknown word.
func (p *Policy) checkValues(f *faults) {
	var store [mostNumbers]policyNumber
	for _, n := range p.numbers(store[:0]) {
		switch {
		case n.value.Sign() < 0:
			f.add("%s is %s: want 0 or more", n.name, n.value)
		case !n.above && numOf(*n.value).cmp(one) > 0:
			f.add("%s is %s: want a fraction from 0 to 1", n.name, n.value)
		}
	}
	oneOf(f, "mode", p.Mode, FullRebalance, InvestCash, RaiseCash, LiquidateAll)
	oneOf(f, "scope", p.Scope, ScopeAll, ScopeDriftedOnly)
	oneOf(f, "destination", p.Destination, DestinationTarget, DestinationNearestEdge, DestinationFraction)
	oneOf(f, "do_not_buy_shortfall", p.DoNotBuyShortfall, ShortfallCash, ShortfallProRata)
	oneOf(f, "unmanaged", p.Unmanaged, UnmanagedExit, UnmanagedExclude)
	oneOf(f, "unpriceable", p.Unpriceable, UnpriceableAbort, UnpriceableFreeze)
	oneOf(f, "foreign_orders", p.ForeignOrders, ForeignBlock, ForeignCount)
	oneOf(f, "currency", p.Currency, CurrencyReject, CurrencyConvertFirst)
	oneOf(f, "shorts", p.Shorts, ShortsBlock, ShortsCover, ShortsExclude)
	oneOf(f, "corporate_action", p.CorporateAction, CorporateActionFreeze, CorporateActionBlock, CorporateActionOff)
	for _, tier := range p.TradableTiers {
		oneOf(f, "a tier of tradable_tiers", tier, marketdata.TierLive, marketdata.TierFrozen,
			marketdata.TierDelayed, marketdata.TierDelayedFrozen, marketdata.TierHistorical)
	}
	p.checkRestrictions(f)
	for i := range p.Substitutes {
		if s := &p.Substitutes[i]; s.Scale.Sign() < 0 {
			f.add("substitutes[%d].scale is %s: want 0 or more", i, s.Scale)
		}
	}
	for i := range p.Equivalents {
		oneOf(f, "sell of equivalents", p.Equivalents[i].Sell, "", SellKeep, SellAlternatesFirst)
	}
}

// checkRestrictions names unknown restrictions, and symbols that have two.
func (p *Policy) checkRestrictions(f *faults) {
	for _, symbol := range slices.Sorted(maps.Keys(p.Restrictions)) {
		oneOf(f, "a restriction", p.Restrictions[symbol], DoNotTrade, DoNotBuy, DoNotSell)
		if id := normal(symbol); id != symbol {
			if _, twice := p.Restrictions[id]; twice {
				f.add("restrictions has %q and %q: a symbol is restricted once", symbol, id)
			}
		}
	}
}

// oneOf adds a fault unless the value is one of those wanted.
func oneOf[T ~string](f *faults, name string, value T, want ...T) {
	if slices.Contains(want, value) {
		return
	}
	words := make([]string, 0, len(want))
	for _, w := range want {
		if w != "" {
			words = append(words, string(w))
		}
	}
	last := len(words) - 1
	f.add("%s is %q: want %s or %s", name, string(value), strings.Join(words[:last], ", "), words[last])
}

// checkSubstitutes names symbols that are replaced twice or in a chain.
func (p *Policy) checkSubstitutes(f *faults) {
	for i := range p.Substitutes {
		s := &p.Substitutes[i]
		for j := range p.Substitutes {
			other := &p.Substitutes[j]
			switch {
			case j < i && sameSymbol(s.From, other.From):
				f.add("substitutes[%d].from is %q, as in substitutes[%d]: a symbol is replaced once", i, s.From, j)
			case sameSymbol(s.To, other.From):
				f.add("substitutes[%d].to is %q, which substitutes[%d] replaces: name the last one", i, s.To, j)
			}
		}
	}
}

// checkEquivalents names symbols that belong to two groups.
func (p *Policy) checkEquivalents(f *faults) {
	groups := map[broker.InstrumentID]int{}
	for i := range p.Equivalents {
		e := &p.Equivalents[i]
		for n := -1; n < len(e.Alternates); n++ {
			symbol := e.Primary
			if n >= 0 {
				symbol = e.Alternates[n]
			}
			symbol = normal(symbol)
			if other, taken := groups[symbol]; taken {
				f.add("equivalents[%d] has %q, as equivalents[%d] has: a symbol stands in one group, once", i, symbol, other)
			}
			groups[symbol] = i
		}
	}
}
