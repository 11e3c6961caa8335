package brokertest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// nobody is an account that no session manages.
const nobody = broker.AccountID("NOBODY-0")

func readCases() []testCase {
	return []testCase{
		{"accounts are listed with their mode", nil, listsAccounts},
		{"an unknown account is an error that says so", nil, refusesUnknownAccount},
		{"a snapshot is complete", nil, snapshotIsComplete},
		{"answers belong to the caller", nil, handsOver},
		{"reads end with their context", nil, readsEnd},
		{"resolving returns every instrument or an error", nil, resolvesAll},
		{"an ambiguous instrument is an error that says so", func(f *Features) bool { return f.NoAmbiguity }, refusesAmbiguous},
	}
}

func listsAccounts(t tb, s *suite) {
	accounts, err := s.Broker.Accounts(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, accounts, "an empty list must be an error")
	var found int
	for _, a := range accounts {
		require.Contains(t, []broker.Mode{broker.Live, broker.Paper, broker.Simulated}, a.Mode, "mode of %s", a.ID)
		if a.ID == s.Account {
			found++
		}
	}
	require.Equal(t, 1, found, "account %s in the list", s.Account)
}

func refusesUnknownAccount(t tb, s *suite) {
	_, err := s.Broker.Snapshot(t.Context(), nobody)
	require.ErrorIs(t, err, broker.ErrUnknownAccount, "Snapshot")
	_, err = s.Broker.Orders(t.Context(), nobody, broker.OrderQuery{})
	require.ErrorIs(t, err, broker.ErrUnknownAccount, "Orders")
	_, _, err = s.Broker.Await(t.Context(), nobody, broker.Cursor{})
	require.ErrorIs(t, err, broker.ErrUnknownAccount, "Await")
	require.Error(t, s.Broker.Cancel(t.Context(), nobody, s.NewID()), "Cancel")

	o := s.resting(0, broker.Buy)
	o.Account = nobody
	_, err = s.Broker.Place(t.Context(), o)
	require.ErrorIs(t, err, broker.ErrUnknownAccount, "Place")
	require.NotErrorIs(t, err, broker.ErrIndeterminate, "Place")
	s.absent(t, o.ID)
}

func snapshotIsComplete(t tb, s *suite) {
	o := s.taken(0, broker.Buy)
	s.place(t, o)
	s.filled(t, o)
	open := s.resting(1, broker.Buy)
	s.place(t, open)
	s.works(t, open.ID)

	snap := s.snapshot(t)
	require.Equal(t, s.Account, snap.Account)
	require.NotZero(t, snap.Epoch, "epoch")
	require.False(t, snap.Time.IsZero(), "time")
	require.Equal(t, snap.Epoch, snap.Cursor.Epoch, "epoch of the cursor")
	require.Contains(t, []broker.AccountType{broker.Margin, broker.Cash}, snap.Type)
	require.NotEmpty(t, snap.Base, "base currency")
	require.True(t, snap.NetLiquidation.Sign() > 0, "net liquidation is %s", snap.NetLiquidation)
	require.Contains(t, snap.Cash, snap.Base, "cash")
	for c := range snap.Cash {
		if c != snap.Base {
			require.True(t, snap.FX[c].Sign() > 0, "rate of %s, in which there is cash, is %s", c, snap.FX[c])
		}
	}
	if snap.SettledCash != nil {
		require.Len(t, snap.SettledCash, len(snap.Cash), "settled cash must name the currencies of cash")
	}
	s.checkPositions(t, &snap)
	require.True(t, snap.Position(o.Instrument).GreaterThanOrEqual(o.Quantity), "the position that was bought")
	var found bool
	for _, state := range snap.Orders {
		require.False(t, state.Status.Terminal(), "order %s is %s, but among the open ones", state.Order.ID, state.Status)
		found = found || state.Order.ID == open.ID
	}
	require.True(t, found, "the open order %s is missing", open.ID)
}

