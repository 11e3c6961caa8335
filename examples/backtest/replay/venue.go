package replay

import (
	"maps"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

const (
	accountID = broker.AccountID("BACKTEST")
	currency  = broker.Currency("USD")
	// mostOrders is after how many orders the broker is renewed: its ledger keeps
	// each of them for ever, at some hundred bytes, and the garbage collector looks
	// at them all again and again.
	mostOrders = 400
)

// venue is the fake broker of the moment. It has all of its roles.
type venue struct {
	*fake.Broker
	config fake.Config
	quotes map[broker.InstrumentID]marketdata.Quote
	orders int // since it was renewed
}

// newVenue returns a broker whose account holds some cash.
func newVenue(c *Config, clock *fake.Clock) (*venue, error) {
	v := &venue{
		quotes: make(map[broker.InstrumentID]marketdata.Quote, len(c.Symbols)),
		config: fake.Config{
			Accounts: []fake.Account{{ID: accountID, Cash: map[broker.Currency]decimal.Decimal{currency: c.Cash}}},
			Clock:    clock,
		},
	}
	if !c.Costs.PerOrder.IsZero() || !c.Costs.PerUnit.IsZero() || !c.Costs.Fraction.IsZero() {
		v.config.Fees = greatest(c.Costs)
	}
	if !c.Costs.Slippage.IsZero() {
		v.config.Slippage = fraction(c.Costs.Slippage)
	}
	for _, id := range c.Symbols {
		v.config.Instruments = append(v.config.Instruments, broker.Instrument{
			ID: id, Lot: c.Lot, Tick: decimal.New(1, -4), Zone: "UTC",
		})
	}
	var err error
	v.Broker, err = fake.New(v.config)
	return v, err
}

// open shows the prices of a day.
func (v *venue) open(t *table, row int) error {
	at := t.close(row)
	for _, id := range t.symbols {
		p := decimal.NewNullDecimal(t.price(row, id))
		v.quotes[id] = marketdata.Quote{Last: p, Close: p, Tier: marketdata.TierLive, Time: at}
	}
	if v.orders < mostOrders {
		return v.SetQuotes(v.quotes)
	}
	return v.renew()
}

// renew goes on with a new broker that knows the account and nothing of the past.
func (v *venue) renew() error {
	positions, cash, err := v.Holdings(accountID)
	if err != nil {
		return err
	}
	next := v.config
	next.Accounts = []fake.Account{{ID: accountID, Cash: cash, Positions: positions}}
	next.Quotes = maps.Clone(v.quotes)
	if v.Broker, err = fake.New(next); err != nil {
		return err
	}
	v.orders = 0
	return nil
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
