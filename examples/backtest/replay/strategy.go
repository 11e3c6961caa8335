package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Strategy decides the targets of each day.
type Strategy struct {
	// Name names it in results and errors.
	Name string
	// Warmup is how many closes it must have seen before it can decide. Default: 0,
	// it may be asked before it has seen any.
	Warmup int
	// Decide returns the targets: symbols of the backtest with weights that sum to
	// 1, or to what [Config.Rules] allow; the rest stays in cash. It is called once
	// a day, in order. An error, a panic and targets that the rules refuse end the
	// backtest.
	Decide func(View) ([]allocation.Target, error)
}

// source is a strategy as the engine's source of targets.
type source struct {
	strategy Strategy
	table    *table
	lag      int // how many rows the strategy lags behind the day
	hold     bool
	now      func() time.Time

	row     int                   // the day that is played
	current allocation.Allocation // the newest targets
	err     error                 // why there are none
	decided int                   // the row for which they are, -1 before the first
}

var _ allocation.AllocationSource = (*source)(nil)

// Allocation returns the targets of the day that is played.
func (s *source) Allocation(context.Context, allocation.Query) (allocation.Allocation, error) {
	if s.decided != s.row && (s.decided < 0 || !s.hold) {
		s.decided, s.err = s.row, s.decide()
	}
	if s.err != nil {
		err := fmt.Errorf("%w: %w", allocation.ErrInvalid, s.err)
		return allocation.Allocation{}, &allocation.Error{Kind: allocation.KindPermanent, Strategy: s.strategy.Name, Err: err}
	}
	a := s.current
	a.Targets = slices.Clone(a.Targets)
	return a, nil
}

// decide asks the strategy. Targets that did not change stay the same version.
func (s *source) decide() error {
	targets, err := s.ask()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if _, ok := s.table.column[t.Symbol]; !ok {
			return fmt.Errorf("it wants %.40q, which is not one of the symbols that are traded: %v", string(t.Symbol), s.table.symbols)
		}
	}
	if s.current.Version != "" && slices.EqualFunc(targets, s.current.Targets, sameTarget) {
		return nil
	}
	s.current = allocation.Allocation{
		Schema: allocation.Schema, Strategy: s.strategy.Name, Version: string(s.table.days[s.row]),
		AsOf: s.now(), Targets: slices.Clone(targets),
	}
	return nil
}

// ask calls the strategy; its panic is an error.
func (s *source) ask() (targets []allocation.Target, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("it panicked: %v", v)
		}
	}()
	return s.strategy.Decide(View{table: s.table, row: s.row - s.lag})
}

func sameTarget(a, b allocation.Target) bool { return a.Symbol == b.Symbol && a.Weight.Equal(b.Weight) }

// View is the past as a strategy sees it on a day.
type View struct {
	table *table
	row   int // the newest that it sees, -1 if none
}

// Day is the newest day that is seen, empty if none is.
func (v View) Day() marketdata.Day {
	if v.row < 0 {
		return ""
	}
	return v.table.days[v.row]
}

// Symbols are what may be traded, in the order of the backtest.
func (v View) Symbols() []broker.InstrumentID { return slices.Clone(v.table.symbols) }

// Len is how many closes are seen.
func (v View) Len() int { return v.row + 1 }

// Close returns the close of a symbol some days before the newest one that is
// seen (ago 0). It is false if that lies before the first, or for another symbol.
func (v View) Close(id broker.InstrumentID, ago int) (decimal.Decimal, bool) {
	if ago < 0 || ago > v.row {
		return decimal.Decimal{}, false
	}
	return v.table.history.Price(v.table.days[v.row-ago], id)
}

// ErrTooEarly says that a strategy asked for more days than it has seen.
var ErrTooEarly = errors.New("there are not enough days")

// Returns are the daily returns of a symbol on the last n days that are seen,
// oldest first, for statistics: 0.01 is 1 %. They need n+1 closes. The slice is
// the backtest's: do not change it.
func (v View) Returns(id broker.InstrumentID, n int) ([]float64, error) {
	column, ok := v.table.column[id]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s is not one of the symbols that are traded", id)
	case n < 1 || n > v.row:
		return nil, fmt.Errorf("%w: %d returns of %s are asked for, %d closes are seen: set Strategy.Warmup to %d", ErrTooEarly, n, id, v.row+1, n+1)
	}
	return v.table.returns[column][v.row-n+1 : v.row+1], nil
}
