package marketdata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// defaultSkew is how far clocks may differ.
const defaultSkew = 5 * time.Second

var _ PriceSource = (*Fresh)(nil)

// Freshness is a rule of how old a quote may be.
type Freshness struct {
	// MaxAge is the oldest quote of each tier that is passed on, > 0. A tier
	// that is not in the map is not passed on. Required.
	MaxAge map[Tier]time.Duration
	// Skew is how far in the future a quote may be dated, as clocks differ.
	// Default: 5 s.
	Skew time.Duration
	// Undated passes on quotes without a time. Default: false.
	Undated bool
	// Now is the time against which age is measured. Default: time.Now.
	Now func() time.Time
}

// Fresh is a source that passes on only the fresh quotes of another one. The
// others are missing, with their age and its limit. Safe for concurrent use.
type Fresh struct {
	source PriceSource
	rule   Freshness
}

// NewFresh puts a rule of freshness around a source. An error names all that is
// wrong with it.
func NewFresh(source PriceSource, rule Freshness) (*Fresh, error) {
	var errs []error
	if source == nil {
		errs = append(errs, errors.New("marketdata: fresh: source is nil"))
	}
	if len(rule.MaxAge) == 0 {
		errs = append(errs, errors.New("marketdata: fresh: MaxAge is empty: no quote would pass"))
	}
	for _, tier := range slices.Sorted(maps.Keys(rule.MaxAge)) {
		if !tier.Valid() {
			errs = append(errs, fmt.Errorf("marketdata: fresh: MaxAge has %q, which is no tier", tier))
		}
		if limit := rule.MaxAge[tier]; limit <= 0 {
			errs = append(errs, fmt.Errorf("marketdata: fresh: MaxAge of %s is %v, want more than 0", tier, limit))
		}
	}
	if rule.Skew < 0 {
		errs = append(errs, fmt.Errorf("marketdata: fresh: Skew is %v, want 0 or more", rule.Skew))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	rule.MaxAge = maps.Clone(rule.MaxAge)
	rule.Skew = cmp.Or(rule.Skew, defaultSkew)
	if rule.Now == nil {
		rule.Now = time.Now
	}
	return &Fresh{source, rule}, nil
}

// Quotes asks the source and measures the age of its quotes when they are there.
// Errors are those of the source, or that its answer breaks the contract.
func (f *Fresh) Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	answer, err := f.source.Quotes(ctx, ids)
	if err != nil {
		return Quotes{}, err
	}
	now := f.rule.Now()
	return sift(ids, answer, func(q *Quote) string { return f.rule.stale(q, now) })
}

// stale says why a quote is not fresh, or nothing.
func (f *Freshness) stale(q *Quote, now time.Time) string {
	limit, ok := f.MaxAge[q.Tier]
	if !ok {
		return fmt.Sprintf("no maximum age is set for tier %q", q.Tier)
	}
	if q.Time.IsZero() {
		if f.Undated {
			return ""
		}
		return "the quote has no time, its age is not known"
	}
	switch age := now.Sub(q.Time); {
	case age > limit:
		return fmt.Sprintf("the %s quote is %v old, at most %v is allowed", q.Tier, age, limit)
	case age < -f.Skew:
		return fmt.Sprintf("the %s quote is dated %v in the future, at most %v is allowed: check the clocks", q.Tier, -age, f.Skew)
	}
	return ""
}
