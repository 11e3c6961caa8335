package rebalance

import (
	"slices"
	"strings"
)

// write writes every field of the policy for the hash of a plan, keys sorted.
func (p *Policy) write(c *canonical) {
	c.open('{')
	c.key("band").open('{').key("absolute").null(p.Band.Absolute).key("relative").null(p.Band.Relative).close('}')
	c.key("corporate_action").text(string(p.CorporateAction)).key("currency").text(string(p.Currency))
	c.key("deploy_residual").flag(p.DeployResidual)
	c.key("destination").text(string(p.Destination)).key("destination_fraction").decimal(p.DestinationFraction)
	c.key("do_not_buy_shortfall").text(string(p.DoNotBuyShortfall))
	c.key("equivalents")
	p.writeEquivalents(c)
	c.key("exclude").symbols(p.Exclude)
	c.key("fee").open('{').key("fraction").decimal(p.Fee.Fraction)
	c.key("minimum").decimal(p.Fee.Minimum).key("per_unit").decimal(p.Fee.PerUnit).close('}')
	c.key("force").flag(p.Force).key("foreign_orders").text(string(p.ForeignOrders)).key("fx_haircut").decimal(p.FXHaircut)
	c.key("guards").open('{').key("max_allocation_shift").null(p.Guards.MaxAllocationShift)
	c.key("max_order_notional").null(p.Guards.MaxOrderNotional).key("max_orders").null(p.Guards.MaxOrders)
	c.key("max_turnover").null(p.Guards.MaxTurnover).close('}')
	c.key("max_quote_age_seconds").decimal(p.MaxQuoteAge)
	c.key("min_trade").open('{').key("fraction").decimal(p.MinTrade.Fraction).key("value").decimal(p.MinTrade.Value).close('}')
	c.key("mode").text(string(p.Mode))
	c.key("nlv_tolerance").open('{').key("amount").decimal(p.NLVTolerance.Amount)
	c.key("fraction").decimal(p.NLVTolerance.Fraction).close('}')
	c.key("pending_withdrawals").decimal(p.PendingWithdrawals).key("raise_amount").decimal(p.RaiseAmount)
	c.key("reserve").open('{').key("amount").decimal(p.Reserve.Amount).key("fraction").decimal(p.Reserve.Fraction).close('}')
	c.key("restrictions").open('{')
	for _, symbol := range sortedKeys(p.Restrictions) {
		c.item().text(string(symbol)).colon().text(string(p.Restrictions[symbol]))
	}
	c.close('}')
	c.key("scope").text(string(p.Scope)).key("shorts").text(string(p.Shorts)).key("slippage").decimal(p.Slippage)
	c.key("substitutes")
	p.writeSubstitutes(c)
	c.key("tradable_tiers").open('[')
	for _, tier := range sortedSet(p.TradableTiers) {
		c.item().text(string(tier))
	}
	c.close(']')
	c.key("unmanaged").text(string(p.Unmanaged)).key("unpriceable").text(string(p.Unpriceable))
	c.key("weight_tolerance").decimal(p.WeightTolerance)
	c.close('}')
}

// sortedSet is each item once, sorted.
func sortedSet[T ~string](items []T) []T {
	items = slices.Clone(items)
	slices.Sort(items)
	return slices.Compact(items)
}

func (p *Policy) writeEquivalents(c *canonical) {
	groups := slices.Clone(p.Equivalents)
	slices.SortStableFunc(groups, func(a, b Equivalent) int { return strings.Compare(string(a.Primary), string(b.Primary)) })
	c.open('[')
	for i := range groups {
		e := &groups[i]
		sell := e.Sell
		if sell == "" {
			sell = SellKeep
		}
		c.item().open('{').key("alternates").symbols(e.Alternates)
		c.key("primary").text(string(e.Primary)).key("sell").text(string(sell)).close('}')
	}
	c.close(']')
}

func (p *Policy) writeSubstitutes(c *canonical) {
	subs := slices.Clone(p.Substitutes)
	slices.SortStableFunc(subs, func(a, b Substitute) int { return strings.Compare(string(a.From), string(b.From)) })
	c.open('[')
	for i := range subs {
		s := &subs[i]
		c.item().open('{').key("from").text(string(s.From)).key("scale").decimal(s.Scale).key("to").text(string(s.To)).close('}')
	}
	c.close(']')
}
