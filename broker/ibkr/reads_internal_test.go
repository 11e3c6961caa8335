package ibkr

import (
	"testing"
	"time"

	"github.com/scmhub/ibsync"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// details are those of a plain stock.
func details() ibsync.ContractDetails {
	d := ibsync.ContractDetails{MinTick: 0.01, TimeZoneID: "US/Eastern", LiquidHours: "20261125:0930-20261125:1600", PriceMagnifier: 1}
	d.Contract = *ibsync.NewStock("A", "SMART", "USD")
	d.Contract.ConID = conA
	return d
}

func TestTerms(t *testing.T) {
	b := &Broker{cfg: Config{}.withDefaults()}
	for _, row := range []struct {
		name   string
		change func(*ibsync.ContractDetails)
		tick   string // empty: an error that says the following
		says   string
	}{
		{"plain", func(*ibsync.ContractDetails) {}, "0.01", ""},
		{"fine steps", func(d *ibsync.ContractDetails) { d.MinTick = 0.0001 }, "0.01", ""},
		{"half cents", func(d *ibsync.ContractDetails) { d.MinTick = 0.005 }, "0.01", ""},
		{"odd steps", func(d *ibsync.ContractDetails) { d.MinTick = 0.003 }, "0.003", ""},
		{"coarse steps", func(d *ibsync.ContractDetails) { d.MinTick = 0.5 }, "0.5", ""},
		{"no step", func(d *ibsync.ContractDetails) { d.MinTick = 0 }, "", "least price step"},
		{"no zone", func(d *ibsync.ContractDetails) { d.TimeZoneID = "" }, "", "time zone"},
		{"pence", func(d *ibsync.ContractDetails) { d.PriceMagnifier = 100 }, "", "100 to one"},
	} {
		d := details()
		row.change(&d)
		terms, err := b.newTerms("A", &d)
		if row.tick == "" {
			require.ErrorContains(t, err, row.says, row.name)
			continue
		}
		require.NoError(t, err, row.name)
		require.Equal(t, row.tick, terms.Tick.String(), row.name)
	}
}

// What the gateway tells of positions is whole, of this account, and of no model.
func TestOddPositionRows(t *testing.T) {
	b := &Broker{cfg: Config{}.withDefaults(), names: map[int64]broker.InstrumentID{conA: "A"}}
	row := func(model, quantity string) positionRow {
		return positionRow{"DU1", model, contractKey{conID: conA, symbol: "A", kind: "STK", currency: "USD"}, ibsync.StringToDecimal(quantity)}
	}
	list, err := b.positionsOf(t.Context(), nil, []positionRow{row("", "5"), row("", "-7")})
	require.NoError(t, err)
	require.Equal(t, "-7", list[0].Quantity.String(), "the newer one")
	_, err = b.positionsOf(t.Context(), nil, []positionRow{row("", "5"), row("growth", "7")})
	require.ErrorContains(t, err, "model portfolios are not supported")
	none := row("", "5")
	none.contract.conID = 0
	_, err = b.positionsOf(t.Context(), nil, []positionRow{none})
	require.ErrorContains(t, err, "no contract number")
	unset := row("", "5")
	unset.quantity = ibsync.UNSET_DECIMAL
	_, err = b.positionsOf(t.Context(), nil, []positionRow{unset})
	require.ErrorContains(t, err, "not set")
}

// Whatever the values of an account are, there is no panic, and no snapshot without
// all that it needs.
func FuzzAccountValues(f *testing.F) {
	f.Add("NetLiquidation", "100.5", "USD", "CashBalance", "7", "USD", "ExchangeRate", "1.1", "EUR")
	f.Add("NetLiquidation", "1.7976931348623157E308", "USD", "AccountReady", "false", "", "CashBalance", "3", "JPY")
	f.Add("NetLiquidation", "1", "USD", "NetLiquidation", "1", "EUR", "SettledCash", "1", "USD")
	f.Fuzz(func(t *testing.T, k1, v1, c1, k2, v2, c2, k3, v3, c3 string) {
		for _, kind := range []broker.AccountType{broker.Cash, broker.Margin} {
			snap := broker.Snapshot{Type: kind}
			rows := []valueRow{{"DU1", k1, v1, c1}, {"DU1", k2, v2, c2}, {"DU1", k3, v3, c3}}
			if fillIn(&snap, rows) != nil {
				continue
			}
			require.NotEmpty(t, snap.Base)
			require.Contains(t, snap.Cash, snap.Base)
			for currency := range snap.Cash {
				if currency != snap.Base {
					require.True(t, snap.FX[currency].Sign() > 0, "no rate of %q", currency)
				}
			}
			require.Equal(t, kind == broker.Cash, snap.SettledCash != nil)
		}
	})
}

// The texts of a contract and of bars are read without a panic, and to sane results.
func FuzzContractTexts(f *testing.F) {
	f.Add("US/Eastern", "20261125:0930-20261125:1600", "[71 108]", "20261124", 12.5, 0.01)
	f.Add("MET (Middle Europe Time)", "20261125:CLOSED", "X", "20261124 10:00:00 EST", -1.0, 0.0001)
	f.Fuzz(func(t *testing.T, zone, hours, name, day string, price, tick float64) {
		d := details()
		d.TimeZoneID, d.LiquidHours, d.LongName, d.MinTick = zone, hours, name, tick
		b := &Broker{cfg: Config{}.withDefaults()}
		terms, err := b.newTerms("A", &d)
		if err != nil {
			return
		}
		require.True(t, terms.Tick.Sign() > 0)
		if q, err := lastClose([]any{barRow{day, price}}, terms, now()); err == nil {
			require.True(t, q.Close.Decimal.Sign() > 0)
			require.False(t, q.Time.After(now()))
			require.True(t, q.Time.After(time.Time{}))
		}
	})
}
