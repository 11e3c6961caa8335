package ibkr_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// TestMain lets more tests run at once than there are processors, unless the
// command line says how many: they wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if given := flag.Lookup("test.parallel"); given.Value.String() == given.DefValue {
		if err := given.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	account  = broker.AccountID("DU1234567")
	clientID = 17

	// The two dialects: all text, and all protobuf.
	textVersion  = 176
	protoVersion = 222
)

// versions runs a test at both dialects.
func versions(t *testing.T, f func(t *testing.T, version int)) {
	t.Helper()
	for _, v := range []int{textVersion, protoVersion} {
		t.Run(fmt.Sprintf("server version %d", v), func(t *testing.T) {
			t.Parallel()
			f(t, v)
		})
	}
}

// gateway starts a simulated gateway.
func gateway(t *testing.T, change func(*gatewaysim.Config)) *gatewaysim.Gateway {
	t.Helper()
	cfg := gatewaysim.Config{
		ServerVersion: protoVersion,
		Accounts:      []gatewaysim.Account{{ID: string(account), Cash: map[string]decimal.Decimal{"USD": dec("1000000")}}},
		Quotes: map[string]gatewaysim.Quote{
			"AAPL": {Bid: dec("99.90"), Ask: dec("100.10"), Last: dec("100"), Close: dec("99")},
			"MSFT": {Bid: dec("49.95"), Ask: dec("50.05"), Last: dec("50"), Close: dec("51")},
		},
		CheckFunds: true,
	}
	if change != nil {
		change(&cfg)
	}
	g, err := gatewaysim.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// config is for tests: nothing waits for long.
func config(g *gatewaysim.Gateway) ibkr.Config {
	address := "127.0.0.1:1"
	if g != nil {
		address = g.Addr()
	}
	return ibkr.Config{
		Address: address, ClientID: clientID,
		Accounts: []ibkr.Account{{ID: account, Mode: broker.Paper, Type: broker.Margin}},
		Restart:  never(), Login: never(),
		Timing: ibkr.Timing{
			Connect: 3 * time.Second, Retry: 20 * time.Millisecond, LongestRetry: 100 * time.Millisecond, Settle: -1, Answer: 3 * time.Second,
			Acknowledge: 300 * time.Millisecond, Heartbeat: 5 * time.Second, Stable: time.Millisecond, Quote: 3 * time.Second,
			Quiet: 100 * time.Millisecond,
		},
		Logger: logger(),
	}
}

// never is a window that is far from now.
func never() *ibkr.Window {
	h := time.Duration((time.Now().UTC().Hour()+12)%24) * time.Hour
	return &ibkr.Window{From: h, To: h + time.Minute, Zone: "UTC"}
}

func logger() *slog.Logger {
	if os.Getenv("IBKR_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// open connects to a gateway.
func open(t *testing.T, cfg ibkr.Config) *ibkr.Broker {
	t.Helper()
	b, err := ibkr.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// soon is a context for one call.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dec(s string) decimal.Decimal {
	d, err := broker.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}
