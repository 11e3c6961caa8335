package rebalance

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// TestSelfCheckSeesViolations breaks a plan on purpose, after all of its rules.
func TestSelfCheckSeesViolations(t *testing.T) {
	for name, damage := range map[string]func(*draft){
		"not a positive multiple of the lot":  func(d *draft) { d.sales[0].quantity = num{lo: 15, exp: -1} },
		"only 700 are held":                   func(d *draft) { d.sales[0].quantity = num{lo: 701} },
		"less than the floor":                 func(d *draft) { d.purchases[0].quantity = num{lo: 401} },
		"not a positive multiple of the tick": func(d *draft) { d.assets[0].sellAt = num{lo: 99005, exp: -3} },
		"the symbol is frozen":                func(d *draft) { d.assets[1].frozen = ReasonMissingPrice },
		"the symbol is not managed":           func(d *draft) { d.assets[1].managed = false },
		"has two orders":                      func(d *draft) { d.purchases[0].asset = 0 },
		"not to be sold":                      func(d *draft) { d.lines[0].rule = DoNotSell },
		"not to be bought":                    func(d *draft) { d.assets[1].selling = true },
		"below the smallest trade":            func(d *draft) { d.minTrade = num{lo: 10001} },
		"nothing is sold here":                func(d *draft) { d.in.Policy.Mode = InvestCash },
		"nothing is bought here":              func(d *draft) { d.in.Policy.Mode = RaiseCash },
		"only a short position is covered":    func(d *draft) { d.purchases[0].cover = true },
		"only 0 were planned":                 func(d *draft) { d.sales, d.funding = nil, true },
		"outcome no_trade with 2 orders":      func(d *draft) { d.outcome = PlanNoTrade },
	} {
		in := twoHoldings()
		d := &draft{in: &in}
		d.carryOut(common)
		d.carryOut(planning)
		require.Empty(t, d.outcome)
		damage(d)
		_, err := d.plan()
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "nothing may be traded")
	}
}

// twoHoldings sells 100 of A at 100 and buys 400 of B at 50.
func twoHoldings() Input {
	some := func(n int64) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.New(n, 0)) }
	terms := InstrumentTerms{Currency: "USD", Lot: decimal.New(1, 0), Tick: decimal.New(1, -2)}
	policy := DefaultPolicy()
	policy.Slippage = decimal.Decimal{}
	return Input{
		Account: AccountState{
			Base: "USD", Type: broker.Margin, NetLiquidation: some(100_000),
			Cash:      map[broker.Currency]decimal.Decimal{"USD": decimal.New(10_000, 0)},
			Positions: []PositionState{{Symbol: "A", Quantity: decimal.New(700, 0)}, {Symbol: "B", Quantity: decimal.New(400, 0)}},
		},
		Instruments: map[broker.InstrumentID]InstrumentTerms{"A": terms, "B": terms},
		Quotes: map[broker.InstrumentID]PlanQuote{
			"A": {Last: some(100), Tier: marketdata.TierLive}, "B": {Last: some(50), Tier: marketdata.TierLive},
		},
		Targets: []TargetWeight{{Symbol: "A", Weight: decimal.New(6, -1)}, {Symbol: "B", Weight: decimal.New(4, -1)}},
		Policy:  policy,
	}
}
