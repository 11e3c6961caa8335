package service_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/service"
	"github.com/evenkeel/evenkeel/rebalance"
)

// A daemon whose gateway is gone says so at once, not with its next look.
func TestADaemonWithoutAGatewayIsNotReady(t *testing.T) {
	cash := map[string]decimal.Decimal{"USD": decimal.NewFromInt(100_000)}
	g, err := gatewaysim.Start(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: "DU1234567", Cash: cash}}})
	require.NoError(t, err)
	closed := false
	t.Cleanup(func() {
		if !closed {
			require.NoError(t, g.Close())
		}
	})
	c := config.Simulator(filepath.Join(t.TempDir(), "data"))
	c.HTTP.Address = "127.0.0.1:0"
	c.Schedules = nil
	c.Broker.Simulator = false
	away := time.Duration((time.Now().UTC().Hour()+12)%24) * time.Hour
	window := &ibkr.Window{From: away, To: away + time.Minute, Zone: "UTC"} // half a day away
	c.Broker.Gateway.Address, c.Broker.Gateway.Restart, c.Broker.Gateway.Login = g.Addr(), window, window
	c.Broker.Gateway.Timing = ibkr.Timing{Settle: 100 * time.Millisecond, Quote: 200 * time.Millisecond, Answer: time.Second}
	d := start(t, c, service.Options{})

	status := func() ops.Status {
		s, err := d.Status(t.Context())
		require.NoError(t, err)
		return s
	}
	var s ops.Status
	ready := func() bool { s = status(); return s.Health != nil && s.Health.Ready }
	require.Eventually(t, ready, 30*time.Second, 20*time.Millisecond, "%s", d.log)
	require.True(t, s.Paper, "a paper account holds no real money, whoever keeps it")
	looked := s.Health.Time

	require.NoError(t, g.Close())
	closed = true
	require.Eventually(t, func() bool { return !ready() }, 2*time.Second, 5*time.Millisecond, "%s", d.log)
	i := slices.IndexFunc(s.Health.Checks, func(c rebalance.Check) bool { return c.Name == rebalance.CheckBroker })
	require.False(t, s.Health.Checks[i].OK)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + d.address + "/readyz")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Eventually(t, func() bool { s = status(); return s.Health.Time.After(looked) && !s.Health.Ready }, 30*time.Second, 20*time.Millisecond,
		"it looks anew, long before the minute is over")
}
