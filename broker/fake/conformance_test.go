package fake_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/brokertest"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata/marketdatatest"
)

func TestConformance(t *testing.T) {
	brokertest.RunInBubble(t, func(t *testing.T) brokertest.Harness { return harness(t, nil) })
}

func TestConformanceWithLatencyAndFees(t *testing.T) {
	brokertest.RunInBubble(t, func(t *testing.T) brokertest.Harness {
		return harness(t, func(cfg *fake.Config) {
			cfg.Latency = 5 * time.Millisecond
			cfg.Fill = fake.Partial{Lots: 2, Every: 3 * time.Millisecond}
			cfg.Fees = fake.Commission{PerUnit: dec("0.005"), Minimum: dec("1")}
			cfg.Slippage = fake.Ticks(1)
		})
	})
}

func TestConformanceInVirtualTime(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		clock := fake.NewClock(monday.Add(4 * time.Hour))
		h := harness(t, func(cfg *fake.Config) {
			cfg.Clock, cfg.Hours = clock, fake.NYSE()
			cfg.Fill = fake.Delayed{By: time.Millisecond}
		})
		h.Now, h.Advance = clock.Now, clock.Advance
		return h
	})
}

func TestPricesConform(t *testing.T) {
	marketdatatest.Run(t, func(t *testing.T) marketdatatest.Harness {
		return marketdatatest.Harness{
			Source: open(t, nil), Found: []broker.InstrumentID{"AAA", "BBB"}, Missing: []broker.InstrumentID{"NOSUCH", "TWIN"},
		}
	})
}

// harness is a fake with plenty of cash, changed by change.
func harness(t *testing.T, change func(*fake.Config)) brokertest.Harness {
	t.Helper()
	b := open(t, func(cfg *fake.Config) {
		cfg.Clock = nil
		cfg.Accounts[0].Cash["USD"] = dec("1000000")
		if change != nil {
			change(cfg)
		}
	})
	return harnessOf(t, b)
}

// harnessOf is a harness of the standard account.
func harnessOf(t *testing.T, b *fake.Broker) brokertest.Harness {
	t.Helper()
	return brokertest.Harness{
		Broker: b, Account: account,
		Instruments: [2]brokertest.Instrument{
			{ID: "AAA", Bid: dec("99.90"), Ask: dec("100.10")}, {ID: "BBB", Bid: dec("99.90"), Ask: dec("100.10")},
		},
		Ambiguous:     "TWIN",
		MakeFill:      func(id broker.OrderID, quantity decimal.Decimal) error { return b.FillByHand(id, quantity) },
		CutSession:    func() error { b.Inject(fake.CutSession{For: 20 * time.Millisecond}); return nil },
		CutNextPlace:  func() error { b.Inject(fake.CutSession{After: 1, For: 20 * time.Millisecond}); return nil },
		LoseNextPlace: func() error { b.Inject(fake.SwallowOrder{}); return nil },
		Received: func(id broker.OrderID) int {
			var n int
			for _, o := range b.Ledger().Orders {
				if o.Sent.ID == id {
					n++
				}
			}
			require.LessOrEqual(t, n, 1)
			return n
		},
	}
}
