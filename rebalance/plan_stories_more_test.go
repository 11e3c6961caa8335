package rebalance_test

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

var policyStories = []story{
	{"turnover", func(in *rebalance.Input) { in.Policy.Guards.MaxTurnover = null("0.2999") }, "held max_turnover; SELL 100 A drift; BUY 400 B drift"},
	{"turnover at the limit", func(in *rebalance.Input) { in.Policy.Guards.MaxTurnover = null("0.3") }, baseline},
	{"order notional", func(in *rebalance.Input) { in.Policy.Guards.MaxOrderNotional = null("19999") }, "held max_order_notional; SELL 100 A drift; BUY 400 B drift"},
	{"number of orders", func(in *rebalance.Input) { in.Policy.Guards.MaxOrders = null("1") }, "held max_orders; SELL 100 A drift; BUY 400 B drift"},
	{"inside the bands", func(in *rebalance.Input) { in.Policy.Band.Absolute = null("0.2") }, "no_trade within_band; skip A within_band; skip B within_band"},
	{"inside the bands, by force", func(in *rebalance.Input) {
		in.Policy.Band.Absolute, in.Policy.Force = null("0.2"), true
	}, baseline},
	{"inside the bands, by force, to the edge", func(in *rebalance.Input) {
		in.Policy.Band.Absolute, in.Policy.Force, in.Policy.Destination = null("0.2"), true, rebalance.DestinationNearestEdge
	}, "no_trade at_target; skip A within_band; skip B within_band"},
	{"to the edge", func(in *rebalance.Input) {
		in.Policy.Band.Absolute, in.Policy.Destination = null("0.1"), rebalance.DestinationNearestEdge
		// B to 30000 from 20000, A is on the edge of its band
	}, "trade; BUY 200 B drift; skip A within_band"},
	{"half of the way", func(in *rebalance.Input) {
		in.Policy.Destination, in.Policy.DestinationFraction = rebalance.DestinationFraction, dec("0.5")
	}, "trade; SELL 50 A drift; BUY 200 B drift"},
	{"none of the way", func(in *rebalance.Input) {
		in.Policy.Destination, in.Policy.DestinationFraction = rebalance.DestinationFraction, dec("0")
	}, "no_trade at_target"},
	{"an exit goes all the way", func(in *rebalance.Input) {
		hold(in, "C", "3", "10")
		in.Policy.Destination, in.Policy.DestinationFraction = rebalance.DestinationFraction, dec("0")
	}, "trade; SELL 3 C exit"},
	{"unmanaged is left alone", func(in *rebalance.Input) {
		hold(in, "C", "3", "10")
		in.Policy.Unmanaged = rebalance.UnmanagedExclude
	}, baseline},
	{"a weight of an excluded target is model cash", func(in *rebalance.Input) {
		in.Policy.Exclude = []broker.InstrumentID{"b"} // I = 80000, A 48000
	}, "trade; SELL 220 A drift"},
	{"an excluded position without a price", func(in *rebalance.Input) {
		hold(in, "C", "3", "10")
		delete(in.Quotes, "C")
		in.Policy.Exclude = []broker.InstrumentID{"C"}
	}, baseline + "; ! derived_value"},
	{"restrictions that leave nothing", func(in *rebalance.Input) {
		restrict(in, "A", rebalance.DoNotTrade)
		in.Targets[1].Weight = dec("0.1") // pool 70000, of which A keeps all
	}, "trade; SELL 400 B exit; skip A restricted"},
	{"restrictions that cannot be met", func(in *rebalance.Input) {
		restrict(in, "A", rebalance.DoNotSell)
		in.Targets[0].Weight, in.Targets[1].Weight = dec("0.5"), dec("0.1")
	}, "trade; SELL 400 B exit; skip A restricted; ! restrictions_unsatisfiable"},
	{"a restricted symbol is not traded for less than half a lot", func(in *rebalance.Input) {
		in.Account.Positions[0].Quantity = dec("600.4")
		in.Account.Cash["USD"], in.Account.NetLiquidation = dec("19960"), null("100000")
		restrict(in, "A", rebalance.DoNotSell)
	}, "trade; BUY 399 B drift; skip A restricted"},
	{"raise_cash with enough cash", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.RaiseAmount = rebalance.RaiseCash, dec("10000")
	}, "no_trade at_target"},
	{"raise_cash", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.RaiseAmount = rebalance.RaiseCash, dec("15000")
	}, "trade; SELL 50 A raise_cash"},
	{"raise_cash beyond what there is", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.RaiseAmount = rebalance.RaiseCash, dec("100001")
	}, "trade; SELL 700 A raise_cash; SELL 400 B raise_cash; ! reserve_unreachable"},
	{"invest_cash", func(in *rebalance.Input) { in.Policy.Mode = rebalance.InvestCash }, "trade; BUY 200 B drift"},
	{"liquidate_all with restrictions", func(in *rebalance.Input) {
		in.Policy.Mode = rebalance.LiquidateAll
		restrict(in, "A", rebalance.DoNotSell)
		restrict(in, "B", rebalance.DoNotBuy)
	}, "trade; SELL 400 B liquidate; skip A restricted"},
	{"drifted only, what drifted pays for itself", func(in *rebalance.Input) {
		in.Policy.Scope, in.Policy.Band.Relative = rebalance.ScopeDriftedOnly, null("0.4")
	}, "trade; SELL 100 A funding; BUY 400 B drift"},
	{"cash below the floor inside the bands", func(in *rebalance.Input) {
		in.Policy.Band.Absolute, in.Policy.Reserve.Amount = null("0.5"), dec("12000")
	}, "trade; SELL 20 A restore_cash; skip B within_band"},
}

