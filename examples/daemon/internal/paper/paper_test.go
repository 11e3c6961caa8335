package paper_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/paper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, file string, now func() time.Time) *paper.Broker {
	t.Helper()
	b, err := paper.Open(paper.Config{
		File: file, Accounts: []paper.Account{{ID: "A", Type: broker.Margin, Cash: decimal.NewFromInt(10_000)}}, Now: now,
	})
	require.NoError(t, err)
	return b
}

func order(id string) broker.Order {
	return broker.Order{
		ID: broker.OrderID(id), Account: "A", Instrument: "MTUM", Ref: "SIM.MTUM", Side: broker.Buy, Quantity: decimal.NewFromInt(10),
		Type: broker.Market, TIF: broker.Day,
	}
}

func TestAccountsOutliveTheProcess(t *testing.T) {
	file, at := filepath.Join(t.TempDir(), "paper.json"), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	b := open(t, file, now)
	first, err := b.Quotes(t.Context(), []broker.InstrumentID{"MTUM"})
	require.NoError(t, err)
	_, err = b.Place(t.Context(), order("one"))
	require.NoError(t, err)
	// The process dies here: nothing is closed.

	again := open(t, file, now)
	positions, cash, err := again.Holdings("A")
	require.NoError(t, err)
	require.Equal(t, "10", positions["MTUM"].String())
	require.True(t, cash["USD"].LessThan(decimal.NewFromInt(10_000)))
	second, err := again.Quotes(t.Context(), []broker.InstrumentID{"MTUM"})
	require.NoError(t, err)
	require.Equal(t, first.Found["MTUM"].Last, second.Found["MTUM"].Last, "the market goes on where it was")

	absent, err := again.ProveAbsent(t.Context(), "A", "one")
	require.NoError(t, err)
	require.False(t, absent, "it was received, by the process before")
	absent, err = again.ProveAbsent(t.Context(), "A", "never")
	require.NoError(t, err)
	require.True(t, absent)
}

func TestTheMarketPlaysADayAMinute(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	b := open(t, filepath.Join(t.TempDir(), "paper.json"), func() time.Time { return at })
	seen := map[string]bool{}
	for range 10 {
		quotes, err := b.Quotes(t.Context(), []broker.InstrumentID{"QUAL", "NONE"})
		require.NoError(t, err)
		require.NotEmpty(t, quotes.Missing["NONE"])
		seen[quotes.Found["QUAL"].Last.Decimal.String()] = true
		at = at.Add(time.Minute)
	}
	require.Greater(t, len(seen), 5)
	at = at.AddDate(10, 0, 0)
	quotes, err := b.Quotes(t.Context(), []broker.InstrumentID{"QUAL"})
	require.NoError(t, err)
	require.Contains(t, quotes.Found, broker.InstrumentID("QUAL"), "the last day stays")
}

func TestAnOrderThatCannotBeWrittenDownIsUnknown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(folder, 0o700))
	b := open(t, filepath.Join(folder, "paper.json"), time.Now)
	require.NoError(t, os.RemoveAll(folder))
	_, err := b.Place(t.Context(), order("one"))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
}

func TestADamagedFileIsNotOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paper.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := paper.Open(paper.Config{File: file, Accounts: []paper.Account{{ID: "A"}}})
	require.ErrorContains(t, err, "damaged")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "{", string(data))
}
