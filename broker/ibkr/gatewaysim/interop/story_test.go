package interop_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// The story that every client tells: a gateway, and what must be seen of it.

// opening is the gateway's time, which stands still.
var opening = time.Date(2026, time.March, 10, 19, 30, 5, 0, time.UTC)

// eastern is the gateway's zone.
const eastern = "US/Eastern"

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func cash(s string) map[string]decimal.Decimal { return map[string]decimal.Decimal{"USD": dec(s)} }

// longName has what a client must not trip over: letters beyond ASCII.
const longName = "SOCIÉTÉ GÉNÉRALE"

// stage starts the gateway of the story.
func stage(t *testing.T, version int) *gatewaysim.Gateway {
	t.Helper()
	g, err := gatewaysim.Start(gatewaysim.Config{
		ServerVersion: version, Now: func() time.Time { return opening }, TimeZone: eastern,
		Accounts: []gatewaysim.Account{{ID: "DU1", Cash: cash("100000"), Holdings: []gatewaysim.Holding{
			{Symbol: "GLD", Quantity: dec("20"), AverageCost: dec("180.5")}, {Symbol: "TLT", Quantity: dec("-8"), AverageCost: dec("91.25")},
		}}},
		Contracts: append(gatewaysim.DefaultContracts(), gatewaysim.Contract{
			ConID: 4711, Symbol: "GLE", LongName: longName, PrimaryExchange: "NYSE", MinTick: dec("0.005"), MinSize: dec("0.0001"),
			SizeIncrement: dec("0.0001"), TradingHours: "20260310:0400-20260310:2000;20260311:CLOSED",
		}),
		Quotes: map[string]gatewaysim.Quote{
			"AAPL": {Bid: dec("149.9"), Ask: dec("150.1"), Last: dec("150"), Close: dec("148.75"), BidSize: dec("300"), AskSize: dec("200"), Size: dec("100"), Volume: dec("123456")},
			"GLD":  {Bid: dec("190"), Ask: dec("190.5"), Last: dec("190.25"), Close: dec("189")},
			"TLT":  {Bid: dec("90"), Ask: dec("90.5"), Last: dec("90"), Close: dec("90")},
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	var bars []gatewaysim.Bar
	for i := range 3 {
		step := decimal.NewFromInt(int64(i))
		bars = append(bars, gatewaysim.Bar{
			Time: opening.AddDate(0, 0, i-4), Open: dec("140.5").Add(step), High: dec("142.25").Add(step), Low: dec("139.75").Add(step),
			Close: dec("141").Add(step), Volume: dec("1000").Add(step),
		})
	}
	require.NoError(t, g.Exchange().SetBars("AAPL", bars))
	minute := opening.Truncate(time.Minute)
	require.NoError(t, g.Exchange().SetBars("MSFT", []gatewaysim.Bar{
		{Time: minute.Add(-2 * time.Hour), Close: dec("1")}, {Time: minute.Add(-time.Minute), Close: dec("99.5")}, {Time: minute, Close: dec("100.5")},
	}))
	return g
}

// moved is the market after the client listens to it.
var moved = gatewaysim.Quote{Bid: dec("150.9"), Ask: dec("151.1"), Last: dec("151"), Close: dec("148.75"), BidSize: dec("500"), AskSize: dec("400"), Size: dec("100")}

// seen is one line of a client.
type seen map[string]any

func (s seen) step() string { text, _ := s["step"].(string); return text }

// steps are what must be seen, in this order. Values that the gateway made up
// are taken from its ledger.
func steps(t *testing.T, g *gatewaysim.Gateway, version int) []seen {
	t.Helper()
	market, resting, left := order(t, g, "market"), order(t, g, "resting"), order(t, g, "left")
	require.Len(t, g.Exchange().Fills(), 1)
	fill := g.Exchange().Fills()[0]
	gold := map[string]any{"symbol": "GLD", "con_id": 51529211, "quantity": 20, "cost": "180.5"}
	bonds := map[string]any{"symbol": "TLT", "con_id": 15547841, "quantity": -8, "cost": "91.25"}
	apple := map[string]any{"symbol": "AAPL", "con_id": 265598, "quantity": 10, "cost": "151.1"}
	values := map[string]any{"NetLiquidation": "103085", "TotalCashValue": "100000", "AccountType": "INDIVIDUAL"}
	return []seen{
		{"step": "connected", "version": version, "accounts": []string{"DU1"}},
		{"step": "time", "unix": opening.Unix()},
		{"step": "values", "values": values},
		{"step": "portfolio", "rows": []any{
			with(gold, "price", "190.25", "value", "3805", "unrealized", "195"), with(bonds, "price", "90", "value", "-720", "unrealized", "10"),
		}},
		{"step": "positions", "rows": []any{gold, bonds}},
		{"step": "summary", "values": values},
		{"step": "details", "symbol": "AAPL", "con_id": 265598, "primary": "NASDAQ", "name": "APPLE INC", "tick": "0.01", "zone": eastern, "stock_type": "COMMON"},
		fractional(version, seen{
			"step": "details", "symbol": "GLE", "con_id": 4711, "primary": "NYSE", "name": longName, "tick": "0.005", "zone": eastern,
			"hours": "20260310:0400-20260310:2000;20260311:CLOSED",
		}),
		{"step": "unknown_contract", "code": 200, "count": 0},
		{"step": "symbols", "con_ids": []int{265598}},
		{"step": "snapshot", "bid": "149.9", "ask": "150.1", "last": 150, "close": "148.75", "ask_size": 200, "kind": 1},
		{"step": "streaming", "bid": "149.9", "ask": "150.1"},
		{"step": "moved", "bid": "150.9", "ask": "151.1", "last": 151},
		{"step": "bars", "rows": []any{bar(-4, 0), bar(-3, 1), bar(-2, 2)}},
		{"step": "minutes", "rows": []any{
			map[string]any{"unix": opening.Truncate(time.Minute).Unix() - 60, "close": "99.5"}, map[string]any{"unix": opening.Truncate(time.Minute).Unix(), "close": "100.5"},
		}},
		{"step": "preview", "commission": 1, "margin": 1510, "equity": "103084"},
		{
			"step": "filled", "ref": "market", "order_id": market.OrderID, "perm_id": market.PermID, "status": "Filled", "filled": 10, "average": "151.1",
			"exec_id": fill.ExecID, "side": "BOT", "price": "151.1", "fee": 1, "unix": opening.Unix(),
		},
		{"step": "resting", "ref": "resting", "order_id": resting.OrderID, "perm_id": resting.PermID, "status": "Submitted", "limit": "200.5"},
		{"step": "modified", "ref": "resting", "quantity": 5, "limit": "201.5", "kind": "LMT", "tif": "DAY", "account": "DU1", "symbol": "AAPL", "status": "Submitted"},
		{"step": "cancelled", "ref": "resting", "status": "Cancelled", "code": 202, "filled": 0},
		{"step": "refused", "code": 110},
		{"step": "unknown_order", "code": 10147},
		{"step": "cancelled_all", "refs": []string{"global 1", "global 2"}},
		{"step": "executions", "rows": []any{map[string]any{
			"exec_id": fill.ExecID, "ref": "market", "quantity": 10, "price": "151.1", "cum": 10, "perm_id": market.PermID, "side": "BOT", "account": "DU1", "unix": opening.Unix(),
		}}},
		{"step": "completed", "rows": []any{
			map[string]any{"ref": "market", "perm_id": market.PermID, "status": "Filled", "filled": 10},
			map[string]any{"ref": "resting", "perm_id": resting.PermID, "status": "Cancelled", "filled": 0},
			map[string]any{"ref": "global 1", "perm_id": order(t, g, "global 1").PermID, "status": "Cancelled", "filled": 0},
			map[string]any{"ref": "global 2", "perm_id": order(t, g, "global 2").PermID, "status": "Cancelled", "filled": 0},
		}},
		{"step": "positions_after", "rows": []any{apple, gold, bonds}},
		{"step": "held", "status": "Inactive"},
		{"step": "away"},
		{
			"step": "found", "ref": "left", "order_id": left.OrderID, "perm_id": left.PermID, "fresh_id": true,
			"quantity": 3, "limit": 90, "kind": "LMT", "tif": "DAY", "account": "DU1", "symbol": "AAPL", "status": "Submitted",
		},
		{"step": "cancelled", "ref": "left", "status": "Cancelled", "code": 202, "filled": 0},
		{"step": "done", "codes": []int{110, 200, 202, 2104, 2106, 2158, 10147}, "exceptions": []string{}},
	}
}

// fractional adds the sizes that an order may have, which version 163 does not
// tell.
func fractional(version int, details seen) seen {
	if version > gatewaysim.OldestVersion {
		details["min_size"], details["increment"] = "0.0001", "0.0001"
	}
	return details
}

// bar is a day's bar as a client reports it.
func bar(days int, step int64) map[string]any {
	at := func(s string) string { return dec(s).Add(decimal.NewFromInt(step)).String() }
	return map[string]any{
		"date": opening.AddDate(0, 0, days).Format("20060102"), "open": at("140.5"), "high": at("142.25"), "low": at("139.75"), "close": at("141"), "volume": at("1000"),
	}
}

// with is a row with more fields.
func with(row map[string]any, more ...string) map[string]any {
	all := maps.Clone(row)
	for pair := range slices.Chunk(more, 2) {
		all[pair[0]] = pair[1]
	}
	return all
}

func order(t *testing.T, g *gatewaysim.Gateway, ref string) gatewaysim.OrderRecord {
	t.Helper()
	o, ok := g.Exchange().OrderByRef(ref)
	require.True(t, ok, "no order %s", ref)
	return o
}

// requireLedger checks what the gateway knows of the story.
func requireLedger(t *testing.T, g *gatewaysim.Gateway) {
	t.Helper()
	require.Empty(t, g.Ledger(gatewaysim.KindMalformed, gatewaysim.KindUnhandshaken))
	require.Len(t, g.Exchange().Orders(), 5)
	for ref, want := range map[string]gatewaysim.OrderRecord{
		"market":  {Action: "BUY", Type: "MKT", Quantity: dec("10"), Filled: dec("10"), Status: gatewaysim.StatusFilled},
		"resting": {Action: "SELL", Type: "LMT", Quantity: dec("5"), Limit: dec("201.5"), Status: gatewaysim.StatusCancelled},
		"left":    {Action: "BUY", Type: "LMT", Quantity: dec("3"), Limit: dec("90"), Status: gatewaysim.StatusCancelled},
	} {
		o := order(t, g, ref)
		require.Equal(t, []string{want.Action, want.Type, "DAY", want.Status, "DU1", "AAPL"}, []string{o.Action, o.Type, o.TIF, o.Status, o.Account, o.Symbol}, ref)
		require.True(t, o.Quantity.Equal(want.Quantity) && o.Limit.Equal(want.Limit) && o.Filled.Equal(want.Filled), "%s: %+v", ref, o)
	}
	account, err := g.Exchange().Account("DU1")
	require.NoError(t, err)
	require.Equal(t, "98488", account.Cash["USD"].String()) // 10 at 151.1 and a fee of 1
	require.Equal(t, "10", account.Positions["AAPL"].String())
	require.Equal(t, []string{"10147", "110", "200", "202", "2104", "2106", "2158"}, errorCodes(g), "every error that was sent")
}

var codePattern = regexp.MustCompile(`errorCode: *(\d+)`)

// errorCodes are the codes that the gateway sent, each once.
func errorCodes(g *gatewaysim.Gateway) []string {
	codes := map[string]bool{}
	for _, e := range g.Ledger(gatewaysim.KindSent) {
		if e.Name == "error" {
			codes[codePattern.FindStringSubmatch(e.Detail)[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(codes))
}
