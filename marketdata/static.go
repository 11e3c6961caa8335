package marketdata

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

var _ PriceSource = (*Static)(nil)

// Static is a source of quotes that the program sets itself. It is for tests,
// previews and programs that get their prices elsewhere. Safe for concurrent
// use; its methods do not block.
type Static struct {
	// Now dates the quotes whose Time is zero, so that they always look fresh.
	// Set it before the first use. Default: nil, they stay without a time.
	Now func() time.Time

	mu     sync.RWMutex
	quotes map[broker.InstrumentID]Quote // guarded by mu
}

// NewStatic returns a source with a copy of quotes, which may be nil.
func NewStatic(quotes map[broker.InstrumentID]Quote) *Static {
	s := &Static{quotes: make(map[broker.InstrumentID]Quote, len(quotes))}
	for id, q := range quotes {
		s.quotes[id] = tidy(q)
	}
	return s
}

// Set adds or replaces an instrument's quote. A quote without a price or a
// valid tier makes the instrument missing, with that reason.
func (s *Static) Set(id broker.InstrumentID, q Quote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotes[id] = tidy(q)
}

// Remove makes the instrument missing.
func (s *Static) Remove(id broker.InstrumentID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.quotes, id)
}

// Quotes returns what was set, as of one moment. Its only error is that of ctx.
func (s *Static) Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	if err := ctx.Err(); err != nil {
		return Quotes{}, fmt.Errorf("marketdata: static: %w", err)
	}
	var now time.Time
	if s.Now != nil {
		now = s.Now()
	}
	out := newQuotes(len(ids))
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		q, ok := s.quotes[id]
		switch {
		case !ok:
			out.Missing[id] = "no quote is set"
		case !q.Priced():
			out.Missing[id] = "the quote that is set has no price"
		case !q.Tier.Valid():
			out.Missing[id] = fmt.Sprintf("the quote that is set has tier %q: want one such as %q", q.Tier, TierLive)
		default:
			if q.Time.IsZero() {
				q.Time = now
			}
			out.Found[id] = q
		}
	}
	return out, nil
}
