package config

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/rebalance"
)

// DefaultAddress is where the API and the page are.
const DefaultAddress = "127.0.0.1:8477"

// base is what every configuration begins with.
func base() *Config {
	return &Config{
		Data: "evenkeel-data", Workers: 4,
		Queue: Queue{Kind: KindBolt}, Journal: Journal{Kind: KindBolt},
		HTTP: HTTP{Address: DefaultAddress}, Log: Log{Level: "info", Format: "text"},
	}
}

// Default is the configuration without a file: a paper account on the bundled
// prices, checked at the start and once a minute.
func Default(data string) *Config {
	c := base()
	c.Data = data
	c.Broker = Broker{Kind: KindFake, Day: time.Minute}
	c.Allocations = Allocations{Kind: KindFile} // Path is made in the data folder
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = decimal.New(2, -2)
	policy.Fee = rebalance.Fee{Minimum: decimal.New(1, 0), PerUnit: decimal.New(5, -3)}
	policy.Band.Absolute = decimal.NewNullDecimal(decimal.New(5, -3))
	c.Accounts = []Account{{
		ID: "DEMO-1", Mode: broker.Simulated, Type: broker.Margin, Strategy: "five-factors", Policy: policy,
		// What 100,000 dollars bought on the first day of the prices at the target
		// weights, with what was left of it and a deposit of 4,000 since.
		Cash: decimal.New(610_328, -2),
		Positions: map[broker.InstrumentID]decimal.Decimal{
			"MTUM": decimal.NewFromInt(557), "QUAL": decimal.NewFromInt(506), "SIZE": decimal.NewFromInt(300),
			"USMV": decimal.NewFromInt(501), "VLUE": decimal.NewFromInt(312),
		},
		Trigger: &rebalance.Trigger{DriftAbsolute: decimal.NewNullDecimal(decimal.New(1, -2))},
	}}
	c.Schedules = []Schedule{{
		Name: "drift", Command: rebalance.CommandRebalance, Accounts: []broker.AccountID{"DEMO-1"},
		At: -1, Every: time.Minute, AtStart: true, Zone: newYork(),
	}}
	return c
}

// Simulator is the configuration of -simulator without a file: a paper account
// at a simulated gateway, over the wire.
func Simulator(data string) *Config {
	c := Default(data)
	c.Broker = Broker{Kind: KindIBKR, Simulator: true, Gateway: ibkr.Config{ClientID: 17, Currency: "USD"}}
	a := &c.Accounts[0]
	a.ID, a.Mode, a.Strategy, a.Cash = "DU1234567", broker.Paper, "half-half", decimal.NewFromInt(2_000)
	a.Positions = map[broker.InstrumentID]decimal.Decimal{"AAPL": decimal.NewFromInt(800)}
	c.Schedules[0].Accounts = []broker.AccountID{a.ID}
	return c
}
