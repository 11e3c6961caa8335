package marketdata

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

var _ PriceSource = (*Sane)(nil)

// SanityOptions say which quotes are not believed.
type SanityOptions struct {
	// MaxDeviation is how far a price may be from the close of the previous
	// session, as a fraction of that close, > 0. Default: 0.2.
	MaxDeviation decimal.Decimal
	// NeedClose makes a quote missing that has no close to compare with.
	// Default: false, it is passed on.
	NeedClose bool
}

// Sane is a source that passes on only those quotes of another one whose bid,
// ask and last are near the previous close. The others are missing as suspect:
// a price of another contract, a slipped point, an unadjusted split, or a true
// crash, at which a human should look first.
//
// A bid above its ask is passed on unchanged and not compared, as the planner
// does not use them. Safe for concurrent use.
type Sane struct {
	source    PriceSource
	max       decimal.Decimal
	needClose bool
}

// NewSane puts the check around a source. Options may be nil.
func NewSane(source PriceSource, opts *SanityOptions) (*Sane, error) {
	if source == nil {
		return nil, errors.New("marketdata: sane: source is nil")
	}
	if opts == nil {
		opts = &SanityOptions{}
	}
	s := &Sane{source: source, max: opts.MaxDeviation, needClose: opts.NeedClose}
	if s.max.IsZero() {
		s.max = decimal.New(2, -1)
	}
	if s.max.Sign() < 0 {
		return nil, fmt.Errorf("marketdata: sane: MaxDeviation is %s, want more than 0, such as 0.2", s.max)
	}
	return s, nil
}

// Quotes asks the source and compares its quotes with their closes. Errors are
// those of the source, or that its answer breaks the contract.
func (s *Sane) Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	answer, err := s.source.Quotes(ctx, ids)
	if err != nil {
		return Quotes{}, err
	}
	return sift(ids, answer, s.suspect)
}

// suspect says which price of a quote is too far from its close, or nothing.
func (s *Sane) suspect(q *Quote) string {
	if !q.Close.Valid {
		if s.needClose {
			return "suspect: no previous close to compare with"
		}
		return ""
	}
	prices := []namedPrice{{"last", q.Last}}
	if crossed := q.Bid.Valid && q.Ask.Valid && q.Bid.Decimal.GreaterThan(q.Ask.Decimal); !crossed {
		prices = append(prices, namedPrice{"bid", q.Bid}, namedPrice{"ask", q.Ask})
	}
	allowed := s.max.Mul(q.Close.Decimal)
	for _, p := range prices {
		if p.price.Valid && p.price.Decimal.Sub(q.Close.Decimal).Abs().GreaterThan(allowed) {
			return fmt.Sprintf("suspect: %s %s is more than %s%% away from the previous close %s",
				p.name, p.price.Decimal, s.max.Shift(2), q.Close.Decimal)
		}
	}
	return ""
}

// namedPrice is one field of a quote.
type namedPrice struct {
	name  string
	price decimal.NullDecimal
}
