package rebalance

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// draft is a plan in the making: what the steps of one call leave to the next.
// Its slices may come from an earlier draft.
type draft struct {
	in      *Input // input, or a copy of it with normal symbols
	input   Input
	funding bool // FundBuys
	rules   rules
	// What was seen while the numbers were checked:
	oddKeys  bool // instruments or quotes have a symbol that is not normal
	oddTerms bool // an instrument has a lot or a tick that is not above 0

	weights  []weighted // the targets, by symbol
	shift    num
	symbols  []broker.InstrumentID
	found    int      // the place behind the last one that was looked up
	assets   []asset  // every symbol that matters, in the order of symbols
	lines    []line   // what is managed, by symbol
	members  []int    // those of all lines, one after another
	wallets  []wallet // by currency
	excluded num      // U, the value of long positions that are out
	shorts   num      // the value of short positions that are out, ≤ 0

	netLiquidation, cash, equity num // NLV, C, E
	reserve, withdrawals         num // R, W
	minTrade                     num // the smallest notional of an order
	investable, modelCash        num // I, M

	sales     []sale
	purchases []purchase // covers first
	noBuys    bool       // the reserve cannot be reached
	restoring bool       // cash restoration: sells only

	// Room for what is needed only for a moment.
	text    []byte // that the hash is made of
	names   []broker.InstrumentID
	chosen  []*purchase
	rows    []lotRow
	ordered []bool
	figures []figure

	saleOf, purchaseOf []int

	made *decimals

	conversions []Conversion
	warnings    []string
	skips       []Skip
	outcome     PlanOutcome
	reason      Reason
	detail      string
}

// asset is a symbol: its terms, its quote, what is held of it.
type asset struct {
	symbol  broker.InstrumentID
	known   bool // has terms
	managed bool
	out     bool // excluded, or a short that is left alone
	line    int  // the index of its line, if it is managed
	target  bool // has a weight, which may be 0
	weight  num

	currency broker.Currency
	wallet   int // of its currency
	lot      num
	tick     num

	quantity num      // the position, negative for a short
	before   optional // what it was when the last run ended
	buys     num      // remaining in foreign open orders
	sells    num
	buying   bool // there is such an order
	selling  bool

	planned num  // how much of it the plan wanted to buy, in FundBuys
	sold    bool // the run sold it

	priced, tradable bool
	price            num      // p, in its currency
	earlier          optional // what it was when the last run ended
	base             num      // P, in base currency
	buyAt, sellAt    num      // limits
	worth            num      // value of the position, in base currency
	derived          bool
	frozen           Reason // why it is frozen, if it is
	skip             Reason // why it is not traded, or not fully
}

// held reports whether there is a position.
func (a *asset) held() bool { return !a.quantity.isZero() }

// short reports whether it is a short position.
func (a *asset) short() bool { return a.quantity.sign() < 0 }

// line is what carries a weight: a symbol, or a group of equivalents under the
// name of its primary.
type line struct {
	asset   int   // its symbol, or the primary
	members []int // assets, in the order in which they are sold; the primary last
	group   bool
	sell    EquivalentSell
	rule    Restriction // of the symbol or the primary
	frozen  Reason
	fixed   bool // D = V, by a restriction or because it is frozen

	weight  num // w
	value   num // V
	target  num // T
	desired num // D
	drift   num
	limit   optional // h, the band
	breach  bool
	goal    num    // G
	trades  bool   // goes to its goal
	why     Reason // of its orders, if not the usual ones
}

// wallet is the cash of one currency, in that currency.
type wallet struct {
	code     broker.Currency
	rate     optional // base units for one unit
	cash     num
	model    num // what may be spent: settled cash in a cash account
	proceeds num
	spent    num // by buys, fees included
}

// optional is a number that may be absent.
type optional struct {
	num
	set bool
}

// emptied is a slice of n zero values, in the memory of an old one if it suffices.
func emptied[T any](old []T, n int) []T {
	old = slices.Grow(old[:0], n)[:n]
	clear(old)
	return old
}

// end ends the plan.
func (d *draft) end(outcome PlanOutcome, reason Reason, format string, args ...any) {
	d.outcome, d.reason, d.detail = outcome, reason, fmt.Sprintf(format, args...)
}

func (d *draft) reject(reason Reason, format string, args ...any) {
	d.end(PlanRejected, reason, format, args...)
}

func (d *draft) notReady(reason Reason, format string, args ...any) {
	d.end(PlanNotReady, reason, format, args...)
}

// warn adds a warning, once.
func (d *draft) warn(warning string) {
	if !slices.Contains(d.warnings, warning) {
		d.warnings = append(d.warnings, warning)
	}
}

// find is the index of a symbol's asset. Most lists are sorted, so it looks first
// behind the place of the last answer.
func (d *draft) find(symbol broker.InstrumentID) (int, bool) {
	if d.found < len(d.symbols) && d.symbols[d.found] == symbol {
		d.found++
		return d.found - 1, true
	}
	at, found := slices.BinarySearch(d.symbols, symbol)
	d.found = at + 1
	return at, found
}

// lineOf is the line of an asset.
func (d *draft) lineOf(a *asset) *line { return &d.lines[a.line] }

// primary is the asset that names a line.
func (d *draft) primary(l *line) *asset { return &d.assets[l.asset] }

// rate is how many base units one unit of the asset's currency is.
func (d *draft) rate(a *asset) num { return d.wallets[a.wallet].rate.num }

// foreign reports whether the asset's currency is another than base.
func (d *draft) foreign(a *asset) bool { return a.currency != d.in.Account.Base }

// skipOnce says why a symbol does not move; what was said first stands.
func (a *asset) skipOnce(reason Reason) {
	if a.skip == "" {
		a.skip = reason
	}
}