// checkPositions checks each position of a snapshot.
func (s *suite) checkPositions(t tb, snap *broker.Snapshot) {
	t.Helper()
	seen := map[broker.InstrumentID]bool{}
	for _, p := range snap.Positions {
		require.NotEmpty(t, p.Instrument)
		require.False(t, seen[p.Instrument], "%s is there twice", p.Instrument)
		seen[p.Instrument] = true
		require.False(t, p.Quantity.IsZero(), "%s is there with a quantity of zero", p.Instrument)
		require.NotEmpty(t, p.Ref, "ref of %s", p.Instrument)
		require.NotEmpty(t, p.Kind, "kind of %s", p.Instrument)
		require.NotEmpty(t, p.Currency, "currency of %s", p.Instrument)
		if p.Currency != snap.Base {
			require.True(t, snap.FX[p.Currency].Sign() > 0, "rate of %s, in which %s is held", p.Currency, p.Instrument)
		}
		if terms, ok := s.terms[p.Instrument]; ok {
			require.Equal(t, terms.Ref, p.Ref, "ref of %s", p.Instrument)
		}
	}
}

func handsOver(t tb, s *suite) {
	o := s.taken(0, broker.Buy)
	s.place(t, o)
	want := s.filled(t, o)
	before := s.snapshot(t)
	cash, rates, position := len(before.Cash), len(before.FX), before.Position(o.Instrument).String()

	clear(s.find(t, o.ID).Fills)
	require.Equal(t, want.Filled().String(), s.find(t, o.ID).Filled().String(), "fills, after the caller cleared a list of them")

	spoiled := s.snapshot(t)
	clear(spoiled.Cash)
	clear(spoiled.FX)
	clear(spoiled.Positions)
	after := s.snapshot(t)
	require.Len(t, after.Cash, cash, "cash, after the caller cleared a map of it")
	require.Len(t, after.FX, rates, "rates, after the caller cleared a map of them")
	require.Equal(t, position, after.Position(o.Instrument).String(),
		"position, after the caller cleared a list of them")

	terms, err := s.Broker.Resolve(t.Context(), o.Instrument)
	require.NoError(t, err)
	clear(terms)
	terms, err = s.Broker.Resolve(t.Context(), o.Instrument)
	require.NoError(t, err)
	require.Contains(t, terms, o.Instrument, "instruments, after the caller cleared a map of them")
}

func readsEnd(t tb, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Broker.Accounts(ctx)
	require.ErrorIs(t, err, context.Canceled, "Accounts")
	_, err = s.Broker.Snapshot(ctx, s.Account)
	require.ErrorIs(t, err, context.Canceled, "Snapshot")
	_, err = s.Broker.Orders(ctx, s.Account, broker.OrderQuery{})
	require.ErrorIs(t, err, context.Canceled, "Orders")
	_, err = s.Broker.Resolve(ctx, s.Instruments[0].ID)
	require.ErrorIs(t, err, context.Canceled, "Resolve")
	_, _, err = s.Broker.Await(ctx, s.Account, broker.Cursor{})
	require.ErrorIs(t, err, context.Canceled, "Await")
}

func resolvesAll(t tb, s *suite) {
	for id, i := range s.terms {
		require.Equal(t, id, i.ID)
		require.NotEmpty(t, i.Ref, "ref of %s", id)
		require.Equal(t, broker.Stock, i.Kind, "kind of %s", id)
		require.NotEmpty(t, i.Currency, "currency of %s", id)
		require.NotEmpty(t, i.Zone, "zone of %s", id)
	}
	first := s.Instruments[0].ID
	twice, err := s.Broker.Resolve(t.Context(), first, first)
	require.NoError(t, err, "the same symbol twice")
	require.Len(t, twice, 1)
	require.Equal(t, s.terms[first].Ref, twice[first].Ref, "the symbol means another contract now")
	none, err := s.Broker.Resolve(t.Context())
	require.NoError(t, err, "no symbols")
	require.Empty(t, none)
	some, err := s.Broker.Resolve(t.Context(), first, s.NoSuch)
	require.ErrorIs(t, err, broker.ErrUnknownInstrument)
	require.Empty(t, some, "a partial answer beside an error")
	require.ErrorContains(t, err, string(s.NoSuch), "the message must name the symbol")
}

func refusesAmbiguous(t tb, s *suite) {
	some, err := s.Broker.Resolve(t.Context(), s.Instruments[0].ID, s.Ambiguous)
	require.ErrorIs(t, err, broker.ErrAmbiguousInstrument)
	require.Empty(t, some, "a partial answer beside an error")
	require.ErrorContains(t, err, string(s.Ambiguous), "the message must name the symbol")
}
