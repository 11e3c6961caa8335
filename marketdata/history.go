package marketdata

import (
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// wide marks a price that does not fit into 64 bits and stands in History.wide.
const wide = math.MinInt64

// History is a table of daily closing prices, in memory, one row a trading day.
// It takes 9 bytes a price. Prices are adjusted for splits and dividends as far as
// those of its file are. It never changes: safe for concurrent use. Read one with
// [ReadHistory].
type History struct {
	days    []Day
	symbols []broker.InstrumentID
	column  map[broker.InstrumentID]int
	// A price is coef × 10^exp, at row × len(symbols) + column; coef 0 is none.
	coef []int64
	exp  []int8
	wide map[int]decimal.Decimal
}

// Days yields the trading days, oldest first. There is at least one.
func (h *History) Days() iter.Seq[Day] { return slices.Values(h.days) }

// Span returns the first and the last day.
func (h *History) Span() (first, last Day) { return h.days[0], h.days[len(h.days)-1] }

// Len returns the number of days.
func (h *History) Len() int { return len(h.days) }

// Symbols returns the instruments in the order of their columns.
func (h *History) Symbols() []broker.InstrumentID { return slices.Clone(h.symbols) }

// Price returns an instrument's close of a day. It is false if the history has
// no such day or instrument, or no price of that instrument on that day.
func (h *History) Price(day Day, id broker.InstrumentID) (decimal.Decimal, bool) {
	row, known := slices.BinarySearch(h.days, day)
	column, listed := h.column[id]
	if !known || !listed {
		return decimal.Decimal{}, false
	}
	return h.cell(row, column)
}

// cell returns the price in a row and column; false if there is none.
func (h *History) cell(row, column int) (decimal.Decimal, bool) {
	i := row*len(h.symbols) + column
	switch h.coef[i] {
	case 0:
		return decimal.Decimal{}, false
	case wide:
		return h.wide[i], true
	}
	return decimal.New(h.coef[i], int32(h.exp[i])), true
}

// addPrice adds the next cell of the table; zero is no price.
func (h *History) addPrice(p decimal.Decimal) {
	coef := p.Coefficient()
	if coef.IsInt64() {
		h.addCell(coef.Int64(), int8(p.Exponent()))
		return
	}
	if h.wide == nil {
		h.wide = map[int]decimal.Decimal{}
	}
	h.wide[len(h.coef)] = p
	h.addCell(wide, 0)
}

// addCell adds the next cell of the table in its stored form.
func (h *History) addCell(coef int64, exp int8) {
	h.coef = append(h.coef, coef)
	h.exp = append(h.exp, exp)
}

// compact gives back the room that growing the table left over.
func (h *History) compact() {
	h.days, h.coef, h.exp = slices.Clone(h.days), slices.Clone(h.coef), slices.Clone(h.exp)
	h.wide = maps.Clone(h.wide)
}
