package ibkr_test

import (
	"context"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// What is not whole is an error, never a smaller account.
func TestIncompleteSnapshots(t *testing.T) {
	t.Parallel()
	for _, f := range []gatewaysim.Fault{
		{Name: gatewaysim.FaultDropEndMarker, Message: "positionMultiEnd"},
		{Name: gatewaysim.FaultDropEndMarker, Message: "accountUpdateMultiEnd"},
		{Name: gatewaysim.FaultDropEndMarker, Message: "openOrderEnd"},
		{Name: gatewaysim.FaultCutMidList, Message: "positionMultiEnd"},
		{Name: gatewaysim.FaultCutMidList, Message: "openOrderEnd"},
		{Name: gatewaysim.FaultOmitTag, Text: "NetLiquidation"},
		{Name: gatewaysim.FaultSentinelTag, Text: "NetLiquidation"},
		{Name: gatewaysim.FaultSentinelTag, Text: "CashBalance"},
		{Name: gatewaysim.FaultSilentRequest, Message: "reqPositionsMulti"},
		{Name: gatewaysim.FaultCutOnRequest, Message: "reqAccountUpdatesMulti"},
		{Name: gatewaysim.FaultRequestError, Message: "reqPositionsMulti", Code: 322, Text: "too many requests"},
	} {
		t.Run(f.Name+" "+f.Message+f.Text, func(t *testing.T) {
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, func(_ *gatewaysim.Config, cfg *ibkr.Config) { cfg.Timing.Answer = 300 * time.Millisecond })
				f := f
				f.Times = 1
				r.inject(t, f)
				_, err := r.Snapshot(soon(t), account)
				require.Error(t, err)
				var e *broker.Error
				require.ErrorAs(t, err, &e)
				require.Contains(t, []broker.Kind{broker.KindTransient, broker.KindSession}, e.Kind, "%v", err)
			})
		})
	}
}

// An end marker that comes too late ends nothing else.
func TestOrdersWithoutEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) { cfg.Timing.Answer = 200 * time.Millisecond })
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultDropEndMarker, Message: "completedOrdersEnd", Times: 1})
	_, err := r.Orders(soon(t), account, broker.OrderQuery{})
	require.ErrorContains(t, err, "completed orders")
	r.recovered(t, epoch) // the call keeps its place until the connection is given up
	_, err = r.Orders(soon(t), account, broker.OrderQuery{})
	require.NoError(t, err)
}

func TestForeignCurrencies(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, cfg *ibkr.Config) {
			sim.Accounts[0].Currency = "EUR"
			sim.Accounts[0].Cash = map[string]decimal.Decimal{"EUR": dec("1000"), "USD": dec("500")}
			sim.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("3")}}
			sim.Rates = map[string]decimal.Decimal{"USD": dec("1"), "EUR": dec("1.25")}
			cfg.Accounts[0].Type = broker.Cash
		})
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Equal(t, broker.Currency("EUR"), snap.Base)
		require.Equal(t, "0.8", snap.FX["USD"].String())
		require.Equal(t, "500", snap.Cash["USD"].String())
		require.Equal(t, broker.Cash, snap.Type)
		require.Len(t, snap.SettledCash, 2)
		require.Equal(t, "1640", snap.NetLiquidation.String())

		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultOmitTag, Text: "ExchangeRate"})
		_, err = r.Snapshot(soon(t), account)
		require.ErrorContains(t, err, "no ExchangeRate in USD")
	})
}

