package rebalance_test

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// dice decides what a generated input looks like: a random source, or the bytes
// of a fuzz target.
type dice interface{ IntN(n int) int }

// byteDice reads from bytes, and zeros behind their end.
type byteDice struct{ data []byte }

func (b *byteDice) IntN(n int) int {
	v := 0
	for range 2 {
		if len(b.data) > 0 {
			v = v<<8 | int(b.data[0])
			b.data = b.data[1:]
		}
	}
	return v % n
}

// generator makes inputs. Most of what it makes can be planned.
type generator struct {
	dice
	in     rebalance.Input
	prices map[broker.InstrumentID]decimal.Decimal // p, for what has one
	plain  bool                                    // bid = ask = last, no fees, no slippage
}

// oneIn is true once in n times.
func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// between is a number from low to high with some places, given in units of the
// last place.
func (g *generator) between(low, high int, places int32) decimal.Decimal {
	return decimal.New(int64(low+g.IntN(high-low+1)), -places)
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func newGenerator(seed uint64) *generator {
	return &generator{dice: rand.New(rand.NewPCG(seed, 99))}
}

// input makes an input.
func (g *generator) input() rebalance.Input {
	g.in = rebalance.Input{
		Account: rebalance.AccountState{
			Base: "USD", Type: pick(g, broker.Margin, broker.Margin, broker.Margin, broker.Cash),
			Cash: map[broker.Currency]decimal.Decimal{},
		},
		Instruments: map[broker.InstrumentID]rebalance.InstrumentTerms{},
		Quotes:      map[broker.InstrumentID]rebalance.PlanQuote{},
		FX:          map[broker.Currency]decimal.Decimal{},
	}
	g.prices = map[broker.InstrumentID]decimal.Decimal{}
	symbols := []broker.InstrumentID{"A", "B", "C", "D", "E", "F", "G", "H"}[:1+g.IntN(8)]
	currencies := []broker.Currency{"USD"}
	if g.oneIn(3) {
		currencies = append(currencies, "EUR", "JPY")
		g.in.FX["EUR"], g.in.FX["JPY"] = g.between(90, 130, 2), g.between(60, 90, 4)
	}
	for _, s := range symbols {
		g.instrument(s, currencies)
	}
	g.policy(symbols)
	for _, s := range symbols {
		g.position(s)
	}
	g.targets(symbols)
	g.cash(currencies)
	g.openOrders(symbols)
	g.netLiquidation()
	return g.in
}

func (g *generator) instrument(s broker.InstrumentID, currencies []broker.Currency) {
	terms := rebalance.InstrumentTerms{
		Currency: pick(g, currencies...), Lot: decimal.New(1, 0), Tick: decimal.New(1, -2),
	}
	if g.oneIn(4) {
		terms.Lot = pick(g, decimal.New(1, -4), decimal.New(100, 0), decimal.New(5, -1), decimal.New(10, 0))
	}
	if g.oneIn(8) && !g.plain {
		terms.Tick = pick(g, decimal.New(5, -2), decimal.New(1, 0), decimal.New(1, -4))
	}
	g.in.Instruments[s] = terms
	p := g.between(50, 30_000, 2)
	if g.oneIn(6) {
		p = g.between(1, 300, 2)
	}
	q := rebalance.PlanQuote{Tier: marketdata.TierLive, Age: decimal.NewNullDecimal(g.between(0, 20, 0))}
	set := func(d decimal.Decimal) decimal.NullDecimal { return decimal.NewNullDecimal(d) }
	q.Bid, q.Ask, q.Last, q.Close = set(p), set(p), set(p), set(p)
	if !g.plain {
		switch g.IntN(16) {
		case 0:
			return // no quote
		case 1:
			q.Bid, q.Ask = decimal.NullDecimal{}, decimal.NullDecimal{}
		case 2:
			q.Bid = set(p.Add(decimal.New(1, 0))) // crossed
		case 3:
			q.Tier = pick(g, marketdata.TierDelayed, marketdata.TierHistorical, "")
		case 4:
			q.Last, q.Close, q.Ask = decimal.NullDecimal{}, set(decimal.New(-1, 0)), decimal.NullDecimal{}
		case 5:
			q.Previous = set(p.Mul(decimal.New(2, 0)))
		default:
			q.Ask = set(p.Add(g.between(0, 20, 2)))
		}
	}
	g.in.Quotes[s] = q
	if price := reference(&q); price.Sign() > 0 {
		g.prices[s] = price
	}
}

// reference is the price that a quote is valued at.
func reference(q *rebalance.PlanQuote) decimal.Decimal {
	good := func(n decimal.NullDecimal) bool { return n.Valid && n.Decimal.Sign() > 0 }
	switch {
	case good(q.Bid) && good(q.Ask) && q.Bid.Decimal.LessThanOrEqual(q.Ask.Decimal):
		return q.Bid.Decimal.Add(q.Ask.Decimal).Mul(decimal.New(5, -1))
	case good(q.Last):
		return q.Last.Decimal
	case good(q.Close):
		return q.Close.Decimal
	}
	return decimal.Decimal{}
}

func (g *generator) position(s broker.InstrumentID) {
	if g.oneIn(3) {
		return
	}
	lot := g.in.Instruments[s].Lot
	price := decimal.New(100, 0)
	if p, ok := g.prices[s]; ok {
		price = p
	}
	units := g.between(0, 40_000, 0)
	q, _ := broker.Quo(units, price.Mul(lot), 0)
	q = q.Mul(lot)
	switch g.IntN(30) {
	case 0, 1:
		q = q.Add(decimal.New(6, -1)) // a fraction
	case 2:
		q = q.Neg()
	}
	p := rebalance.PositionState{Symbol: s, Quantity: q}
	if g.oneIn(2) {
		p.Previous = decimal.NewNullDecimal(q)
	}
	g.in.Account.Positions = append(g.in.Account.Positions, p)
}

func (g *generator) targets(symbols []broker.InstrumentID) {
	left := 10_000
	for _, s := range symbols {
		if g.oneIn(4) || g.isAlternate(s) && !g.oneIn(30) {
			continue
		}
		w := g.IntN(min(left, 2*10_000/len(symbols)) + 1)
		left -= w
		g.in.Targets = append(g.in.Targets, rebalance.TargetWeight{Symbol: s, Weight: decimal.New(int64(w), -4)})
	}
	if n := len(g.in.Targets); n > 0 && left > 0 && !g.oneIn(3) { // no model cash
		last := &g.in.Targets[n-1]
		last.Weight = last.Weight.Add(decimal.New(int64(left), -4))
	}
	if g.oneIn(10) {
		g.in.Previous = slices.Clone(g.in.Targets)
	}
}

func (g *generator) isAlternate(s broker.InstrumentID) bool {
	return slices.ContainsFunc(g.in.Policy.Equivalents, func(e rebalance.Equivalent) bool { return slices.Contains(e.Alternates, s) })
}

func (g *generator) cash(currencies []broker.Currency) {
	a := &g.in.Account
	a.Cash["USD"] = g.between(-20_000, 500_000, 1)
	if g.oneIn(4) {
		a.Cash["USD"] = g.between(0, 3_000, 1)
	}
	for _, c := range currencies[1:] {
		if g.oneIn(2) {
			a.Cash[c] = g.between(-20_000, 200_000, 1)
		}
	}
	if g.oneIn(3) {
		a.SettledCash = map[broker.Currency]decimal.Decimal{}
		for _, c := range slices.Sorted(maps.Keys(a.Cash)) {
			a.SettledCash[c] = a.Cash[c].Mul(g.between(50, 100, 2))
		}
	}
	if g.oneIn(10) {
		a.AvailableFunds = decimal.NewNullDecimal(g.between(0, 30_000, 0))
	}
}

func (g *generator) openOrders(symbols []broker.InstrumentID) {
	for _, s := range symbols {
		if g.oneIn(15) {
			g.in.Account.OpenOrders = append(g.in.Account.OpenOrders, rebalance.OpenOrder{
				Symbol: s, Side: pick(g, broker.Buy, broker.Sell), Remaining: g.between(1, 60, 0).Mul(g.in.Instruments[s].Lot),
			})
		}
	}
}

// netLiquidation makes net liquidation the sum of the parts, mostly.
func (g *generator) netLiquidation() {
	var sum decimal.Decimal
	for c, amount := range g.in.Account.Cash {
		sum = sum.Add(amount.Mul(g.rate(c)))
	}
	for _, p := range g.in.Account.Positions {
		price, ok := g.prices[p.Symbol]
		if !ok {
			price = decimal.New(100, 0)
		}
		sum = sum.Add(p.Quantity.Mul(price).Mul(g.rate(g.in.Instruments[p.Symbol].Currency)))
	}
	if g.oneIn(40) {
		sum = sum.Mul(decimal.New(9, -1))
	}
	g.in.Account.NetLiquidation = decimal.NewNullDecimal(sum)
}

func (g *generator) rate(c broker.Currency) decimal.Decimal {
	if c == "USD" {
		return decimal.New(1, 0)
	}
	return g.in.FX[c]
}

// policy makes a policy in which every field may be set.
func (g *generator) policy(symbols []broker.InstrumentID) {
	p := rebalance.DefaultPolicy()
	if g.oneIn(3) {
		p.Mode = pick(g, rebalance.FullRebalance, rebalance.InvestCash, rebalance.RaiseCash, rebalance.LiquidateAll)
		p.RaiseAmount = g.between(0, 20_000, 0)
	}
	if g.oneIn(2) {
		p.Reserve.Amount, p.Reserve.Fraction = g.between(0, 3_000, 0), g.between(0, 15, 2)
	}
	if g.oneIn(5) {
		p.PendingWithdrawals = g.between(0, 8_000, 0)
	}
	if g.oneIn(2) {
		p.Band.Absolute = decimal.NewNullDecimal(g.between(0, 20, 2))
	}
	if g.oneIn(2) {
		p.Band.Relative = decimal.NewNullDecimal(g.between(0, 60, 2))
	}
	p.Force = g.oneIn(10)
	p.Scope = pick(g, rebalance.ScopeAll, rebalance.ScopeDriftedOnly)
	p.Destination = pick(g, rebalance.DestinationTarget, rebalance.DestinationTarget, rebalance.DestinationNearestEdge, rebalance.DestinationFraction)
	p.DestinationFraction = g.between(0, 20, 1).Mul(decimal.New(5, -1))
	if p.DestinationFraction.GreaterThan(decimal.New(1, 0)) {
		p.DestinationFraction = decimal.New(1, 0)
	}
	g.symbolRules(&p, symbols)
	p.DoNotBuyShortfall = pick(g, rebalance.ShortfallCash, rebalance.ShortfallProRata)
	p.Unmanaged = pick(g, rebalance.UnmanagedExit, rebalance.UnmanagedExit, rebalance.UnmanagedExclude)
	if g.oneIn(3) {
		p.MinTrade.Value, p.MinTrade.Fraction = g.between(0, 500, 0), g.between(0, 3, 2)
	}
	if g.oneIn(3) {
		p.Fee = rebalance.Fee{Minimum: g.between(0, 200, 2), PerUnit: g.between(0, 10, 3), Fraction: g.between(0, 20, 3)}
	}
	if g.oneIn(3) {
		p.Slippage = g.between(0, 20, 3)
	}
	p.DeployResidual = g.oneIn(4)
	p.Unpriceable = pick(g, rebalance.UnpriceableAbort, rebalance.UnpriceableFreeze, rebalance.UnpriceableFreeze)
	p.ForeignOrders = pick(g, rebalance.ForeignBlock, rebalance.ForeignCount, rebalance.ForeignCount)
	p.Currency = pick(g, rebalance.CurrencyReject, rebalance.CurrencyConvertFirst)
	p.FXHaircut = g.between(0, 10, 3)
	p.Shorts = pick(g, rebalance.ShortsBlock, rebalance.ShortsCover, rebalance.ShortsCover, rebalance.ShortsExclude)
	p.CorporateAction = pick(g, rebalance.CorporateActionFreeze, rebalance.CorporateActionFreeze, rebalance.CorporateActionOff, rebalance.CorporateActionBlock)
	if g.oneIn(20) {
		p.MaxQuoteAge = g.between(1, 20, 0)
	}
	if g.oneIn(10) {
		p.Guards.MaxTurnover = decimal.NewNullDecimal(g.between(0, 20, 1))
		p.Guards.MaxOrders = decimal.NewNullDecimal(g.between(0, 8, 0))
		p.Guards.MaxOrderNotional = decimal.NewNullDecimal(g.between(100, 50_000, 0))
	}
	if g.plain {
		p.Fee, p.Slippage = rebalance.Fee{}, decimal.Decimal{}
	}
	g.in.Policy = p
}

// symbolRules are the rules that name symbols.
func (g *generator) symbolRules(p *rebalance.Policy, symbols []broker.InstrumentID) {
	for _, s := range symbols {
		if g.oneIn(6) {
			if p.Restrictions == nil {
				p.Restrictions = map[broker.InstrumentID]rebalance.Restriction{}
			}
			p.Restrictions[s] = pick(g, rebalance.DoNotTrade, rebalance.DoNotBuy, rebalance.DoNotSell)
		}
		if g.oneIn(20) {
			p.Exclude = append(p.Exclude, s)
		}
	}
	if len(symbols) > 3 && g.oneIn(6) {
		p.Substitutes = append(p.Substitutes, rebalance.Substitute{From: symbols[0], To: symbols[1], Scale: g.between(5, 15, 1)})
	}
	if n := len(symbols); n > 3 && g.oneIn(5) {
		p.Equivalents = append(p.Equivalents, rebalance.Equivalent{
			Primary: symbols[n-1], Alternates: []broker.InstrumentID{symbols[n-2], symbols[n-3]}[:1+g.IntN(2)],
			Sell: pick(g, rebalance.SellKeep, rebalance.SellAlternatesFirst),
		})
	}
}
