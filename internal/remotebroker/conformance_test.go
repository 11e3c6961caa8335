package remotebroker_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/brokertest"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/remotebroker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/marketdata/marketdatatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		w := newWorld(t, remotebroker.Hooks{}, nil)
		return brokertest.Harness{
			Broker: w.client, Account: account, Ambiguous: "TWIN",
			Instruments: [2]brokertest.Instrument{
				{ID: "AAA", Bid: dec("99.90"), Ask: dec("100.10")}, {ID: "BBB", Bid: dec("99.90"), Ask: dec("100.10")},
			},
			MakeFill:      w.exchange.FillByHand,
			CutSession:    func() error { w.exchange.Inject(fake.CutSession{For: 20 * time.Millisecond}); return nil },
			CutNextPlace:  func() error { w.cutNext.Store(true); return nil },
			LoseNextPlace: func() error { w.exchange.Inject(fake.SwallowOrder{}); return nil },
			Received:      w.received,
		}
	})
}

func TestPricesConform(t *testing.T) {
	marketdatatest.Run(t, func(t *testing.T) marketdatatest.Harness {
		return marketdatatest.Harness{
			Source: newWorld(t, remotebroker.Hooks{}, nil).client,
			Found:  []broker.InstrumentID{"AAA", "BBB"}, Missing: []broker.InstrumentID{"NOSUCH", "TWIN"},
		}
	})
}

const account broker.AccountID = "U1"

func dec(s string) decimal.Decimal {
	d, err := broker.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// newWorld serves a fake on a socket, changed by change.
func newWorld(t *testing.T, hooks remotebroker.Hooks, change func(*fake.Config)) *world {
	t.Helper()
	bid, ask := decimal.NewNullDecimal(dec("99.90")), decimal.NewNullDecimal(dec("100.10"))
	cfg := fake.Config{
		Accounts: []fake.Account{{
			ID: account, Cash: map[broker.Currency]decimal.Decimal{"USD": dec("1000000")},
			Positions: map[broker.InstrumentID]decimal.Decimal{"AAA": dec("100"), "BBB": dec("100")},
		}},
		Instruments: []broker.Instrument{{ID: "AAA"}, {ID: "BBB"}},
		Ambiguous:   map[broker.InstrumentID][]string{"TWIN": {"TWIN.1", "TWIN.2"}},
		Quotes:      map[broker.InstrumentID]marketdata.Quote{"AAA": {Bid: bid, Ask: ask}, "BBB": {Bid: bid, Ask: ask}},
	}
	if change != nil {
		change(&cfg)
	}
	exchange, err := fake.New(cfg)
	require.NoError(t, err)
	w := &world{exchange: exchange, hooks: hooks, path: filepath.Join(t.TempDir(), "x")}
	l, err := net.Listen("unix", w.path)
	require.NoError(t, err)
	w.server = remotebroker.Serve(l, exchange, remotebroker.Hooks{Before: hooks.Before, After: w.after})
	w.client = remotebroker.NewClient("unix", w.path, "tester")
	t.Cleanup(func() {
		require.NoError(t, w.client.Close())
		require.NoError(t, w.server.Close())
		require.Zero(t, w.server.Active(), "calls that outlive the server")
	})
	return w
}
