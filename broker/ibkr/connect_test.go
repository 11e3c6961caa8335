package ibkr_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// fails opens a broker that cannot be, and returns why.
func fails(t *testing.T, cfg ibkr.Config) *broker.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := ibkr.Open(ctx, cfg)
	require.Error(t, err)
	require.Nil(t, b)
	require.NoError(t, ctx.Err(), "it took as long as its context")
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	return e
}

// at is a configuration for an address where there may be no gateway.
func at(address string) ibkr.Config {
	cfg := config(nil)
	cfg.Address, cfg.Timing.Connect, cfg.Timing.Retries = address, time.Second, 1
	return cfg
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	e := fails(t, at(address))
	require.Equal(t, broker.KindTransient, e.Kind)
	require.ErrorContains(t, e, address)
	require.ErrorContains(t, e, "is the gateway running")
}

func TestNotAGateway(t *testing.T) {
	t.Parallel()
	address := listen(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	require.ErrorContains(t, fails(t, at(address)), "no gateway")

	web := httptest.NewServer(http.NotFoundHandler()) // waits for more of the request
	defer web.Close()
	require.ErrorContains(t, fails(t, at(strings.TrimPrefix(web.URL, "http://"))), "is it a gateway")
}

// listen starts a server that is no gateway.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func TestSilentPeer(t *testing.T) {
	address := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	begin := time.Now()
	e := fails(t, at(address))
	require.ErrorContains(t, e, "no handshake in time")
	require.Less(t, time.Since(begin), 5*time.Second)
}

func TestPeerThatHangsUp(t *testing.T) {
	t.Parallel()
	e := fails(t, at(listen(t, func(net.Conn) {})))
	require.Equal(t, broker.KindTransient, e.Kind)
}

func TestOldGateway(t *testing.T) {
	t.Parallel()
	address := listen(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 17))
		_, _ = c.Write(append([]byte{0, 0, 0, 6}, "157\x00t\x00"...))
		_, _ = io.Copy(io.Discard, c)
	})
	e := fails(t, at(address))
	require.Equal(t, broker.KindPermanent, e.Kind)
	require.ErrorContains(t, e, "upgrade the gateway")
}

func TestConnectFaults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault gatewaysim.Fault
		kind  broker.Kind
		text  string
	}{
		{gatewaysim.Fault{Name: gatewaysim.FaultWrongAccounts, Text: "DU7,DU8"}, broker.KindPermanent, "does not manage account DU1234567"},
		{gatewaysim.Fault{Name: gatewaysim.FaultClientIDInUse, Times: -1}, broker.KindWait, "client id"},
		{gatewaysim.Fault{Name: gatewaysim.FaultNoHandshake, Times: -1}, broker.KindTransient, "no handshake"},
		{gatewaysim.Fault{Name: gatewaysim.FaultAcceptAndClose, Times: -1}, broker.KindTransient, "closed the connection"},
		{gatewaysim.Fault{Name: gatewaysim.FaultNoNextValidID, Times: -1}, broker.KindTransient, "is the user logged in"},
		{gatewaysim.Fault{Name: gatewaysim.FaultNoManagedAccounts, Times: -1}, broker.KindTransient, "is the user logged in"},
		{gatewaysim.Fault{Name: gatewaysim.FaultRequestError, Message: "reqAllOpenOrders", Code: 321, Text: "read-only mode", Times: -1}, broker.KindPermanent, "Read-Only API"},
		{gatewaysim.Fault{Name: gatewaysim.FaultSilentRequest, Message: "reqExecutions", Times: -1}, broker.KindTransient, "executions"},
		{gatewaysim.Fault{Name: gatewaysim.FaultDropEndMarker, Message: "positionMultiEnd", Times: -1}, broker.KindTransient, "positions"},
	} {
		t.Run(row.fault.Name, func(t *testing.T) {
			t.Parallel()
			g := gateway(t, nil)
			_, err := g.Inject(row.fault)
			require.NoError(t, err)
			cfg := config(g)
			cfg.Timing.Connect, cfg.Timing.Retries, cfg.Timing.Answer = 1500*time.Millisecond, 1, time.Second
			e := fails(t, cfg)
			require.ErrorContains(t, e, row.text)
			require.Equal(t, row.kind, e.Kind, "kind of %v", e)
			require.Empty(t, g.Ledger(gatewaysim.KindUnhandshaken), "a connection without a handshake")
		})
	}
}

func TestConnectTriesAgain(t *testing.T) {
	t.Parallel()
	g := gateway(t, nil)
	for _, name := range []string{gatewaysim.FaultAcceptAndClose, gatewaysim.FaultClientIDInUse} {
		_, err := g.Inject(gatewaysim.Fault{Name: name, Times: 1})
		require.NoError(t, err)
	}
	b := open(t, config(g))
	accounts, err := b.Accounts(soon(t))
	require.NoError(t, err)
	require.Equal(t, []broker.Account{{ID: account, Mode: broker.Paper}}, accounts)
	for _, e := range g.Ledger(gatewaysim.KindConnected) {
		require.Contains(t, []int{0, clientID}, e.Client, "never another client id")
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	address := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	cfg := at(address)
	cfg.Timing.Connect = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := ibkr.Open(ctx, cfg)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	good := at("127.0.0.1:4002")
	for name, row := range map[string]struct {
		change func(*ibkr.Config)
		text   string
	}{
		"no address":       {func(c *ibkr.Config) { c.Address = "" }, "Address"},
		"no port":          {func(c *ibkr.Config) { c.Address = "127.0.0.1" }, "Address"},
		"no client id":     {func(c *ibkr.Config) { c.ClientID = 0 }, "ClientID 0"},
		"no accounts":      {func(c *ibkr.Config) { c.Accounts = nil }, "Accounts is empty"},
		"paper as live":    {func(c *ibkr.Config) { c.Accounts[0].Mode = broker.Live }, "its name is that of a paper account"},
		"live as paper":    {func(c *ibkr.Config) { c.Accounts[0].ID = "U1" }, "its name is that of a live account"},
		"a simulated mode": {func(c *ibkr.Config) { c.Accounts[0].Mode = broker.Simulated }, "paper account"},
		"an account twice": {func(c *ibkr.Config) { c.Accounts = append(c.Accounts, c.Accounts[0]) }, "twice"},
		"too fast":         {func(c *ibkr.Config) { c.MessagesPerSecond = 51 }, "1 to 50"},
		"too many lines":   {func(c *ibkr.Config) { c.MarketDataLines = 101 }, "1 to 100"},
		"an odd symbol":    {func(c *ibkr.Config) { c.Instruments = map[broker.InstrumentID]ibkr.Pin{"a b": {}} }, "instrument id"},
		"a pin twice": {func(c *ibkr.Config) {
			c.Instruments = map[broker.InstrumentID]ibkr.Pin{"GOOG": {ConID: 5}, "GOOGLE": {ConID: 5}}
		}, "GOOG and GOOGLE are both contract 5"},
		"an odd tier":   {func(c *ibkr.Config) { c.Tiers = append(c.Tiers, "best") }, "no tier"},
		"an odd window": {func(c *ibkr.Config) { c.Restart = &ibkr.Window{From: time.Hour, To: time.Hour} }, "Restart"},
		"an odd zone":   {func(c *ibkr.Config) { c.Login = &ibkr.Window{To: time.Hour, Zone: "Mars"} }, "Mars"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			cfg.Accounts = append([]ibkr.Account(nil), good.Accounts...)
			row.change(&cfg)
			_, err := ibkr.Open(t.Context(), cfg)
			require.ErrorContains(t, err, row.text)
		})
	}
}