var sizeStories = []story{
	{"half a lot is sold", func(in *rebalance.Input) {
		in.Account.Positions[0].Quantity, in.Account.Cash["USD"] = dec("600.5"), dec("19950")
	}, "trade; SELL 1 A drift; BUY 400 B drift"},
	{"less than half a lot is not", func(in *rebalance.Input) {
		in.Account.Positions[0].Quantity, in.Account.Cash["USD"] = dec("600.4"), dec("19960")
	}, "trade; BUY 399 B drift; skip A below_lot"},
	{"a sale of nothing may still be raised", func(in *rebalance.Input) {
		in.Account.Positions[0].Quantity, in.Account.Positions[1].Quantity = dec("600.4"), dec("800")
		in.Account.Cash["USD"] = dec("-40")
	}, "trade; SELL 1 A drift"},
	{"limits on the tick", func(in *rebalance.Input) {
		in.Policy.Slippage = dec("0.005")
		in.Instruments["A"] = rebalance.InstrumentTerms{Currency: "USD", Lot: dec("1"), Tick: dec("7")}
	}, "trade; SELL 100 A drift; BUY 394 B drift"},
	{"small trades are dropped", func(in *rebalance.Input) { in.Policy.MinTrade.Fraction = dec("0.15") }, "no_trade below_min_trade; skip A below_min_trade; skip B below_min_trade"},
	{"a buy that became small is dropped", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.MinTrade.Value = rebalance.InvestCash, dec("10001")
	}, "no_trade below_min_trade; skip B below_min_trade"},
	{"no cash", func(in *rebalance.Input) {
		in.Policy.Mode, in.Account.AvailableFunds = rebalance.InvestCash, null("0")
	}, "no_trade unfunded; skip B unfunded"},
	{"a cash account spends no proceeds", func(in *rebalance.Input) { in.Account.Type = broker.Cash }, "trade; SELL 100 A drift; BUY 200 B drift"},
	{"settled cash only", func(in *rebalance.Input) {
		in.Account.Type = broker.Cash
		in.Account.SettledCash = map[broker.Currency]decimal.Decimal{"USD": dec("5000")}
	}, "trade; SELL 100 A drift; BUY 100 B drift"},
	{"a broker's limit", func(in *rebalance.Input) { in.Account.AvailableFunds = null("1000") }, "trade; SELL 100 A drift; BUY 220 B drift"},
	{"fees that eat up a buy", func(in *rebalance.Input) {
		in.Policy.Mode, in.Policy.Fee.Minimum, in.Account.Cash["USD"] = rebalance.InvestCash, dec("90"), dec("89")
		in.Account.NetLiquidation = null("90089")
	}, "no_trade unfunded; skip B unfunded"},
	{"a cover comes first", func(in *rebalance.Input) {
		hold(in, "S", "-10.5", "100")
		in.Policy.Shorts = rebalance.ShortsCover
	}, "trade; BUY 10 S cover; SELL 106 A drift; BUY 392 B drift; skip S residual_fraction"},
	{"a cover that cannot be paid", func(in *rebalance.Input) {
		hold(in, "S", "-500", "100")
		in.Policy.Shorts, in.Policy.Mode, in.Policy.Reserve.Fraction = rebalance.ShortsCover, rebalance.InvestCash, dec("0.1")
	}, "not_ready cover_unfunded"},
	{"a short with a weight is covered only", func(in *rebalance.Input) {
		hold(in, "S", "-10", "100")
		in.Policy.Shorts = rebalance.ShortsCover
		in.Targets = []rebalance.TargetWeight{{Symbol: "A", Weight: dec("0.6")}, {Symbol: "S", Weight: dec("0.4")}}
	}, "trade; BUY 10 S cover; SELL 106 A drift; SELL 400 B exit; skip S crossing_zero"},
	{"an open sell caps the sale and stops the buy", func(in *rebalance.Input) {
		in.Policy.ForeignOrders = rebalance.ForeignCount
		open(in, "A", broker.Sell, "650")
		open(in, "B", broker.Sell, "1")
	}, "no_trade restricted; skip A open_order; skip B open_order"},
	{"an open buy is counted and paid", func(in *rebalance.Input) {
		in.Policy.ForeignOrders = rebalance.ForeignCount
		open(in, "B", broker.Buy, "100")
	}, "trade; SELL 100 A drift; BUY 300 B drift"},
	{"conversions", func(in *rebalance.Input) {
		in.Policy.Currency = rebalance.CurrencyConvertFirst
		in.Instruments["B"] = rebalance.InstrumentTerms{Currency: "EUR", Lot: dec("1"), Tick: dec("0.01")}
		in.FX = map[broker.Currency]decimal.Decimal{"EUR": dec("1")}
		in.Account.Cash["EUR"] = dec("500")
		in.Account.NetLiquidation = null("100500")
	}, "trade; USD to 19600 EUR; SELL 97 A drift; BUY 402 B drift"},
	{"conversions back to base", func(in *rebalance.Input) {
		in.Policy.Currency, in.Policy.FXHaircut = rebalance.CurrencyConvertFirst, dec("0")
		in.FX = map[broker.Currency]decimal.Decimal{"EUR": dec("2")}
		in.Account.Cash = map[broker.Currency]decimal.Decimal{"EUR": dec("5000")}
	}, "trade; EUR to 10000 USD; SELL 100 A drift; BUY 400 B drift"},
	{"foreign lines live on foreign cash", func(in *rebalance.Input) {
		in.Instruments["B"] = rebalance.InstrumentTerms{Currency: "EUR", Lot: dec("1"), Tick: dec("0.01")}
		in.FX = map[broker.Currency]decimal.Decimal{"EUR": dec("1")}
	}, "trade; SELL 100 A drift; skip B currency_cash"},
}

