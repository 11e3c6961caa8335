package broker_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// limitOrder is an order that every broker can accept.
func limitOrder() broker.Order {
	return broker.Order{
		ID: "run1.1.1", Account: "DU1", Instrument: "AAPL", Ref: "265598", Side: broker.Buy, Quantity: dec("10"),
		Type: broker.Limit, Limit: dec("100.50"), TIF: broker.Day,
	}
}

func TestOrderCheck(t *testing.T) {
	o := limitOrder()
	require.NoError(t, o.Check())
	o.Type, o.Limit = broker.Market, decimal.Decimal{}
	require.NoError(t, o.Check())

	for why, spoil := range map[string]func(*broker.Order){
		"id \"\" has 0 characters":           func(o *broker.Order) { o.ID = "" },
		"has 33 characters":                  func(o *broker.Order) { o.ID = broker.OrderID(strings.Repeat("x", 33)) },
		"contains ':'":                       func(o *broker.Order) { o.ID = "a:b" },
		"contains ' '":                       func(o *broker.Order) { o.ID = "a b" },
		"contains '\\n'":                     func(o *broker.Order) { o.ID = "a\n" },
		"contains '\\x7f'":                   func(o *broker.Order) { o.ID = "a\x7f" },
		"account is empty":                   func(o *broker.Order) { o.Account = "" },
		"instrument is empty":                func(o *broker.Order) { o.Instrument = "" },
		`side "buy" is neither`:              func(o *broker.Order) { o.Side = "buy" },
		"quantity 0 of AAPL is not positive": func(o *broker.Order) { o.Quantity = decimal.Decimal{} },
		"quantity -1 of AAPL":                func(o *broker.Order) { o.Quantity = dec("-1") },
		`type "STP" is neither`:              func(o *broker.Order) { o.Type = "STP" },
		"limit 0 of AAPL is not positive":    func(o *broker.Order) { o.Limit = decimal.Decimal{} },
		"limit -1 of AAPL is not positive":   func(o *broker.Order) { o.Limit = dec("-1") },
		"has a limit of 100.5":               func(o *broker.Order) { o.Type = broker.Market },
		`time in force "GTC" is not DAY`:     func(o *broker.Order) { o.TIF = "GTC" },
	} {
		o := limitOrder()
		spoil(&o)
		require.ErrorContains(t, o.Check(), "broker: order ")
		require.ErrorContains(t, o.Check(), why)
	}
}

func TestOrderSame(t *testing.T) {
	o := limitOrder()
	same := limitOrder()
	same.Quantity, same.Limit = dec("10.00"), dec("100.5")
	same.Epoch, same.SendBefore = 7, time.Now()
	require.True(t, o.Same(&same), "the guards of the send and the writing of numbers do not count")
	same.Ref = ""
	require.True(t, o.Same(&same) && same.Same(&o), "a ref that one of them lacks does not count")

	for what, change := range map[string]func(*broker.Order){
		"id":         func(o *broker.Order) { o.ID = "x" },
		"account":    func(o *broker.Order) { o.Account = "x" },
		"instrument": func(o *broker.Order) { o.Instrument = "x" },
		"ref":        func(o *broker.Order) { o.Ref = "x" },
		"side":       func(o *broker.Order) { o.Side = broker.Sell },
		"type":       func(o *broker.Order) { o.Type = broker.Market },
		"tif":        func(o *broker.Order) { o.TIF = "x" },
		"quantity":   func(o *broker.Order) { o.Quantity = dec("11") },
		"limit":      func(o *broker.Order) { o.Limit = dec("100.51") },
	} {
		other := limitOrder()
		change(&other)
		require.False(t, o.Same(&other), what)
	}
}

func TestOrderIsStoredWithoutItsGuards(t *testing.T) {
	o := limitOrder()
	o.Epoch, o.SendBefore = 7, time.Now()
	data, err := json.Marshal(&o)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"run1.1.1","account":"DU1","instrument":"AAPL","ref":"265598","side":"BUY",
		"quantity":"10","type":"LMT","limit":"100.5","tif":"DAY"}`, string(data))
	var back broker.Order
	require.NoError(t, json.Unmarshal(data, &back))
	require.True(t, o.Same(&back))
	require.Zero(t, back.Epoch)
	require.True(t, back.SendBefore.IsZero())
}

func TestFillIsStoredWhole(t *testing.T) {
	f := broker.Fill{
		ID: "0001.01", Order: "run1.1.1", Instrument: "AAPL", Side: broker.Sell, Quantity: dec("3"), Price: dec("99.5"),
		Time: time.Date(2026, 3, 2, 15, 0, 0, 123, time.UTC),
	}
	data, err := json.Marshal(&f)
	require.NoError(t, err)
	var back broker.Fill
	require.NoError(t, json.Unmarshal(data, &back))
	require.False(t, back.Fee.Valid, "a fee that is not known stays unknown")
	f.Fee, f.FeeCurrency = decimal.NewNullDecimal(dec("0.00")), "USD"
	data, err = json.Marshal(&f)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &back))
	require.True(t, back.Fee.Valid && back.Fee.Decimal.IsZero(), "a fee of zero is known")
	require.True(t, f.Quantity.Equal(back.Quantity) && f.Price.Equal(back.Price) && f.Time.Equal(back.Time))
}

func TestOrderStateCounts(t *testing.T) {
	s := broker.OrderState{Order: limitOrder(), Status: broker.StatusWorking}
	require.True(t, s.Filled().IsZero())
	require.True(t, s.Remaining().Equal(dec("10")))
	s.Fills = []broker.Fill{{Quantity: dec("2.5")}, {Quantity: dec("1.5")}}
	require.True(t, s.Filled().Equal(dec("4")))
	require.True(t, s.Remaining().Equal(dec("6")))
	s.Fills = append(s.Fills, broker.Fill{Quantity: dec("7")})
	require.True(t, s.Remaining().IsZero(), "an order that was filled too far has nothing left")
	for _, status := range []broker.Status{broker.StatusFilled, broker.StatusCancelled, broker.StatusRejected} {
		s := broker.OrderState{Order: limitOrder(), Status: status}
		require.True(t, status.Terminal())
		require.True(t, s.Remaining().IsZero())
	}
	for _, status := range []broker.Status{"", broker.StatusPending, broker.StatusHeld, broker.StatusWorking, broker.StatusPendingCancel} {
		require.False(t, status.Terminal(), status)
	}
}

func TestSideSign(t *testing.T) {
	require.Equal(t, int64(1), broker.Buy.Sign())
	require.Equal(t, int64(-1), broker.Sell.Sign())
}
