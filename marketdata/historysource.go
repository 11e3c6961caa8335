package marketdata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

const (
	defaultZone  = "America/New_York"
	defaultClose = 16 * time.Hour
	oneDay       = 24 * time.Hour
)

var _ PriceSource = (*HistorySource)(nil)

// HistorySourceOptions say what time it is and when a day closes.
type HistorySourceOptions struct {
	// Now is the time for which prices are given: in a backtest its clock.
	// Default: time.Now.
	Now func() time.Time
	// Tier is the tier of the quotes. A backtest that trades at the close sets
	// live. Default: historical.
	Tier Tier
	// Close is the time of day at which a day's price becomes known, more than
	// 0 and at most 24 h. On days that close early it comes late, never early.
	// Default: 16 h.
	Close time.Duration
	// Zone is where clocks show Close. Default: America/New_York, which needs a
	// time zone database.
	Zone *time.Location
}

// HistorySource gives prices from a [History] as they were known at a time: the
// close of the last day that had closed by then, never a later one. A day's
// price is known from the instant of its close on.
//
// A quote has that price as Last and Close, and the instant of that close as
// Time, in UTC. An instrument without a price on that day is missing, whatever
// it had earlier. After the end of the history the last day is given for ever:
// [NewFresh] limits its age. Safe for concurrent use if Now is; does not block.
type HistorySource struct {
	history *History
	opts    HistorySourceOptions
}

// NewHistorySource returns a source of a history's prices. Options may be nil.
// An error names all that is wrong with them.
func NewHistorySource(h *History, opts *HistorySourceOptions) (*HistorySource, error) {
	s := &HistorySource{history: h}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	o.Tier = cmp.Or(o.Tier, TierHistorical)
	o.Close = cmp.Or(o.Close, defaultClose)
	if o.Now == nil {
		o.Now = time.Now
	}
	var errs []error
	if h == nil || len(h.days) == 0 {
		errs = append(errs, errors.New("marketdata: history source: no history: make one with ReadHistory"))
	}
	if !o.Tier.Valid() {
		errs = append(errs, fmt.Errorf("marketdata: history source: Tier is %q, which is no tier", o.Tier))
	}
	if o.Close < 0 || o.Close > oneDay {
		errs = append(errs, fmt.Errorf("marketdata: history source: Close is %v, want more than 0 and at most %v", o.Close, oneDay))
	}
	if o.Zone == nil {
		zone, err := time.LoadLocation(defaultZone)
		if err != nil {
			err = fmt.Errorf("marketdata: history source: no time zone database: "+
				"import _ \"time/tzdata\" in the program or set Zone: %w", err)
			errs = append(errs, err)
		}
		o.Zone = zone
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Quotes returns the prices known at Now. Its only error is that of ctx.
func (s *HistorySource) Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	if err := ctx.Err(); err != nil {
		return Quotes{}, fmt.Errorf("marketdata: history source: %w", err)
	}
	out := newQuotes(len(ids))
	now := s.opts.Now()
	row := s.lastClosed(now)
	if row < 0 {
		first := s.history.days[0]
		why := fmt.Sprintf("the history starts with the close of %s (%s), it is %s",
			first, s.ClosedAt(first).Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		for _, id := range ids {
			out.Missing[id] = why
		}
		return out, nil
	}
	day := s.history.days[row]
	closed := s.ClosedAt(day)
	for _, id := range ids {
		column, ok := s.history.column[id]
		if !ok {
			out.Missing[id] = "not in the history"
			continue
		}
		price, ok := s.history.cell(row, column)
		if !ok {
			out.Missing[id] = fmt.Sprintf("the history has no price on %s", day)
			continue
		}
		p := decimal.NewNullDecimal(price)
		out.Found[id] = Quote{Last: p, Close: p, Tier: s.opts.Tier, Time: closed}
	}
	return out, nil
}

// LastClosed returns the last day that had closed at the time now. It is false
// before the first close.
func (s *HistorySource) LastClosed(now time.Time) (Day, bool) {
	row := s.lastClosed(now)
	if row < 0 {
		return "", false
	}
	return s.history.days[row], true
}

// ClosedAt returns the instant in UTC at which a day closed and its price became
// known: the time of a backtest that trades at the close. It is the zero time
// for what is not a day of the history.
func (s *HistorySource) ClosedAt(day Day) time.Time {
	if _, ok := slices.BinarySearch(s.history.days, day); !ok {
		return time.Time{}
	}
	return day.at(s.opts.Close, s.opts.Zone).UTC()
}

// lastClosed returns the row of the last day that had closed at the time now,
// -1 before the first.
func (s *HistorySource) lastClosed(now time.Time) int {
	days := s.history.days
	today := Day(now.In(s.opts.Zone).Format(time.DateOnly))
	row, found := slices.BinarySearch(days, today)
	if !found {
		row-- // the day before today
	}
	for row >= 0 && days[row].at(s.opts.Close, s.opts.Zone).After(now) {
		row--
	}
	return row
}
