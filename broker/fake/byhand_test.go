package fake_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func TestOthersTradeByHand(t *testing.T) {
	b := open(t, nil)
	after := snapshot(t, b).Cursor
	require.NoError(t, b.TradeByHand(account, "AAA", broker.Sell, dec("150"))) // no checks: it is short now
	equal(t, "-50", snapshot(t, b).Position("AAA"))
	news, _, err := b.Await(t.Context(), account, after)
	require.NoError(t, err)
	require.Empty(t, news[0].Order.ID)
	require.Empty(t, news[0].Fills[0].Order)
	require.Equal(t, broker.StatusFilled, news[0].Status)

	o := limit("", broker.Buy, 10, "90")
	id, err := b.PlaceByHand(o)
	require.NoError(t, err)
	open := snapshot(t, b).Orders
	require.Len(t, open, 1)
	require.Equal(t, id, open[0].BrokerID)
	require.NoError(t, b.CancelByHand(account, id))
	require.Empty(t, snapshot(t, b).Orders)
	require.ErrorIs(t, b.CancelByHand(account, id), broker.ErrUnknownOrder)

	_, err = b.PlaceByHand(limit("x", broker.Buy, 1, "90"))
	require.ErrorContains(t, err, "has no ID")
	_, err = b.PlaceByHand(broker.Order{Account: account})
	require.ErrorContains(t, err, "instrument is empty")
	require.ErrorIs(t, b.TradeByHand("X", "AAA", broker.Buy, dec("1")), broker.ErrUnknownAccount)
	require.ErrorIs(t, b.TradeByHand(account, "X", broker.Buy, dec("1")), broker.ErrUnknownInstrument)
	require.ErrorContains(t, b.TradeByHand(account, "AAA", broker.Buy, dec("-1")), "not positive")
}

func TestDepositsAndTransfers(t *testing.T) {
	b := open(t, nil)
	require.NoError(t, b.Deposit(account, broker.Money{Amount: dec("-500"), Currency: "USD"}))
	require.NoError(t, b.Transfer(account, "BBB", dec("3")))
	s := snapshot(t, b)
	equal(t, "9500", s.Cash["USD"])
	equal(t, "3", s.Position("BBB"))
	require.ErrorContains(t, b.Deposit(account, broker.Money{}), "currency is empty")
	require.ErrorIs(t, b.Transfer(account, "X", dec("1")), broker.ErrUnknownInstrument)
	l := b.Ledger()
	require.Len(t, l.External, 2)
	require.Equal(t, "deposit", l.External[0].What)
	require.Empty(t, l.Orders)
}

func TestSplit(t *testing.T) {
	b := open(t, nil)
	place(t, b, limit("a", broker.Buy, 10, "90"))
	require.NoError(t, b.Split("AAA", dec("4")))
	s := snapshot(t, b)
	equal(t, "400", s.Position("AAA"))
	equal(t, "20000", s.NetLiquidation)
	require.Equal(t, broker.StatusCancelled, state(t, b, "a").Status)
	equal(t, "24.975", place(t, b, market("s", broker.Sell, 1)).Fills[0].Price)
	require.ErrorContains(t, b.Split("AAA", dec("0")), "positive ratio")
	require.ErrorIs(t, b.Split("X", dec("2")), broker.ErrUnknownInstrument)
}

func TestFillByHand(t *testing.T) {
	b := open(t, nil)
	place(t, b, limit("a", broker.Buy, 10, "90"))
	require.NoError(t, b.FillByHand("a", dec("4")))
	s := state(t, b, "a")
	equal(t, "4", s.Filled())
	equal(t, "90", s.Fills[0].Price)
	require.ErrorContains(t, b.FillByHand("a", dec("7")), "at most 6")
	require.NoError(t, b.FillByHand("a", dec("6")))
	require.ErrorIs(t, b.FillByHand("a", dec("1")), broker.ErrUnknownOrder)
}
