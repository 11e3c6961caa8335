package main

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// startSimulator starts a gateway with one account, an open market and a history.
func startSimulator(version int) (*gatewaysim.Gateway, error) {
	cents := func(n int64) decimal.Decimal { return decimal.New(n, -2) }
	g, err := gatewaysim.Start(gatewaysim.Config{
		Accounts: []gatewaysim.Account{{
			ID: string(simulated), Cash: map[string]decimal.Decimal{"USD": cents(10_000_000)},
			Holdings: []gatewaysim.Holding{{Symbol: "AAPL", Quantity: cents(1000), AverageCost: cents(18000)}},
		}},
		Quotes: map[string]gatewaysim.Quote{
			"SPY":  {Bid: cents(59998), Ask: cents(60002), Last: cents(60000), Close: cents(59800)},
			"AAPL": {Bid: cents(19998), Ask: cents(20002), Last: cents(20000), Close: cents(20100)},
		},
		ServerVersion: version, CheckFunds: true,
	})
	if err != nil {
		return nil, err
	}
	var bars []gatewaysim.Bar
	for n := range 10 {
		p := decimal.NewFromInt(int64(590 + n))
		bars = append(bars, gatewaysim.Bar{Time: time.Now().AddDate(0, 0, n-10), Open: p, High: p, Low: p, Close: p, Volume: cents(100_000)})
	}
	return g, g.Exchange().SetBars("SPY", bars)
}
