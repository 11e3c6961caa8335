package rebalance

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// Explanation is the numbers that led to the order of a symbol, or to none.
type Explanation struct {
	Symbol broker.InstrumentID
	// Side and Order are of its order; both are empty without one.
	Side  broker.Side
	Order Reason
	// Skip says why there is no order, or what the order leaves undone. It may
	// be empty.
	Skip Reason

	figures []figure       // those that are known, in the order of their names
	long    map[Figure]num // those that do not fit, which is rare
}

// figure is a named number, as in num but without anything for the garbage
// collector to look at.
type figure struct {
	hi   int64
	lo   uint64
	exp  int32
	name int32
}

// Figure names a number of an [Explanation].
type Figure int

// The figures. Values and amounts are in base currency, prices and limits per
// unit in the instrument's currency.
const (
	FigureValue       Figure = iota // V, what the line is worth
	FigureDesired                   // D, what it should be worth
	FigureThreshold                 // h, how far it may drift
	FigureDestination               // G, where it goes
	FigurePrice                     // p, what the symbol is valued at
	FigureWanted                    // the value to buy or sell
	FigureWantedUnits               // the same as a quantity, before it is funded
	FigureSellable                  // how much of it may be sold
	FigureMinTrade                  // the smallest notional of an order
	FigureQuantity                  // of the order
	FigureLimit                     // of the order
	FigureFee                       // estimated, in base currency
	FigureCost                      // of a buy, with its fee
	FigureProceeds                  // of a sell, without its fee
	FigureSpendable                 // cash that its buys could spend
	FigureCashLeft                  // what of it was left after all buys
)

// figureNames are the names in the JSON form.
var figureNames = [...]string{
	"value", "desired", "threshold", "destination", "price", "wanted", "wanted_units", "sellable", "min_trade",
	"quantity", "limit", "fee", "cost", "proceeds", "spendable", "cash_left",
}

// String is the name of the figure in the JSON form.
func (f Figure) String() string {
	if f < 0 || int(f) >= len(figureNames) {
		return fmt.Sprintf("figure %d", int(f))
	}
	return figureNames[f]
}

