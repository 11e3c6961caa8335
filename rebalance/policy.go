package rebalance

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Policy says how an account is kept at its targets. Start from
// [DefaultPolicy]: the zero value is not a policy. Fractions are fractions:
// 0.02 is 2 %. The JSON form is strict, and what it leaves out is the default;
// see [DecodePolicy]. PLANNER.md says what each field does.
type Policy struct {
	// Mode is what kind of run this is. Default: full_rebalance.
	Mode Mode `json:"mode"`
	// RaiseAmount is the cash to raise beyond the reserve in raise_cash.
	RaiseAmount decimal.Decimal `json:"raise_amount"`
	// Reserve is the cash that is never spent: the greater of both.
	Reserve Reserve `json:"reserve"`
	// PendingWithdrawals is cash that is about to leave. Default: 0.
	PendingWithdrawals decimal.Decimal `json:"pending_withdrawals"`
	// Band is how far a symbol may drift before anything is traded. Default:
	// none, every difference trades.
	Band Band `json:"band"`
	// Force trades whatever the bands say. Default: false.
	Force bool `json:"force"`
	// Scope says which symbols trade once one is outside its band. Default: all.
	Scope Scope `json:"scope"`
	// Destination says how far a symbol is moved. Default: target.
	Destination Destination `json:"destination"`
	// DestinationFraction is the part of the way for destination fraction,
	// 0 to 1. Default: 1.
	DestinationFraction decimal.Decimal `json:"destination_fraction"`
	// Restrictions forbid trades of symbols. Default: none.
	Restrictions map[broker.InstrumentID]Restriction `json:"restrictions,omitempty"`
	// DoNotBuyShortfall says what happens to the share that may not be bought.
	// Default: cash.
	DoNotBuyShortfall Shortfall `json:"do_not_buy_shortfall"`
	// Exclude names symbols that are left alone and not counted. Default: none.
	Exclude []broker.InstrumentID `json:"exclude,omitempty"`
	// Unmanaged says what happens to held symbols without a target. Default:
	// exit, they are sold.
	Unmanaged Unmanaged `json:"unmanaged"`
	// MinTrade drops smaller orders, except exits. Default: none.
	MinTrade MinTrade `json:"min_trade"`
	// Slippage is how far a limit may be from the quote, 0 to 1. Default: 0.005.
	Slippage decimal.Decimal `json:"slippage"`
	// Fee estimates what an order costs. Default: nothing.
	Fee Fee `json:"fee"`
	// DeployResidual spends what rounding left over, lot by lot. Default: false.
	DeployResidual bool `json:"deploy_residual"`
	// Unpriceable says what a missing price does. Default: abort, no order at all.
	Unpriceable Unpriceable `json:"unpriceable"`
	// TradableTiers are the tiers of price that may size an order. Default:
	// live and frozen.
	TradableTiers []marketdata.Tier `json:"tradable_tiers"`
	// MaxQuoteAge is the oldest quote that may size an order, in seconds; 0 is
	// no limit. Default: 0.
	MaxQuoteAge decimal.Decimal `json:"max_quote_age_seconds"`
	// Substitutes trade one symbol in place of another. Default: none.
	Substitutes []Substitute `json:"substitutes,omitempty"`
	// Equivalents count several symbols as one. Default: none.
	Equivalents []Equivalent `json:"equivalents,omitempty"`
	// ForeignOrders says what other people's working orders do. Default: block.
	ForeignOrders ForeignOrders `json:"foreign_orders"`
	// Currency says how buys in other currencies are paid. Default: reject.
	Currency CurrencyRule `json:"currency"`
	// FXHaircut is the safety margin on exchange rates, 0 to 1. Default: 0.0025.
	FXHaircut decimal.Decimal `json:"fx_haircut"`
	// Shorts says what short positions do. Default: block.
	Shorts Shorts `json:"shorts"`
	// CorporateAction says what a suspected split does. Default: freeze.
	CorporateAction CorporateAction `json:"corporate_action"`
	// WeightTolerance is how far the weights may sum above 1. Default: 0.005.
	WeightTolerance decimal.Decimal `json:"weight_tolerance"`
	// NLVTolerance is how far the sum of the parts may be from the broker's net
	// liquidation. Default: 0.005 of it, at least 50.
	NLVTolerance NLVTolerance `json:"nlv_tolerance"`
	// Guards are limits beyond which a human must approve. Default: an
	// allocation shift of 0.5, nothing else.
	Guards Guards `json:"guards"`
}

// Reserve is an amount in base currency and a fraction of equity.
type Reserve struct {
	Amount   decimal.Decimal `json:"amount"`
	Fraction decimal.Decimal `json:"fraction"`
}

