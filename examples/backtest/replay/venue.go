package replay

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

const (
	accountID = broker.AccountID("BACKTEST")
	currency  = broker.Currency("USD")
	// keptOrders and keptPerSymbol say how many orders the broker keeps at least, at
	// some hundred bytes each: a few days of few symbols, a few runs of many.
	keptOrders    = 200
	keptPerSymbol = 10
)

// venue is the fake broker. It has all of its roles.
type venue struct {
	*fake.Broker
	quotes map[broker.InstrumentID]marketdata.Quote
}

// newVenue returns a broker whose account holds some cash.
func newVenue(c *Config, clock *fake.Clock) (*venue, error) {
	config := fake.Config{
		Accounts:   []fake.Account{{ID: accountID, Cash: map[broker.Currency]decimal.Decimal{currency: c.Cash}}},
		Clock:      clock,
		KeepOrders: max(keptOrders, keptPerSymbol*len(c.Symbols)),
	}
	if !c.Costs.PerOrder.IsZero() || !c.Costs.PerUnit.IsZero() || !c.Costs.Fraction.IsZero() {
		config.Fees = greatest(c.Costs)
	}
	if !c.Costs.Slippage.IsZero() {
		config.Slippage = fraction(c.Costs.Slippage)
	}
	for _, id := range c.Symbols {
		config.Instruments = append(config.Instruments, broker.Instrument{
			ID: id, Lot: c.Lot, Tick: decimal.New(1, -4), Zone: "UTC",
		})
	}
	b, err := fake.New(config)
	return &venue{Broker: b, quotes: make(map[broker.InstrumentID]marketdata.Quote, len(c.Symbols))}, err
}

// open shows the prices of a day.
func (v *venue) open(t *table, row int) error {
	at := t.close(row)
	for _, id := range t.symbols {
		p := decimal.NewNullDecimal(t.price(row, id))
		v.quotes[id] = marketdata.Quote{Last: p, Close: p, Tier: marketdata.TierLive, Time: at}
	}
	return v.SetQuotes(v.quotes)
}

// greatest are fees as the planner estimates them: the greatest of three parts.
type greatest Costs

// Fee returns what the order costs so far, less what was charged.
func (g greatest) Fee(r fake.FeeRequest) decimal.Decimal {
	fee := decimal.Max(g.PerOrder, g.PerUnit.Mul(r.Quantity), g.Fraction.Mul(r.Notional))
	return fee.Sub(r.Charged)
}

// fraction is slippage by a fraction of the price. The limit, which lies as far
// from the close, cuts it to the tick.
type fraction decimal.Decimal

// Slip moves the price against the order.
func (f fraction) Slip(order *broker.Order, _ *broker.Instrument, price decimal.Decimal) decimal.Decimal {
	worse := price.Mul(decimal.Decimal(f))
	if order.Side == broker.Sell {
		worse = worse.Neg()
	}
	return price.Add(worse)
}
