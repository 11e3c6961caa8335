package rebalance

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/marketdata"
)

// DefaultPolicy is a full rebalance without bands and without a reserve, which
// refuses to plan whenever something is in doubt.
func DefaultPolicy() Policy {
	return Policy{
		Mode:                FullRebalance,
		Scope:               ScopeAll,
		Destination:         DestinationTarget,
		DestinationFraction: decimal.New(1, 0),
		DoNotBuyShortfall:   ShortfallCash,
		Unmanaged:           UnmanagedExit,
		Slippage:            decimal.New(5, -3),
		Unpriceable:         UnpriceableAbort,
		TradableTiers:       []marketdata.Tier{marketdata.TierLive, marketdata.TierFrozen},
		ForeignOrders:       ForeignBlock,
		Currency:            CurrencyReject,
		FXHaircut:           decimal.New(25, -4),
		Shorts:              ShortsBlock,
		CorporateAction:     CorporateActionFreeze,
		WeightTolerance:     decimal.New(5, -3),
		NLVTolerance:        NLVTolerance{Fraction: decimal.New(5, -3), Amount: decimal.New(50, 0)},
		Guards:              Guards{MaxAllocationShift: decimal.NewNullDecimal(decimal.New(5, -1))},
	}
}
