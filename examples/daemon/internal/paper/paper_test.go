package paper_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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
	placed, err := b.Place(t.Context(), order("one"))
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

	states, err := again.Orders(t.Context(), "A", broker.OrderQuery{})
	require.NoError(t, err)
	require.Len(t, states, 1)
	require.Equal(t, text(&placed), text(&states[0]), "the order is told as before")
	same, err := again.Place(t.Context(), order("one"))
	require.NoError(t, err)
	require.Equal(t, text(&placed), text(&same), "a duplicate")
	other := order("one")
	other.Quantity = decimal.NewFromInt(11)
	_, err = again.Place(t.Context(), other)
	require.ErrorIs(t, err, broker.ErrOrderConflict)
	for id, want := range map[broker.OrderID]bool{"one": false, "never": true} {
		absent, err := again.ProveAbsent(t.Context(), "A", id)
		require.NoError(t, err)
		require.Equal(t, want, absent)
	}
	next, err := again.Place(t.Context(), order("two"))
	require.NoError(t, err)
	require.NotEqual(t, placed.BrokerID, next.BrokerID)
	require.NotEqual(t, placed.Fills[0].ID, next.Fills[0].ID)
}

// observation is what one caller was told, and the file that a process would leave
// that is killed at that moment.
type observation struct {
	placed   broker.OrderState
	states   []broker.OrderState
	snapshot broker.Snapshot
	file     []byte
	err      error
}

func observe(ctx context.Context, b *paper.Broker, file string, id string) observation {
	var o observation
	var faults [4]error
	o.placed, faults[0] = b.Place(ctx, order(id))
	o.states, faults[1] = b.Orders(ctx, "A", broker.OrderQuery{})
	o.snapshot, faults[2] = b.Snapshot(ctx, "A")
	o.file, faults[3] = os.ReadFile(file)
	o.err = errors.Join(faults[:]...)
	return o
}

// TestNothingIsToldThatTheFileDoesNotHave places orders from many sides at once,
// and opens what a process would leave that is killed after each answer.
func TestNothingIsToldThatTheFileDoesNotHave(t *testing.T) {
	file, at := filepath.Join(t.TempDir(), "paper.json"), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	b := open(t, file, now)
	var placers sync.WaitGroup
	var all [4][5]observation
	for w := range all {
		placers.Go(func() {
			for n := range all[w] {
				all[w][n] = observe(t.Context(), b, file, fmt.Sprint(w, ".", n))
			}
		})
	}
	placers.Wait()
	for w := range all {
		for n := range all[w] {
			o := &all[w][n]
			require.NoError(t, o.err)
			left := filepath.Join(t.TempDir(), "left.json")
			require.NoError(t, os.WriteFile(left, o.file, 0o600))
			next := open(t, left, now)
			for _, told := range append(o.states, o.placed) {
				states, err := next.Orders(t.Context(), "A", broker.OrderQuery{ID: told.Order.ID})
				require.NoError(t, err)
				require.Len(t, states, 1)
				require.Equal(t, text(&told), text(&states[0]))
			}
			positions, _, err := next.Holdings("A")
			require.NoError(t, err)
			require.True(t, positions["MTUM"].GreaterThanOrEqual(o.snapshot.Position("MTUM")))
		}
	}
}

func text(s *broker.OrderState) string { return fmt.Sprintf("%+v", *s) }

func TestAnOrderThatRestsGoesOnResting(t *testing.T) {
	file, at := filepath.Join(t.TempDir(), "paper.json"), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	b := open(t, file, now)
	quotes, err := b.Quotes(t.Context(), []broker.InstrumentID{"MTUM"})
	require.NoError(t, err)
	price := quotes.Found["MTUM"].Last.Decimal
	rests := order("rests")
	rests.Type, rests.Limit = broker.Limit, price.Sub(decimal.New(1, -2)).RoundFloor(2)
	placed, err := b.Place(t.Context(), rests)
	require.NoError(t, err)
	require.Equal(t, broker.StatusWorking, placed.Status)
	gone := rests
	gone.ID = "gone"
	_, err = b.Place(t.Context(), gone)
	require.NoError(t, err)
	require.NoError(t, b.Cancel(t.Context(), "A", "gone"))

	again := open(t, file, now)
	for day := 0; ; day++ {
		require.Less(t, day, 1000, "the price never falls")
		states, err := again.Orders(t.Context(), "A", broker.OrderQuery{ID: "rests"})
		require.NoError(t, err)
		if len(states) == 1 && states[0].Status == broker.StatusFilled {
			break
		}
		at = at.Add(time.Minute)
	}
	positions, _, err := again.Holdings("A")
	require.NoError(t, err)
	require.Equal(t, "10", positions["MTUM"].String(), "and the cancelled one stayed cancelled")
}