// A position that is no stock is named and left alone, and one whose symbol means
// another contract is not taken for it.
func TestOddPositions(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, cfg *ibkr.Config) {
			sim.Contracts = append(gatewaysim.DefaultContracts(),
				gatewaysim.Contract{ConID: 501, Symbol: "GBL", SecType: "FUT", Exchange: "EUREX", PrimaryExchange: "EUREX"},
				gatewaysim.Contract{ConID: 502, Symbol: "TWIN"}, gatewaysim.Contract{ConID: 503, Symbol: "TWIN", PrimaryExchange: "ARCA"},
				gatewaysim.Contract{ConID: 504, Symbol: "BRK B", PrimaryExchange: "NYSE"},
				gatewaysim.Contract{ConID: 505, Symbol: "PIN"}, gatewaysim.Contract{ConID: 506, Symbol: "PIN", PrimaryExchange: "ARCA"})
			for _, s := range []string{"GBL", "TWIN", "BRK B"} {
				sim.Quotes[s] = gatewaysim.Quote{Last: dec("10")}
				sim.Accounts[0].Holdings = append(sim.Accounts[0].Holdings, gatewaysim.Holding{Symbol: s, Quantity: dec("2"), AverageCost: dec("10")})
			}
			cfg.Instruments = map[broker.InstrumentID]ibkr.Pin{"PIN": {PrimaryExchange: "ARCA"}}
		})
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		kinds := map[broker.InstrumentID]broker.InstrumentKind{}
		for _, p := range snap.Positions {
			kinds[p.Instrument] = p.Kind
		}
		require.Equal(t, map[broker.InstrumentID]broker.InstrumentKind{"GBL@501": broker.Other, "TWIN@502": broker.Stock, "BRK.B": broker.Stock}, kinds)
		terms, err := r.Resolve(soon(t), "TWIN@502", "BRK.B", "PIN")
		require.NoError(t, err)
		require.Equal(t, "502", terms["TWIN@502"].Ref)
		require.Equal(t, "504", terms["BRK.B"].Ref)
		require.Equal(t, "506", terms["PIN"].Ref)
		o := bid("1")
		o.Instrument = "GBL@501"
		_, err = r.Place(soon(t), o)
		require.ErrorContains(t, err, "only stocks are traded")
	})
}

// A symbol that was unknown for a moment, while it was held, becomes the name of
// its position when it is known again; an order keeps the name that it was given.
func TestSymbolThatWasUnknownForAMoment(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(sim *gatewaysim.Config, _ *ibkr.Config) {
		sim.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("3")}}
	})
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractNone, Symbol: "AAPL"})
	snap, err := r.Snapshot(soon(t), account)
	require.NoError(t, err)
	require.Equal(t, "3", snap.Position("AAPL@265598").String())
	odd := bid("1")
	odd.Instrument = "AAPL@265598"
	_, err = r.Place(soon(t), odd)
	require.NoError(t, err)

	_, err = r.Resolve(soon(t), "AAPL")
	require.NoError(t, err)
	snap, err = r.Snapshot(soon(t), account)
	require.NoError(t, err)
	require.Equal(t, "3", snap.Position("AAPL").String())
	state, ok := r.state(t, odd.ID)
	require.True(t, ok)
	require.Equal(t, odd.Instrument, state.Order.Instrument)

	_, err = r.Resolve(soon(t), "AAPL@265598", "MSFT", "AAPL")
	require.ErrorContains(t, err, "the same contract as AAPL (ConID 265598)")
}

// Two symbols for one contract: the second is refused, or the account would hold it
// twice.
func TestTwoSymbolsForOneContract(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
		cfg.Instruments = map[broker.InstrumentID]ibkr.Pin{"APPLE": {Symbol: "AAPL"}, "SOFT": {ConID: 272093}}
	})
	for range 2 {
		_, err := r.Resolve(soon(t), "AAPL")
		require.NoError(t, err)
		_, err = r.Resolve(soon(t), "APPLE")
		require.ErrorContains(t, err, "APPLE: it is the same contract as AAPL (ConID 265598)")
		_, err = r.Resolve(soon(t), "MSFT")
		require.ErrorContains(t, err, "MSFT: it is the same contract as SOFT", "the pin comes first")
		_, err = r.Resolve(soon(t), "SOFT")
		require.NoError(t, err)
	}
}

func TestContractFaults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault gatewaysim.Fault
		is    error
		text  string
	}{
		{gatewaysim.Fault{Name: gatewaysim.FaultContractNone}, broker.ErrUnknownInstrument, "AAPL"},
		{gatewaysim.Fault{Name: gatewaysim.FaultContractEmpty}, broker.ErrUnknownInstrument, "pin it in Config.Instruments"},
		{gatewaysim.Fault{Name: gatewaysim.FaultContractAmbiguous}, broker.ErrAmbiguousInstrument, "ConID 265598"},
	} {
		t.Run(row.fault.Name, func(t *testing.T) {
			t.Parallel()
			versions(t, func(t *testing.T, version int) {
				r := newRig(t, version, nil)
				fault := row.fault
				fault.Symbol = "AAPL"
				r.inject(t, fault)
				found, err := r.Resolve(soon(t), "MSFT", "AAPL")
				require.ErrorIs(t, err, row.is)
				require.ErrorContains(t, err, row.text)
				require.Empty(t, found)
			})
		})
	}
}

