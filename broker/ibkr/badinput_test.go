package ibkr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/rebalance"
)

// badInput is something that a user or his gateway got wrong.
type badInput struct {
	name   string
	sim    func(*gatewaysim.Config)
	faults []gatewaysim.Fault
	// address is where to connect, instead of to the simulated gateway.
	address func(*testing.T) string
	config  func(*ibkr.Config)
	// call is what fails. Nil: Open does.
	call func(context.Context, *testing.T, *ibkr.Broker) error
	kind broker.Kind
	says []string // what is wrong, and what to do
}

var badInputs = []badInput{
	{name: "wrong host", address: func(*testing.T) string { return "no-such-host.invalid:4002" }, says: []string{"no-such-host.invalid:4002", "is the gateway running"}},
	{name: "wrong port", address: closedPort, says: []string{"connection refused", "with its API port set to this one"}},
	{name: "no port", address: func(*testing.T) string { return "127.0.0.1" }, kind: broker.KindPermanent, says: []string{`Address "127.0.0.1"`, "want a host and port such as 127.0.0.1:4002"}},
	{name: "not a gateway", address: answers("HTTP/1.1 400 Bad Request\r\n\r\n"), says: []string{"no gateway"}},
	{name: "silent peer", address: answers(""), says: []string{"no handshake in time", "is it a gateway"}},
	{name: "not a trusted address", faults: []gatewaysim.Fault{{Name: gatewaysim.FaultAcceptAndClose, Times: -1}}, says: []string{"closed the connection", "a trusted address"}},
	{name: "unsupported version", address: answers("\x00\x00\x00\x06157\x00t\x00"), kind: broker.KindPermanent, says: []string{"157 is older than 176", "upgrade the gateway"}},
	{name: "nobody is logged in", faults: []gatewaysim.Fault{{Name: gatewaysim.FaultNoManagedAccounts, Times: -1}}, says: []string{"is the user logged in"}},
	{
		name: "wrong account", faults: []gatewaysim.Fault{{Name: gatewaysim.FaultWrongAccounts, Text: "DU7,DU8"}}, kind: broker.KindPermanent,
		says: []string{"does not manage account DU1234567", "check its login and Config.Address"},
	},
	{
		name: "wrong mode", config: func(c *ibkr.Config) { c.Accounts[0].Mode = broker.Live }, kind: broker.KindPermanent,
		says: []string{`configured as "live"`, "paper account"},
	},
	{
		name: "client id in use", faults: []gatewaysim.Fault{{Name: gatewaysim.FaultClientIDInUse, Times: -1}}, kind: broker.KindWait,
		says: []string{"another program holds this client id", "326"},
	},
	{name: "client id 0", config: func(c *ibkr.Config) { c.ClientID = 0 }, kind: broker.KindPermanent, says: []string{"ClientID 0", "want 1 to 999999"}},
	{name: "read-only API", sim: func(c *gatewaysim.Config) { c.ReadOnly = true }, call: placeIt, kind: broker.KindPermanent, says: []string{"321", "untick 'Read-Only API'"}},
	{name: "account that is not configured", call: snapshotOf("DU999"), kind: broker.KindPermanent, says: []string{"DU999", "Config.Accounts"}},
	{name: "unknown symbol", call: resolveIt("NOSUCH"), kind: broker.KindPermanent, says: []string{"NOSUCH", "unknown instrument", "check the symbol, or pin it in Config.Instruments"}},
	{name: "symbol in another currency", sim: foreign, call: resolveIt("SAP"), kind: broker.KindPermanent, says: []string{"SAP", "unknown instrument", "pin it in Config.Instruments"}},
	{name: "ambiguous symbol", sim: twins, call: resolveIt("TWIN"), kind: broker.KindPermanent, says: []string{"TWIN", "ConID 1001", "ConID 1002", "pin one in Config.Instruments"}},
	{name: "order for no stock", sim: future, call: placeFuture, kind: broker.KindPermanent, says: []string{"GBL", "only stocks are traded"}},
	{name: "fraction of a share", call: placeHalf, kind: broker.KindPermanent, says: []string{"quantity 0.5 of AAPL", "Config.Fractional"}},
	{name: "position that is no stock", sim: future, call: runIt, kind: broker.KindPermanent, says: []string{"GBL", "not a stock", "Account.IgnoreOther"}},
	{
		name: "base currency without a rate", sim: euros, faults: []gatewaysim.Fault{{Name: gatewaysim.FaultOmitTag, Text: "ExchangeRate"}}, call: snapshotOf(account),
		says: []string{"no ExchangeRate in USD", "hold some cash in USD"},
	},
}

