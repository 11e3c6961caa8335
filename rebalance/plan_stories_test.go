package rebalance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// told is a plan in one line.
func told(p *rebalance.Plan) string {
	parts := []string{strings.TrimSpace(string(p.Outcome) + " " + string(p.Reason))}
	for _, c := range p.Conversions {
		parts = append(parts, fmt.Sprintf("%s to %s %s", c.From, c.Amount, c.To))
	}
	for _, o := range p.Orders {
		parts = append(parts, fmt.Sprintf("%s %s %s %s", o.Side, o.Quantity, o.Symbol, o.Reason))
	}
	for _, s := range p.Skipped {
		parts = append(parts, fmt.Sprintf("skip %s %s", s.Symbol, s.Reason))
	}
	for _, w := range p.Warnings {
		parts = append(parts, "! "+w)
	}
	return strings.Join(parts, "; ")
}

// story changes the account of two stocks, which without a change sells 100 of A
// and buys 400 of B.
type story struct {
	name   string
	change func(*rebalance.Input)
	want   string
}

func null(s string) decimal.NullDecimal { return decimal.NewNullDecimal(dec(s)) }

func hold(in *rebalance.Input, symbol broker.InstrumentID, quantity, price string) {
	p := null(price)
	in.Instruments[symbol] = rebalance.InstrumentTerms{Currency: "USD", Lot: dec("1"), Tick: dec("0.01")}
	in.Quotes[symbol] = rebalance.PlanQuote{Bid: p, Ask: p, Last: p, Tier: marketdata.TierLive, Age: null("1")}
	if q := dec(quantity); !q.IsZero() {
		in.Account.Positions = append(in.Account.Positions, rebalance.PositionState{Symbol: symbol, Quantity: q})
		in.Account.NetLiquidation.Decimal = in.Account.NetLiquidation.Decimal.Add(q.Mul(p.Decimal))
	}
}

func restrict(in *rebalance.Input, symbol broker.InstrumentID, r rebalance.Restriction) {
	if in.Policy.Restrictions == nil {
		in.Policy.Restrictions = map[broker.InstrumentID]rebalance.Restriction{}
	}
	in.Policy.Restrictions[symbol] = r
}

func open(in *rebalance.Input, symbol broker.InstrumentID, side broker.Side, remaining string) {
	in.Account.OpenOrders = append(in.Account.OpenOrders, rebalance.OpenOrder{Symbol: symbol, Side: side, Remaining: dec(remaining)})
}

func requote(in *rebalance.Input, symbol broker.InstrumentID, change func(*rebalance.PlanQuote)) {
	q := in.Quotes[symbol]
	change(&q)
	in.Quotes[symbol] = q
}

// baseline is the plan without a change.
const baseline = "trade; SELL 100 A drift; BUY 400 B drift"

func TestPlanStories(t *testing.T) {
	for _, stories := range [][]story{targetStories, stateStories, policyStories, sizeStories, groupStories} {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				in := twoStocks()
				s.change(&in)
				p := planOf(t, in)
				require.Equal(t, s.want, told(&p), "%s", p.Explain())
			})
		}
	}
}

