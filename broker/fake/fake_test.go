package fake_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = broker.AccountID("SIM1")

// monday is a Monday, before the New York market opens at 14:30 UTC.
var monday = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func quote(bid, ask string) marketdata.Quote {
	return marketdata.Quote{Bid: decimal.NewNullDecimal(dec(bid)), Ask: decimal.NewNullDecimal(dec(ask))}
}

// limit is a limit order for AAA.
func limit(id broker.OrderID, side broker.Side, quantity int64, price string) broker.Order {
	return broker.Order{
		ID: id, Account: account, Instrument: "AAA", Side: side, Quantity: decimal.New(quantity, 0),
		Type: broker.Limit, Limit: dec(price), TIF: broker.Day,
	}
}

// market is a market order for AAA.
func market(id broker.OrderID, side broker.Side, quantity int64) broker.Order {
	o := limit(id, side, quantity, "1")
	o.Type, o.Limit = broker.Market, decimal.Decimal{}
	return o
}

// config is a broker with one account that has 10,000 USD and 100 AAA, two
// instruments with quotes of 99.90 to 100.10, and a clock.
func config() fake.Config {
	return fake.Config{
		Accounts: []fake.Account{{
			ID:        account,
			Cash:      map[broker.Currency]decimal.Decimal{"USD": dec("10000")},
			Positions: map[broker.InstrumentID]decimal.Decimal{"AAA": dec("100")},
		}},
		Instruments: []broker.Instrument{{ID: "AAA"}, {ID: "BBB"}},
		Ambiguous:   map[broker.InstrumentID][]string{"TWIN": {"TWIN@NYSE", "TWIN@LSE"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"AAA": quote("99.90", "100.10"), "BBB": quote("99.90", "100.10")},
		Clock:       fake.NewClock(monday),
	}
}

// open returns a broker with the standard configuration, changed by change.
func open(t *testing.T, change func(*fake.Config)) *fake.Broker {
	t.Helper()
	cfg := config()
	if change != nil {
		change(&cfg)
	}
	b, err := fake.New(cfg)
	require.NoError(t, err)
	return b
}

// place places an order and returns its state.
func place(t *testing.T, b *fake.Broker, o broker.Order) broker.OrderState {
	t.Helper()
	s, err := b.Place(t.Context(), o)
	require.NoError(t, err)
	return s
}

// snapshot returns the snapshot of the account.
func snapshot(t *testing.T, b *fake.Broker) *broker.Snapshot {
	t.Helper()
	s, err := b.Snapshot(t.Context(), account)
	require.NoError(t, err)
	return &s
}

// state returns what the broker says of an order.
func state(t *testing.T, b *fake.Broker, id broker.OrderID) broker.OrderState {
	t.Helper()
	states, err := b.Orders(t.Context(), account, broker.OrderQuery{ID: id})
	require.NoError(t, err)
	require.Len(t, states, 1, "orders with ID %s", id)
	return states[0]
}

// equal compares decimals by value.
func equal(t *testing.T, want string, got decimal.Decimal) {
	t.Helper()
	require.Equal(t, dec(want).String(), got.String())
}