// Whatever is wrong: one error, of the right kind, that names it and says what to
// do, long before the context ends.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, row := range badInputs {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(nil)
			cfg.Timing.Connect, cfg.Timing.Retries, cfg.Timing.Answer = 2*time.Second, -1, 2*time.Second
			if row.address != nil {
				cfg.Address = row.address(t)
			} else {
				g := gateway(t, row.sim)
				cfg.Address = g.Addr()
				for _, f := range row.faults {
					_, err := g.Inject(f)
					require.NoError(t, err)
				}
			}
			if row.config != nil {
				row.config(&cfg)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			began := time.Now()
			b, err := ibkr.Open(ctx, cfg)
			if row.call != nil {
				require.NoError(t, err)
				defer b.Close()
				err = row.call(ctx, t, b)
			}
			require.Less(t, time.Since(began), 10*time.Second)
			require.Error(t, err)
			for _, text := range row.says {
				require.ErrorContains(t, err, text)
			}
			if e, ok := errors.AsType[*broker.Error](err); ok { // a configuration's fault is none
				require.Equal(t, row.kind, e.Kind, "%v", err)
			}
		})
	}
}

// No call outlives its context, whatever the peer does.
func TestBadInputEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for _, row := range badInputs {
		if row.address == nil || row.name == "no port" || row.name == "unsupported version" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(nil)
			cfg.Address = row.address(t)
			cfg.Timing.Connect, cfg.Timing.Retries, cfg.Timing.Retry = time.Hour, 1000, time.Hour
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := ibkr.Open(ctx, cfg)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(began), 3*time.Second)
		})
	}
}

// The ways to be wrong.

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// answers is a server that says one thing and then nothing.
func answers(text string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		return listen(t, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 4))
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
		})
	}
}

func foreign(c *gatewaysim.Config) {
	c.Contracts = append(gatewaysim.DefaultContracts(), gatewaysim.Contract{ConID: 1003, Symbol: "SAP", Currency: "EUR", PrimaryExchange: "IBIS"})
	c.Rates = map[string]decimal.Decimal{"USD": dec("1"), "EUR": dec("1.25")}
}

func twins(c *gatewaysim.Config) {
	c.Contracts = append(gatewaysim.DefaultContracts(),
		gatewaysim.Contract{ConID: 1001, Symbol: "TWIN"}, gatewaysim.Contract{ConID: 1002, Symbol: "TWIN", PrimaryExchange: "ARCA"})
}

func future(c *gatewaysim.Config) {
	c.Contracts = append(gatewaysim.DefaultContracts(), gatewaysim.Contract{ConID: 501, Symbol: "GBL", SecType: "FUT", Exchange: "EUREX", PrimaryExchange: "EUREX"})
	c.Quotes["GBL"] = gatewaysim.Quote{Last: dec("10")}
	c.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "GBL", Quantity: dec("2"), AverageCost: dec("10")}}
}

func euros(c *gatewaysim.Config) {
	c.Accounts[0].Currency, c.Accounts[0].Cash = "EUR", map[string]decimal.Decimal{"EUR": dec("1000")}
	c.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("3")}}
	c.Rates = map[string]decimal.Decimal{"USD": dec("1"), "EUR": dec("1.25")}
}

// The calls.

func resolveIt(id broker.InstrumentID) func(context.Context, *testing.T, *ibkr.Broker) error {
	return func(ctx context.Context, _ *testing.T, b *ibkr.Broker) error {
		_, err := b.Resolve(ctx, id)
		return err
	}
}

func snapshotOf(id broker.AccountID) func(context.Context, *testing.T, *ibkr.Broker) error {
	return func(ctx context.Context, _ *testing.T, b *ibkr.Broker) error {
		_, err := b.Snapshot(ctx, id)
		return err
	}
}

// placeIt places an order, and makes an error of its refusal.
func placeIt(ctx context.Context, t *testing.T, b *ibkr.Broker) error {
	t.Helper()
	o := bid("1")
	state, err := b.Place(ctx, o)
	if err != nil || state.Status != broker.StatusRejected {
		return err
	}
	return fmt.Errorf("%s: %s", state.Code, state.Reason)
}

func placeFuture(ctx context.Context, t *testing.T, b *ibkr.Broker) error {
	t.Helper()
	if _, err := b.Snapshot(ctx, account); err != nil { // which names it
		return err
	}
	o := bid("1")
	o.Instrument = "GBL@501"
	_, err := b.Place(ctx, o)
	return err
}

func placeHalf(ctx context.Context, _ *testing.T, b *ibkr.Broker) error {
	_, err := b.Place(ctx, bid("0.5"))
	return err
}

// runIt is a whole run, and makes an error of its outcome.
func runIt(ctx context.Context, t *testing.T, b *ibkr.Broker) error {
	t.Helper()
	result, err := engineOn(t, b, "0.01", []allocation.Target{{Symbol: "AAPL", Weight: dec("0.5")}, {Symbol: "MSFT", Weight: dec("0.5")}}).
		Rebalance(ctx, rebalance.Request{Account: account})
	if err != nil || result.Outcome == rebalance.Completed {
		return err
	}
	return fmt.Errorf("%s: %s", result.Outcome, result.Detail)
}