var targetStories = []story{
	{"as it is", func(*rebalance.Input) {}, baseline},
	{"symbols in any writing", func(in *rebalance.Input) {
		in.Targets[0].Symbol, in.Account.Positions[1].Symbol = " a", "b "
	}, baseline},
	{"negative weight", func(in *rebalance.Input) { in.Targets[1].Weight = dec("-0.1") }, "rejected negative_weight"},
	{"weight too large", func(in *rebalance.Input) { in.Targets[1].Weight = dec("1.0051") }, "rejected weight_too_large"},
	{"duplicate target", func(in *rebalance.Input) { in.Targets[1].Symbol = "a" }, "rejected duplicate_symbol"},
	{"duplicate position", func(in *rebalance.Input) { in.Account.Positions[1].Symbol = "A" }, "rejected duplicate_symbol"},
	{"each check over all targets", func(in *rebalance.Input) {
		in.Targets[0].Weight, in.Targets[1].Weight = dec("1.5"), dec("-0.1")
	}, "rejected negative_weight"},
	{"no targets", func(in *rebalance.Input) { in.Targets = nil }, "rejected empty_allocation"},
	{"sum too large", func(in *rebalance.Input) { in.Targets[0].Weight = dec("0.6051") }, "rejected weight_sum"},
	{"sum within the tolerance", func(in *rebalance.Input) { in.Targets[0].Weight, in.Targets[1].Weight = dec("0.603"), dec("0.402") }, baseline + "; ! weights_scaled"},
	{"target without instrument", func(in *rebalance.Input) { delete(in.Instruments, "B") }, "rejected unknown_instrument"},
	{"position without instrument", func(in *rebalance.Input) {
		hold(in, "C", "1", "10")
		delete(in.Instruments, "C")
	}, "rejected unknown_instrument"},
	{"a number beyond the limits", func(in *rebalance.Input) { in.Account.Positions[0].Quantity = decimal.New(1, 19) }, "rejected invalid_number"},
	{"a price beyond the limits is none", func(in *rebalance.Input) {
		requote(in, "A", func(q *rebalance.PlanQuote) { q.Bid = decimal.NewNullDecimal(decimal.New(1, 19)) })
	}, baseline},
	{"lot of zero", func(in *rebalance.Input) {
		in.Instruments["A"] = rebalance.InstrumentTerms{Currency: "USD", Tick: dec("1")}
	}, "rejected invalid_policy"},
	{"policy out of range", func(in *rebalance.Input) { in.Policy.Slippage = dec("1.1") }, "rejected invalid_policy"},
	{"allocation shift", func(in *rebalance.Input) {
		in.Previous = []rebalance.TargetWeight{{Symbol: "B", Weight: dec("0.9")}, {Symbol: "C", Weight: dec("0.1")}}
	}, "held allocation_shift; SELL 100 A drift; BUY 400 B drift"},
	{"allocation shift at the limit", func(in *rebalance.Input) {
		in.Previous = []rebalance.TargetWeight{{Symbol: "A", Weight: dec("0.1")}, {Symbol: "B", Weight: dec("0.9")}}
	}, baseline},
	{"a chain of substitutes", func(in *rebalance.Input) {
		in.Policy.Substitutes = []rebalance.Substitute{{From: "A", To: "B", Scale: dec("1")}, {From: "B", To: "A", Scale: dec("1")}}
	}, "rejected substitute_chain"},
	{"substituted weights too large", func(in *rebalance.Input) {
		in.Policy.Substitutes = []rebalance.Substitute{{From: "A", To: "B", Scale: dec("2")}}
	}, "rejected weight_sum"},
	{"a substitute that has a weight of its own", func(in *rebalance.Input) {
		in.Policy.Substitutes = []rebalance.Substitute{{From: "A", To: "B", Scale: dec("1.5")}} // B: 0.9 stays, its 0.4 shrinks to 0.1
	}, "trade; SELL 700 A exit; BUY 1600 B drift"},
	{"a substitute with a smaller scale leaves model cash", func(in *rebalance.Input) {
		in.Policy.Substitutes = []rebalance.Substitute{{From: "A", To: "B", Scale: dec("0.5")}}
	}, "trade; SELL 700 A exit; BUY 1000 B drift"},
	{"liquidate_all knows no weights", func(in *rebalance.Input) {
		in.Policy.Mode, in.Targets = rebalance.LiquidateAll, []rebalance.TargetWeight{{Symbol: "NONE", Weight: dec("-7")}}
	}, "trade; SELL 700 A liquidate; SELL 400 B liquidate"},
	{"liquidate_all needs no price of what is not held", func(in *rebalance.Input) {
		in.Policy.Mode, in.Targets[0].Symbol = rebalance.LiquidateAll, "C"
		in.Instruments["C"] = rebalance.InstrumentTerms{Currency: "EUR", Lot: dec("1"), Tick: dec("1")}
	}, "trade; SELL 700 A liquidate; SELL 400 B liquidate"},
	{"liquidate_all of what is listed", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.Unmanaged, in.Targets = rebalance.LiquidateAll, rebalance.UnmanagedExclude, in.Targets[:1]
	}, "trade; SELL 700 A liquidate"},
}

