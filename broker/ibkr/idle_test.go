package ibkr_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/marketdata"
)

// A broker that nobody asks for anything sends nothing but its heartbeat, also
// after it was asked for everything.
func TestIdleSendsOnlyHeartbeats(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		const heartbeat = 1100 * time.Millisecond
		r := newRig(t, version, func(_ *gatewaysim.Config, cfg *ibkr.Config) { cfg.Timing.Heartbeat = heartbeat })
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		_, err = r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
		require.NoError(t, err)
		o := buy("10")
		_, err = r.Place(soon(t), o)
		require.NoError(t, err)
		r.until(t, o.ID, filled)
		_, err = r.Probe(soon(t)) // subscriptions that end have been ended by then
		require.NoError(t, err)

		before := len(r.g.Ledger(gatewaysim.KindReceived))
		<-time.After(4 * heartbeat)
		sent := r.g.Ledger(gatewaysim.KindReceived)[before:]
		for _, e := range sent {
			require.Equal(t, "reqCurrentTime", e.Name)
		}
		require.GreaterOrEqual(t, len(sent), 2)
		require.LessOrEqual(t, len(sent), 5)
		require.Equal(t, snap.Epoch, r.Epoch())
		require.Equal(t, version, r.Stats().ServerVersion)
	})
}

// Heartbeats do not wait behind prices, which would end the session.
func TestHeartbeatPassesPrices(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.MessagesPerSecond, cfg.Tiers = 4, []marketdata.Tier{marketdata.TierLive}
		cfg.Timing.Heartbeat, cfg.Timing.Answer, cfg.Timing.Quote = 1100*time.Millisecond, 10*time.Second, 10*time.Second
	})
	epoch := r.Epoch()
	ids := []broker.InstrumentID{"AAPL", "MSFT"}
	for n := range 9 {
		ids = append(ids, broker.InstrumentID(fmt.Sprintf("NO%d", n)))
	}
	all, err := r.Quotes(soon(t), ids)
	require.NoError(t, err)
	require.Len(t, all.Found, 2)
	require.Equal(t, epoch, r.Epoch())
}