var groupStories = []story{
	{"an alternate as a target", func(in *rebalance.Input) {
		in.Policy.Equivalents = []rebalance.Equivalent{{Primary: "A", Alternates: []broker.InstrumentID{"B"}}}
	}, "rejected equivalent_conflict"},
	{"a symbol in two groups", func(in *rebalance.Input) {
		in.Policy.Equivalents = []rebalance.Equivalent{{Primary: "A", Alternates: []broker.InstrumentID{"X"}}, {Primary: "B", Alternates: []broker.InstrumentID{"X"}}}
	}, "rejected equivalent_conflict"},
	{"alternates are kept", func(in *rebalance.Input) { group(in, rebalance.SellKeep) }, "trade; SELL 50 A drift; BUY 300 B drift; skip A restricted"},
	{"alternates go first, by symbol", func(in *rebalance.Input) {
		group(in, rebalance.SellAlternatesFirst)
	}, "trade; SELL 160 X drift; BUY 360 B drift"},
	{"what an alternate cannot take goes on to the next", func(in *rebalance.Input) {
		group(in, rebalance.SellAlternatesFirst)
		in.Account.Positions[2].Quantity, in.Account.NetLiquidation = dec("60"), null("48000")
		in.Targets[0].Weight = dec("0.2") // the group is worth 18000 and should be worth 9600
	}, "trade; SELL 16 B drift; SELL 60 X drift; SELL 216 Y drift"},
	{"an alternate that may not be sold is passed over", func(in *rebalance.Input) {
		group(in, rebalance.SellAlternatesFirst)
		restrict(in, "X", rebalance.DoNotSell)
	}, "trade; SELL 320 Y drift; BUY 360 B drift; skip X restricted"},
	{"an exit of the group sells all members", func(in *rebalance.Input) {
		group(in, rebalance.SellKeep)
		in.Targets = []rebalance.TargetWeight{{Symbol: "B", Weight: dec("1")}}
	}, "trade; SELL 50 A exit; SELL 1000 X exit; SELL 400 Y exit; BUY 1500 B drift"},
	{"an excluded primary excludes its group", func(in *rebalance.Input) {
		group(in, rebalance.SellKeep)
		in.Policy.Exclude = []broker.InstrumentID{"A"}
	}, "trade; SELL 160 B drift"},
	{"a frozen member freezes its group", func(in *rebalance.Input) {
		group(in, rebalance.SellKeep)
		delete(in.Quotes, "Y")
		in.Policy.Unpriceable = rebalance.UnpriceableFreeze
	}, "trade; BUY 200 B drift; skip A missing_price; ! derived_value"},
	{"only the primary is bought", func(in *rebalance.Input) {
		group(in, rebalance.SellKeep)
		in.Targets[0].Weight, in.Targets[1].Weight = dec("0.8"), dec("0.2")
	}, "trade; SELL 20 B drift; BUY 110 A drift"},
}

// group makes A the primary of X and Y, and most of it alternates.
func group(in *rebalance.Input, sell rebalance.EquivalentSell) {
	in.Account.Positions[0].Quantity = dec("50")
	in.Account.NetLiquidation = null("35000")
	hold(in, "X", "1000", "50")
	hold(in, "Y", "400", "25")
	in.Policy.Equivalents = []rebalance.Equivalent{{Primary: "A", Alternates: []broker.InstrumentID{"Y", "X"}, Sell: sell}}
}