var stateStories = []story{
	{"no net liquidation", func(in *rebalance.Input) { in.Account.NetLiquidation = decimal.NullDecimal{} }, "not_ready net_liquidation_missing"},
	{"net liquidation of zero", func(in *rebalance.Input) { in.Account.NetLiquidation = null("0") }, "not_ready net_liquidation_missing"},
	{"net liquidation does not agree", func(in *rebalance.Input) { in.Account.NetLiquidation = null("100504") }, "not_ready nlv_mismatch"},
	{"net liquidation agrees well enough", func(in *rebalance.Input) { in.Account.NetLiquidation = null("100500") }, baseline},
	{"short position", func(in *rebalance.Input) { hold(in, "S", "-10", "10") }, "not_ready short_position"},
	{"short position, excluded", func(in *rebalance.Input) {
		hold(in, "S", "-10", "10")
		in.Policy.Exclude = []broker.InstrumentID{"S"}
		// I = 90000 + 10000 − 150, and the cash of the short is not spent
	}, "trade; SELL 101 A drift; BUY 399 B drift"},
	{"open order of others", func(in *rebalance.Input) { open(in, "A", broker.Buy, "1") }, "not_ready foreign_open_orders"},
	{"open order in nothing of ours", func(in *rebalance.Input) {
		hold(in, "C", "0", "10")
		open(in, "C", broker.Buy, "100")
	}, "trade; SELL 100 A drift; BUY 380 B drift"},
	{"open buy of nothing of ours without a price", func(in *rebalance.Input) { open(in, "C", broker.Buy, "100") }, "not_ready missing_price"},
	{"currency of cash without a rate", func(in *rebalance.Input) { in.Account.Cash["EUR"] = dec("1") }, "not_ready missing_fx"},
	{"currency of a target without a rate", func(in *rebalance.Input) {
		in.Instruments["B"] = rebalance.InstrumentTerms{Currency: "EUR", Lot: dec("1"), Tick: dec("1")}
	}, "not_ready missing_fx"},
	{"no price", func(in *rebalance.Input) { delete(in.Quotes, "B") }, "not_ready missing_price"},
	{"no price, frozen at what is left of net liquidation", func(in *rebalance.Input) {
		delete(in.Quotes, "B")
		in.Policy.Unpriceable = rebalance.UnpriceableFreeze
	}, "trade; SELL 100 A drift; skip B missing_price; ! derived_value"},
	{"a delayed quote", func(in *rebalance.Input) {
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Tier = marketdata.TierDelayed })
	}, "not_ready untradable_quote"},
	{"a delayed quote, frozen at its price", func(in *rebalance.Input) {
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Tier = marketdata.TierDelayed })
		in.Policy.Unpriceable = rebalance.UnpriceableFreeze
	}, "trade; SELL 100 A drift; skip B untradable_quote"},
	{"an old quote", func(in *rebalance.Input) { in.Policy.MaxQuoteAge = dec("0.5") }, "not_ready untradable_quote"},
	{"a quote of no age", func(in *rebalance.Input) {
		in.Policy.MaxQuoteAge = dec("60")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Age = decimal.NullDecimal{} })
	}, "not_ready untradable_quote"},
	{"a tick larger than the price", func(in *rebalance.Input) {
		in.Instruments["B"] = rebalance.InstrumentTerms{Currency: "USD", Lot: dec("1"), Tick: dec("51")}
	}, "not_ready untradable_quote"},
	{"bid above ask", func(in *rebalance.Input) {
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Bid = null("60") })
	}, baseline + "; ! crossed_quote"},
	{"only a close", func(in *rebalance.Input) {
		requote(in, "B", func(q *rebalance.PlanQuote) {
			*q = rebalance.PlanQuote{Close: q.Last, Last: null("-1"), Bid: q.Bid, Tier: q.Tier}
		})
	}, baseline},
	{"a split", func(in *rebalance.Input) {
		in.Account.Positions[1].Previous = null("400")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Previous = null("17") })
	}, "trade; SELL 100 A drift; skip B corporate_action_suspected; ! derived_value"},
	{"a reverse split at the margin", func(in *rebalance.Input) {
		in.Account.Positions[1].Previous = null("400")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Previous = null("72.75") }) // 1.455 = 1.5 − 3 %
		in.Policy.CorporateAction = rebalance.CorporateActionBlock
	}, "not_ready corporate_action_suspected"},
	{"beyond the margin", func(in *rebalance.Input) {
		in.Account.Positions[1].Previous = null("400")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Previous = null("72.7") })
	}, baseline},
	{"a split that changed the quantity", func(in *rebalance.Input) {
		in.Account.Positions[1].Previous = null("200")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Previous = null("100") })
	}, baseline},
	{"a split, looked at by an operator", func(in *rebalance.Input) {
		in.Account.Positions[1].Previous = null("400")
		requote(in, "B", func(q *rebalance.PlanQuote) { q.Previous = null("100") })
		in.Policy.CorporateAction = rebalance.CorporateActionOff
	}, baseline},
	{"a short without a price blocks even when it is left alone", func(in *rebalance.Input) {
		hold(in, "S", "-10", "10")
		delete(in.Quotes, "S")
		in.Policy.Shorts, in.Policy.Unpriceable = rebalance.ShortsExclude, rebalance.UnpriceableFreeze
	}, "not_ready missing_price"},
	{"a short to cover is never frozen", func(in *rebalance.Input) {
		hold(in, "S", "-10", "10")
		requote(in, "S", func(q *rebalance.PlanQuote) { q.Tier = "" })
		in.Policy.Shorts, in.Policy.Unpriceable = rebalance.ShortsCover, rebalance.UnpriceableFreeze
	}, "not_ready untradable_quote"},
}