func TestTheFileIsWrittenOnlyWhenSomethingChanged(t *testing.T) {
	file, at := filepath.Join(t.TempDir(), "paper.json"), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	b := open(t, file, func() time.Time { return at })
	_, err := b.Place(t.Context(), order("one"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	_, err = b.Snapshot(t.Context(), "A")
	require.NoError(t, err)
	_, err = b.Orders(t.Context(), "A", broker.OrderQuery{})
	require.NoError(t, err)
	require.NoFileExists(t, file, "nothing to write")
	at = at.Add(time.Minute)
	_, err = b.Snapshot(t.Context(), "A")
	require.NoError(t, err)
	require.FileExists(t, file, "the market is a day further")
}

func TestWhatCannotBeWrittenDownIsNotTold(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(folder, 0o700))
	b := open(t, filepath.Join(folder, "paper.json"), time.Now)
	before, err := b.Snapshot(t.Context(), "A")
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(folder))
	_, err = b.Place(t.Context(), order("one"))
	require.ErrorIs(t, err, broker.ErrIndeterminate)
	var fault *broker.Error
	_, err = b.Snapshot(t.Context(), "A")
	require.ErrorAs(t, err, &fault)
	require.Equal(t, broker.KindTransient, fault.Kind)
	states, err := b.Orders(t.Context(), "A", broker.OrderQuery{})
	require.Error(t, err)
	require.Empty(t, states)
	states, cursor, err := b.Await(t.Context(), "A", before.Cursor)
	require.Error(t, err)
	require.Empty(t, states)
	require.Equal(t, before.Cursor, cursor, "it is told again later")
	require.NoError(t, os.Mkdir(folder, 0o700))
	states, _, err = b.Await(t.Context(), "A", before.Cursor)
	require.NoError(t, err)
	require.Len(t, states, 1)
}

// TestAFileOfTheFirstSchemaIsRead: it has no orders, only their IDs.
func TestAFileOfTheFirstSchemaIsRead(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "schema1.json"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "paper.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	for range 2 { // as it was, and as it was written anew
		b := open(t, file, time.Now)
		positions, cash, err := b.Holdings("A")
		require.NoError(t, err)
		require.Equal(t, "548", positions["QUAL"].String())
		require.Equal(t, "3541.413", cash["USD"].String())
		for id, want := range map[broker.OrderID]bool{"ek1.A.1": false, "never": true} {
			absent, err := b.ProveAbsent(t.Context(), "A", id)
			require.NoError(t, err)
			require.Equal(t, want, absent)
		}
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(written), `{"schema":2,"day":7,`)
	}
}

func TestAnAccountThatIsNotConfiguredAnyMoreStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paper.json")
	b := open(t, file, time.Now)
	_, err := b.Place(t.Context(), order("one"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	other, err := paper.Open(paper.Config{File: file, Accounts: []paper.Account{{ID: "B"}}})
	require.NoError(t, err)
	require.NoError(t, other.Close())
	positions, _, err := open(t, file, time.Now).Holdings("A")
	require.NoError(t, err)
	require.Equal(t, "10", positions["MTUM"].String())
}

func TestADryRunLeavesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paper.json")
	require.NoError(t, open(t, file, time.Now).Close())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	b, err := paper.Open(paper.Config{
		File: file, Accounts: []paper.Account{{ID: "A", Cash: decimal.NewFromInt(10_000)}}, ReadOnly: true,
	})
	require.NoError(t, err)
	_, err = b.Place(t.Context(), order("one"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
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

func TestADamagedFileIsNotOverwritten(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                            "damaged",
		`{"schema":3}`:                 "has schema 3, this release knows 2",
		`{"schema":2}`:                 "damaged: fake: decode books: ",
		`{"schema":2,"day":1,"odd":1}`: "damaged: unknown field",
		`{"schema":1,"day":-1}`:        "damaged: day is -1",
		`{"schema":2,"day":1,"books":{"schema":1,"time":"2026-03-02T12:00:00Z","epoch":0,"next_order":1000,"next_fill":1,"accounts":[]}}`: "epoch is 0",
	} {
		file := filepath.Join(t.TempDir(), "paper.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := paper.Open(paper.Config{File: file, Accounts: []paper.Account{{ID: "A"}}})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, file)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
}
