package rebalance

// Reasons of rejected: the input or the configuration can never work.
const (
	ReasonInvalidNumber      Reason = "invalid_number"
	ReasonNegativeWeight     Reason = "negative_weight"
	ReasonWeightTooLarge     Reason = "weight_too_large"
	ReasonDuplicateSymbol    Reason = "duplicate_symbol"
	ReasonEmptyAllocation    Reason = "empty_allocation"
	ReasonWeightSum          Reason = "weight_sum"
	ReasonUnknownInstrument  Reason = "unknown_instrument"
	ReasonInvalidPolicy      Reason = "invalid_policy"
	ReasonSubstituteChain    Reason = "substitute_chain"
	ReasonEquivalentConflict Reason = "equivalent_conflict"
)

// Reasons of not_ready that pass with time.
const (
	ReasonMissingPrice          Reason = "missing_price"
	ReasonUntradableQuote       Reason = "untradable_quote"
	ReasonMissingFX             Reason = "missing_fx"
	ReasonNetLiquidationMissing Reason = "net_liquidation_missing"
	ReasonNLVMismatch           Reason = "nlv_mismatch"
)

// Reasons of not_ready that an operator must look at.
const (
	ReasonShortPosition            Reason = "short_position"
	ReasonForeignOpenOrders        Reason = "foreign_open_orders"
	ReasonCorporateActionSuspected Reason = "corporate_action_suspected"
	ReasonCoverUnfunded            Reason = "cover_unfunded"
)

// Reasons of held: a guard's limit is exceeded.
const (
	ReasonAllocationShift  Reason = "allocation_shift"
	ReasonMaxTurnover      Reason = "max_turnover"
	ReasonMaxOrderNotional Reason = "max_order_notional"
	ReasonMaxOrders        Reason = "max_orders"
)

// Reasons of no_trade; all but at_target are reasons of skipped symbols, too.
const (
	ReasonWithinBand    Reason = "within_band"
	ReasonAtTarget      Reason = "at_target"
	ReasonRestricted    Reason = "restricted"
	ReasonBelowMinTrade Reason = "below_min_trade"
	ReasonUnfunded      Reason = "unfunded"
	ReasonBelowLot      Reason = "below_lot"
)

// ReasonEquityMoved is the reason of replan.
const ReasonEquityMoved Reason = "equity_moved"

// Reasons of skipped symbols only.
const (
	ReasonResidualFraction Reason = "residual_fraction"
	ReasonCurrencyCash     Reason = "currency_cash"
	ReasonCrossingZero     Reason = "crossing_zero"
	ReasonOpenOrder        Reason = "open_order"
)

// Reasons of orders.
const (
	ReasonDrift       Reason = "drift"
	ReasonExit        Reason = "exit"
	ReasonEntry       Reason = "entry"
	ReasonCover       Reason = "cover"
	ReasonRaiseCash   Reason = "raise_cash"
	ReasonRestoreCash Reason = "restore_cash"
	ReasonFunding     Reason = "funding" // a sale that pays for the buys of what drifted
	ReasonLiquidate   Reason = "liquidate"
)

// The warnings of a plan.
const (
	WarningWeightsScaled             = "weights_scaled"
	WarningCrossedQuote              = "crossed_quote"
	WarningDerivedValue              = "derived_value"
	WarningRestrictionsUnsatisfiable = "restrictions_unsatisfiable"
	WarningReserveUnreachable        = "reserve_unreachable"
)
