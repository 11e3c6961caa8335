package replay

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// table is the part of a history that a backtest plays, and its returns.
type table struct {
	history *marketdata.History
	days    []marketdata.Day // all of the history
	symbols []broker.InstrumentID
	column  map[broker.InstrumentID]int
	returns [][]float64 // by column and row; of row 0, and where a price is missing, NaN

	first, last int // the rows that are played
}

// GapError says that a price is missing which the backtest needs.
type GapError struct {
	// Line and Column are where it is missing in a file as [marketdata.ReadHistory]
	// reads it, from 1.
	Line, Column int
	Day          marketdata.Day
	Symbol       broker.InstrumentID
	// Since is the first day from which on the symbol has a price on every day up
	// to the last one that is needed; empty if there is none.
	Since marketdata.Day
}

// Error says what can be done about it.
func (e *GapError) Error() string {
	if e.Since == "" {
		return fmt.Sprintf("line %d: column %d (%s): no price on %s: fill the gap, or leave %s out",
			e.Line, e.Column, e.Symbol, e.Day, e.Symbol)
	}
	return fmt.Sprintf("line %d: column %d (%s): no price on %s: fill the gap, leave %s out, or begin later (it has a price on every day from %s on)",
		e.Line, e.Column, e.Symbol, e.Day, e.Symbol, e.Since)
}

// newTable finds the rows to play and checks that every price is there.
func newTable(c *Config, lag int) (*table, error) {
	t := &table{
		history: c.Prices, days: slices.Collect(c.Prices.Days()), symbols: c.Symbols,
		column: make(map[broker.InstrumentID]int, len(c.Symbols)),
	}
	for i, id := range t.symbols {
		t.column[id] = i
	}
	seen := 0 // rows that the strategy needs before the first day
	if c.Strategy.Warmup > 0 {
		seen = c.Strategy.Warmup - 1 + lag
	}
	t.first = seen
	if c.From != "" {
		t.first, _ = slices.BinarySearch(t.days, c.From)
	}
	last, found := slices.BinarySearch(t.days, c.To)
	if !found {
		last--
	}
	t.last = last
	switch {
	case t.last <= max(t.first, seen):
		return nil, fmt.Errorf("replay: up to %s there are fewer than 2 trading days to play: the prices begin on %s, the strategy (%s) needs %d days of them first",
			c.To, t.days[0], c.Strategy.Name, seen)
	case t.first < seen:
		return nil, fmt.Errorf("replay: From is %s: the strategy (%s) needs %d days of prices before, there are %d: begin on %s or later",
			c.From, c.Strategy.Name, seen, t.first, t.days[seen])
	}
	for i, f := range c.Flows {
		if f.Day < t.days[t.first] || f.Day > t.days[t.last] {
			return nil, fmt.Errorf("replay: Flows[%d] is on %s: want a day from %s to %s", i, f.Day, t.days[t.first], t.days[t.last])
		}
	}
	if err := t.check(t.first - seen); err != nil {
		return nil, err
	}
	t.fillReturns()
	return t, nil
}

// check looks for missing prices from a row on.
func (t *table) check(from int) error {
	columns := t.history.Symbols()
	for row := from; row <= t.last; row++ {
		for _, id := range t.symbols {
			if _, ok := t.history.Price(t.days[row], id); ok {
				continue
			}
			gap := &GapError{Line: row + 2, Column: slices.Index(columns, id) + 2, Day: t.days[row], Symbol: id}
			if since := t.since(id); since <= t.last {
				gap.Since = t.days[since]
			}
			return fmt.Errorf("replay: prices: %w", gap)
		}
	}
	return nil
}

// since is the row from which on a symbol has every price.
func (t *table) since(id broker.InstrumentID) int {
	row := t.last
	for row >= 0 {
		if _, ok := t.history.Price(t.days[row], id); !ok {
			break
		}
		row--
	}
	return row + 1
}

// fillReturns computes the daily returns.
func (t *table) fillReturns() {
	t.returns = make([][]float64, len(t.symbols))
	for i, id := range t.symbols {
		column := make([]float64, t.last+1)
		before := math.NaN()
		for row := range column {
			now := math.NaN()
			if p, ok := t.history.Price(t.days[row], id); ok {
				now = statistic(p)
			}
			column[row] = now/before - 1
			before = now
		}
		t.returns[i] = column
	}
}

// monthly are equal flows on the first trading days of the months.
func (t *table) monthly(amount decimal.Decimal) []Flow {
	var flows []Flow
	for row := t.first + 1; row <= t.last && !amount.IsZero(); row++ {
		if t.days[row][:len("2006-01")] != t.days[row-1][:len("2006-01")] {
			flows = append(flows, Flow{Day: t.days[row], Amount: amount})
		}
	}
	return flows
}

// price is the close of a symbol of the table on a day that is played.
func (t *table) price(row int, id broker.InstrumentID) decimal.Decimal {
	p, _ := t.history.Price(t.days[row], id) // it is there: see check
	return p
}

// close is the instant of a day's close. All of a backtest is in one zone.
func (t *table) close(row int) time.Time {
	day, _ := time.Parse(time.DateOnly, string(t.days[row])) // a Day parses
	return day.Add(16 * time.Hour)
}

// powers of ten that a float holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// statistic is the float that is nearest to a decimal.
func statistic(d decimal.Decimal) float64 {
	exp := -int(d.Exponent())
	if d.NumDigits() <= 15 && exp >= 0 && exp < len(powers) {
		return float64(d.CoefficientInt64()) / powers[exp] // both are exact, so is the rounding
	}
	x, _ := strconv.ParseFloat(d.String(), 64) // a decimal's text is a number
	return x
}