// Band holds drift limits; the smaller one decides, an invalid one is not set.
type Band struct {
	Absolute decimal.NullDecimal `json:"absolute"` // of equity
	Relative decimal.NullDecimal `json:"relative"` // of the symbol's own target
}

// MinTrade is an amount in base currency and a fraction of equity: the greater
// one decides.
type MinTrade struct {
	Value    decimal.Decimal `json:"value"`
	Fraction decimal.Decimal `json:"fraction"`
}

// Fee is the greatest of its three parts, in the instrument's currency.
type Fee struct {
	Minimum  decimal.Decimal `json:"minimum"`
	PerUnit  decimal.Decimal `json:"per_unit"`
	Fraction decimal.Decimal `json:"fraction"` // of quantity × limit
}

// Substitute replaces a target by another symbol, its weight times Scale.
type Substitute struct {
	From  broker.InstrumentID `json:"from"`
	To    broker.InstrumentID `json:"to"`
	Scale decimal.Decimal     `json:"scale"` // Default in JSON: 1.
}

// Equivalent counts held alternates for the primary, which carries the weight.
type Equivalent struct {
	Primary    broker.InstrumentID   `json:"primary"`
	Alternates []broker.InstrumentID `json:"alternates"`
	Sell       EquivalentSell        `json:"sell"` // Default: keep.
}

// NLVTolerance is a fraction of net liquidation and an amount: the greater one
// decides.
type NLVTolerance struct {
	Fraction decimal.Decimal `json:"fraction"`
	Amount   decimal.Decimal `json:"amount"`
}

// Guards are limits; an invalid one is not set.
type Guards struct {
	MaxAllocationShift decimal.NullDecimal `json:"max_allocation_shift"` // Σ|w − w_prev| / 2
	MaxTurnover        decimal.NullDecimal `json:"max_turnover"`         // Σ notional / equity
	MaxOrderNotional   decimal.NullDecimal `json:"max_order_notional"`
	MaxOrders          decimal.NullDecimal `json:"max_orders"`
}

// The enumerations of a policy. Their values are what stands in the JSON form.
type (
	// Mode is what kind of run it is.
	Mode string
	// Scope says which symbols trade once one is outside its band.
	Scope string
	// Destination says how far a symbol is moved.
	Destination string
	// Restriction forbids trades of a symbol.
	Restriction string
	// Shortfall says where the share goes that may not be bought.
	Shortfall string
	// Unmanaged says what happens to held symbols without a target.
	Unmanaged string
	// Unpriceable says what a missing price does.
	Unpriceable string
	// EquivalentSell says which of several equivalents are sold.
	EquivalentSell string
	// ForeignOrders says what other people's working orders do.
	ForeignOrders string
	// CurrencyRule says how buys in other currencies are paid.
	CurrencyRule string
	// Shorts says what short positions do.
	Shorts string
	// CorporateAction says what a suspected split does.
	CorporateAction string
)

// What kind of run it is.
const (
	FullRebalance Mode = "full_rebalance"
	InvestCash    Mode = "invest_cash"   // buys only, from cash
	RaiseCash     Mode = "raise_cash"    // sells only, what is missing
	LiquidateAll  Mode = "liquidate_all" // sells everything managed
)

// The other values of the enumerations.
const (
	ScopeAll         Scope = "all"
	ScopeDriftedOnly Scope = "drifted_only"

	DestinationTarget      Destination = "target"
	DestinationNearestEdge Destination = "nearest_edge"
	DestinationFraction    Destination = "fraction"

	DoNotTrade Restriction = "do_not_trade"
	DoNotBuy   Restriction = "do_not_buy"
	DoNotSell  Restriction = "do_not_sell"

	ShortfallCash    Shortfall = "cash"
	ShortfallProRata Shortfall = "pro_rata"

	UnmanagedExit    Unmanaged = "exit"
	UnmanagedExclude Unmanaged = "exclude"

	UnpriceableAbort  Unpriceable = "abort"
	UnpriceableFreeze Unpriceable = "freeze"

	SellKeep            EquivalentSell = "keep"
	SellAlternatesFirst EquivalentSell = "alternates_first"

	ForeignBlock ForeignOrders = "block"
	ForeignCount ForeignOrders = "count"

	CurrencyReject       CurrencyRule = "reject"
	CurrencyConvertFirst CurrencyRule = "convert_first"

	ShortsBlock   Shorts = "block"
	ShortsCover   Shorts = "cover"
	ShortsExclude Shorts = "exclude"

	CorporateActionFreeze CorporateAction = "freeze"
	CorporateActionBlock  CorporateAction = "block"
	CorporateActionOff    CorporateAction = "off"
)
