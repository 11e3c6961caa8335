package marketdata

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// PriceSource gives prices.
type PriceSource interface {
	// Quotes returns a quote or a reason for each of ids. Duplicates in ids
	// count once. No ids is no error.
	Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error)
}

// Quotes is the answer of a source.
type Quotes struct {
	Found map[broker.InstrumentID]Quote
	// Missing says why an instrument has no quote.
	Missing map[broker.InstrumentID]string
}

// Quote is what is known of an instrument's price at a time.
type Quote struct {
	Bid   decimal.NullDecimal `json:"bid"`
	Ask   decimal.NullDecimal `json:"ask"`
	Last  decimal.NullDecimal `json:"last"`
	Close decimal.NullDecimal `json:"close"` // of the previous session
	Tier  Tier                `json:"tier"`
	Time  time.Time           `json:"time"`
}

// Tier is how a price came about, best first. The names are IBKR's.
type Tier string

// The tiers.
const (
	TierLive          Tier = "live"
	TierFrozen        Tier = "frozen" // last quote before the close
	TierDelayed       Tier = "delayed"
	TierDelayedFrozen Tier = "delayed_frozen"
	TierHistorical    Tier = "historical" // a closing price from history
)

// Priced reports whether the quote has a price to value with: both a bid and an
// ask, or a last, or a close, greater than zero.
func (q *Quote) Priced() bool {
	return present(q.Bid) && present(q.Ask) || present(q.Last) || present(q.Close)
}

// present reports whether a price field holds a price.
func present(p decimal.NullDecimal) bool { return p.Valid && p.Decimal.Sign() > 0 }