// Figure returns one of the numbers; it is invalid if it played no part.
func (e *Explanation) Figure(f Figure) decimal.NullDecimal {
	if !e.has(f) {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(e.number(f).decimal())
}

func (e *Explanation) number(f Figure) num {
	if n, ok := e.long[f]; ok {
		return n
	}
	at, known := e.find(f)
	if !known {
		return num{}
	}
	n := &e.figures[at]
	return num{hi: n.hi, lo: n.lo, exp: n.exp}
}

func (e *Explanation) has(f Figure) bool {
	_, found := e.find(f)
	return found
}

// find is the place of a figure, or where it belongs.
func (e *Explanation) find(f Figure) (int, bool) {
	at := len(e.figures)
	for at > 0 && Figure(e.figures[at-1].name) >= f {
		at--
	}
	return at, at < len(e.figures) && Figure(e.figures[at].name) == f
}

func (e *Explanation) set(f Figure, n num) {
	at, found := e.find(f)
	switch {
	case found:
	case at == len(e.figures):
		e.figures = append(e.figures, figure{name: int32(f)})
	default:
		e.figures = slices.Insert(e.figures, at, figure{name: int32(f)})
	}
	if n.big == nil {
		e.figures[at] = figure{hi: n.hi, lo: n.lo, exp: n.exp, name: int32(f)}
		return
	}
	if e.long == nil {
		e.long = map[Figure]num{}
	}
	e.long[f] = n
}

// explain collects the numbers behind each symbol with an order or a skip.
func (d *draft) explain() []Explanation {
	d.indexOrders()
	count := 0
	for i := range d.assets {
		if d.explained(i) {
			count++
		}
	}
	list := make([]Explanation, 0, count)
	d.figures = slices.Grow(d.figures[:0], count*len(figureNames)) // it does not move
	for i := range d.assets {
		if !d.explained(i) {
			continue
		}
		a, from := &d.assets[i], len(d.figures)
		list = append(list, Explanation{Symbol: a.symbol, Skip: a.skip, figures: d.figures[from:from]})
		e := &list[len(list)-1]
		d.explainLine(e, a)
		if at := d.saleOf[i]; at > 0 {
			d.explainSale(e, &d.sales[at-1])
		}
		if at := d.purchaseOf[i]; at > 0 {
			d.explainPurchase(e, &d.purchases[at-1])
		}
		d.figures = d.figures[:from+len(e.figures)]
	}
	rest := slices.Clone(d.figures) // one piece of memory for all
	for i := range list {
		n := len(list[i].figures)
		list[i].figures, rest = rest[:n:n], rest[n:]
	}
	return list
}

// indexOrders finds the sale and the purchase of each asset: their places, from 1.
func (d *draft) indexOrders() {
	d.saleOf, d.purchaseOf = emptied(d.saleOf, len(d.assets)), emptied(d.purchaseOf, len(d.assets))
	for i := range d.sales {
		d.saleOf[d.sales[i].asset] = i + 1
	}
	for i := range d.purchases {
		d.purchaseOf[d.purchases[i].asset] = i + 1
	}
}

// explained reports whether an asset has an order or a skip.
func (d *draft) explained(i int) bool {
	return d.saleOf[i] > 0 || d.purchaseOf[i] > 0 || d.assets[i].skip != ""
}

func (d *draft) explainLine(e *Explanation, a *asset) {
	l := d.lineOf(a)
	e.set(FigureValue, l.value)
	e.set(FigureDesired, l.desired)
	if l.limit.set {
		e.set(FigureThreshold, l.limit.num)
	}
	if l.trades {
		e.set(FigureDestination, l.goal)
	}
	if a.priced {
		e.set(FigurePrice, a.price)
	}
	if least := d.minTrade; !least.isZero() {
		e.set(FigureMinTrade, least)
	}
}

func (d *draft) explainSale(e *Explanation, s *sale) {
	a := &d.assets[s.asset]
	e.Side, e.Order = broker.Sell, s.reason()
	if !s.beyond {
		e.set(FigureWanted, s.wanted)
	}
	e.set(FigureSellable, s.sellable)
	e.set(FigureQuantity, s.quantity)
	e.set(FigureLimit, a.sellAt)
	e.set(FigureFee, d.fee(s.quantity, a.sellAt).mul(d.rate(a)))
	e.set(FigureProceeds, d.brought(s).mul(d.rate(a)))
}

func (d *draft) explainPurchase(e *Explanation, b *purchase) {
	a := &d.assets[b.asset]
	e.set(FigureWanted, b.wanted)
	e.set(FigureWantedUnits, b.full)
	cost := d.paidInBase(b)
	if b.quantity.isZero() {
		cost = d.costInBase(b, b.full.atLeast(a.lot))
	} else {
		e.Side, e.Order = broker.Buy, d.buyReason(b)
		e.set(FigureQuantity, b.quantity)
	}
	e.set(FigureLimit, a.buyAt)
	if !b.quantity.isZero() {
		e.set(FigureFee, d.feeInBase(b, b.quantity))
	}
	e.set(FigureCost, cost)
	e.set(FigureSpendable, b.spendable)
	e.set(FigureCashLeft, b.left)
}

// explanationJSON is the JSON form: numbers as strings, those that are known.
type explanationJSON struct {
	Symbol  broker.InstrumentID `json:"symbol"`
	Side    broker.Side         `json:"side,omitempty"`
	Order   Reason              `json:"order,omitempty"`
	Skip    Reason              `json:"skip,omitempty"`
	Figures map[string]string   `json:"figures"`
}

// MarshalJSON writes the numbers that are known, by name.
func (e Explanation) MarshalJSON() ([]byte, error) {
	j := explanationJSON{Symbol: e.Symbol, Side: e.Side, Order: e.Order, Skip: e.Skip, Figures: map[string]string{}}
	for i, name := range figureNames {
		if e.has(Figure(i)) {
			j.Figures[name] = e.number(Figure(i)).String()
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote, strictly.
func (e *Explanation) UnmarshalJSON(data []byte) error {
	var j explanationJSON
	if err := strictjson.Decode(data, maxPlan, &j); err != nil {
		return err
	}
	*e = Explanation{Symbol: j.Symbol, Side: j.Side, Order: j.Order, Skip: j.Skip}
	for name, text := range j.Figures {
		at := slices.Index(figureNames[:], name)
		if at < 0 {
			return fmt.Errorf("explanation of %s: unknown figure %q", j.Symbol, name)
		}
		n, err := planNumber(text)
		if err != nil {
			return fmt.Errorf("explanation of %s: %s: %w", j.Symbol, name, err)
		}
		e.set(Figure(at), numOf(n))
	}
	return nil
}

// text is a figure for people: plain, and without digits that say nothing.
func (e *Explanation) text(f Figure) string {
	if !e.has(f) {
		return "-"
	}
	return brief(e.number(f).decimal())
}

// brief is a number with at most four places behind the point; ~ marks one that
// has more.
func brief(x decimal.Decimal) string {
	rounded := x.RoundBank(4)
	if rounded.Equal(x) {
		return numOf(x).String()
	}
	return "~" + numOf(rounded).String()
}