// A contract that has changed since the plan is not traded.
func TestOtherContractNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractOtherID, Symbol: "AAPL"})
	o := bid("1")
	o.Ref = "265598"
	_, err := r.Place(soon(t), o)
	require.ErrorContains(t, err, "the order names 265598")
	require.Empty(t, r.g.Exchange().Orders())
}

// Without the farm of contracts an unknown symbol may be a known one.
func TestFarmOfContractsDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMessage, Code: 2157, Text: "Sec-def data farm connection is broken:secdefil"})
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultContractNone, Times: -1})
	require.Eventually(t, func() bool {
		_, err := r.Resolve(soon(t), "AAPL")
		var e *broker.Error
		require.ErrorAs(t, err, &e)
		return e.Kind == broker.KindTransient
	}, 5*time.Second, time.Millisecond)
}

func TestTradingHours(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHours, Text: "20251127:CLOSED;20251128:0930-20251128:1300", Symbol: "AAPL"})
		from := time.Date(2025, 11, 26, 0, 0, 0, 0, time.UTC)
		sessions, err := r.Sessions(soon(t), from, from.AddDate(0, 0, 7), "AAPL")
		require.NoError(t, err)
		require.Len(t, sessions["AAPL"], 1)
		require.Equal(t, "2025-11-28T18:00:00Z", sessions["AAPL"][0].Close.UTC().Format(time.RFC3339))

		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultHours, Text: "nonsense", Symbol: "MSFT"})
		_, err = r.Sessions(soon(t), from, from.AddDate(0, 0, 7), "MSFT")
		require.ErrorContains(t, err, "nonsense")
	})
}

// One connection acts for several accounts, and each call for the one it names.
func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		const second = broker.AccountID("DU7654321")
		r := newRig(t, version, func(sim *gatewaysim.Config, cfg *ibkr.Config) {
			sim.Accounts = append(sim.Accounts,
				gatewaysim.Account{ID: string(second), Cash: map[string]decimal.Decimal{"USD": dec("5000")}},
				gatewaysim.Account{ID: "DU9", Cash: map[string]decimal.Decimal{"USD": dec("7")}})
			cfg.Accounts = append(cfg.Accounts, ibkr.Account{ID: second, Mode: broker.Paper})
		})
		o := buy("10")
		o.Account = second
		_, err := r.Place(soon(t), o)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			snap, err := r.Snapshot(soon(t), second)
			require.NoError(t, err)
			return snap.Position("AAPL").Equal(dec("10"))
		}, 5*time.Second, 10*time.Millisecond)
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Empty(t, snap.Positions)
		orders, err := r.Orders(soon(t), account, broker.OrderQuery{})
		require.NoError(t, err)
		require.Empty(t, orders)
		accounts, err := r.Accounts(soon(t))
		require.NoError(t, err)
		require.Len(t, accounts, 2, "those that are configured")
		_, err = r.Snapshot(soon(t), "DU9")
		require.ErrorIs(t, err, broker.ErrUnknownAccount, "managed, but not configured")
	})
}

// Several calls that were given up, each without its end marker: the session ends
// whichever of them is answered later.
func TestGivenUpCallsEndTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) { cfg.Timing.Answer = 300 * time.Millisecond })
	epoch := r.Epoch()
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSilentRequest, Message: "reqAllOpenOrders", Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := r.Orders(ctx, account, broker.OrderQuery{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for range 3 { // others come and go
		_, _ = r.Snapshot(soon(t), account)
		_, _ = r.Probe(soon(t))
	}
	r.recovered(t, epoch)
	_, err = r.Orders(soon(t), account, broker.OrderQuery{})
	require.NoError(t, err)
}

// The order that leaves carries what the caller asked for, and the quantity that
// cannot be carried exactly does not leave.
func TestInexactOrdersStay(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	for _, change := range []func(*broker.Order){
		func(o *broker.Order) { o.Quantity = dec("1.00000001") },
		func(o *broker.Order) { o.Limit = dec("90.1234567890123456") },
		func(o *broker.Order) { o.Ref = "1" },
	} {
		o := bid("10")
		change(&o)
		_, err := r.Place(soon(t), o)
		var e *broker.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, broker.KindPermanent, e.Kind)
	}
	require.Empty(t, r.g.Exchange().Orders())
}
